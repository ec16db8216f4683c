"""The detector's loss: gradients where they belong, zero where nothing can be better."""

import math

import torch

from cellwright.detectors.assignment import Targets
from cellwright.detectors.objective import DetectionObjective, LossWeights

N_BINS = 8


def level_that_predicts(box, *, stride, shape, logit, n_classes=1):
    """A level whose every position predicts ``box`` with the given class logit."""
    rows, columns = shape
    level = torch.full((1, 4 * N_BINS + n_classes, rows, columns), -20.0)
    for row in range(rows):
        for column in range(columns):
            x, y = (column + 0.5) * stride, (row + 0.5) * stride
            sides = (x - box[0], y - box[1], box[2] - x, box[3] - y)
            for index, side in enumerate(sides):
                bins = min(max(side / stride, 0), N_BINS - 1 - 1e-3)
                low = math.floor(bins)
                share = bins - low
                level[0, index * N_BINS + low, row, column] = math.log(max(1 - share, 1e-9))
                level[0, index * N_BINS + low + 1, row, column] = math.log(max(share, 1e-9))
            level[0, 4 * N_BINS, row, column] = logit
    return level


def targets(*boxes):
    n = len(boxes)
    return Targets(torch.zeros(n).long(), torch.zeros(n).long(), torch.tensor(boxes).float())


def test_a_perfect_prediction_costs_next_to_nothing():
    box = (4.0, 4.0, 28.0, 28.0)
    level = level_that_predicts(box, stride=8, shape=(4, 4), logit=20.0)
    # Nothing but the box itself: outer positions must say background.
    level[0, 4 * N_BINS] = -20.0
    level[0, 4 * N_BINS, 1:3, 1:3] = 20.0
    losses = DetectionObjective((8,), N_BINS, top_k=4)([level], targets(box))
    assert losses["class_loss"] < 1e-3
    assert losses["box_loss"] < 1e-3
    # What remains of the side loss is the entropy of targets that lie between two bins.
    assert losses["side_loss"] < math.log(2) + 1e-3


def test_a_shifted_box_costs_more_than_a_perfect_one():
    box = (4.0, 4.0, 28.0, 28.0)
    objective = DetectionObjective((8,), N_BINS, top_k=4)
    good = level_that_predicts(box, stride=8, shape=(4, 4), logit=0.0)
    bad = level_that_predicts((8.0, 8.0, 32.0, 32.0), stride=8, shape=(4, 4), logit=0.0)
    assert objective([bad], targets(box))["box_loss"] > objective([good], targets(box))["box_loss"]


def test_an_image_without_cells_teaches_only_the_classes():
    level = torch.zeros(1, 4 * N_BINS + 1, 2, 2, requires_grad=True)
    none = Targets(torch.zeros(0).long(), torch.zeros(0).long(), torch.zeros(0, 4))
    losses = DetectionObjective((8,), N_BINS)([level], none)
    # Four positions at probability 1/2 with background target, normaliser 1.
    assert torch.isclose(losses["loss"], torch.tensor(4 * math.log(2)))
    losses["loss"].backward()
    assert level.grad[:, : 4 * N_BINS].abs().sum() == 0
    assert (level.grad[:, 4 * N_BINS :] > 0).all()


def test_the_parts_add_up_with_their_weights():
    torch.manual_seed(0)
    level = torch.randn(1, 4 * N_BINS + 1, 4, 4)
    weights = LossWeights(classes=2.0, box=3.0, sides=5.0)
    losses = DetectionObjective((8,), N_BINS, weights=weights)([level], targets((2, 2, 30, 30)))
    total = 2 * losses["class_loss"] + 3 * losses["box_loss"] + 5 * losses["side_loss"]
    assert torch.isclose(losses["loss"], total)
