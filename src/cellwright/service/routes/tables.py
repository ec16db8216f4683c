"""Tables of a job: those of ``cellwright predict``, and the corrected cells."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from cellwright.service import tabulate
from cellwright.service.asking import JobId, Owner, parts_of

TABLES = {
    "summary": tabulate.summary_table,
    "cells": tabulate.cell_table,
    "errors": tabulate.error_table,
    "corrected": tabulate.corrected_table,
}

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/{table}.csv", response_class=Response)
def table_as_csv(
    request: Request,
    owner: Owner,
    job_id: JobId,
    table: Literal["summary", "cells", "errors", "corrected"],
) -> Response:
    """One table as CSV."""
    made = TABLES[table](parts_of(request).store.outcomes(owner, job_id))
    return download(made.to_csv(), "text/csv; charset=utf-8", f"{table}.csv")


@router.get("/{table}.parquet", response_class=Response)
def table_as_parquet(
    request: Request,
    owner: Owner,
    job_id: JobId,
    table: Literal["summary", "cells", "errors", "corrected"],
) -> Response:
    """One table as Parquet, with the types of its columns."""
    made = TABLES[table](parts_of(request).store.outcomes(owner, job_id))
    return download(made.to_parquet(), "application/vnd.apache.parquet", f"{table}.parquet")


def download(content: str | bytes, content_type: str, name: str) -> Response:
    """A response that a browser saves as ``name``."""
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(content, headers=headers)
