"""Routes of the API, a file a noun."""

from __future__ import annotations

from fastapi import APIRouter

from cellwright.service.routes import (
    corrections,
    counts,
    explanation,
    images,
    jobs,
    labels,
    models,
    outlines,
    predict,
    report,
    samples,
    state,
    tables,
    tiles,
)

ROUTERS: tuple[APIRouter, ...] = (
    state.router,
    models.router,
    predict.router,
    samples.router,
    jobs.router,
    tables.router,
    report.router,
    counts.router,
    labels.router,
    outlines.router,
    images.router,
    tiles.router,
    explanation.router,
    corrections.router,
)
"""All of them, as the application includes them."""
