"""What the documents say exists: commands, options, files and links.

A command line in a code block must parse as a whole. One quoted within a sentence, in the
documents or in the messages and helps of the source, may leave arguments out; its
subcommands and options must exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cellwright.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "zoo/*.md", "benchmarks/*.md", "src/**/README.md")
    for path in ROOT.glob(pattern)
)
SOURCES = sorted((ROOT / "src").rglob("*.py"))
COMMANDS: Any = typer.main.get_command(app)

PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`+(cellwright [^`]+)`+")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OTHERS = re.compile(r"\"--[a-z-]+(?:=[^\"]*)?\"")
EXAMPLE = re.compile(r"^(?:.*Examples?: ?)?(cellwright [^\"]+?)(?:\"+\)?)?$", re.MULTILINE)
REPOSITORY_PATH = re.compile(r"`((?:src|docs|tests|benchmarks)/[^`*<>]+?)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PLACEHOLDER = re.compile(r"\bNAME\b")


def joined_lines(text: str) -> list[str]:
    """Lines with backslash continuations put together, prompts and comments cut off."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [re.sub(r"\s+#\s.*$", "", line.removeprefix("$ ")).strip() for line in lines]


def command_blocks() -> Iterator[tuple[str, str]]:
    for path in DOCUMENTS:
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            for line in joined_lines(block):
                if line.startswith("cellwright "):
                    yield path.relative_to(ROOT).as_posix(), line


def examples_in_helps() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        if path.parent.name == "cli":
            for line in EXAMPLE.findall(path.read_text(encoding="utf-8")):
                yield path.relative_to(ROOT).as_posix(), line


def quoted_commands() -> Iterator[tuple[str, str]]:
    for path in [*DOCUMENTS, *SOURCES]:
        text = path.read_text(encoding="utf-8")
        for line in QUOTED.findall(BLOCK.sub("", text)):
            yield path.relative_to(ROOT).as_posix(), line


def commands_below(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from commands_below(inner)


def descend(words: list[str]) -> tuple[Any, list[str]]:
    """The command that ``words`` name and what is left for it."""
    command = COMMANDS
    rest = words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"no such command: {' '.join(words)}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options_of(command: Any) -> set[str]:
    given = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    return given | {"--help", "-h", "--version"}


@pytest.mark.parametrize(("where", "line"), sorted({*command_blocks(), *examples_in_helps()}))
def test_a_command_line_parses(
    where: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what somebody made here with the command is not in its way
    command, rest = descend(shlex.split(line))
    assert not hasattr(command, "commands") or rest, f"{where}: {line!r} names no command"
    if {"--help", "--version"} & set(rest):
        return
    command.make_context(command.name, rest)  # raises where a word is missing or unknown


@pytest.mark.parametrize(("where", "line"), sorted(set(quoted_commands())))
def test_a_quoted_command_exists(where: str, line: str) -> None:
    command, rest = descend(line.replace("…", "").split())
    for word in rest:
        if word.startswith("--"):
            assert word.split("=")[0] in options_of(command), f"{where}: {line!r} has no {word}"


def test_options_named_in_messages_exist() -> None:
    """A dashed word alone in quotes is an argument for another program, not a message."""
    known = {name for command in commands_below(COMMANDS) for name in options_of(command)}
    named = {
        (path.relative_to(ROOT).as_posix(), option)
        for path in SOURCES
        for option in OPTION.findall(OTHERS.sub("", path.read_text(encoding="utf-8")))
    }
    assert {(where, option) for where, option in named if option not in known} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_paths_and_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = [ROOT / name for name in REPOSITORY_PATH.findall(text) if not PLACEHOLDER.search(name)]
    linked = [path.parent / link for link in LINK.findall(text) if ":" not in link]
    missing = [str(place) for place in [*named, *linked] if not place.exists()]
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_python_in_the_documents_runs(path: Path) -> None:
    for block in PYTHON.findall(path.read_text(encoding="utf-8")):
        exec(compile(block, str(path), "exec"), {})


def test_the_documents_show_commands() -> None:
    """Else the tests above would pass on nothing."""
    assert len(list(command_blocks())) >= 3
    assert len(list(examples_in_helps())) >= 8
    assert len(list(quoted_commands())) >= 8
