import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.inference import nms as nms_module
from cellwright.inference.nms import nms, surviving
from cellwright.types import Boxes


def random_boxes(n: int, *, seed: int, edge: float = 30, extent: float = 600) -> Boxes:
    """Boxes of widely varying size and shape, no two with one score."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, extent, (n, 2))
    half = edge * np.exp(rng.normal(0, 0.7, (n, 2))) / 2
    scores = (rng.permutation(n) + 1) / (n + 1)
    return Boxes(np.concatenate([centre - half, centre + half], 1), rng.integers(0, 3, n), scores)


def by_definition(boxes: Boxes, iou: float) -> list[int]:
    """Greedy suppression as it is told in words, one pair at a time."""
    left = np.argsort(-boxes.scores, kind="stable").tolist()
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [other for other in left if overlap(boxes.xyxy[best], boxes.xyxy[other]) <= iou]
    return kept


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


@pytest.mark.parametrize("iou", [0.1, 0.3, 0.5, 0.6, 0.9])
@pytest.mark.parametrize(("n", "edge"), [(400, 10), (400, 80), (1500, 40)])
def test_agrees_with_torchvision(n, edge, iou):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    boxes = random_boxes(n, seed=n + edge, edge=edge)
    xyxy, scores, names = (
        torch.tensor(np.array(part)) for part in (boxes.xyxy, boxes.scores, boxes.class_ids)
    )
    across = ops.nms(xyxy, scores, iou).tolist()
    assert surviving(boxes, iou=iou, scope="across_classes").tolist() == across
    per_class = [ops.nms(xyxy[names == k], scores[names == k], iou) for k in range(3)]
    expected = sorted(
        int(index)
        for k, kept in enumerate(per_class)
        for index in torch.nonzero(names == k)[kept, 0]
    )
    assert sorted(surviving(boxes, iou=iou).tolist()) == expected


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(0, 12)] * 2, st.integers(1, 4)),
        max_size=25,
    ),
    st.sampled_from([0.2, 0.45, 0.7, 1.0]),
)
def test_agrees_with_the_definition_on_ties_and_empty_boxes(rows, iou):
    grid = np.array(rows, float).reshape(-1, 5)
    boxes = Boxes(
        np.concatenate([grid[:, :2], grid[:, :2] + grid[:, 2:4]], axis=1),
        np.zeros(len(grid)),
        grid[:, 4] / 5,
    )
    assert surviving(boxes, iou=iou, scope="across_classes").tolist() == by_definition(boxes, iou)


def test_many_boxes_are_compared_in_blocks(monkeypatch):
    boxes = random_boxes(800, seed=1, edge=90)
    expected = nms(boxes, iou=0.5)
    monkeypatch.setattr(nms_module, "MAX_PAIRS", 100)
    np.testing.assert_array_equal(nms(boxes, iou=0.5).xyxy, expected.xyxy)


def test_nothing_is_capped():
    edge = np.arange(150) * 10.0
    corner = np.stack(np.meshgrid(edge, edge), -1).reshape(-1, 2)
    boxes = Boxes(
        np.concatenate([corner, corner + 9], 1),
        np.zeros(len(corner)),
        np.linspace(0.9, 0.1, len(corner)),
    )
    assert len(nms(boxes, iou=0.5)) == 22_500


def test_strongest_first_and_no_boxes():
    kept = nms(random_boxes(100, seed=3), iou=0.5)
    assert (np.diff(kept.scores) < 0).all()
    assert len(nms(Boxes.empty(scored=True), iou=0.5)) == 0


def test_boxes_of_one_origin_never_suppress_each_other():
    boxes = Boxes(np.tile([0.0, 0, 10, 10], (3, 1)), [0, 0, 0], [0.9, 0.8, 0.7])
    assert surviving(boxes, iou=0.5, origin=np.array([0, 0, 1])).tolist() == [0, 1]


def test_scores_are_required():
    with pytest.raises(ValueError, match="scores"):
        nms(Boxes.empty(), iou=0.5)
