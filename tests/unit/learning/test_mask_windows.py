"""Segmentation windows: repeatable, labels read as the task asks, bad labels refused."""

from functools import partial

import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record, joined
from cellwright.data.mask_pictures import Labelling, MaskPicture, mask_picture
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.normalise import Normalisation
from cellwright.images.write import write_png
from cellwright.learning.mask_windows import MaskWindows, collate_masks, target_of
from cellwright.types import Boxes, Instances, SemanticMask

SEEN = {"channels": 1, "normalisation": Normalisation(), "resize_factor": 1.0}


def given(annotation):
    return annotation


def record(tmp_path, annotation, *, shape=(1, 20, 30), name="a"):
    path = tmp_path / f"{name}.png"
    write_png(path, np.zeros(shape, np.uint8))
    return Record(name, path, partial(given, annotation), group=name)


def two_cells():
    labels = np.zeros((20, 30), np.int32)
    labels[2:9, 2:9], labels[2:9, 9:16] = 1, 2
    return Instances(labels, np.array([0, 1]))


def windows(**changes):
    cells = two_cells()
    pictures = [MaskPicture(np.zeros((20, 30, 1), np.uint8), cells.labels, cells.class_ids)] * 3
    settings = {
        "target": target_of("instances", n_classes=1),
        "crops_per_image": 2,
        "presets": ((0, "nuclei"), (2, "gentle")),
        "seed": 3,
    }
    return MaskWindows(pictures, (32, 32), **(settings | changes))


def test_a_window_depends_on_seed_epoch_and_index_only():
    first, again = windows(), windows()
    again[(1, 2)]
    for key in ((0, 1), (2, 5)):
        assert all(np.array_equal(a, b) for a, b in zip(first[key], again[key], strict=True))
    assert not np.array_equal(first[(0, 1)][1], first[(1, 1)][1])
    assert not np.array_equal(first[(0, 1)][1], windows(seed=4)[(0, 1)][1])
    assert len(first) == 6


def test_a_batch_marks_what_is_unknown():
    batch = collate_masks([windows()[(0, index)] for index in range(4)])
    assert batch.images.shape == (4, 1, 32, 32)
    assert batch.target.shape == (4, 2, 32, 32)
    assert batch.valid.shape == (4, 1, 32, 32)
    assert set(batch.valid.unique().tolist()) == {0.0, 1.0}  # 20 x 30 pixels in 32 x 32
    assert (batch.target.mul(1 - batch.valid) == 0).all()
    assert batch.target.max() == 1


def test_weights_of_pixels_go_with_what_is_known():
    weigh = lambda labels: np.where(labels > 0, 3, 2).astype(np.float32)  # noqa: E731
    plain, weighed = (collate_masks([w[(0, 0)]]) for w in (windows(), windows(weights=weigh)))
    cells = plain.target[:, :1]
    assert (weighed.valid == plain.valid * (2 + cells)).all()
    assert (plain.valid == 0).any()


@pytest.mark.parametrize(
    ("task", "n_classes", "channels"),
    [("semantic", 1, 1), ("semantic", 2, 3), ("instances", 1, 2), ("instances", 2, 4)],
)
def test_targets_have_the_channels_of_the_card(task, n_classes, channels):
    from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks

    spec = DistanceInstances()
    if task == "semantic":
        spec = SemanticMasks(activation="sigmoid" if n_classes == 1 else "softmax")
    cells = two_cells()
    target = target_of(task, n_classes=n_classes)(cells.labels, cells.class_ids)
    assert len(target) == channels == spec.channels(n_classes)


def test_instances_serve_as_masks_and_masks_as_cells(tmp_path):
    cells = two_cells()
    labels, class_ids = Labelling("instances").read(cells, "a")
    assert np.array_equal(labels, cells.labels)
    assert class_ids.tolist() == [0, 1]
    classes, none = Labelling("semantic").read(cells, "a")
    assert np.array_equal(classes, np.array([0, 1, 2])[cells.labels])
    assert len(none) == 0
    rows, columns = np.mgrid[:60, :100]
    discs = [np.hypot(rows - 30, columns - x) < 20 for x in (30, 68)]
    mask = SemanticMask(np.any(discs, axis=0).astype(np.uint8))
    told_apart, _ = Labelling("instances").read(mask, "a")
    assert told_apart.max() == 2
    assert np.array_equal(Labelling("semantic").read(mask, "a")[0], mask.mask)


def test_class_names_leave_the_background_out(tmp_path):
    of_masks = LabelledSet(
        "s", ("background", "cell"), (record(tmp_path, SemanticMask(np.zeros((20, 30), np.uint8))),)
    )
    assert Labelling("instances").classes(of_masks) == ("cell",)
    of_cells = LabelledSet("s", ("round", "flat"), (record(tmp_path, two_cells()),))
    assert Labelling("semantic").classes(of_cells) == ("round", "flat")


def test_labels_that_cannot_be_used_are_named(tmp_path):
    several = LabelledSet(
        "s",
        ("background", "a", "b"),
        (record(tmp_path, SemanticMask(np.zeros((20, 30), np.uint8))),),
    )
    with pytest.raises(DatasetError, match="one class"):
        Labelling("instances").classes(several)
    with pytest.raises(DatasetError, match="none of the images is labelled"):
        Labelling("semantic").classes(LabelledSet("s", ("a",), (record(tmp_path, None),)))
    boxes = record(tmp_path, Boxes.empty(), name="boxed")
    with pytest.raises(AnnotationError, match="labelled with boxes"):
        mask_picture(boxes, Labelling("semantic"), **SEEN)
    other = record(tmp_path, two_cells(), shape=(1, 21, 30), name="other")
    with pytest.raises(AnnotationError, match=r"labels are \(20, 30\) but the image \(21, 30\)"):
        mask_picture(other, Labelling("instances"), **SEEN)


def test_an_unlabelled_image_teaches_nothing_and_an_empty_one_does(tmp_path):
    assert mask_picture(record(tmp_path, None), Labelling("semantic"), **SEEN) is None
    empty = record(tmp_path, Instances(np.zeros((20, 30), np.int32)), name="empty")
    found = mask_picture(empty, Labelling("instances"), **SEEN)
    assert (found.labels == 0).all()


def test_labels_are_resized_by_the_nearest_pixel(tmp_path):
    half = mask_picture(
        record(tmp_path, two_cells()), Labelling("instances"), **(SEEN | {"resize_factor": 0.5})
    )
    assert half.pixels.shape == (10, 15, 1)
    assert half.labels.shape == (10, 15)
    assert set(np.unique(half.labels)) == {0, 1, 2}


def test_sets_are_joined_if_they_agree(tmp_path):
    one = LabelledSet("one", ("n",), (record(tmp_path, None, name="x"),), licence="CC0-1.0")
    two = LabelledSet("two", ("n",), (record(tmp_path, None, name="y"),), licence="MIT")
    both = joined([one, two])
    assert (both.name, both.licence) == ("one + two", "CC0-1.0 AND MIT")
    assert [each.id for each in both] == ["x", "y"]
    with pytest.raises(DatasetError, match="unique"):
        joined([one, one])
    with pytest.raises(DatasetError, match="classes"):
        joined([one, LabelledSet("three", ("m",), ())])
