"""What a search leaves behind for a person to read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

from cellwright.tuning.results import write_page, write_trials  # noqa: E402
from cellwright.tuning.space import read_space  # noqa: E402


def test_the_page_has_words_and_four_digits_where_the_table_has_all(tmp_path: Path) -> None:
    key, rate = "schedule.learning_rate", 0.00030000000001
    space = read_space([f"{key}=float:1e-4:1e-2:log"])
    trial = optuna.trial.create_trial(
        params={key: rate},
        distributions={key: optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)},
        value=0.5,
        intermediate_values={0: 0.25, 1: 0.5},
    )
    write_trials(tmp_path / "trials.csv", [trial], space)
    (row,) = csv.DictReader((tmp_path / "trials.csv").read_text().splitlines())
    assert row[key] == str(rate)
    assert (row["best_epoch"], row["epochs"]) == ("2", "2")  # from 1, as in the bundle
    page = write_page(tmp_path / "report.html", "search", [trial], space).read_text()
    assert "best epoch" in page and "best_epoch" not in page
    assert "0.0003" in page and str(rate) not in page
