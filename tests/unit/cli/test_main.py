"""What happens at the door: start-up, exit codes, and errors without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cellwright import __version__
from cellwright.cli import main as entrance
from cellwright.errors import ConfigError
from tiny_cells import write_cells

HEAVY = (
    "numpy", "pydantic", "cv2", "PIL", "yaml", "rich.table", "scipy", "matplotlib",
    "onnxruntime", "openvino", "torch", "lightning",
)  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cellwright.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_starting_up_imports_nothing_heavy() -> None:
    code = (
        "import sys, cellwright.cli.main\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_version_is_printed_on_stdout() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"cellwright {__version__}\n")


def test_an_expected_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run("models", "show", str(tmp_path / "missing.cellwright"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "missing.cellwright" in done.stderr


def test_an_unknown_option_is_exit_code_2_and_named() -> None:
    done = run("predict", "a.png", "--modle", "x")
    assert done.returncode == 2
    assert "--modle" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (
            ConfigError("wrong", where="a.yaml", remedy="mend it"),
            2,
            "error: a.yaml: wrong; mend it",
        ),
        (PermissionError(13, "Permission denied", "/out"), 2, "error: /out: permission denied; "),
        (OSError("no such device"), 2, "error: no such device\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_a_command_raises_becomes_an_exit_code(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("cellwright.bundles.bundle.open_bundle", fail)
    monkeypatch.setattr(sys, "argv", ["cellwright", "models", "show", "x"])
    with pytest.raises(SystemExit) as stopped:
        entrance.main()
    assert stopped.value.code == code
    assert said in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("cellwright.bundles.bundle.open_bundle", fail)
    monkeypatch.setattr(sys, "argv", ["cellwright", "models", "show", "x"])
    with pytest.raises(ZeroDivisionError):
        entrance.main()


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "list", "--json", "{folder}"),
        ("data", "inspect", "{labels}", "--out", "{file}/page.html"),
        ("data", "inspect", "{labels}", "--out", "{folder}"),
        ("data", "split", "{labels}", "--out", "{file}/split.csv"),
        ("data", "split", "{labels}", "--out", "{folder}"),
        ("data", "convert", "{labels}", "{file}/voc", "--to", "voc"),
        ("data", "convert", "{labels}", "{file}", "--to", "voc"),
        ("data", "convert", "{labels}", "{folder}/" + 250 * "a", "--to", "voc"),
        ("export", "blood-cells", "--to", "onnx", "--out", "{file}"),
        ("serve", "--data", "{file}", "--create-token", "me"),
        ("demo", "--out", "{file}/demo"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_without_the_systems_numbers(
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if arguments[0] == "serve":
        pytest.importorskip("alembic")
    (tmp_path / "notes.txt").write_text("")
    places = {
        "folder": tmp_path,
        "file": tmp_path / "notes.txt",
        "labels": write_cells(tmp_path / "set", n_images=4),
    }
    typed = [argument.format(**places) for argument in arguments]
    monkeypatch.setattr("sys.argv", ["cellwright", *typed])
    with pytest.raises(SystemExit) as end:
        entrance.main()
    said = capsys.readouterr().err.splitlines()[-1]
    assert end.value.code == 2
    assert said.startswith(f"error: {tmp_path}")
    assert "Errno" not in said
