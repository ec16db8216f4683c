"""Files as answers: those that stay, and those that are made for one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from cellwright.service.problems import problem
from cellwright.service.records import MissingError

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


class SentFile(FileResponse):
    """A file, or the parts of it that a ``Range`` asks for; refusals are problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            MissingError: it is gone.
        """
        refused = False

        async def told(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refused = True
                await _no_such_part(message, scope)(scope, receive, send)
            elif not refused:
                await send(message)

        if not Path(self.path).is_file():
            raise MissingError(
                "the file is gone",
                remedy="its job may have been deleted: GET /api/v1/jobs lists yours",
            )
        await super().__call__(scope, receive, told)


class FileForOnce(SentFile):
    """A file that is gone afterwards, whatever came of sending it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it and delete it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)


def send_file(file: Path, *, headers: dict[str, str] | None = None) -> SentFile:
    """A file that stays."""
    return SentFile(file, media_type=TYPES[file.suffix], headers=headers)


def send_and_delete(file: Path, name: str) -> FileForOnce:
    """A file that a browser saves as ``name`` and that is gone afterwards."""
    return FileForOnce(file, media_type=TYPES[Path(name).suffix], filename=name)


def send(content: str | bytes, name: str) -> Response:
    """Content that a browser saves as ``name``."""
    headers = {
        "Content-Type": TYPES[Path(name).suffix],
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(content, headers=headers)


def _no_such_part(start: Message, scope: Scope) -> Response:
    told = Headers(raw=start["headers"]).get("content-range")
    return problem(
        start["status"],
        "the file has no such part",
        where=f"Range: {Headers(scope=scope).get('range', '')[:100]}",
        remedy="ask for bytes=FIRST-LAST within the file, or for all of it",
        headers=None if told is None else {"Content-Range": told},
    )
