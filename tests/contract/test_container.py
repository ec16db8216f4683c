"""The image is made as its rules want, as far as that can be seen without an engine.

The rules are those of hadolint and of the CIS benchmark that a file can break. What a build and
a start would show, ``python tests/container_steps.py`` does without an engine.
"""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile and what follows it, lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def test_only_known_instructions_in_a_sound_order():
    names = [name for name, _ in instructions()]
    assert names[0] == "FROM" and names.count("FROM") == 2
    assert set(names) <= {
        *("FROM", "LABEL", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    for once in ("USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
        assert names.count(once) == 1
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")


def test_bases_are_pinned_and_small():
    for base in of("FROM"):
        image = base.split()[0]
        assert re.fullmatch(r"python:3\.\d+-slim-\w+", image), image


def test_it_does_not_run_as_root():
    (user,) = of("USER")
    assert all(int(part) >= 1000 for part in user.split(":"))


def test_shell_steps_stop_at_the_first_fault():
    for step in of("RUN"):
        assert not re.search(r"\bsudo\b|\bcd\b|\bcurl\b|\bwget\b|\|\s|;", step), step
        if "pip install" in step:
            assert "--no-cache-dir" in step and "--constraint constraints.txt" in step


def test_nothing_is_fetched_by_add_and_paths_are_absolute():
    assert not of("ADD")
    assert all(place.startswith("/") for place in of("WORKDIR"))


def test_forms_that_receive_signals():
    for form in (*of("ENTRYPOINT"), *of("CMD")):
        assert all(isinstance(word, str) for word in json.loads(form))


def test_the_service_is_installed_without_torch():
    (install,) = [step for step in of("RUN") if "pip install" in step]
    assert re.findall(r"\[([a-z,]+)\]", install) == ["serve,postgresql"]


def test_what_is_copied_exists_and_is_let_through():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    for copy in of("COPY"):
        if copy.startswith("--from"):
            continue
        for source in copy.split()[:-1]:
            assert (ROOT / source).exists()
            assert any(fnmatch.fnmatch(source, name) for name in let_through), source


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_the_service_may_do_little(services):
    service = services["service"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["depends_on"]["database"]["condition"] == "service_healthy"


def test_no_password_stands_in_a_file_of_ours(services):
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if name in ("POSTGRES_PASSWORD", "CELLWRIGHT_DATABASE"):
                assert "${POSTGRES_PASSWORD:?" in value
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_every_image_is_pinned_or_built_here(services):
    for service in services.values():
        assert "build" in service or re.search(r":\d", service["image"])
    assert "ports" not in services["database"]
