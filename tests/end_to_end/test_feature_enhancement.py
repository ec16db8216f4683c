"""Paper 3's study at its smallest size through the real command."""

from __future__ import annotations

import csv

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("torch")
pytest.importorskip("optuna")


def test_the_smallest_size_fills_its_tables_and_is_not_done_twice(cellwright, tmp_path):
    out = tmp_path / "study"
    done = cellwright("study", "run", "feature-enhancement", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "The module changes mIoU by" in done.stdout
    assert "Successive halving found" in done.stdout
    assert "the validation sections choose" in done.stdout
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["table"], row["row"], row["metric"]): row for row in csv.DictReader(file)}
    module = rows["simulated", "Proposed method", "mIoU (%)"]
    assert (module["status"], module["n"]) == ("measured", "2")
    assert rows["difference", "Proposed method", "mIoU less that of the baseline (points)"]["n"]
    assert float(rows["speed", "module over baseline", "inference time (ratio)"]["value"]) > 0
    assert rows["search", "B and X, full trials", "epochs trained"]["value"] == "2"
    published = rows["2", "Proposed method", "mIoU (%)"]
    assert (published["published"], published["status"]) == ("76.95", "not attempted")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert (
        all(one in page for one in ("Figures 2 and 9", "Figure 6", "Figures 7 and 8"))
        and "<script" not in page
    )
    again = cellwright("study", "run", "feature-enhancement", "--quick", "--out", out)
    assert again.stderr.count("done before") == 13
