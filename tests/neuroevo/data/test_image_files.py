"""Image files: every depth keeps its numbers, and a model gets images of another one on its own scale."""

import numpy as np
import pytest
from input_cases import png, tiff
from PIL import Image

from neuroevo.data import DataError, image_folders, images, load

RNG = np.random.default_rng(0)
SMALL = RNG.integers(0, 256, (5, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("values", "suffix", "depth"),
    [
        (SMALL, ".png", "8 bit"),
        (SMALL.astype(np.uint16) * 257, ".png", "16 bit"),
        (SMALL.astype(np.uint16) * 16, ".tif", "16 bit"),
        (SMALL.astype(np.int32) * 1_000_000 - 7, ".tif", "32 bit"),
        (SMALL.astype(np.float32) * 1e-4 - 0.5, ".tif", "float"),
    ],
)
def test_an_image_keeps_its_numbers(tmp_path, values, suffix, depth):
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    found = images.read(tmp_path / f"a{suffix}")
    assert found.depth == depth
    assert np.array_equal(found.values[..., 0], values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_stands_as_it_was_taken(tmp_path, orientation):
    turns = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
             6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90}  # fmt: skip
    image = Image.fromarray(SMALL)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(images.read(tmp_path / "a.png").values[..., 0], turns[orientation](SMALL))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_what_lies_behind_a_transparent_place_is_the_background(tmp_path, mode):
    image = Image.fromarray(SMALL).convert("RGBA")
    cover = np.where(np.arange(20).reshape(5, 4) % 3, 255, 0).astype(np.uint8)
    image.putalpha(Image.fromarray(cover))
    suffix = ".tif" if mode == "PA" else ".png"
    (image.convert(mode) if mode != "PA" else image).save(tmp_path / f"a{suffix}")
    picture = images.read(tmp_path / f"a{suffix}")
    for background in (0, 128, 255):
        assert np.array_equal(picture.on(background)[..., 0], np.where(cover, SMALL, background))
    assert np.array_equal(picture.on(None)[..., 0][cover > 0], SMALL[cover > 0])


def written(folder, make, count=8):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            make(k).save(folder / name / f"{k}.png")
    return folder


def test_black_and_white_drawings_in_alpha_are_put_on_grey(tmp_path):
    def drawn(k):
        layers = np.full((5, 4, 4), 255 * (k % 2), np.uint8)
        layers[..., 3] = RNG.integers(0, 2, (5, 4)) * 255
        return Image.fromarray(layers)

    data = load(written(tmp_path, drawn))
    assert data.images == {"depth": "8 bit", "background": 128}
    assert data.train.x.reshape(len(data.train), -1).std(axis=1).min() > 0.1


@pytest.mark.parametrize(
    ("depth", "values", "expected"),
    [
        ("16 bit", SMALL, SMALL.astype(float) * 257),
        ("8 bit", SMALL.astype(np.uint16) * 257, SMALL.astype(float)),
        ("8 bit", np.full((5, 4), 1000, np.uint16), np.full((5, 4), 1000 / 257)),
        (None, SMALL.astype(np.uint16) * 257, SMALL.astype(float) * 257),
    ],
)
def test_an_image_of_another_depth_comes_on_the_models_scale(tmp_path, depth, values, expected):
    Image.fromarray(values).save(tmp_path / "a.png")
    picture, said = images.read(tmp_path / "a.png"), {"depth": depth, "background": 255}
    assert np.allclose(images.as_trained(picture, said, 1)[..., 0], expected)
    assert images.as_trained(picture, said, 3).shape == (5, 4, 3)
    assert bool(images.unlike([picture], said)) == (depth not in (None, picture.depth))


@pytest.mark.parametrize(
    ("depth", "values"), [("8 bit", SMALL.astype(np.float32)), ("float", SMALL), ("16 bit", SMALL.astype(np.int32))]
)
def test_numbers_that_no_scale_leads_to_are_refused(tmp_path, depth, values):
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=rf"trained on images of {depth} values, .*a\.tif has"):
        images.as_trained(images.read(tmp_path / "a.tif"), {"depth": depth, "background": 255}, 1)


@pytest.mark.parametrize(
    "hidden", ["cat/._0.png", "__MACOSX/cat/0.png", ".git/0.png", "cat/.ipynb_checkpoints/0.png", "cat/__MACOSX/0.png"]
)
def test_what_is_hidden_is_found_by_no_walk(tmp_path, hidden):
    folder = written(tmp_path / ".data" / "pets", lambda k: Image.fromarray(SMALL + np.uint8(k)))
    (folder / hidden).parent.mkdir(parents=True, exist_ok=True)
    (folder / hidden).write_bytes(b"nothing")
    assert len(images.images_in(folder)) == 16
    assert image_folders.image_folder(folder).x.shape == (16, 5, 4, 1)


def test_a_folder_that_is_called_like_an_image_is_none(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert images.images_in(tmp_path) == []


@pytest.mark.parametrize("said", [3, {"depth": "9 bit"}, {"depth": None, "background": 300}, []])
def test_how_images_became_numbers_is_checked(said):
    with pytest.raises(ValueError, match="'depth' and a 'background'"):
        images.said_of(said)


def two_classes(folder, write):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for k in range(6):
            write(folder / name, k)
    return folder


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bits_that_become_8_are_said(tmp_path, channels):
    def write(folder, k):
        (folder / f"{k}.png").write_bytes(png(RNG.integers(0, 65536, (5, 4, channels))))

    assert "12 images of 16 bits a value" in " ".join(load(two_classes(tmp_path, write)).notes)


def test_16_bits_that_become_8_are_said_of_a_prediction(tmp_path):
    (tmp_path / "a.png").write_bytes(png(RNG.integers(0, 65536, (5, 4, 3))))
    assert "upper 8 bits" in " ".join(images.unlike([images.read(tmp_path / "a.png")], {"depth": "8 bit", "background": 255}))
    Image.fromarray(SMALL).save(tmp_path / "b.png")
    assert images.unlike([images.read(tmp_path / "b.png")], {"depth": "8 bit", "background": 255}) == []


@pytest.mark.parametrize(("kind", "format"), [(np.uint32, 1), (np.int32, 2)])
def test_32_bits_have_a_sign_where_the_file_says_so(tmp_path, kind, format):
    values = np.array([[0, 2**31 - 1, 7], [-1, 5, -(2**31)]], np.int64).astype(kind)
    (tmp_path / "a.tif").write_bytes(tiff(values, format))
    assert np.array_equal(images.read(tmp_path / "a.tif").values[..., 0], values)


def test_8_bits_with_a_sign_are_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(np.array([[-1, 2], [3, -100]], np.int8), 2))
    with pytest.raises(DataError, match="8 bits with a sign"):
        images.read(tmp_path / "a.tif")


def test_a_transparent_grey_of_16_bits_is_put_on_a_background(tmp_path):
    values = np.array([[10_000, 20_000], [30_000, 10_000]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=10_000)
    assert images.read(tmp_path / "a.png").on(255)[..., 0].tolist() == [[65535, 20_000], [30_000, 65535]]


def save(folder, k):
    Image.fromarray(RNG.integers(0, 256, (5, 4), dtype=np.uint8)).save(folder / f"{k}.png")


@pytest.mark.parametrize("leads", ["elsewhere", "up", "itself"])
def test_links_to_folders_are_followed_but_never_back(tmp_path, leads):
    data = two_classes(tmp_path / "data", save)
    (tmp_path / "more").mkdir()
    save(tmp_path / "more", 9)
    (data / "cat" / "link").symlink_to({"elsewhere": tmp_path / "more", "up": data, "itself": data / "cat"}[leads])
    assert load(data).class_counts == {"cat": 7 if leads == "elsewhere" else 6, "dog": 6}


def test_links_that_lead_nowhere_are_said(tmp_path):
    data = two_classes(tmp_path / "data", save)
    (data / "cat" / "7.png").symlink_to(tmp_path / "gone.png")
    assert "Links that lead nowhere were not read: 1" in " ".join(load(data).notes)


@pytest.mark.parametrize("left", ["@eaDir", "$RECYCLE.BIN", "cat/@eaDir", "dog/System Volume Information"])
def test_what_systems_leave_beside_pictures_is_no_class(tmp_path, left):
    data = two_classes(tmp_path / "data", save)
    (data / left / "cat").mkdir(parents=True)
    save(data / left / "cat", 0)
    assert load(data).class_counts == {"cat": 6, "dog": 6}


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"), "look like parts"),
        (("train_images/a", "train_images/b", "eval/a", "eval/b"), "look like parts"),
        (("cat/Train", "cat/Val", "dog/Train", "dog/Val"), "holds parts"),
    ],
)
def test_parts_are_never_taken_for_classes(tmp_path, folders, said):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for k in range(6):
            save(tmp_path / folder, k)
    with pytest.raises(DataError, match=said):
        load(tmp_path)


def test_pictures_of_another_kind_in_a_class_without_images_are_named(tmp_path):
    data = two_classes(tmp_path / "data", save)
    (data / "owl").mkdir()
    for k in range(3):
        (data / "owl" / f"{k}.heic").write_bytes(b"x")
    assert "owl: no images that are read (.heic: 3)" in " ".join(load(data).notes)
