from __future__ import annotations

import numpy as np

from cellwright.metrics.intervals import wilson
from cellwright.reports.classes import add_class_table, add_confusion, add_reliability, row_shares
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, matrix

CONFUSION = np.array([[8, 2], [0, 0]])


def test_shares_of_a_row_and_of_an_empty_one():
    shares = row_shares(CONFUSION)
    assert shares[0].tolist() == [0.8, 0.2]
    assert np.isnan(shares[1]).all()


def test_the_numbers_stand_in_the_picture():
    counts = matrix(CONFUSION, ("a", "b"), labels=Labels(), show="counts")
    shares = matrix(row_shares(CONFUSION), ("a", "b"), labels=Labels(), show="shares")
    assert [text.get_text() for text in counts.axes[0].texts] == ["8", "2", "0", "0"]
    assert [text.get_text() for text in shares.axes[0].texts] == ["0.80", "0.20", "–", "–"]


def test_a_page_about_a_classifier():
    page = Page("net")
    add_confusion(page, CONFUSION, ("a", "b"))
    add_reliability(page, [0.5, 0.9], [wilson(1, 2), wilson(9, 10)])
    row = {"precision": wilson(8, 8), "recall": wilson(8, 10), "f1": wilson(8, 9)}
    add_class_table(page, {"a": row, "b": {**row, "precision": wilson(0, 0)}})
    html = page.render()
    assert html.count("data:image/png") == 3
    assert "0.490 to 0.943" in html
