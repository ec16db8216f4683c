"""A grid runs each cell once, goes on after a failure, and knows what it holds."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from cellwright.errors import ConfigError, DatasetError, MissingExtraError, UnknownNameError
from cellwright.studies.grid import asked, read_record, run_study
from cellwright.studies.results import tabulate
from cellwright.studies.study import Cell, Figure, NotAttempted, Outcome, Request, Study
from tiny_cells import write_cells


def value_cell(name, value, calls):
    def measure(folder):
        calls.append(name)
        figure = Figure("1", name, "m", value, low=value - 1, high=value + 1, n=3)
        return Outcome((figure,), seed=4, data="drawn", data_checksum="ab", details={"x": [1, 2]})

    return Cell(name, (("1", name, "m"),), measure)


def stopping_cell(name, error):
    def measure(folder):
        raise error

    return Cell(name, (("1", name, "m"),), measure)


def study(cells, tmp_path, settings=None):
    sizes = {"quick": "small"}
    return Study("toy", "a toy", "none", tmp_path, sizes, lambda _: settings, partial(_all, cells))


def _all(cells, request):
    return cells


@pytest.fixture
def request_(tmp_path):
    return Request("quick", None, tmp_path / "run")


def test_a_second_run_does_nothing_and_a_removed_cell_is_redone(tmp_path, request_):
    calls = []
    toy = study([value_cell("a", 1.0, calls), value_cell("b", 2.0, calls)], tmp_path)
    first = run_study(toy, request_, command="cellwright study run toy")
    assert run_study(toy, request_) == first
    assert calls == ["a", "b"]
    (request_.out / "cells" / "b.json").unlink()
    run_study(toy, request_)
    assert calls == ["a", "b", "b"]


def test_some_cells_by_name_and_the_others_later(tmp_path, request_):
    calls = []
    toy = study(
        [value_cell(name, 1.0, calls) for name in ("train-a", "train-b", "int8-b")], tmp_path
    )
    assert list(run_study(toy, request_, only=["*-b"])) == ["train-b", "int8-b"]
    assert calls == ["train-b", "int8-b"]
    assert list(run_study(toy, request_, only=["train-a"])) == ["train-a", "train-b", "int8-b"]
    assert calls == ["train-b", "int8-b", "train-a"]


def test_a_name_of_no_cell_is_refused_with_those_there_are(tmp_path, request_):
    toy = study([value_cell("train-a", 1.0, [])], tmp_path)
    with pytest.raises(UnknownNameError, match="train-a"):
        run_study(toy, request_, only=["train-*", "speed-*"])
    assert not request_.out.exists()


def test_data_that_cannot_be_read_ends_a_run_before_its_cells(tmp_path):
    calls, out = [], tmp_path / "run"
    toy = study([value_cell("a", 1.0, calls)], tmp_path)
    with pytest.raises(DatasetError, match="nope: there is no such folder"):
        run_study(toy, Request("quick", "nope", out))
    assert (calls, out.exists()) == ([], False)

    data = write_cells(tmp_path / "set", n_images=2)
    done = run_study(toy, Request("quick", str(data), out))
    shutil.rmtree(data)
    assert run_study(toy, Request("quick", str(data), out)) == done, "its figures are here"


def test_a_record_says_where_its_figures_come_from(tmp_path, request_):
    run_study(study([value_cell("a", 1.0, [])], tmp_path), request_, command="the command")
    held = json.loads((request_.out / "cells" / "a.json").read_text())
    assert held["origin"]["command"] == "the command"
    assert {"commit", "machine", "date", "seconds"} <= set(held["origin"])
    assert (held["seed"], held["data_checksum"]) == (4, "ab")
    record = read_record(request_.out, "a")
    assert record.outcome.figures == (Figure("1", "a", "m", 1.0, 0.0, 2.0, 3),)
    assert record.outcome.details == {"x": [1, 2]}


def test_a_failing_cell_is_recorded_retried_and_does_not_stop_the_rest(tmp_path, request_):
    calls = []
    cells = [
        stopping_cell("bad", ZeroDivisionError("by nought")),
        stopping_cell("none", NotAttempted("no GPU")),
        value_cell("good", 1.0, calls),
    ]
    toy = study(cells, tmp_path)
    records = run_study(toy, request_)
    assert [record.finish for record in records.values()] == ["failed", "not attempted", "done"]
    assert records["bad"].reason == "ZeroDivisionError: by nought"
    trace = request_.out / "cells" / "bad.txt"
    assert "Traceback" in trace.read_text()

    notes = {row.row: (row.status, row.note) for row in tabulate(toy, cells, records)}
    assert notes["bad"] == ("not attempted", "failed: ZeroDivisionError: by nought")
    assert notes["none"] == ("not attempted", "no GPU")

    mended = study([value_cell("bad", 5.0, calls), *cells[1:]], tmp_path)
    assert run_study(mended, request_)["bad"].finish == "done"
    assert calls == ["good", "bad"]
    assert not trace.exists()


def test_a_package_that_is_not_installed_is_no_failure(tmp_path, request_):
    cells = [stopping_cell("a", MissingExtraError("ultralytics", "ultralytics"))]
    record = run_study(study(cells, tmp_path), request_)["a"]
    assert (record.finish, "'ultralytics'" in record.reason) == ("not attempted", True)


def test_a_figure_that_cannot_be_written_fails_its_own_cell_only(tmp_path, request_):
    cells = [value_cell("nan", float("nan"), []), value_cell("good", 1.0, [])]
    records = run_study(study(cells, tmp_path), request_)
    assert [record.finish for record in records.values()] == ["failed", "done"]


def test_ctrl_c_stops_the_run_and_records_nothing(tmp_path, request_):
    with pytest.raises(KeyboardInterrupt):
        run_study(study([stopping_cell("a", KeyboardInterrupt())], tmp_path), request_)
    assert read_record(request_.out, "a") is None


def test_a_folder_of_another_run_is_refused(tmp_path, request_):
    toy = study([], tmp_path)
    run_study(toy, request_)
    with pytest.raises(ConfigError, match="--preset quick"):
        run_study(toy, Request("quick", "my-labels", request_.out))
    assert asked(toy, request_.out) == request_


def test_a_preset_that_has_changed_since_is_refused(tmp_path, request_):
    run_study(study([], tmp_path, {"epochs": (5, 6)}), request_)
    run_study(study([], tmp_path, {"epochs": (5, 6)}), request_)
    with pytest.raises(ConfigError, match="with other settings"):
        run_study(study([], tmp_path, {"epochs": (5, 7)}), request_)


def test_a_report_needs_a_run_of_that_study(tmp_path, request_):
    toy = study([], tmp_path)
    with pytest.raises(DatasetError, match="no run of toy"):
        asked(toy, Path(tmp_path / "nothing"))
    run_study(toy, request_)
    other = Study("other", "", "", tmp_path, {}, lambda _: {}, partial(_all, []))
    with pytest.raises(DatasetError, match="a run of toy"):
        asked(other, request_.out)
