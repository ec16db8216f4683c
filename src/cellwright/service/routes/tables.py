"""Tables of a job: those of ``cellwright predict``, and the corrected cells."""

from __future__ import annotations

from typing import Literal, TypeAlias

from fastapi import APIRouter, Request, Response

from cellwright.service.asking import JobId, Owner, cells_of_job, parts_of
from cellwright.service.corrected_table import corrected_table
from cellwright.service.sending import gives, send
from cellwright.service.tabulate import ResultTable, cell_table, error_table, summary_table

Name: TypeAlias = Literal["summary", "cells", "errors", "corrected"]

TABLES = {"summary": summary_table, "cells": cell_table, "errors": error_table}

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/{table}.csv", response_class=Response, responses=gives(".csv"))
def table_as_csv(request: Request, owner: Owner, job_id: JobId, table: Name) -> Response:
    """One table as CSV."""
    return send(_table(request, owner, job_id, table).to_csv(), f"{table}.csv")


@router.get("/{table}.parquet", response_class=Response, responses=gives(".parquet"))
def table_as_parquet(request: Request, owner: Owner, job_id: JobId, table: Name) -> Response:
    """One table as Parquet, with the types of its columns."""
    return send(_table(request, owner, job_id, table).to_parquet(), f"{table}.parquet")


def _table(request: Request, owner: str, job_id: str, name: Name) -> ResultTable:
    parts = parts_of(request)
    outcomes = parts.store.outcomes(owner, job_id)
    if name == "corrected":
        return corrected_table(cells_of_job(parts, owner, job_id), outcomes)
    return TABLES[name](outcomes)
