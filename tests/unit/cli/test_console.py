import json
from pathlib import Path

import pytest

from cellwright.cli import console
from cellwright.errors import CellwrightError, ConfigError


def test_json_goes_to_stdout_for_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.write_json({"µm": 1.5, "none": None}, Path("-"))
    assert json.loads(capsys.readouterr().out) == {"µm": 1.5, "none": None}


def test_json_goes_to_a_file_in_a_new_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "new" / "figures.json"
    assert not console.write_json([1, 2], target)
    assert json.loads(target.read_text()) == [1, 2]
    assert capsys.readouterr().out == ""
    assert [path.name for path in target.parent.iterdir()] == ["figures.json"]


def test_json_is_written_only_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert not console.write_json([1, 2], None)
    assert capsys.readouterr().out == ""


def test_where_json_cannot_go_is_said_before_the_work(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    for target, said in (
        (tmp_path, "names a folder"),
        (notes / "a.json", "below .*which is no folder"),
    ):
        with pytest.raises(ConfigError, match=said):
            console.file_for_json(target)
    for target in (None, Path("-"), notes, tmp_path / "new" / "folder" / "a.json"):
        assert console.file_for_json(target) == target


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        console.write_json({"value": float("nan")}, tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_a_table_keeps_long_names_and_brackets_whole(capsys: pytest.CaptureFixture[str]) -> None:
    name = "folder/[bold]" + "x" * 90 + ".ome.tiff"
    console.print_table(("image", "cells"), [(name, 12), ("b", None)])
    printed = capsys.readouterr().out
    assert name in printed
    assert "12" in printed
    assert "–" in printed


def test_no_bar_is_drawn_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress_bar("counting") as progress:
        progress(1, 2)
        progress(2, 2)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with console.progress_bar("counting") as progress:
        progress(3, 4)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "counting" in printed.err
    assert "3/4" in printed.err


def test_a_download_is_drawn_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for on_terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda shown=on_terminal: shown, raising=False)
        bar = console.DownloadBar("bccd")
        bar.total = 2_000_000
        bar.update(500_000)
        bar.reset()
        bar.update(2_000_000)
        bar.close()
        printed = capsys.readouterr()
        assert printed.out == ""
        assert ("2.0/2.0 MB" in printed.err) == on_terminal


def test_a_kind_of_reason_is_said_once_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    missed = [
        console.Missed("a.png", "the file is empty", "copy it again"),
        console.Missed("b.png", "too large", ""),
        console.Missed("c.png", "the file is empty", "copy it again"),
        console.Missed("d.png", "the file is empty", "copy it again"),
    ]
    console.say_missed(missed, Path("out/errors.csv"), n_done=1, verb="not counted")
    assert capsys.readouterr().err.splitlines() == [
        "not counted: a.png and 2 more: the file is empty; copy it again",
        "not counted: b.png: too large",
        "4 files not counted: all are listed in out/errors.csv",
    ]


def test_many_kinds_of_reasons_are_cut_and_all_files_are_numbered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missed = [console.Missed(f"{n}.png", f"reason {n}", "") for n in range(9)]
    console.say_missed(missed, Path("errors.csv"), n_done=1, verb="left out")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == console.KINDS_SHOWN + 1
    assert said[-1] == "9 files left out: all are listed in errors.csv"


def test_no_result_at_all_is_an_error_with_the_first_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missed = [
        console.Missed("a.png", "the file is empty", "copy it again"),
        console.Missed("b.png", "too large", "cut it"),
    ]
    with pytest.raises(CellwrightError) as raised:
        console.say_missed(missed, Path("errors.csv"), n_done=0, verb="not counted")
    assert str(raised.value) == (
        "there is no result at all: a.png: the file is empty; copy it again "
        "(2 files listed in errors.csv)"
    )
    assert capsys.readouterr().err.splitlines() == ["not counted: b.png: too large; cut it"]


def test_images_without_any_cell_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    console.say_no_cells(3, 0)
    assert capsys.readouterr().err.startswith("No cell was found in 3 images: check")
    console.say_no_cells(3, 1)
    console.say_no_cells(0, 0)
    assert capsys.readouterr().err == ""


def test_json_holds_names_that_are_no_text(tmp_path: Path) -> None:
    console.write_json({"file": "Zell\udce9_1.png"}, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"file": "Zell\ufffd_1.png"}
