"""Corrections as a client sends them: refused by their size before they are read as JSON."""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from cellwright.service.corrections import Corrections
from cellwright.service.problems import RefusedError
from cellwright.service.settings import Limits


def read_corrections(raw: bytes, limits: Limits) -> Corrections:
    """The corrections in the body of a request; takes a while, so not for the event loop.

    Raises:
        RefusedError: more cells, or corners of drawn ones, than the limits allow.
        RequestValidationError: anything else than corrections.
    """
    # What stands in the bytes is counted in no time; only a writer that spells the key in
    # another way is counted once it is read.
    for n_found, most, what in (
        (raw.count(b'"class"'), limits.boxes, "cells"),
        (raw.count(b"["), limits.corners, "boxes and corners"),
    ):
        if n_found > most:
            raise RefusedError(
                413, f"{n_found} {what} are more than {most}", remedy="correct a part of the image"
            )
    try:
        return Corrections.model_validate_json(raw)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False)
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in told]
        ) from error


def described() -> dict[str, Any]:
    """The body as the API's description has it."""
    schema = Corrections.model_json_schema()
    within = _inlined(schema, schema.pop("$defs"))
    return {"required": True, "content": {"application/json": {"schema": within}}}


def _inlined(part: Any, named: dict[str, Any]) -> Any:
    """A schema without references, which would be looked for in the whole description."""
    if isinstance(part, list):
        return [_inlined(one, named) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(named[part["$ref"].rpartition("/")[2]], named)
    return {key: _inlined(value, named) for key, value in part.items()}
