"""The page stands alone, escapes what it is given and says what it cannot show."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cellwright.errors import ImageError
from cellwright.reports import Page
from cellwright.reports.page import show
from cellwright.reports.plots import Labels, histogram

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Opens and closes tags on a stack, and keeps attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def outline(page: Page) -> Outline:
    parser = Outline()
    parser.feed(page.render())
    assert parser.stack == []
    return parser


def full_page() -> Page:
    picture = np.zeros((30, 40, 3), np.uint8)
    plot = histogram({"live": [1, 2, 3], "dead": [2, 2]}, labels=Labels(x="area (µm²)"))
    return (
        Page("Report", "of a test")
        .section("One")
        .text("first", "second")
        .headline("94 %", "viability", detail="92 to 96 %, n = 812")
        .headline("812", "cells")
        .note("an image was left out", tone="warning")
        .table(("image", "cells"), [("a.png", 12345), ("b.png", None)], caption="Counts")
        .figure(plot, caption="areas")
        .picture(picture, caption="first", link="overlays/a.png")
        .picture(picture[..., 0], caption="second")
    )


def test_every_block_appears_and_the_tags_balance() -> None:
    parsed = outline(full_page())
    text = " ".join(parsed.words)
    for expected in (
        "Report",
        "One",
        "second",
        "94 %",
        "92 to 96 %",
        "12,345",
        "–",
        "Research use",
    ):
        assert expected in text
    assert len(parsed.named("img")) == 3
    assert {"href": "overlays/a.png"} in parsed.named("a")


def test_neighbours_share_a_gallery_and_a_row_of_headlines() -> None:
    classes = [attributes.get("class") for attributes in outline(full_page()).named("div")]
    assert classes.count("gallery") == 1
    assert classes.count("headlines") == 1
    assert classes.count("headline") == 2


def test_nothing_is_fetched_from_anywhere() -> None:
    parsed = outline(full_page())
    assert not parsed.named("script")
    assert not parsed.named("link")
    assert all((img["src"] or "").startswith("data:image/") for img in parsed.named("img"))
    assert not re.search(r"https?://", full_page().render())


def test_markup_in_names_stays_text() -> None:
    hostile = '<img src=x onerror="alert(1)">'
    page = (
        Page(hostile, hostile)
        .section(hostile)
        .text(hostile)
        .headline(hostile, hostile, detail=hostile)
        .note(hostile)
        .table((hostile,), [(hostile,)], caption=hostile)
        .picture(np.zeros((2, 2), np.uint8), caption=hostile, alt=hostile, link=hostile)
    )
    parsed = outline(page)
    assert len(parsed.named("img")) == 1
    assert "onerror" not in parsed.named("img")[0]


def test_a_picture_is_shrunk_and_stays_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (1200, 600), (0, 114, 178)).save(path)
    source = outline(Page("p").picture(path, max_edge=300)).named("img")[0]["src"] or ""
    shown = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
    assert shown.size == (300, 150)
    assert np.abs(np.asarray(shown, int) - (0, 114, 178)).max() < 6


def test_pictures_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    with pytest.raises(ImageError, match=r"broken\.png"):
        Page("p").picture(broken)
    with pytest.raises(ImageError, match="uint8"):
        Page("p").picture(np.zeros((4, 4)))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="PNG"):
        Page("p").figure(b"GIF89a")


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells, not 2"):
        Page("p").table(("a", "b"), [(1, 2), (3,)])


def test_numbers_are_aligned_right_and_text_is_not() -> None:
    header = outline(
        Page("p").table(("n", "s", "mixed"), [(np.int64(1), "a", 2.5), (None, "b", "x")])
    )
    assert [cell.get("class") for cell in header.named("th")] == ["number", None, None]


@pytest.mark.parametrize(
    ("cell", "text"),
    [(0.5, "0.5"), (1 / 3, "0.3333"), (float("nan"), "–"), (123456.7, "123,457"), (True, "True")],
)
def test_cells_read_well(cell: float, text: str) -> None:
    assert show(cell) == text


def test_saving_replaces_whole_files_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"
    Page("first").save(path)
    Page("second").save(path)
    assert "<h1>second</h1>" in path.read_text("utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_page_that_fails_to_render_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Page("old").save(tmp_path / "report.html")

    def fail(_: Page) -> str:
        raise RuntimeError

    monkeypatch.setattr(Page, "render", fail)
    with pytest.raises(RuntimeError):
        Page("new").save(path)
    assert "<h1>old</h1>" in path.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_listed_as_links_whatever_their_names() -> None:
    hostile = 'javascript:alert("1") & <b>#?.csv'
    page = Page("p").links([("viability/report.html", "the report"), (hostile, "odd")])
    anchors = outline(page).named("a")
    assert [anchor["href"] for anchor in anchors] == [
        "viability/report.html",
        "javascript%3Aalert%28%221%22%29%20%26%20%3Cb%3E%23%3F.csv",
    ]
    assert "the report" in page.render()


def test_a_name_that_is_no_text_is_shown_with_a_mark(tmp_path: Path) -> None:
    page = Page("Files").text("Zell\udce9_1.png")
    assert "Zell\ufffd_1.png" in page.save(tmp_path / "page.html").read_text(encoding="utf-8")
