"""The vocabulary refuses what contradicts itself and computes what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops

from cellwright.errors import AnnotationError, ImageError
from cellwright.types import (
    Boxes,
    Category,
    Instances,
    Sample,
    SemanticMask,
    boxes_of,
    present_labels,
)

A_BOX = [[1, 2, 5, 10]]


def test_boxes_move_scale_and_clip():
    boxes = Boxes(np.array(A_BOX), np.array([3]), np.array([0.5]))
    assert boxes.shifted(2, -1).xyxy.tolist() == [[3, 1, 7, 9]]
    assert boxes.scaled(2, 0.5).xyxy.tolist() == [[2, 1, 10, 5]]
    assert boxes.clipped(height=6, width=4).xyxy.tolist() == [[1, 2, 4, 6]]
    assert boxes.areas_px2.tolist() == [32]
    assert boxes.centres_xy.tolist() == [[3, 6]]


def test_boxes_are_frozen():
    boxes = Boxes(np.array(A_BOX), np.array([0]))
    with pytest.raises(ValueError, match="read-only"):
        boxes.xyxy[0, 0] = 9


def test_the_callers_array_stays_writable():
    xyxy = np.array(A_BOX, np.float32)
    Boxes(xyxy, np.array([0]))
    xyxy[0, 0] = 0


@pytest.mark.parametrize(
    ("xyxy", "class_ids", "scores", "said"),
    [
        ([[1, 2, 3]], [0], None, "shape"),
        (A_BOX, [0, 1], None, "class ids"),
        (A_BOX, [-1], None, ">= 0"),
        ([[5, 2, 1, 10]], [0], None, "x1 <= x2"),
        ([[np.nan, 2, 5, 10]], [0], None, "finite"),
        (A_BOX, [0], [0.1, 0.2], "scores"),
    ],
)
def test_contradictory_boxes_are_refused(xyxy, class_ids, scores, said):
    with pytest.raises(AnnotationError, match=said):
        Boxes(np.array(xyxy), np.array(class_ids), None if scores is None else np.array(scores))


def test_joined_boxes_are_scored_only_if_all_are():
    scored = Boxes(np.array(A_BOX), np.array([0]), np.array([0.5]))
    plain = Boxes(np.array(A_BOX), np.array([1]))
    assert Boxes.concatenate([scored, plain]).scores is None
    assert Boxes.concatenate([scored, Boxes.empty(scored=True)]).scores.tolist() == [0.5]
    assert len(Boxes.concatenate([])) == 0


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, (7, 9), elements=st.sampled_from([0, 0, 1, 2, 5, 1000, 70000])))
def test_instances_from_any_labels(labels):
    instances = Instances.from_labels(labels)
    assert (instances.labels > 0).tolist() == (labels > 0).tolist()
    # Same partition: every object keeps exactly its pixels.
    pairs = set(zip(labels.ravel().tolist(), instances.labels.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(labels))
    expected = [
        (region.bbox[1], region.bbox[0], region.bbox[3], region.bbox[2])
        for region in regionprops(instances.labels)
    ]
    assert [tuple(row) for row in instances.boxes().xyxy.tolist()] == expected
    centroids = [region.centroid for region in regionprops(instances.labels)]
    assert instances.centroids() == pytest.approx(np.array(centroids).reshape(-1, 2))


def test_labels_below_0_are_no_objects():
    with pytest.raises(AnnotationError, match="numbers from 0, not -2"):
        Instances.from_labels(np.array([[-1, 0], [3, -2]], np.int16))


def test_present_labels_agrees_however_large_the_values():
    for labels in (np.array([[0, 3], [1, 1]]), np.array([[0, 10**6], [7, 7]])):
        assert present_labels(labels).tolist() == [v for v in np.unique(labels) if v]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((2, 2, 2), int), "shape"),
        (np.zeros((2, 2)), "integers"),
        (np.array([[0, 2]]), "gaps"),
        (np.array([[-1, 1]]), "gaps"),
    ],
)
def test_contradictory_labels_are_refused(labels, said):
    with pytest.raises(AnnotationError, match=said):
        Instances(labels)


def test_masks_hold_one_byte_a_pixel():
    assert SemanticMask(np.array([[0, 255]])).mask.dtype == np.uint8
    with pytest.raises(AnnotationError, match=r"0\.\.255"):
        SemanticMask(np.array([[256]]))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((4, 4), np.uint8), r"\(C, H, W\)"),
        (np.zeros((1, 4, 4), np.int64), "not supported"),
        (np.zeros((1, 0, 4), np.uint8), "empty"),
        (np.full((1, 2, 2), np.nan, np.float32), "NaN"),
    ],
)
def test_a_sample_refuses_a_bad_image(image, said):
    with pytest.raises(ImageError, match=said):
        Sample(image, None, id="a", group="a")


def test_a_sample_checks_channels_and_scale():
    image = np.zeros((2, 4, 4), np.uint8)
    with pytest.raises(ImageError, match="channel names"):
        Sample(image, None, id="a", group="a", channel_names=("one",))
    with pytest.raises(ImageError, match="pixel size"):
        Sample(image, None, id="a", group="a", pixel_size_um=0)


def test_what_a_detector_takes_of_an_annotation():
    boxes = Boxes(np.array(A_BOX), np.array([0]))
    assert boxes_of(boxes, where="a") is boxes
    labels = np.zeros((12, 12), np.int32)
    labels[2:10, 1:5] = 1
    assert boxes_of(Instances(labels), where="a").xyxy.tolist() == A_BOX
    with pytest.raises(AnnotationError, match="a: nobody labelled this image"):
        boxes_of(None, where="a")
    with pytest.raises(AnnotationError, match=r"a: .* not a mask of classes"):
        boxes_of(SemanticMask(labels), where="a")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_probability_that_is_no_number_is_refused(bad):
    with pytest.raises(AnnotationError, match="no finite number"):
        Category(0, (0.5, bad))
