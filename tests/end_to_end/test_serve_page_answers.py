"""The web page in a real browser, while answers come late, in another order, or not at all."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from page_steps import count_cells, held_back, image_of, job_of, middle_of, on_screen, total

pytestmark = pytest.mark.slow

SAVING = "**/corrections"
HANDLED_MS = 300


def choose(page: Any, image: dict[str, Any], index: int) -> None:
    """Click a cell of the image that is open."""
    page.mouse.click(*on_screen(page, image, *middle_of(image["cells"][index])))


def save_state(page: Any) -> str:
    """What the page says of the corrections."""
    text: str = page.locator("#save-state").inner_text()
    return text


def test_what_is_changed_while_a_save_travels_is_not_saved_with_it(opened, address, fields):
    with opened(address) as page:
        count_cells(page, fields[:2])
        found, image, held = total(page), image_of(page, address), held_back(page, SAVING)
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        with page.expect_request(SAVING):
            page.get_by_role("button", name="Save corrections").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        with page.expect_response(SAVING):
            held[0].continue_()
        page.locator("#images li", has_text="checked").wait_for()
        assert save_state(page) == "Not saved" and total(page) == found - 2
        assert image_of(page, address)["counts"] == {"live": found - 1, "dead": 0}
        page.get_by_role("button", name="Undo").click()
        assert save_state(page) == "Saved as checked" and total(page) == found - 1


def test_a_save_is_of_the_image_it_was_asked_for_whatever_is_shown(opened, address, fields):
    with opened(address) as page:
        count_cells(page, fields[:3])
        image, held = image_of(page, address), held_back(page, SAVING)
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        with page.expect_request(SAVING):
            page.get_by_role("button", name="Save corrections").click()
        page.locator("#images button").nth(2).click()
        page.get_by_role("button", name="Leave").click()
        page.get_by_role("heading", name=fields[2].name).wait_for()
        with page.expect_response(SAVING):
            held[0].continue_()
        page.locator("#images li", has_text="checked").wait_for()
        assert save_state(page) == "As the model found them"
        assert image_of(page, address, 2)["corrections"] is None
        assert len(image_of(page, address)["corrections"]) == len(image["cells"]) - 1


def test_the_image_that_was_asked_for_last_is_shown(opened, address, fields):
    with opened(address) as page:
        count_cells(page, fields[:3])
        held = held_back(page, "**/images/1")
        with page.expect_request("**/images/1"):
            page.locator("#images button").nth(1).click()
        page.locator("#images button").nth(2).click()
        page.get_by_role("heading", name=fields[2].name).wait_for()
        with page.expect_response("**/images/1/picture.png"):
            held[0].continue_()
        page.wait_for_timeout(HANDLED_MS)
        assert page.locator("#image-name").inner_text() == fields[2].name
        assert page.url.endswith("/2")


def test_left_without_saving_and_come_back_to(opened, address, fields):
    with opened(address) as page:
        count_cells(page, fields[:2])
        found, image = total(page), image_of(page, address)
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("link", name="Earlier counts").click()
        page.get_by_role("button", name="Leave").click()
        page.locator("#jobs-rows a").first.click()
        page.locator("#look").wait_for()
        assert total(page) == found and save_state(page) == "As the model found them"
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        assert total(page) == found - 1


def test_corrections_stay_while_there_is_no_network(opened, address, fields):
    with opened(address, forgiven="net::ERR_") as page:
        count_cells(page, fields[:1])
        found, image = total(page), image_of(page, address)
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        page.context.set_offline(True)
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_role("alert").get_by_text("are not saved: the service").wait_for()
        assert save_state(page) == "Not saved" and total(page) == found - 1
        page.context.set_offline(False)
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_text("Saved as checked").wait_for()
        assert page.locator("#message").is_hidden()
        assert len(image_of(page, address)["corrections"]) == found - 1


def test_corrections_of_somebody_else_are_not_written_over(opened, address, fields):
    with opened(address, forgiven="status of 412") as page:
        count_cells(page, fields[:1])
        image, place = image_of(page, address), f"{address}/api/v1/jobs/{job_of(page)}/images/0"
        if "etag" not in httpx.get(place).headers:
            pytest.skip("the service gives corrections no tag")
        others = {"boxes": [{"class": "dead", "xyxy": [4, 4, 20, 24]}]}
        assert httpx.put(f"{place}/corrections", json=others).status_code == 200
        choose(page, image, 0)
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Save corrections").click()
        page.get_by_role("alert").get_by_text("somebody else has corrected").wait_for()
        assert save_state(page) == "Not saved"
        assert image_of(page, address)["corrections"] == others["boxes"]
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        page.get_by_text("Saved as checked").wait_for()
        assert total(page) == 1
