"""The page says what a reader must know about a run, and stays readable when it is large."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cellwright.assays.tables import LeftOut
from cellwright.assays.viability.counts import (
    Cells,
    CountedField,
    ViabilityReport,
    pool,
    pool_groups,
)
from cellwright.assays.viability.report import MOST_PICTURES, Provenance, write_report
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import Evaluation, MetricValue
from cellwright.images.write import write_png
from cellwright.inference.identity import NamedImage
from cellwright.types import Boxes

Counts = Sequence[tuple[str, str, int, int]]


@pytest.fixture
def model(dot_bundle: Path) -> Bundle:
    bundle = open_bundle(dot_bundle)
    known = Evaluation(
        data="a test part",
        n_images=7,
        metrics={"ap50": MetricValue(value=0.91, low=0.88, high=0.93, n=812)},
    )
    changes = {"evaluations": (known,), "limits": ("Not for tissue sections.",)}
    return Bundle(bundle.path, bundle.card.model_copy(update=changes))


def page(out: Path, model: Bundle, counts: Counts, *, left_out: Sequence[LeftOut] = ()) -> str:
    """The report of fields (name, group, live, dead)."""
    fields = []
    for name, group, live, dead in counts:
        xyxy = np.zeros((live + dead, 4), np.float32)
        cells = Cells(Boxes(xyxy, np.repeat([0, 1], [live, dead])), ("single",) * (live + dead))
        overlay = f"overlays/{name}.png"
        write_png(out / overlay, np.zeros((3, 6, 8), np.uint8))
        image = NamedImage(Path(name), name, group, "", "")
        fields.append(CountedField(image, cells, None, overlay))
    overall = pool("(all images)", fields)
    report = ViabilityReport(out, tuple(fields), pool_groups(fields), overall, tuple(left_out))
    write_report(report, Provenance(model, "Told by hand.", (0.5, 0.4), "onnxruntime"))
    return (out / "report.html").read_text("utf-8")


def test_numbers_intervals_method_and_model_are_all_there(tmp_path: Path, model: Bundle) -> None:
    html = page(tmp_path, model, [("a_1", "a", 90, 10), ("a_2", "a", 80, 20)])
    for expected in (
        "85.0 %",
        "170 live, 30 dead",
        "82.6 to 94.5 %",  # Wilson's interval of 90 in 100
        "Told by hand.",
        "live 0.50, dead 0.40",
        "0.88 to 0.93",
        "Not for tissue sections.",
        model.sha256,
        "every image was counted",
        "Research use only",
    ):
        assert expected in html, expected
    assert "compare the groups" not in html


def test_groups_that_differ_are_pointed_out(tmp_path: Path, model: Bundle) -> None:
    counts = [(f"{g}_{i}", g, live, 100 - live) for g, live in (("a", 95), ("b", 20)) for i in "12"]
    assert "compare the groups" in page(tmp_path, model, counts)


def test_a_large_run_shows_some_pictures_and_says_so(tmp_path: Path, model: Bundle) -> None:
    counts = [(f"f_{number:03d}", "f", number % 7, 1) for number in range(100)]
    html = page(tmp_path, model, counts)
    assert len(re.findall(r'<a href="overlays/', html)) == MOST_PICTURES
    assert f"{MOST_PICTURES} of 100 fields" in html
    assert "Histogram" in html


def test_names_with_odd_signs_are_linked_and_never_markup(tmp_path: Path, model: Bundle) -> None:
    html = page(tmp_path, model, [("50% <b>#1", "g", 0, 0)])
    assert 'href="overlays/50%25%20%3Cb%3E%231.png"' in html
    assert "<b>#1" not in html
    assert "50% &lt;b&gt;#1: no cells found" in html


def test_what_was_left_out_is_listed_with_its_remedy(tmp_path: Path, model: Bundle) -> None:
    html = page(tmp_path, model, [], left_out=[LeftOut("x", "in/x.png", "is torn", "mend it")])
    for expected in ("1 file left out", "in/x.png", "is torn", "mend it", "could be counted"):
        assert expected in html
