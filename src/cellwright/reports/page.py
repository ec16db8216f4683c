"""One HTML page that stands alone: text, tables, plots and pictures in a single file.

A report is sent by mail, put beside the data and opened years later, so the page
holds everything itself (pictures as data URIs, no script, nothing from a network),
follows the reader's light or dark setting and fits a phone. All text is escaped:
a file name can put no markup into a report.

>>> page = Page("Viability", "plate 7").text("Two wells were counted.")
>>> "<h1>Viability</h1>" in page.render()
True
"""

from __future__ import annotations

import base64
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cellwright import __version__
from cellwright.errors import ImageError, printable, unwritable

Cell: TypeAlias = str | int | float | None
Tone: TypeAlias = Literal["plain", "good", "warning"]

FIGURE_DPI = 160
MISSING = "–"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
RESEARCH_USE = "Research use only. Not for use in diagnostic procedures."


class Figure(Protocol):
    """What a plot must offer: matplotlib's ``Figure`` does."""

    def savefig(self, fname: IO[bytes], *, format: str, dpi: float) -> Any:
        """Write the plot into ``fname``."""


@dataclass(frozen=True)
class _Section:
    heading: str
    kind: str = "section"


@dataclass(frozen=True)
class _Text:
    paragraphs: tuple[str, ...]
    kind: str = "text"


@dataclass(frozen=True)
class _Headline:
    value: str
    label: str
    detail: str
    kind: str = "headline"


@dataclass(frozen=True)
class _Note:
    text: str
    tone: Tone
    kind: str = "note"


@dataclass(frozen=True)
class _Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    caption: str
    kind: str = "table"


@dataclass(frozen=True)
class _Picture:
    uri: str
    caption: str
    alt: str
    link: str
    kind: str = "picture"


@dataclass(frozen=True)
class _Figure:
    uri: str
    caption: str
    alt: str
    kind: str = "figure"


@dataclass(frozen=True)
class _Links:
    items: tuple[tuple[str, str, str], ...]
    kind: str = "links"


_Block: TypeAlias = _Section | _Text | _Headline | _Note | _Table | _Picture | _Figure | _Links
_AnyBlock = TypeVar("_AnyBlock", bound=_Block)


class Page:
    """A report under construction; every method adds a block and returns the page.

    Headlines that follow each other share a row; pictures that follow each other
    share a gallery.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self._blocks: list[_Block] = []

    def section(self, heading: str) -> Page:
        """Start a section."""
        return self._add(_Section(heading))

    def text(self, *paragraphs: str) -> Page:
        """Add plain paragraphs."""
        return self._add(_Text(paragraphs))

    def headline(self, value: str, label: str, *, detail: str = "") -> Page:
        """Add one large figure with its name and a line about it (interval, n)."""
        return self._add(_Headline(value, label, detail))

    def note(self, text: str, *, tone: Tone = "plain") -> Page:
        """Add a remark in a box; ``tone`` gives its colour."""
        return self._add(_Note(text, tone))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, caption: str = ""
    ) -> Page:
        """Add a table; numbers are aligned right, floats shown with four digits.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.
        """
        values = [tuple(row) for row in rows]
        for number, row in enumerate(values):
            if len(row) != len(columns):
                raise ValueError(f"row {number} has {len(row)} cells, not {len(columns)}: {row}")
        numeric = tuple(
            any(isinstance(row[i], Real) for row in values)
            and not any(isinstance(row[i], str) for row in values)
            for i in range(len(columns))
        )
        shown = tuple(tuple(show(cell) for cell in row) for row in values)
        return self._add(_Table(tuple(columns), shown, numeric, caption))

    def links(self, files: Iterable[tuple[str, str]]) -> Page:
        """Add a list of files to open: path relative to the page, and what it is."""
        return self._add(_Links(tuple((quote(path), path, what) for path, what in files)))

    def figure(self, figure: Figure | bytes, *, caption: str = "", alt: str = "") -> Page:
        """Add a plot over the full width.

        Args:
            figure: a matplotlib ``Figure``, or the bytes of a PNG file.
            caption: the sentence under the plot.
            alt: what the plot shows, for a reader who cannot see it; ``caption`` if empty.

        Raises:
            ImageError: bytes that are no PNG.
        """
        png = figure if isinstance(figure, bytes) else _figure_png(figure)
        if not png.startswith(PNG_SIGNATURE):
            raise ImageError("a figure given as bytes must be a PNG file")
        return self._add(_Figure(_data_uri(png, "image/png"), caption, alt or caption))

    def picture(
        self,
        source: Path | NDArray[np.uint8],
        *,
        caption: str = "",
        alt: str = "",
        link: str = "",
        max_edge: int = 900,
    ) -> Page:
        """Add a photograph as a thumbnail; neighbours form a gallery.

        Args:
            source: an image file, or uint8 ``(H, W)`` or ``(H, W, 3)``.
            caption: the sentence under the picture.
            alt: text for a reader who cannot see it; ``caption`` if empty.
            link: where a click leads, relative to the page (the full-size file).
            max_edge: the longer edge is shrunk to this many pixels.

        Raises:
            ImageError: an array of another type or shape, or a file that cannot be read.
        """
        uri = _data_uri(_jpeg(source, max_edge), "image/jpeg")
        return self._add(_Picture(uri, caption, alt or caption, link))

    def render(self) -> str:
        """The page as HTML."""
        return _template().render(
            title=self.title,
            subtitle=self.subtitle,
            groups=_grouped(self._blocks),
            version=__version__,
            research_use=RESEARCH_USE,
        )

    def save(self, path: Path) -> Path:
        """Write the page; an older one is replaced only when the new one is complete.

        Raises:
            CellwrightError: the folder cannot be written, or ``path`` is one.
        """
        path = Path(path)
        try:
            return self._save(path)
        except OSError as error:
            told = unwritable(path, error)
            if told is None:
                raise
            raise told from error

    def _save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(printable(self.render()))
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def _add(self, block: _AnyBlock) -> Page:
        self._blocks.append(block)
        return self


def show(cell: Cell) -> str:
    """A table cell as text: thousands set apart, floats with four digits, None as a dash.

    >>> [show(value) for value in (12345, 0.98765, None, "A01")]
    ['12,345', '0.9877', '–', 'A01']
    """
    if cell is None or (isinstance(cell, float | np.floating) and not np.isfinite(cell)):
        return MISSING
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}" if abs(cell) < 10_000 else f"{cell:,.0f}"
    if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)


def _grouped(blocks: Sequence[_Block]) -> list[tuple[str, list[_Block]]]:
    """Neighbouring headlines and pictures together, every other block alone."""
    groups: list[tuple[str, list[_Block]]] = []
    for block in blocks:
        if groups and block.kind in ("headline", "picture") and groups[-1][0] == block.kind:
            groups[-1][1].append(block)
        else:
            groups.append((block.kind, [block]))
    return groups


def _figure_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=FIGURE_DPI)
    return buffer.getvalue()


def _jpeg(source: Path | NDArray[np.uint8], max_edge: int) -> bytes:
    picture = _opened(source).convert("RGB")
    picture.thumbnail((max_edge, max_edge))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()


def _opened(source: Path | NDArray[np.uint8]) -> PillowImage.Image:
    if isinstance(source, np.ndarray):
        colour = source.ndim == 3 and source.shape[2] == 3
        if source.dtype != np.uint8 or not (colour or source.ndim == 2) or 0 in source.shape:
            raise ImageError(
                f"a picture must be uint8 (H, W) or (H, W, 3), not {source.dtype} {source.shape}"
            )
        return PillowImage.fromarray(np.ascontiguousarray(source))
    try:
        picture = PillowImage.open(source)
        picture.load()
    except (OSError, ValueError, PillowImage.DecompressionBombError) as error:
        raise ImageError(f"cannot be shown in a report ({error})", where=source) from error
    return picture


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")
