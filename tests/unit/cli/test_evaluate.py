"""What stands below the figures of an evaluation is true of each."""

from __future__ import annotations

import pytest

from cellwright.cli.evaluate import print_report
from cellwright.metrics.classification import evaluate_classification
from cellwright.metrics.detection import evaluate_detection
from cellwright.metrics.intervals import Resampling
from cellwright.types import Boxes, Category


@pytest.mark.parametrize("groups", [None, ["a", "a", "b", "b"]])
def test_the_note_on_intervals_is_true_of_every_figure(
    groups: list[str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = [Category(number % 2) for number in range(4)]
    print_report(
        evaluate_classification(seen, seen, ("a", "b"), resampling=Resampling(groups=groups))
    )
    printed = capsys.readouterr()
    marked = {
        line.split(" *")[0] for line in printed.out.split("\na\n")[0].splitlines() if " *" in line
    }
    assert "balanced_accuracy" in marked
    said = (
        "those of the accuracy over all classes, the precision and recall of a class are Wilson's"
    )
    assert (said in printed.err) == ("accuracy" not in marked) == (groups is None)
    assert "* an interval of no width" in printed.err


def test_figures_with_a_width_are_not_marked(capsys: pytest.CaptureFixture[str]) -> None:
    box = [[0, 0, 9, 9]]
    found = [Boxes(box, [0], [0.9]), Boxes([[50, 50, 59, 59]], [0], [0.9])]
    print_report(evaluate_detection([Boxes(box, [0])] * 2, found, ("cell",)))
    printed = capsys.readouterr()
    recall = next(line for line in printed.out.splitlines() if line.startswith("recall"))
    assert "*" not in recall
    assert "Wilson" not in printed.err
