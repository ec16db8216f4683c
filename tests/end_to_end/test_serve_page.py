"""The web page in a real browser: upload, look, correct, download; by mouse, by keys, by reader."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.images.write import write_png
from page_steps import (
    DESKTOP,
    begin_count,
    count_cells,
    drag,
    image_of,
    job_of,
    middle_of,
    on_screen,
    saved_as,
    total,
    two_fingers,
)
from serving import served, wait_for

from .conftest import write_blob_bundle

pytestmark = pytest.mark.slow

PHONE = (390, 844)
N_SLOW = 16


@pytest.fixture(scope="module")
def slow_fields(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures that take so long that there is time to do something meanwhile."""
    folder = tmp_path_factory.mktemp("slow")
    scene = LiveDeadScene(height=1200, width=1200, n_cells=40, radius_px=(8, 10), seed=1)
    write_png(folder / "0.png", simulate_pair(scene).blue)
    paths = [folder / f"{index}.png" for index in range(N_SLOW)]
    for path in paths[1:]:
        shutil.copy(paths[0], path)
    return paths


def test_corrected_by_mouse_and_taken_home(opened, address, fields, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(fields[0].read_bytes()[:3000])
    notes = tmp_path / "notes.txt"
    notes.write_text("no image")
    with opened(address) as page:
        count_cells(page, [*fields[:2], broken, notes])
        assert "cut short" in page.locator("#images li").nth(2).inner_text()
        assert page.locator("#images li").count() == 3  # the text was not even sent
        found, image = total(page), image_of(page, address)
        assert found == image["summary"]["n_cells"] > 5

        cell = image["cells"][3]
        page.mouse.click(*on_screen(page, image, *middle_of(cell)))
        assert page.locator("#chosen-cell").inner_text().startswith(f"Cell {cell['label']}, live")
        page.get_by_label("Class of the chosen cell").select_option("dead")
        page.get_by_role("button", name="Add a cell").click()
        drag(page, [on_screen(page, image, 4, 4), on_screen(page, image, 20, 24)])
        assert total(page) == found + 1
        page.get_by_role("button", name="Undo").click()
        assert total(page) == found
        page.get_by_role("button", name="Redo").click()
        assert total(page) == found + 1
        # The focus is on a button now, not in the image.
        page.keyboard.press("Control+z")
        assert total(page) == found
        page.keyboard.press("Control+y")
        assert total(page) == found + 1
        alive = page.locator("#viability").inner_text()
        assert alive.startswith(f"{100 * (found - 1) / (found + 1):.0f} %"), alive
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_text("Saved as checked").wait_for()
        page.locator("#images li", has_text="checked").wait_for()
        labels = saved_as(page, "Corrected labels COCO", tmp_path / "labels.zip")
        table = saved_as(page, "Cells, as the model found them CSV", tmp_path / "cells.csv")
    shutil.unpack_archive(labels, tmp_path / "labels")
    from cellwright.data.formats import read_labelled

    (record,) = read_labelled(tmp_path / "labels", format="coco")
    kept = record.load().annotation
    assert np.bincount(kept.class_ids).tolist() == [found - 1, 2]
    assert kept.xyxy[-1] == pytest.approx([4, 4, 20, 24], abs=1)
    assert len(table.read_text().splitlines()) > found


def test_files_are_dropped_anywhere_on_the_page(opened, address):
    with opened(address) as page:
        dropped = page.evaluate_handle(
            "() => { const all = new DataTransfer();"
            " for (const name of ['a.png', 'b.tif', 'notes.txt'])"
            " all.items.add(new File(['x'], name)); return all; }"
        )
        page.dispatch_event("main", "drop", {"dataTransfer": dropped})
        assert page.locator("#chosen").inner_text().startswith("2 images, ")
        assert "save it as one of these" in page.locator("#file-list li").nth(2).inner_text()
        page.get_by_role("button", name="Take out a.png").click()
        assert page.locator("#begin").inner_text() == "Count cells in 1 image"


def test_slider_counts_at_once_and_leaving_asks(opened, address, fields):
    with opened(address) as page:
        count_cells(page, fields[2:4])
        found, image = total(page), image_of(page, address)
        scores = sorted(cell["score"] for cell in image["cells"])
        middle = round(scores[len(scores) // 2], 2)
        page.locator("#score").fill(f"{middle:.2f}")
        assert total(page) == sum(score >= middle for score in scores) < found
        page.locator("#images button").nth(1).click()
        page.get_by_role("button", name="Stay here").click()
        assert page.locator("#image-name").inner_text() == "field_02.png"
        page.locator("#images button").nth(1).click()
        page.get_by_role("button", name="Leave").click()
        page.get_by_role("heading", name="field_03.png").wait_for()
        page.get_by_role("button", name="All is right").click()
        page.locator("#images li", has_text="checked").wait_for()
        assert image_of(page, address, 1)["counts"] == {"live": total(page), "dead": 0}
        page.get_by_role("button", name="Delete this count").click()
        page.get_by_role("button", name="Delete it").click()
        page.get_by_role("heading", name="Earlier counts").wait_for()


def test_without_a_mouse_on_a_phone(opened, address):
    with opened(address, PHONE, reduced_motion="reduce") as page:
        sample = page.get_by_role("button", name="Crowded nuclei")
        sample.locator("img[src]").wait_for()
        for _ in range(30):
            page.keyboard.press("Tab")
            if sample.evaluate("one => one === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.locator("#begin:focus").wait_for()
        page.keyboard.press("Enter")
        page.locator("#cell-rows tr").first.wait_for(state="attached")
        page.locator("#progress-text", has_text="Done").wait_for()
        found = total(page)
        assert found == pytest.approx(240, rel=0.1)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]

        page.get_by_role("application", name="Image with its cells").focus()
        for key in ("n", "ArrowRight", "Delete"):
            page.keyboard.press(key)
        assert total(page) == found - 1
        page.keyboard.press("Control+z")
        assert total(page) == found
        page.keyboard.press("Control+Shift+z")
        page.keyboard.press("a")
        page.keyboard.press("a")
        page.keyboard.press("Shift+ArrowRight")
        assert total(page) == found + 1
        assert "Cell added" in page.locator("#said").inner_text()
        page.keyboard.press("Control+s")
        page.get_by_text("Saved as checked").wait_for()
        page.locator("#cells-box summary").focus()
        page.keyboard.press("Enter")
        page.locator("#cell-rows button[tabindex='0']").focus()
        before = page.locator("#chosen-cell").inner_text()
        page.keyboard.press("ArrowUp")
        assert page.locator("#chosen-cell").inner_text() != before
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Help and keys").wait_for()
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0


def test_cells_that_are_outlined_are_drawn_around(opened, address, tmp_path):
    scene = LiveDeadScene(height=256, width=320, n_cells=9, radius_px=(10, 14), seed=2)
    picture = tmp_path / "nuclei.png"
    write_png(picture, simulate_pair(scene).blue)
    with opened(address) as page:
        count_cells(page, [picture], "nuclei")
        found, image = total(page), image_of(page, address)
        page.get_by_role("button", name="Add a cell").click()
        ring = [(5, 5), (30, 5), (34, 20), (20, 30), (5, 22)]
        drag(page, [on_screen(page, image, *point) for point in ring])
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_text("Saved as checked").wait_for()
        page.reload()
        page.get_by_text("Saved as checked").wait_for()
        assert total(page) == found + 1
        labels = saved_as(page, "Corrected labels Label images", tmp_path / "labels.zip")
        page.get_by_role("button", name="Back to the model's").click()
        page.get_by_role("button", name="Throw them away").click()
        page.get_by_text("As the model found them").wait_for()
        assert total(page) == found
    shutil.unpack_archive(labels, tmp_path / "labels")
    from cellwright.data.formats import read_labelled

    (record,) = read_labelled(tmp_path / "labels", format="instances")
    annotation = record.load().annotation
    assert len(annotation) == found + 1
    drawn = np.bincount(annotation.labels.ravel())[annotation.labels[15, 15]]
    assert drawn == pytest.approx(600, rel=0.1)  # the polygon's area by the shoelace formula


def test_a_large_image_comes_in_tiles(opened, address, tmp_path):
    picture = tmp_path / "large.png"
    y, x = np.mgrid[0:2100, 0:2600]
    write_png(picture, ((x // 64 + y // 64) % 2 * 200 + 20).astype(np.uint8)[None])
    with opened(address) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        begin_count(page, [picture], "blobs")
        page.locator("#progress-text", has_text="Done").wait_for()
        page.locator("#look").wait_for()
        page.wait_for_load_state("networkidle")
        levels = {int(url.split("/tiles/")[1].split("/")[0]) for url in asked if "/tiles/" in url}
        assert levels and max(levels) <= 11
        with page.expect_response(lambda answer: "/tiles/12/" in answer.url):
            for _ in range(4):
                page.get_by_role("button", name="Zoom in").click()
        page.wait_for_load_state("networkidle")
        assert not any("picture.png" in url for url in asked)
        light = page.evaluate(
            "(() => { const one = document.getElementById('picture');"
            " const pixels = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;"
            " let sum = 0; for (let at = 0; at < pixels.length; at += 4) sum += pixels[at];"
            " return sum / (pixels.length / 4); })()"
        )
        assert light == pytest.approx(127, abs=25)  # half of the squares are bright: no tile misses


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_axe_finds_nothing(opened, address, fields, scheme, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")

    def check(page: Any, where: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        report = axe.Axe().run(page, options={"resultTypes": ["violations"]})
        found = [(one["id"], one["nodes"][0]["target"]) for one in report.response["violations"]]
        assert found == [], where

    with opened(address, size, color_scheme=scheme, reduced_motion="reduce") as page:
        page.locator(".sample img[src]").first.wait_for()
        check(page, "start")
        count_cells(page, fields[4:6])
        page.locator("#by-image tr").first.wait_for(state="attached")
        check(page, "job")
        page.get_by_role("button", name="Help and keys").click()
        check(page, "help")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Earlier counts").click()
        page.locator("#jobs-rows tr").first.wait_for()
        check(page, "jobs")


def test_others_sign_in_first(opened, tmp_path):
    command = [sys.executable, "-m", "cellwright.cli.main", "serve", "--data", str(tmp_path)]
    command += ["--create-token", "Ada"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    token = made.stdout.split()[-1]
    with (
        served(tmp_path, "--host", "0.0.0.0") as (found, _process),
        opened(re.sub(r"//[^:]+", "//127.0.0.1", found), forgiven="status of 401") as page,
    ):
        field = page.get_by_label("Token")
        field.fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").get_by_text("needs a token").wait_for()
        field.fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.locator(".sample img[src]").first.wait_for()
        assert page.locator("#message").is_hidden()


def test_cancelled_in_the_middle_and_gone_on_with(opened, address, fields, slow_fields):
    with opened(address) as page, httpx.Client(base_url=address, timeout=60) as client:
        begin_count(page, slow_fields, "blobs")
        page.locator("#progress-text", has_text=re.compile("Counting: [1-9]")).wait_for()
        # What has the focus keeps it, however often the page asks how far the job is.
        first = page.locator("#tables button").first
        first.focus()
        for _ in range(2):
            with page.expect_response(re.compile(rf"/jobs/{job_of(page)}$")):
                pass
        assert first.evaluate("one => one === document.activeElement")
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.locator("#progress-text", has_text="Cancelled").wait_for()
        assert page.locator("#progress").is_hidden() and page.locator("#cancel").is_hidden()
        job = job_of(page)
        stopped = client.get(f"/api/v1/jobs/{job}").json()["n_done"]
        # Images are done in the order they came: this one is done after all that still go on.
        part = ("images", ("next.png", fields[0].read_bytes(), "image/png"))
        after = client.post("/api/v1/jobs", data={"model": "blobs"}, files=[part]).json()["id"]
        wait_for(client, after, lambda state: state["state"] == "done")
        state = client.get(f"/api/v1/jobs/{job}").json()
        assert state["state"] == "cancelled"
        assert stopped <= state["n_done"] <= stopped + 1 < N_SLOW  # one was in work

        page.get_by_role("button", name="Go on counting").click()
        page.locator("#progress-text", has_text=f"Done: {N_SLOW} of {N_SLOW} images").wait_for()
        assert page.locator("#images li", has_text="Waiting").count() == 0
        page.get_by_role("heading", name="All images together").wait_for()


def test_goes_on_when_the_service_is_started_again(opened, slow_fields, tmp_path):
    bundle = write_blob_bundle(tmp_path / "blobs.cellwright", ("live", "dead"))
    given = (tmp_path / "data", "--model", bundle)
    with served(*given) as (found, process), opened(found, forgiven="net::ERR_") as page:
        begin_count(page, slow_fields, "blobs")
        page.locator("#progress-text", has_text=re.compile("Counting: [1-9]")).wait_for()
        page.evaluate("window.sameAsBefore = true")
        process.kill()
        page.locator("#progress-left", has_text="does not answer").wait_for()
        before = page.locator("#progress-text").inner_text()
        with served(*given, port=int(found.rpartition(":")[2])):
            page.locator("#progress-text", has_text="Done").wait_for()
            assert before != page.locator("#progress-text").inner_text()
            assert (
                page.locator("#progress-text").inner_text() == f"Done: {N_SLOW} of {N_SLOW} images"
            )
            page.locator("#images button").last.click()
            page.get_by_role("heading", name=slow_fields[-1].name).wait_for()
            assert page.evaluate("window.sameAsBefore") and page.locator("#message").is_hidden()


def test_two_fingers_zoom_and_move(opened, address, fields):
    with opened(address, PHONE, has_touch=True, is_mobile=True) as page:
        count_cells(page, fields[6:7])
        image, board = image_of(page, address), page.locator("#board")
        board.scroll_into_view_if_needed()
        middle = (image["width"] / 2, image["height"] / 2)
        # Seen at twice the size, and too far out for a tap there to hit it at the old one.
        cell, (x, y) = next(
            (cell, place)
            for cell in image["cells"]
            for place in [tuple(np.subtract(middle_of(cell), middle))]
            if np.hypot(*place) > 25 and abs(place[0]) < 70 and abs(place[1]) < 50
        )
        (mx, my), scrolled = on_screen(page, image, *middle), page.evaluate("scrollY")
        near, far = ((mx - 40, my), (mx + 40, my)), ((mx - 80, my), (mx + 80, my))

        def tapped(by: float, *, right: float = 0) -> str:
            page.keyboard.press("Escape")
            zero, one = (on_screen(page, image, at, 0)[0] for at in (0, 1))
            scale = (one - zero) * by
            page.touchscreen.tap(mx + right + x * scale, my + y * scale)
            return page.locator("#chosen-cell").inner_text()

        name = f"Cell {cell['label']}, "
        assert tapped(1).startswith(name) and not tapped(2).startswith(name)
        two_fingers(page, near, far)
        assert tapped(2).startswith(name) and not tapped(1).startswith(name)
        two_fingers(page, near, tuple((at + 30, level) for at, level in near))
        assert tapped(2, right=30).startswith(name)
        two_fingers(page, far, near)
        assert tapped(1).startswith(name)
        assert page.evaluate("visualViewport.scale") == 1  # the image, not the page
        assert page.evaluate("scrollY") == scrolled
