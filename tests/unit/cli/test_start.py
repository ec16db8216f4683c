"""Ctrl-C while the commands are still imported."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3] / "pyproject.toml"

INTERRUPTED = """
import sys
from importlib import import_module


class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt


sys.meta_path.insert(0, Interrupts())
sys.argv = ["cellwright", "--version"]
getattr(import_module({module!r}), {function!r})()
"""


def entry_point() -> tuple[str, str]:
    """Module and function of the console script."""
    text = PROJECT.read_text(encoding="utf-8")
    found = re.search(r'^cellwright = "([\w.]+):(\w+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1], found[2]


def test_it_ends_with_130_and_a_word() -> None:
    module, function = entry_point()
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(module=module, function=function)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nstopped\n")


def test_left_alone_it_runs_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, function = entry_point()
    monkeypatch.setattr(sys, "argv", ["cellwright", "--version"])
    with pytest.raises(SystemExit) as end:
        getattr(import_module(module), function)()
    assert not end.value.code
    assert capsys.readouterr().out.startswith("cellwright ")
