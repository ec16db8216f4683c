"""What a person does on the web page, as steps for a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

Point = tuple[float, float]

PATIENCE_MS = 120_000
DESKTOP = (1280, 900)


@contextmanager
def visit(
    browser: Any,
    address: str,
    size: tuple[int, int] = DESKTOP,
    *,
    forgiven: str = "^$",
    **options: Any,
) -> Iterator[Any]:
    """The page, ready; nothing in it may fail or break its policy, but what is ``forgiven``."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, **options)
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and faults.append(said.text))
    page.goto(address)
    page.locator("#models .model:visible, #sign-in-form:visible").first.wait_for()
    yield page
    page.close()
    assert [fault for fault in faults if not re.search(forgiven, fault)] == []


def begin_count(page: Any, files: list[Path], model: str) -> None:
    """Upload, and press the button."""
    page.get_by_label("Drop images here").set_input_files([str(path) for path in files])
    page.locator(f"label.model:has([value='{model}'])").click()
    page.locator("#begin").click()


def count_cells(page: Any, files: list[Path], model: str = "blobs") -> None:
    """Upload, and wait until the first image is open and all are done."""
    begin_count(page, files, model)
    page.locator("#progress-text", has_text="Done").wait_for()
    page.locator("#cell-rows tr").first.wait_for(state="attached")


def total(page: Any) -> int:
    """The large number."""
    return int(page.locator("#total").inner_text().replace(",", ""))


def job_of(page: Any) -> str:
    """Id of the job that is open."""
    found = re.search(r"#([0-9a-f]{32})", page.url)
    assert found, page.url
    return found[1]


def image_of(page: Any, address: str, position: int = 0) -> dict[str, Any]:
    """An image of the open job as the API gives it."""
    image: dict[str, Any] = httpx.get(
        f"{address}/api/v1/jobs/{job_of(page)}/images/{position}"
    ).json()
    return image


def middle_of(cell: dict[str, Any]) -> Point:
    """In pixels of the image."""
    return (cell["bbox-1"] + cell["bbox-3"]) / 2, (cell["bbox-0"] + cell["bbox-2"]) / 2


def on_screen(page: Any, image: dict[str, Any], x: float, y: float) -> Point:
    """Where a pixel of an image that is seen whole lies in the window."""
    board = page.locator("#board").bounding_box()
    scale = min(board["width"] / image["width"], board["height"] / image["height"])
    left = board["x"] + (board["width"] - image["width"] * scale) / 2
    top = board["y"] + (board["height"] - image["height"] * scale) / 2
    return left + x * scale, top + y * scale


def drag(page: Any, points: list[Point]) -> None:
    """With the button held from the first to the last."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def two_fingers(page: Any, start: tuple[Point, Point], end: tuple[Point, Point]) -> None:
    """Put two fingers down, move them, lift them."""
    touch = page.context.new_cdp_session(page)

    def send(kind: str, points: list[Point]) -> None:
        placed = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": placed})

    send("touchStart", [start[0]])
    send("touchStart", list(start))
    for step in range(1, 9):
        send(
            "touchMove",
            [
                (x0 + (x1 - x0) * step / 8, y0 + (y1 - y0) * step / 8)
                for (x0, y0), (x1, y1) in zip(start, end, strict=True)
            ],
        )
    send("touchEnd", [])
    touch.detach()


def saved_as(page: Any, name: str, target: Path) -> Path:
    """Press a button of that name and keep what comes."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    download.value.save_as(target)
    return target


def held_back(page: Any, address: str) -> list[Any]:
    """Requests to an address from now on: each waits until somebody lets it go on."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route(address, hold)
    return held
