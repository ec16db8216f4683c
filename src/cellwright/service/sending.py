"""Files that are made for one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".zip": "application/zip",
}


def gives(suffix: str) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that answers with such a file, for the API's description."""
    media_type = TYPES[suffix].partition(";")[0]
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "The file.", "content": {media_type: {"schema": schema}}}}


def send_and_delete(file: Path, name: str) -> FileResponse:
    """A file that a browser saves as ``name`` and that is gone afterwards."""
    return FileResponse(
        file,
        media_type=TYPES[Path(name).suffix],
        filename=name,
        background=BackgroundTask(file.unlink),
    )


def send(content: str | bytes, name: str) -> Response:
    """Content that a browser saves as ``name``."""
    headers = {
        "Content-Type": TYPES[Path(name).suffix],
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(content, headers=headers)
