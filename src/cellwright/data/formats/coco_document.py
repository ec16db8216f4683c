"""The JSON of COCO: its rows, as far as they are read or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cellwright.data.formats.layout import read_filled
from cellwright.errors import AnnotationError

MAX_JSON_BYTES = 2**30


class Category(BaseModel):
    """A row of ``categories``."""

    id: int
    name: str
    supercategory: str | None = None


class Picture(BaseModel):
    """A row of ``images``."""

    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class Runs(BaseModel):
    """A run-length mask."""

    model_config = ConfigDict(extra="forbid")

    counts: list[int] | str
    size: tuple[int, int]


class Object(BaseModel):
    """A row of ``annotations``."""

    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: Runs | list[Any] | None = None
    iscrowd: int = 0


class Document(BaseModel):
    """A whole file."""

    images: list[Picture]
    annotations: list[Object]
    categories: list[Category]
    info: dict[str, Any] | None = None


def read_document(path: Path) -> Document:
    """A whole file.

    Raises:
        AnnotationError: no such JSON; names the first place.
    """
    text = read_filled(path, remedy="export it again", max_bytes=MAX_JSON_BYTES)
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AnnotationError(
            f"{place}: {first['msg']}", where=path, remedy="export it again"
        ) from error
