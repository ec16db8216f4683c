"""A real ``cellwright serve``: killed in the middle of a job, and driven by a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_series
from cellwright.images.write import write_png

PATIENCE_S = 300

Served = tuple[str, "subprocess.Popen[str]"]


@pytest.fixture
def serve(blob_bundle: Path, tmp_path: Path) -> Callable[..., Iterator[Served]]:
    """Context: ``serve()`` -> address and process of a service on ``tmp_path / "data"``."""

    @contextmanager
    def run() -> Iterator[Served]:
        command = [sys.executable, "-m", "cellwright.cli.main", "serve", "--port", "0"]
        command += ["--data", str(tmp_path / "data"), "--model", str(blob_bundle)]
        command += ["--threads", "1", "--runtime", "onnxruntime"]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found, process.stderr.read()
            yield found[0], process
        finally:
            process.kill()
            process.wait()
            process.stderr.close()

    return run


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve different pictures of nuclei."""
    folder = tmp_path_factory.mktemp("fields")
    scene = LiveDeadScene(height=240, width=320, n_cells=12, radius_px=(8, 10))
    paths = []
    for index, pair in enumerate(simulate_series(12, scene, name="field", seed=5)):
        paths.append(folder / f"field_{index:02d}.png")
        write_png(paths[-1], pair.blue)
    return paths


def wait_for(client: httpx.Client, job: str, enough: Callable[[dict], bool]) -> dict:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        state = client.get(f"/api/v1/jobs/{job}").json()
        if enough(state):
            return state
        time.sleep(0.02)
    raise AssertionError(state)


@pytest.mark.slow
def test_a_killed_job_is_finished_and_nothing_done_twice(serve, fields, tmp_path):
    with serve() as (address, process), httpx.Client(base_url=address, timeout=60) as client:
        parts = [("images", (path.name, path.read_bytes(), "image/png")) for path in fields]
        answer = client.post("/api/v1/jobs", data={"model": "blobs"}, files=parts)
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        before = wait_for(client, job, lambda state: state["n_done"] >= 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert before["n_done"] < len(fields), "it was done before it could be killed"
    early = {one["name"]: one["summary"] for one in before["images"] if one["summary"]}

    with serve() as (address, _process), httpx.Client(base_url=address, timeout=60) as client:
        after = wait_for(client, job, lambda state: state["state"] == "done")
        cells = client.get(f"/api/v1/jobs/{job}/cells.csv").text.splitlines()[1:]
        assert client.get(f"/api/v1/jobs/{job}/images/11/overlay.png").status_code == 200
    assert (after["n_done"], after["n_failed"]) == (len(fields), 0)
    assert [one["name"] for one in after["images"]] == [path.name for path in fields]
    for one in after["images"]:
        # What was done before was not done again: even its time is the same.
        assert early.get(one["name"], one["summary"]) == one["summary"]
    counted = Counter(row.partition(",")[0] for row in cells)
    assert counted == {
        Path(one["name"]).stem: one["summary"]["n_cells"]
        for one in after["images"]
        if one["summary"]["n_cells"]
    }
    assert not list((tmp_path / "data").rglob(".*"))  # nothing half written is left


def chromium() -> str:
    """A browser on this machine."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))


def correct_by_mouse(page, boxes, found: int) -> None:
    """Choose a cell, draw one, delete it again."""
    boxes.first.click(force=True)
    assert "chosen" in boxes.first.get_attribute("class")
    page.get_by_role("button", name="Add a cell").click()
    view = page.locator("#view").bounding_box()
    x, y = view["x"] + view["width"] / 2, view["y"] + view["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=4)
    page.mouse.up()
    assert boxes.count() == found + 1
    page.get_by_role("button", name="Delete").click()
    assert boxes.count() == found


def correct_by_keys(page, boxes, found: int) -> None:
    """Delete one, undo, delete it again, add two."""
    page.get_by_label("Image with its cells").focus()
    page.keyboard.press("n")
    page.keyboard.press("Delete")
    assert boxes.count() == found - 1
    page.keyboard.press("Control+z")
    assert boxes.count() == found
    page.keyboard.press("Delete")
    page.keyboard.press("a")
    page.keyboard.press("a")


@pytest.mark.slow
def test_a_person_corrects_cells_in_a_browser(serve, fields, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("there is no Chromium on this machine")
    with serve() as (address, _process), playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(PATIENCE_S * 1000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: said.type == "error" and faults.append(said.text))
        page.goto(address)
        page.get_by_label("Model", exact=True).select_option("blobs")
        page.get_by_label("Drop images here").set_input_files([str(path) for path in fields[:2]])
        page.get_by_role("button", name="Count the cells").click()
        page.get_by_text("done: 2 of 2 images").wait_for()
        boxes = page.locator("#view rect.cell")
        boxes.first.wait_for(state="attached")
        found = boxes.count()
        counts = page.locator("#counts")
        assert counts.inner_text() == f"{found} cells (nucleus: {found})"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        correct_by_mouse(page, boxes, found)
        correct_by_keys(page, boxes, found)
        assert counts.inner_text().startswith(f"{found + 1} cells")
        page.locator("#score").fill("1")
        # What a person drew has no score to fall below; a rounded score may be 1 itself.
        assert 2 <= boxes.count() < found
        page.locator("#score").fill("0.8")
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_text(f"Saved {found + 1} cells.").wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name="Corrected labels (COCO)").click()
        download.value.save_as(tmp_path / "labels.zip")
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input, select, button')]"
            ".filter(one => !(one.labels?.length || one.textContent.trim()"
            " || one.getAttribute('aria-label'))).length"
        )
        assert unnamed == 0
        browser.close()
    assert faults == []
    shutil.unpack_archive(tmp_path / "labels.zip", tmp_path / "labels")
    from cellwright.data.formats import read_labelled

    (record,) = read_labelled(tmp_path / "labels", format="coco")
    assert len(record.load().annotation) == found + 1


def test_without_the_extra_it_says_so(tmp_path):
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'fastapi' else find(name, *rest)\n"
        "from cellwright.cli.main import main\n"
        "sys.argv = ['cellwright', 'serve']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: this needs the package 'fastapi', which is not installed; "
        "run: pip install 'cellwright[serve]'"
    ]
