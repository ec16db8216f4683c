"""Takes the pictures of the web page in docs/methods/service.md, all of simulated images.

Needs the extra ``dev`` and a Chromium; run from the root of the repository.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

OUT = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 120_000
WIDEST = 960
COLOURS = 256


def main() -> None:
    """Start a service of its own, look at it, and end it."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("there is no Chromium on this machine")
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "cellwright.cli.main", "serve", "--port", "0"]
        service = subprocess.Popen(  # noqa: S603
            [*command, "--data", data], stderr=subprocess.PIPE, text=True
        )
        try:
            address = re.search(r"http://\S+", service.stderr.readline())[0]
            with sync_playwright() as started:
                browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
                take(browser, address)
                browser.close()
        finally:
            service.terminate()
            service.wait()


def take(browser: Browser, address: str) -> None:
    """All pictures."""
    page = visit(browser, address, width=1280, height=860, color_scheme="light")
    save(page, "page-start")
    count(page, "Stained nuclei")
    page.locator("#board").focus()
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.set_viewport_size({"width": 1440, "height": 980})
    page.wait_for_timeout(500)
    save(page, "page-image")
    phone = {"has_touch": True, "is_mobile": True}
    page = visit(browser, address, width=390, height=780, color_scheme="dark", **phone)
    count(page, "Crowded nuclei")
    save(page, "page-phone")


def visit(browser: Browser, address: str, *, width: int, height: int, **device: Any) -> Any:
    """The first view, ready."""
    size = {"width": width, "height": height}
    page = browser.new_page(viewport=size, reduced_motion="reduce", **device)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.locator(".sample img[src]").nth(1).wait_for()
    return page


def count(page: Any, sample: str) -> None:
    """Count the cells of a sample, with the model that it is for."""
    page.get_by_role("button", name=sample).click()
    page.locator("#begin").click()
    page.locator("#progress-text", has_text="Done").wait_for()
    page.locator("#cell-rows tr").first.wait_for(state="attached")
    page.wait_for_timeout(500)


def save(page: Any, name: str) -> None:
    """What is in the window, as a small PNG."""
    page.evaluate("scrollTo(0, 0)")
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((WIDEST, WIDEST))
    # A palette of its own: a third of the size, and no difference to the eye.
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(OUT / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
