"""Every file of ``hostile_files`` reads or is refused in words; nothing else ever happens.

All are read in one process of their own, so that a crash, a line on stderr, memory or time
spent by a native decoder would show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cellwright.images.read import list_images
from hostile_files import HostileFile, write_hostile_files

PROBE = """
import json, resource, sys, time
from pathlib import Path
from cellwright.errors import ImageError
from cellwright.images.read import open_image, read_image

def whole(path):
    return read_image(path).pixels

def by_region(path):
    with open_image(path) as image:
        return image.read_region(0, 0, *image.shape[1:])

rows = []
for path in map(Path, json.load(sys.stdin)):
    for read in (whole, by_region):
        start, remedy, message = time.perf_counter(), "", ""
        try:
            read(path)
            outcome = "reads"
        except ImageError as error:
            outcome, remedy, message = "refused", error.remedy, str(error)
        except Exception as error:
            outcome = repr(error)
        seconds = time.perf_counter() - start
        rows.append([path.name, outcome, remedy, message, seconds])
status = Path("/proc/self/status")
if status.exists():
    # ru_maxrss would start from what the parent had in memory when it started this process.
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # bytes on macOS
json.dump({"rows": rows, "peak_kb": peak}, sys.stdout)
"""


@dataclass(frozen=True)
class Reading:
    name: str
    outcome: str
    remedy: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Report:
    files: list[HostileFile]
    readings: list[Reading]
    stderr: str
    peak_kb: int


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    files = write_hostile_files(tmp_path_factory.mktemp("hostile") / "images", seed=7)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", PROBE],
        input=json.dumps([os.fspath(file.path) for file in files]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(done.stdout)
    return Report(files, [Reading(*row) for row in answer["rows"]], done.stderr, answer["peak_kb"])


def test_there_are_about_two_hundred_files_of_every_outcome(report: Report) -> None:
    outcomes = [file.outcome for file in report.files]
    assert len(outcomes) >= 190
    assert min(outcomes.count(kind) for kind in ("reads", "refused", "either")) >= 30


def test_each_file_reads_or_is_refused_as_it_should_be(report: Report) -> None:
    expected = {file.path.name: file.outcome for file in report.files}
    wrong = [
        (reading.name, expected[reading.name], reading.outcome, reading.message)
        for reading in report.readings
        if reading.outcome not in ("reads", "refused")
        or expected[reading.name] not in ("either", reading.outcome)
    ]
    assert wrong == []
    assert len(report.readings) == 2 * len(report.files)


def test_each_refusal_names_its_file_and_a_remedy(report: Report) -> None:
    refused = [reading for reading in report.readings if reading.outcome == "refused"]
    assert [reading.name for reading in refused if not reading.remedy] == []
    assert [reading.name for reading in refused if reading.name[:40] not in reading.message] == []


def test_decoders_stay_silent_and_modest(report: Report) -> None:
    assert report.stderr == ""
    assert report.peak_kb < 400 * 1024
    assert max(reading.seconds for reading in report.readings) < 5


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    names: list[str] = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_hostile_files(folder, seed=1)
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    different = [
        name
        for name in names
        if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    ]
    assert len(names) > 180
    # OME-XML holds a random identifier.
    assert [name for name in different if "ome" not in name] == []


def test_hostile_names_are_listed(tmp_path: Path) -> None:
    files = write_hostile_files(tmp_path / "images", seed=1)
    listed = list_images([tmp_path / "images"])
    assert listed == sorted(listed)
    names = {path.name for path in listed}
    assert {"new\nline\tand tab.png", "Zellen µm 细胞 🧫.png", "link to nowhere.png"} <= names
    # A stack is named too, so that a run says why it was not read.
    assert "folder.png" not in names and "zeiss.czi" in names
    assert names < {file.path.name for file in files}
