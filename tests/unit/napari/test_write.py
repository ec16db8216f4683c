"""Cells of napari as a set to train from, read back by the format's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.errors import AnnotationError, DatasetError, ImageError
from cellwright.napari.find import find_cells
from cellwright.napari.layers import KEY, LayerData
from cellwright.napari.plane import plane_of
from cellwright.napari.write import save_cells, save_labels, write_boxes, write_instances
from cellwright.types import Boxes, Instances
from ink_cells import write_ink_bundle

CLASSES = ("live", "dead")


def an_image(name: str = "a", **settings: Any) -> LayerData:
    pixels = np.random.default_rng(len(name)).integers(0, 60_000, (20, 30)).astype(np.uint16)
    um = {"units": ("um", "um"), "scale": (0.5, 0.5)}
    return pixels, {"name": name, "rgb": False, **um, **settings}, "image"


def cells(
    values: list[int], class_of: dict[int, str] | None = None, *, classes: tuple[str, ...] = CLASSES
) -> LayerData:
    """Squares of these labels, with the table and memory of a layer of ours."""
    labels = np.zeros((20, 30), np.int32)
    for at, value in enumerate(values):
        labels[2:6, 5 * at : 5 * at + 4] = value
    settings: dict[str, Any] = {"name": "a cells", "metadata": {KEY: {"classes": list(classes)}}}
    if class_of is not None:
        settings["features"] = {"index": [*class_of], "class": [*class_of.values()]}
    return labels, settings, "labels"


def found_in(root: Path, image: str = "a") -> Instances:
    (record,) = (one for one in read_labelled(root) if one.id == image)
    annotation = record.load_annotation()
    assert isinstance(annotation, Instances)
    return annotation


def test_labels_come_back_with_gaps_closed_and_their_class(tmp_path: Path) -> None:
    image, labels = an_image(), cells([3, 7, 4], {3: "dead", 4: "live", 7: "dead", 9: "live"})
    files = write_instances(str(tmp_path / "set"), [labels, image])
    assert [Path(file).name for file in files] == ["a.tif", "a.png"]
    labelled = read_labelled(tmp_path / "set")
    assert labelled.classes == CLASSES
    sample = labelled.records[0].load()
    np.testing.assert_array_equal(sample.image[0], image[0])
    assert sample.pixel_size_um == pytest.approx(0.5)
    found = found_in(tmp_path / "set")
    assert found.class_ids is not None and found.class_ids.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(found.labels, Instances.from_labels(labels[0]).labels)


def test_images_are_added_and_corrections_take_the_place_of_labels(tmp_path: Path) -> None:
    root = tmp_path / "set"
    save_labels(root, an_image(), cells([1, 2], {1: "live", 2: "live"}))
    save_labels(root, an_image("b c"), cells([1], {1: "dead"}))
    before = (root / "images" / "a.tif").read_bytes()
    (root / "notes.txt").write_text("mine")
    save_labels(root, an_image(), cells([5, 0, 6, 8], {5: "dead", 6: "live", 8: "dead"}))
    assert [record.id for record in read_labelled(root)] == ["a", "b_c"]
    assert found_in(root).class_ids.tolist() == [1, 0, 1]  # type: ignore[union-attr]
    assert found_in(root, "b_c").class_ids.tolist() == [1]  # type: ignore[union-attr]
    assert (root / "images" / "a.tif").read_bytes() == before
    assert (root / "notes.txt").read_text() == "mine"


def test_labels_painted_without_a_table_are_of_the_only_class(tmp_path: Path) -> None:
    labels = (cells([1, 2])[0], {"name": "painted"}, "labels")
    save_labels(tmp_path / "set", an_image(), labels)
    assert read_labelled(tmp_path / "set").classes == ("object",)
    save_labels(tmp_path / "named", an_image(), labels, new_class="nucleus")
    assert read_labelled(tmp_path / "named").classes == ("nucleus",)
    assert len(found_in(tmp_path / "named")) == 2


def test_new_cells_among_several_classes_need_one(tmp_path: Path) -> None:
    labels = cells([1, 2], {1: "live"})
    with pytest.raises(AnnotationError, match="label 2 has no class") as caught:
        save_labels(tmp_path / "set", an_image(), labels)
    assert "live, dead" in caught.value.remedy
    assert not (tmp_path / "set").exists()
    save_labels(tmp_path / "set", an_image(), labels, new_class="dead")
    assert found_in(tmp_path / "set").class_ids.tolist() == [0, 1]  # type: ignore[union-attr]
    with pytest.raises(AnnotationError, match="label 1 is of the class 'dog'"):
        save_labels(tmp_path / "set", an_image(), cells([1], {1: "dog"}))


def test_rows_without_an_index_begin_with_the_background(tmp_path: Path) -> None:
    labels, settings, kind = cells([1, 2])
    settings["features"] = {"class": [None, "live", "dead"]}
    save_labels(tmp_path / "set", an_image(), (labels, settings, kind))
    assert found_in(tmp_path / "set").class_ids.tolist() == [0, 1]  # type: ignore[union-attr]


def test_no_cells_are_labels_too(tmp_path: Path) -> None:
    save_labels(tmp_path / "set", an_image(), cells([], {}))
    assert len(found_in(tmp_path / "set")) == 0


def test_of_a_stack_the_plane_is_saved_that_the_cells_were_found_in(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (4, 20, 30)).astype(np.uint8)
    image = (stack, {"name": "stack"}, "image")
    labels, settings, kind = cells([1], {1: "live"})
    with pytest.raises(ImageError, match="stack of 4 planes"):
        save_labels(tmp_path / "set", image, (labels, settings, kind))
    settings["metadata"][KEY]["plane"] = [2]
    save_labels(tmp_path / "set", image, (labels[None], settings, kind))
    (record,) = read_labelled(tmp_path / "set")
    assert record.id == "stack-2"
    np.testing.assert_array_equal(record.load().image[0], stack[2])


def test_classes_of_pixels_are_no_cells(tmp_path: Path) -> None:
    pixels = np.repeat(np.array([0, 60, 255], np.uint8), 8)[None].repeat(9, 0)
    image = (pixels, {"name": "a"}, "image")
    model = write_ink_bundle(tmp_path / "ink.cellwright", "two_masks")
    mask, found = find_cells(plane_of(*image[:2]), model).layers
    with pytest.raises(AnnotationError, match="a ink classes: holds classes of pixels"):
        save_labels(tmp_path / "set", image, mask)
    save_labels(tmp_path / "set", image, found)
    assert found_in(tmp_path / "set").class_ids.tolist() == [0, 1]  # type: ignore[union-attr]


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    small = (np.zeros((9, 9), int), {"name": "small"}, "labels")
    with pytest.raises(AnnotationError, match="small: are 9 x 9, the image is 20 x 30"):
        save_labels(tmp_path / "set", an_image(), small)
    with pytest.raises(DatasetError, match="wants one image and its labels, not image, image"):
        write_instances(str(tmp_path / "set"), [an_image(), an_image()])


def boxes(
    corners: list[tuple[float, float, float, float]], names: list[Any] | None = None, **changes: Any
) -> LayerData:
    """Rectangles of these y0, x0, y1, x1 with the memory of a layer of ours."""
    data = [np.array([(a, b), (a, d), (c, d), (c, b)], np.float64) for a, b, c, d in corners]
    settings: dict[str, Any] = {"name": "a boxes", "metadata": {KEY: {"classes": list(CLASSES)}}}
    settings |= {"shape_type": ["rectangle"] * len(data), "scale": (0.5, 0.5)}
    if names is not None:
        settings["features"] = {"class": names}
    return data, {**settings, **changes}, "shapes"


def boxes_in(root: Path, image: str = "a") -> Boxes:
    (record,) = (one for one in read_labelled(root) if one.id == image)
    annotation = record.load_annotation()
    assert isinstance(annotation, Boxes)
    return annotation


def test_boxes_come_back_on_pixel_edges_with_their_class(tmp_path: Path) -> None:
    root = tmp_path / "set"
    drawn = boxes([(1.5, 3.5, 8.5, 9.5), (-4, 20, 5, 40)], ["dead", "live"])
    files = write_boxes(str(root), [drawn, an_image()])
    assert [Path(file).name for file in files] == ["a.tif", "a.txt"]
    labelled = read_labelled(root)
    assert (labelled.classes, labelled.records[0].load().pixel_size_um) == (CLASSES, 0.5)
    found = boxes_in(root)
    assert found.class_ids.tolist() == [1, 0]
    # Pixel corners of napari are half a pixel before ours; what lies beyond the image is cut off.
    np.testing.assert_allclose(found.xyxy, [[4, 2, 10, 9], [20.5, 0, 30, 5.5]], atol=1e-4)
    save_cells(root, an_image("b c"), boxes([]))
    save_cells(root, an_image(), boxes([(0, 0, 5, 5)], ["dead"]))
    assert boxes_in(root).class_ids.tolist() == [1]
    assert len(boxes_in(root, "b_c")) == 0


def test_drawn_boxes_need_a_class_and_an_inside(tmp_path: Path) -> None:
    root = tmp_path / "set"
    two = [(0.0, 0.0, 5.0, 5.0), (6.0, 6.0, 9.0, 9.0)]
    for unnamed in (["live"], ["live", ""], ["live", float("nan")]):
        with pytest.raises(AnnotationError, match="box 2 has no class"):
            save_cells(root, an_image(), boxes(two, unnamed))
    with pytest.raises(AnnotationError, match="box 1 is of the class 'dog'"):
        save_cells(root, an_image(), boxes(two, ["dog", "live"]))
    with pytest.raises(AnnotationError, match="box 2 is a line"):
        save_cells(root, an_image(), boxes(two, ["live"] * 2, shape_type=["ellipse", "line"]))
    with pytest.raises(AnnotationError, match="box 1 lies beside the image"):
        save_cells(root, an_image(), boxes([(1, 1, 1.2, 9)], ["live"]))
    with pytest.raises(AnnotationError, match="box 1 lies beside the image"):
        save_cells(root, an_image(), boxes([(50, 50, 60, 60)], ["live"]))
    assert not root.exists()
    save_cells(root, an_image(), boxes(two, ["live", ""]), new_class="dead")
    assert boxes_in(root).class_ids.tolist() == [0, 1]


def test_boxes_of_a_stack_are_saved_with_their_plane(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (4, 20, 30)).astype(np.uint8)
    image = (stack, {"name": "stack"}, "image")
    data, settings, kind = boxes([(1.5, 3.5, 8.5, 9.5)], ["live"], scale=(1, 1))
    settings["metadata"][KEY]["plane"] = [2]
    placed = [np.insert(corners, 0, plane, axis=1) for corners in data for plane in (2, 3)]
    with pytest.raises(AnnotationError, match="box 2 lies in another plane"):
        save_cells(
            tmp_path / "set",
            image,
            (placed, {**settings, "shape_type": "rectangle", "features": None}, kind),
            new_class="live",
        )
    save_cells(tmp_path / "set", image, (placed[:1], settings, kind))
    (record,) = read_labelled(tmp_path / "set")
    np.testing.assert_array_equal(record.load().image[0], stack[2])
    np.testing.assert_allclose(
        boxes_in(tmp_path / "set", "stack-2").xyxy, [[4, 2, 10, 9]], atol=1e-4
    )


def test_boxes_of_another_scale_and_place_lie_where_they_are_seen(tmp_path: Path) -> None:
    image = an_image(translate=(50, 10))  # 0.5 µm a pixel
    same = boxes([(2, 4, 6, 10)], ["live"], translate=(50, 10))
    in_um = boxes([(51, 12, 53, 15)], ["live"], scale=(1, 1), rotate=np.eye(2))
    for drawn in (same, in_um):
        save_cells(tmp_path / "set", image, drawn)
        np.testing.assert_allclose(
            boxes_in(tmp_path / "set").xyxy, [[4.5, 2.5, 10.5, 6.5]], atol=1e-4
        )
    turned = boxes([(2, 4, 6, 10)], ["live"], rotate=np.array([[0, -1], [1, 0]]))
    with pytest.raises(AnnotationError, match="rotate differs"):
        save_cells(tmp_path / "set", an_image(rotate=np.eye(2)), turned)


def test_a_class_is_never_made_up(tmp_path: Path) -> None:
    two, root = [(0.0, 0.0, 5.0, 5.0), (6.0, 6.0, 9.0, 9.0)], tmp_path / "set"
    with pytest.raises(AnnotationError, match="box 2 has no class"):
        save_cells(root, an_image(), boxes(two, ["b", ""], metadata={}))
    save_cells(root, an_image(), boxes(two, [1, 2], metadata={}))
    assert read_labelled(root).classes == ("1", "2")
    for name in (" a ", "a\nb"):
        with pytest.raises(AnnotationError, match="cannot be the name of a class"):
            save_cells(tmp_path / "new", an_image(), boxes(two, [name] * 2, metadata={}))
    assert not (tmp_path / "new").exists()


def test_boxes_and_labels_have_sets_of_their_own(tmp_path: Path) -> None:
    save_labels(tmp_path / "set", an_image(), cells([1], {1: "live"}))
    with pytest.raises(DatasetError, match="no set of images/, labels/"):
        save_cells(tmp_path / "set", an_image(), boxes([(0, 0, 5, 5)], ["live"]))
    save_cells(tmp_path / "boxes", an_image(), boxes([(0, 0, 5, 5)], ["live"]))
    with pytest.raises(DatasetError, match="no set of images/, instances/"):
        save_labels(tmp_path / "boxes", an_image(), cells([1], {1: "live"}))
    with pytest.raises(DatasetError, match="'dog' is none of the set's"):
        save_cells(tmp_path / "boxes", an_image(), boxes([(0, 0, 5, 5)], ["dog"], metadata={}))
    (tmp_path / "boxes" / "data.yaml").write_text("names: [live, dead]")
    with pytest.raises(DatasetError, match="no set of"):
        save_cells(tmp_path / "boxes", an_image(), boxes([(0, 0, 5, 5)], ["live"]))
