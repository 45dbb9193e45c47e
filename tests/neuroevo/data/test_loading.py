"""Loading data: named sets, files and arrays become three normalised parts; bad data is one sentence."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits

from neuroevo.data import DataError, load


def images(folder, count=10, size=(6, 5), classes=("cat", "dog"), mode="RGB"):
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for k in range(count):
            array = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(array).convert(mode).save(folder / name / f"{k}.png")
    return folder


def test_digits_are_split_60_20_20_stratified_and_keep_every_sample():
    data = load("digits", seed=3)
    sizes = [len(part) for part in (data.train, data.validation, data.test)]
    assert sizes == [1077, 360, 360]
    for part in (data.train, data.validation, data.test):
        shares = np.bincount(part.y) / len(part)
        assert np.abs(shares - 0.1).max() < 0.01
    everything = np.concatenate([data.normalisation.inverse(part.x) for part in (data.train, data.validation, data.test)])
    raw = np.sort(load_digits().images.reshape(1797, -1).astype(np.float32) @ np.arange(1, 65, dtype=np.float32))
    assert np.allclose(np.sort(everything.reshape(1797, -1) @ np.arange(1, 65, dtype=np.float32)), raw, atol=0.05)


def test_the_seed_decides_the_split():
    assert load("iris", seed=1).digest() == load("iris", seed=1).digest() != load("iris", seed=2).digest()


def test_normalisation_is_of_the_training_part_alone_and_by_channel():
    data = load("digits")
    assert data.train.x.dtype == np.float32
    assert abs(data.train.x.mean()) < 1e-4
    assert abs(data.train.x.std() - 1) < 1e-4
    assert data.normalisation.mean.shape == (1,)
    assert abs(data.test.x.mean()) > 1e-6


def test_a_constant_feature_becomes_zero():
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[:, 1] = 7
    data = load((x, np.arange(40) % 2))
    assert (data.train.x[:, 1] == 0).all()
    assert np.isfinite(data.test.x).all()


def test_mnist1d_keeps_its_test_split_and_leaves_global_random_states_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    data = load("mnist1d")
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    assert data.input_shape == (40, 1)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [3200, 800, 1000]


def test_regression_keeps_values_in_their_units_and_normalises_the_targets():
    data = load("diabetes")
    assert data.kind == "regression"
    assert data.train.y.min() >= 25
    targets = data.targets(data.train)
    assert abs(targets.mean()) < 1e-4
    assert np.allclose(data.target_normalisation.inverse(targets), data.train.y, atol=1e-2)


def test_an_npz_with_a_test_part_keeps_it(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (100, 6, 6), dtype=np.uint8), np.arange(100) % 4
    np.savez(tmp_path / "d.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    data = load(tmp_path / "d.npz")
    assert data.input_shape == (6, 6, 1)
    assert (len(data.train), len(data.validation), len(data.test)) == (64, 16, 20)
    assert np.allclose(data.normalisation.inverse(data.test.x)[..., 0], x[80:], atol=1e-3)
    assert any("images of one channel" in note for note in data.notes)


def test_an_npz_of_pickled_objects_is_refused_unopened(tmp_path):
    np.savez(tmp_path / "evil.npz", x=np.array([print], dtype=object), y=np.zeros(1))
    with pytest.raises(DataError, match="Python objects"):
        load(tmp_path / "evil.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04K\x01.", b"hello"])
def test_a_damaged_npz_is_one_sentence(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"d\.npz"):
        load(tmp_path / "d.npz")


def test_a_truncated_npz_is_one_sentence(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((50, 4)), y=np.arange(50) % 2)
    whole = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / "d.npz")


def test_an_image_folder_has_its_sub_folders_as_classes(tmp_path):
    data = load(images(tmp_path, classes=("cat", "dog", "owl")))
    assert data.label_names == ("cat", "dog", "owl")
    assert data.input_shape == (5, 6, 3)
    assert len(data.train) == 18


def test_grey_images_have_one_channel(tmp_path):
    assert load(images(tmp_path, mode="L")).input_shape == (5, 6, 1)


def test_train_and_test_folders_are_kept_apart(tmp_path):
    images(tmp_path / "train", count=10)
    images(tmp_path / "test", count=3)
    data = load(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (16, 4, 6)


def test_images_of_different_sizes_are_refused_naming_both(tmp_path):
    images(tmp_path)
    Image.new("RGB", (9, 9)).save(tmp_path / "dog" / "odd.png")
    with pytest.raises(DataError, match=r"different sizes.*6 x 5.*odd\.png is 9 x 9"):
        load(tmp_path)


def test_a_file_that_is_no_image_is_named(tmp_path):
    images(tmp_path)
    (tmp_path / "dog" / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"broken\.png cannot be read as an image"):
        load(tmp_path)


def write_table(path):
    """breast_cancer as users have it: a column of texts, holes in numbers and texts."""
    bunch = load_breast_cancer(as_frame=True)
    table = bunch.frame.drop(columns="target")
    rng = np.random.default_rng(0)
    table["site"] = rng.choice(["left", "right", "both"], len(table))
    table.loc[rng.random(len(table)) < 0.05, "site"] = None
    table.loc[rng.random(len(table)) < 0.1, "mean radius"] = None
    table["patient"] = [f"id-{k}" for k in range(len(table))]
    table["diagnosis"] = bunch.target_names[bunch.target]
    table.to_csv(path, index=False)
    return table


def test_a_table_with_categories_and_holes_becomes_numbers_and_says_so(tmp_path):
    write_table(tmp_path / "cancer.csv")
    data = load(tmp_path / "cancer.csv", target="diagnosis", seed=1)
    assert data.kind == "classification"
    assert data.label_names == ("benign", "malignant")
    assert data.input_shape == (30 + 1 + 4,)
    assert np.isfinite(data.train.x).all()
    said = " ".join(data.notes)
    for words in ("'site' (4 values", "missing", "'mean radius'", "'patient'", "Left out"):
        assert words in said, said
    one_hot = data.train.x[:, -4:]
    assert set(np.unique(one_hot)) == {0.0, 1.0}
    assert (one_hot.sum(axis=1) == 1).all()


def test_holes_are_filled_from_training_rows_alone(tmp_path):
    table = pandas.DataFrame({"a": np.arange(100.0), "b": np.arange(100) % 3, "y": np.arange(100) % 2})
    table.loc[::7, "a"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv", target="y")
    (column,) = [c for c in data.columns["columns"] if c["name"] == "a"]
    raw = data.normalisation.inverse(data.train.x)
    known = raw[raw[:, 1] == 0, 0]
    assert column["fill"] == pytest.approx(np.median(known), abs=1e-3)
    assert np.allclose(raw[raw[:, 1] == 1, 0], column["fill"], atol=1e-3)


def test_a_numeric_target_of_a_table_is_a_regression(tmp_path):
    rng = np.random.default_rng(0)
    pandas.DataFrame({"a": rng.normal(size=60), "price": rng.normal(size=60)}).to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv", target="price")
    assert data.kind == "regression"
    assert data.label_names == ("price",)


def test_a_missing_target_column_suggests_the_nearest(tmp_path):
    write_table(tmp_path / "cancer.csv")
    with pytest.raises(DataError, match="unknown target column 'diagnosys'; did you mean 'diagnosis'"):
        load(tmp_path / "cancer.csv", target="diagnosys")


def test_a_table_without_a_named_target_lists_its_columns(tmp_path):
    pandas.DataFrame({"a": [1], "b": [2]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"name the column to predict.*a, b"):
        load(tmp_path / "t.csv")


@pytest.mark.parametrize("content", ["", "a,b\n", 'a,b\n1,"2\n3,4\n'])
def test_an_empty_or_broken_table_is_one_sentence(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=r"t\.csv"):
        load(tmp_path / "t.csv", target="b")


def test_one_class_only_is_refused():
    with pytest.raises(DataError, match="only one class, '3'"):
        load((np.zeros((20, 4)), np.full(20, 3)), kind="classification")


def test_pixels_that_are_nan_are_counted():
    x = np.zeros((20, 4, 4, 1), np.float32)
    x[3, 0, 0] = np.nan
    with pytest.raises(DataError, match=r"1 input values.*sample 3"):
        load((x, np.arange(20) % 2))


def test_a_class_too_small_to_split_is_named():
    y = np.zeros(30, int)
    y[:10] = 1
    y[0] = 2
    with pytest.raises(DataError, match="class '2' has 1 samples"):
        load((np.random.default_rng(0).normal(size=(30, 2)), y))


def test_imbalance_is_said():
    y = np.zeros(100, int)
    y[:10] = 1
    data = load((np.random.default_rng(0).normal(size=(100, 2)), y))
    assert data.class_counts == {"0": 90, "1": 10}
    assert any("imbalanced" in note and "10.0 %" in note for note in data.notes)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digit", "did you mean 'digits'"),
        ("cifar", "did you mean 'cifar10'"),
        ("no/such.npz", "no file"),
        (3, "name, a path, a data frame or a pair"),
        ((np.zeros((3, 2)), np.zeros(4)), "3 samples but 4 labels"),
        ((np.array([["a"]]), np.zeros(1)), "must hold numbers"),
        ((np.zeros((0, 3)), np.zeros(0)), "no samples"),
    ],
)
def test_unusable_sources_are_one_sentence(source, words):
    with pytest.raises(DataError, match=words):
        load(source)


def test_mnist1d_is_the_same_data_when_two_threads_make_it_at_once():
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load, ["mnist1d", "mnist1d"])
    assert np.array_equal(first.train.x, second.train.x)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.array(["a", None, "b", "c"] * 15, dtype=object), "15 of 60 labels are missing"),
        (np.array(["a", float("nan")] * 30, dtype=object), "30 of 60 labels are missing"),
        (np.array(["a", 1, "b"] * 20, dtype=object), "several types, int and str"),
        (np.arange(60) + 1j, "got values of type complex128"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused_in_a_sentence(labels, said):
    with pytest.raises(DataError, match=said):
        load((np.random.default_rng(0).normal(size=(60, 2)), labels))


def test_labels_of_bytes_are_texts():
    assert load((np.random.default_rng(0).normal(size=(60, 2)), np.array([b"a", b"b"] * 30))).label_names == ("a", "b")


@pytest.mark.parametrize("value", [0, -2, 1e6, 7.5])
def test_a_constant_target_of_numbers_is_no_class(value):
    with pytest.raises(DataError, match="every row has the same value to predict"):
        load((np.random.default_rng(0).normal(size=(60, 2)), np.full(60, value)))
