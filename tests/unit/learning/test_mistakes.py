from __future__ import annotations

import numpy as np

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.images.write import write_png
from cellwright.inference.classifier import Classified
from cellwright.inference.evaluate_classification import LabelledClasses
from cellwright.learning.mistakes import add_mistakes, surest_mistakes
from cellwright.reports.page import Page
from cellwright.types import Category

CLASSES = ("left", "right")


def test_the_surest_mistakes_come_first_with_their_pictures(tmp_path):
    truth = [0, 1, 0, 1, 0]
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.95, 0.05], [0.1, 0.9]])
    records = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        write_png(path, np.full((1, 20, 30), 40 * index, np.uint8))
        records.append(Record(f"i{index}", path, lambda: None, group=f"g{index}"))
    labelled = LabelledSet("set", CLASSES, tuple(records))
    seen = LabelledClasses(
        ids=tuple(record.id for record in records),
        groups=tuple("abcde"),
        truth=tuple(map(Category, truth)),
        found=Classified(shares, np.zeros(5), np.zeros(5, bool)),
        logits=np.log(shares),
    )
    found = surest_mistakes(seen, labelled, CLASSES, shown=3)
    assert [one.id for one in found] == ["i3", "i4", "i1"]
    assert [(one.truth, one.given) for one in found][:2] == [("right", "left"), ("left", "right")]
    assert found[0].probability == 0.95
    assert found[0].picture.shape == (140, 210, 3)
    page = Page("a")
    add_mistakes(page, found)
    text = page.render()
    assert "right, taken for left (0.95): i3" in text
    assert "taken for" not in Page("b").render()
    empty = Page("c")
    add_mistakes(empty, [])
    assert "another class" not in empty.render()
