"""The page's modules that need no browser, by Node's own test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

OLDEST = (20, 19)
"""The first Node that takes a .js file with imports for a module without being told."""

TESTS = sorted((Path(__file__).parent / "page").glob("*.test.mjs"))
PAGE = Path(__file__).parents[3] / "src" / "cellwright" / "service" / "page"


@pytest.fixture(scope="session")
def node() -> str:
    """The command, new enough."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no Node on this machine")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, said.strip().lstrip("v").split(".")[:2])) < OLDEST:
        pytest.skip(f"Node {said.strip()} is older than {'.'.join(map(str, OLDEST))}")
    return found


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_by_node(node, path):
    done = subprocess.run([node, "--test", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_module_is_short_and_asks_nobody_else():
    modules = sorted(PAGE.rglob("*.js"))
    assert len(modules) > 20
    for module in modules:
        text = module.read_text()
        assert len(text.splitlines()) < 300, module.name
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", ""), module.name
        assert "https://" not in text, module.name
