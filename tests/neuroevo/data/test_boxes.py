"""Images with boxes: COCO's JSON, arrays, scattered digits; what is mended, what is said, what is refused."""

import json

import numpy as np
import pytest
from boxes_folder import blank, coco, digits_folder
from PIL import Image

from neuroevo.data import DataError, load
from neuroevo.data.boxes import Letterbox, boxes_in, letterboxed, padded, usual_size
from neuroevo.data.scattered_digits import scattered_digits


def whole(data):
    """The boxes of every image, in the order of their parts."""
    return [boxes_in(rows) for part in (data.train, data.validation, data.test) for rows in part.y]


def test_a_folder_becomes_images_and_boxes_split_by_the_seed(tmp_path):
    blank(tmp_path)
    data = load(tmp_path, seed=3)
    assert (data.kind, data.label_names, data.input_shape) == ("detection", ("cat", "dog"), (32, 48, 1))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [6, 2, 2]
    assert all(boxes[:, :4].tolist() == [[4, 6, 14, 18]] for boxes in whole(data))
    assert data.class_counts == {"cat": 5, "dog": 5}
    assert data.digest() == load(tmp_path, seed=3).digest() != load(tmp_path, seed=4).digest()
    assert load(tmp_path / "annotations.json", seed=3, kind="detection").digest() == data.digest()


def test_boxes_are_fitted_with_their_images(tmp_path):
    blank(tmp_path, size=(100, 200))
    data = load(tmp_path, image_size="64x64")
    assert data.input_shape == (64, 64, 1)
    scale, above = 0.32, 16
    assert np.allclose(whole(data)[0][0, :4], [4 * scale, 6 * scale + above, 14 * scale, 18 * scale + above])
    assert any("Images of 200 x 100 were fitted into 64 x 64" in note for note in data.notes)
    assert load(tmp_path).input_shape == (64, 128, 1), "the longer side is 128 where nobody says otherwise"
    assert load(tmp_path, image_size=(32, 64)).input_shape == (32, 64, 1)


def test_the_way_into_another_size_leads_back():
    way = Letterbox.of((100, 60), (64, 96))
    boxes = np.array([[3.0, 5.0, 40.0, 99.0, 1.0]], np.float32)
    assert np.allclose(way.original(way.boxes(boxes)), boxes, atol=1e-4)
    values = np.zeros((100, 60, 1), np.uint8)
    values[5:99, 3:40] = 200
    fitted, _ = letterboxed(values, (64, 96))
    left, top, right, bottom = np.round(way.boxes(boxes)[0, :4]).astype(int)
    assert fitted.shape == (64, 96, 1) and fitted.dtype == np.uint8
    assert fitted[top + 2 : bottom - 2, left + 2 : right - 2].min() > 195, "what the box holds lies where the box is"


def test_sides_are_multiples_of_sixteen():
    assert usual_size([(50, 50)]) == (64, 64)
    assert usual_size([(480, 640), (640, 480), (480, 640)]) == (96, 128)
    assert usual_size([(64, 64)]) == (64, 64)


def test_parts_of_their_own_are_kept(tmp_path):
    data = load(digits_folder(tmp_path, {"train": 12, "validation": 4, "test": 5}))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [12, 4, 5]
    assert data.input_shape == (32, 32, 1)
    made = scattered_digits({"train": 12, "validation": 4, "test": 5}, 32)
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for part in ("train", "validation", "test"):
        for rows, wanted in zip(getattr(data, part).y, made[part][1], strict=True):
            assert boxes_in(rows)[:, :4].tolist() == boxes_in(wanted)[:, :4].tolist()
            assert [data.label_names[int(k)] for k in boxes_in(rows)[:, 4]] == [names[int(k)] for k in boxes_in(wanted)[:, 4]]


def test_what_is_mended_or_left_out_is_counted_and_said(tmp_path):
    content = blank(tmp_path, names := 10)
    more = [
        {"id": 20, "image_id": 1, "category_id": 1, "bbox": [-5, -5, 10, 10]},
        {"id": 21, "image_id": 1, "category_id": 1, "bbox": [40, 20, 90, 90]},
        {"id": 22, "image_id": 2, "category_id": 2, "bbox": [100, 100, 5, 5]},
        {"id": 23, "image_id": 2, "category_id": 2, "bbox": [3, 3, 0, 5]},
        {"id": 24, "image_id": 3, "category_id": 2, "bbox": [3, 3, 20, 20], "iscrowd": 1},
        {"id": 24, "image_id": 4, "category_id": 2, "bbox": [3, 3, 2, 9]},
    ]
    content["annotations"] = content["annotations"][: names - 1] + more
    content["categories"].append({"id": 9, "name": "unicorn"})
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "images" / "stray.png")
    data = load(tmp_path)
    said = " ".join(data.notes)
    for words in (
        "2 boxes reached beyond the image: cut off",
        "1 box outside of the image: left out",
        "1 box without width or height: left out",
        "1 box of crowds (iscrowd): left out",
        "1 box with the id of another annotation",
        "1 box narrower or lower than 3 pixels",
        "Categories without a box, left out: 'unicorn'",
        "1 of 10 images have no box",
        "not read: 1, such as",
    ):
        assert words in said, said
    assert data.label_names == ("cat", "dog")
    assert sum(map(len, whole(data))) == 9 + 3
    assert [0, 0, 5, 5] in [box[:4].tolist() for boxes in whole(data) for box in boxes]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["images"].extend({"id": 50 + k, "file_name": f"gone{k}.png"} for k in range(7)), "7 of 17 images are not in .*gone0.png.*gone4.png and 2 more"),
        (lambda c: c["images"].append({"id": 1, "file_name": "0.png"}), "have the same id, 1"),
        (lambda c: c["images"].append({"id": 77, "file_name": "0.png"}), "0.png is listed twice in train"),
        (lambda c: c["categories"].append({"id": 1, "name": "cow"}), "'cat' and 'cow' have the same id, 1"),
        (lambda c: c["categories"].append({"id": 5, "name": "cat"}), "two categories are called 'cat'"),
        (lambda c: c["categories"].append({"id": "x", "name": "cow"}), "a category has a whole number"),
        (lambda c: c["annotations"].clear(), "has no boxes: there is nothing to find"),
        (lambda c: c["images"].clear(), "lists no images"),
        (lambda c: c.pop("categories"), "not COCO's format"),
        (lambda c: c["annotations"].append({"id": 9, "image_id": 999, "category_id": 1, "bbox": [0, 0, 1, 1]}), "of the image 999, which is not listed"),
        (lambda c: c["annotations"].append({"id": 9, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]}), "of the category 7, which is not listed"),
        (lambda c: c["annotations"].append({"id": 9, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1]}), "'bbox' of four numbers"),
        (lambda c: c["annotations"].append({"id": 9, "image_id": 1, "category_id": 1, "bbox": [0, 0, float("nan"), 1]}), "'bbox' of four numbers"),
        (lambda c: c["images"][0].update(height=48, width=32), "is 48 x 32, turned as its EXIF note says, and its annotations are for 32 x 48"),
        (lambda c: c["images"][0].update(file_name=None), "an image has a whole number 'id' and a 'file_name'"),
    ],
)  # fmt: skip
def test_annotations_that_cannot_be_used_are_refused_in_a_sentence(tmp_path, change, words):
    content = blank(tmp_path)
    change(content)
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        load(tmp_path)


def test_files_that_say_nothing_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no annotations.json \(or instances"):
        load(tmp_path, kind="detection")
    blank(tmp_path)
    (tmp_path / "annotations.json").write_text('{"images": [')
    with pytest.raises(DataError, match="cannot be read as JSON"):
        load(tmp_path)
    (tmp_path / "annotations.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="cannot be read as JSON"):
        load(tmp_path)
    (tmp_path / "instances_a.json").write_text(json.dumps(coco([], [])))
    with pytest.raises(DataError, match=r"none is for training: name one train\.json"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"a detection needs boxes.*digits has none"):
        load("digits", kind="detection")
    with pytest.raises(DataError, match="--image-size is for detection"):
        load("digits", image_size=32)
    with pytest.raises(DataError, match=r"pixels of both sides, or width x height as 128x96.*'large'"):
        load("scattered_digits", image_size="large")


def test_images_and_their_boxes_may_be_arrays():
    x = np.random.default_rng(0).integers(0, 255, (10, 32, 32, 3), dtype=np.uint8)
    boxes = [[[1, 2, 10, 12, k % 3]] if k else [] for k in range(10)]
    data = load((x, boxes), kind="detection")
    assert (data.input_shape, data.label_names, len(data.train)) == ((32, 32, 3), ("0", "1", "2"), 6)
    assert sum(map(len, whole(data))) == 9
    with pytest.raises(DataError, match="as many arrays of boxes"):
        load((x, boxes[:5]), kind="detection")
    with pytest.raises(DataError, match=r"\[boxes, 5\].*those of image 0 have the shape \[1, 4\]"):
        load((x, [[[1, 2, 3, 4]]] * 10), kind="detection")
    with pytest.raises(DataError, match="inside their image of 32 x 32"):
        load((x, [[[1, 2, 33, 4, 0]]] * 10), kind="detection")
    with pytest.raises(DataError, match="boxes in images, which are to be detected"):
        load("scattered_digits", kind="classification")


def test_scattered_digits_are_the_same_everywhere_and_lie_where_their_boxes_are():
    first, again = scattered_digits({"train": 20, "validation": 3, "test": 3}), scattered_digits({"train": 20, "validation": 3, "test": 3})
    for part in first:
        assert np.array_equal(first[part][0], again[part][0]) and np.array_equal(first[part][1], again[part][1])
    x, y = first["train"]
    assert x.shape == (20, 64, 64, 1) and x.dtype == np.uint8
    counts = [len(boxes_in(rows)) for rows in y]
    assert min(counts) >= 1 and max(counts) <= 5 and len(set(counts)) > 2
    inside = [image[int(t) : int(b), int(left) : int(r)].mean() for image, rows in zip(x, y, strict=True) for left, t, r, b, _ in boxes_in(rows)]
    assert np.mean(inside) > x.mean() + 30, "ink is lighter than the rest"
    assert padded([[], [[0, 0, 1, 1, 3]]])[0, 0, 4] == -1
