"""A set that grows image by image, and what it refuses to take in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import FORMATS, read_labelled
from cellwright.data.formats.added import add_instances
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Boxes, Instances, Sample

LABELS = np.kron(np.array([[1, 0], [0, 2]]), np.ones((5, 6), int))


def a_sample(name: str = "a", *, class_ids: tuple[int, ...] = (0, 0), seed: int = 0) -> Sample:
    pixels = np.random.default_rng(seed).integers(0, 255, (2, 10, 12)).astype(np.uint8)
    cells = Instances(LABELS, np.array(class_ids))
    return Sample(pixels, cells, name, name, 0.25, ("DAPI", "GFP"))


def test_a_set_is_begun_that_is_read_as_any_other(tmp_path: Path) -> None:
    image, label = add_instances(tmp_path / "set", a_sample(class_ids=(1, 0)), ("x", "y"))
    assert (image, label) == (tmp_path / "set/images/a.tif", tmp_path / "set/instances/a.png")
    (record,) = read_labelled(tmp_path / "set")
    sample = record.load()
    np.testing.assert_array_equal(sample.image, a_sample().image)
    assert (sample.pixel_size_um, sample.channel_names) == (0.25, ("DAPI", "GFP"))
    assert sample.annotation.class_ids.tolist() == [1, 0]


def test_classes_are_those_of_the_set_in_its_order(tmp_path: Path) -> None:
    add_instances(tmp_path, a_sample(class_ids=(1, 0)), ("x", "y"))
    add_instances(tmp_path, a_sample("b", class_ids=(0, 0)), ("y",))
    with pytest.raises(DatasetError, match=r"'z' is none of the set's \(x, y\)"):
        add_instances(tmp_path, a_sample("c"), ("z",))
    _, second = read_labelled(tmp_path)
    assert second.load_annotation().class_ids.tolist() == [1, 1]


def test_a_written_set_takes_in_new_labels_of_its_images(tmp_path: Path) -> None:
    add_instances(tmp_path / "first", a_sample(class_ids=(1, 0)), ("x", "y"))
    root = tmp_path / "second"
    FORMATS["instances"].write(read_labelled(tmp_path / "first"), root)
    label = root / "instances" / "a.png"
    label.rename(label.with_name("a.tiff"))
    add_instances(root, a_sample(class_ids=(0, 0)), ("x", "y"))
    assert [path.name for path in label.parent.iterdir()] == ["a.png"]
    (record,) = read_labelled(root)
    assert record.load_annotation().class_ids.tolist() == [0, 0]


def test_another_image_of_the_name_and_other_folders_are_refused(tmp_path: Path) -> None:
    add_instances(tmp_path / "set", a_sample(), ("x",))
    with pytest.raises(DatasetError, match="another image called 'a'"):
        add_instances(tmp_path / "set", a_sample(seed=1), ("x",))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("")
    with pytest.raises(DatasetError, match="no set of images/, instances/"):
        add_instances(tmp_path / "other", a_sample(), ("x",))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("annotation", [None, Boxes.empty(), Instances(np.ones((3, 3), int))])
def test_what_is_no_label_of_the_image_is_refused(annotation: object, tmp_path: Path) -> None:
    pixels = np.zeros((1, 10, 12), np.uint8)
    with pytest.raises(AnnotationError, match="every pixel"):
        add_instances(tmp_path / "set", Sample(pixels, annotation, "a", "a"), ("x",))  # type: ignore[arg-type]
    assert not (tmp_path / "set").exists()


def test_a_name_is_no_path(tmp_path: Path) -> None:
    image, _ = add_instances(tmp_path / "set", a_sample("../up/my cell"), ("x",))
    assert image == tmp_path / "set" / "images" / "_up_my_cell.tif"
