"""The page's viewer on an image of a hundred megapixels, in a real browser, by a real service.

    python benchmarks/viewer.py [--edge 10000] [--model live-dead-fluo] [--moves 300]

A simulated stained slide is uploaded on the page as a tiled TIFF, counted, and looked at in
Chromium: how long until it is seen, how long a tile takes from the asking to its last byte, and
how long frames take while a mouse drags the image at its full size, with all found cells drawn
over it, and while a wheel zooms into it and out again. A frame lasts from one call of
requestAnimationFrame to the next; 60 a second, 17 ms each, is the fastest it can be. Other programs
on the machine lengthen frames, so the processor time that all processes of the browser take for
one stands beside them. Browser and service share this machine; nothing but the loopback address
is used. Needs the extra ``dev`` and a Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tifffile
from playwright.sync_api import Browser, Page, sync_playwright

from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_series
from record import write_results
from served import serving

SEED = 0
FIELD_PX = 1000
N_FIELDS = 4
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1280, "height": 900}
PATIENCE_MS = 1_800_000
STRIDE_PX = 24
"""Of the mouse from one move to the next."""

FEWEST = 2
"""Times of which quantiles can be told."""

N_TURNS = 60
"""Of the wheel, in and as many out."""

RECORD_FRAMES = """() => {
  window.frames_ms = [];
  let before = performance.now();
  const step = (now) => {
    window.frames_ms.push(now - before);
    before = now;
    window.recording = requestAnimationFrame(step);
  };
  window.recording = requestAnimationFrame((now) => {
    before = now;
    window.recording = requestAnimationFrame(step);
  });
}"""
TAKE_FRAMES = "() => { cancelAnimationFrame(window.recording); return window.frames_ms; }"
TAKE_TILES = """() => performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/tiles/"))
  .map(({ startTime, responseEnd }) => responseEnd - startTime)"""


def write_slide(path: Path, edge: int) -> None:
    """A square grey picture, four simulated fields of nuclei put side by side by chance."""
    scene = LiveDeadScene(height=FIELD_PX, width=FIELD_PX, n_cells=120, radius_px=(7, 11))
    fields = [pair.blue[0] for pair in simulate_series(N_FIELDS, scene, name="field", seed=SEED)]
    n = -(-edge // FIELD_PX)
    chosen = np.random.default_rng(SEED).integers(N_FIELDS, size=(n, n))
    pixels = np.block([[fields[at] for at in row] for row in chosen])[:edge, :edge]
    tifffile.imwrite(path, pixels, tile=(256, 256), compression="zlib")


def count(page: Page, slide: Path, model: str) -> dict[str, float]:
    """Upload the slide and wait until it is seen; seconds of each step."""
    page.get_by_label("Drop images here").set_input_files(str(slide))
    page.locator(f"label.model:has([value='{model}'])").click()
    marks = [time.perf_counter()]

    def passed(step: Callable[[], object]) -> float:
        step()
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    return {
        "upload_s": passed(lambda: (page.locator("#begin").click(), page.wait_for_url("**/#*"))),
        "count_s": passed(page.locator("#progress-text", has_text="Done").wait_for),
        "seen_after_count_s": passed(
            lambda: page.locator("#cell-rows tr").first.wait_for(state="attached")
        ),
    }


def browser_seconds() -> float:
    """Processor time so far of all processes that this one has started, but the service's."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                seconds += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return seconds


def recorded(page: Page, act: Callable[[], None]) -> dict[str, Any]:
    """Frames while something is done."""
    page.evaluate(RECORD_FRAMES)
    before = browser_seconds()
    act()
    seconds = browser_seconds() - before
    frames = page.evaluate(TAKE_FRAMES)
    return {
        **spread(frames, of="frames"),
        "share_over_50_ms": sum(frame > 50 for frame in frames) / len(frames),
        "browser_processor_ms_a_frame": seconds / len(frames) * 1000,
    }


def spread(values_ms: Sequence[float], *, of: str) -> dict[str, float]:
    """Middle, 95 and 99 per cent, and worst, in milliseconds, ``of`` frames or tiles."""
    if len(values_ms) < FEWEST:
        raise SystemExit(
            f"error: {len(values_ms)} {of} timed, and {FEWEST} are the fewest that have a spread; "
            "give a larger --edge or more --moves"
        )
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return {
        "n": len(values_ms),
        "median_ms": statistics.median(values_ms),
        "p95_ms": cuts[94],
        "p99_ms": cuts[98],
        "worst_ms": max(values_ms),
    }


def pan(page: Page, middle: tuple[float, float], moves: int) -> None:
    """Drag the image to and fro, further down each time, so that new tiles come in."""
    x, y = middle
    page.mouse.move(x, y)
    for index in range(moves):
        if index % 20 == 0:
            page.mouse.up()
            side = 1 if index % 40 else -1
            page.mouse.move(x - side * 10 * STRIDE_PX, y)
            page.mouse.down()
        step = index % 20 + 1
        page.mouse.move(x + side * (step - 10) * STRIDE_PX, y - step * STRIDE_PX / 4)
    page.mouse.up()


def zoom(page: Page, middle: tuple[float, float]) -> None:
    """The wheel in to full size, and out again."""
    page.mouse.move(*middle)
    for turn in range(2 * N_TURNS):
        page.mouse.wheel(0, -30 if turn < N_TURNS else 30)


def look(page: Page, moves: int) -> dict[str, Any]:
    """Frames and tiles while the image is moved and zoomed."""
    page.locator("#board").scroll_into_view_if_needed()
    box = page.locator("#board").bounding_box()
    if box is None:
        raise RuntimeError("the image is not seen")
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    zooming = recorded(page, lambda: zoom(page, middle))
    for _ in range(2 * N_TURNS):
        page.mouse.wheel(0, -30)
    page.wait_for_load_state("networkidle")
    panning = recorded(page, lambda: pan(page, middle, moves))
    page.wait_for_load_state("networkidle")
    tiles = spread(page.evaluate(TAKE_TILES), of="tiles")
    return {"panning": panning, "zooming": zooming, "tiles": tiles}


def measure(browser: Browser, address: str, slide: Path, settings: argparse.Namespace) -> Any:
    """Everything, in one visit to the page."""
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://{address}")
    page.evaluate("performance.setResourceTimingBufferSize(100000)")
    page.locator("#models .model:visible").first.wait_for()
    steps = count(page, slide, settings.model)
    n_cells = int(page.locator("#total").inner_text().replace(",", ""))
    print(f"{n_cells} cells; {steps}", flush=True)
    return {"n_cells": n_cells, **steps, **look(page, settings.moves)}


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=10_000)
    parser.add_argument("--model", default="live-dead-fluo")
    parser.add_argument("--moves", type=int, default=300)
    settings = parser.parse_args()
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("there is no Chromium on this machine")
    load = psutil.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, serving(Path(name) / "data") as (address, service):
        slide = Path(name) / "slide.tif"
        write_slide(slide, settings.edge)
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
            found_out = measure(browser, address, slide, settings)
            version = browser.version
            browser.close()
        content = {
            "seed": SEED,
            "settings": {**vars(settings), "window": WINDOW},
            "chromium": version,
            "load_of_the_machine_before": load,
            "slide_bytes": slide.stat().st_size,
            "service_mib_after": service.memory_info().rss / 2**20,
            **found_out,
        }
    print(write_results("viewer", content))


if __name__ == "__main__":
    main()
