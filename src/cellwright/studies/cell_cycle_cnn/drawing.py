"""Figures 4 to 7 of the paper for every row: confusion, curves; reliability and sheets beside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from cellwright.metrics.intervals import Interval
from cellwright.reports.classes import add_confusion, add_reliability
from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves
from cellwright.studies.study import Records


def draw(page: Page, records: Records) -> None:
    """A section a row; what a run lacks is left out."""
    for record in records.values():
        if record.outcome.details:
            _draw_row(page, record.outcome.details)


def _draw_row(page: Page, details: Mapping[str, Any]) -> None:
    page.section(str(details["row"]))
    add_confusion(page, np.array(details["confusion"], np.int64), details["classes"])
    filled = [one for one in details["reliability"] if one["confidence"] is not None]
    if filled:
        shares = [Interval(**one["accuracy"]) for one in filled]
        add_reliability(page, [one["confidence"] for one in filled], shares)
    lines = {
        name: Curve(name, np.arange(1, len(values) + 1), values)
        for name, values in details["curves"].items()
    }
    for names, axis in ((("loss, training", "loss, validation"), "loss"), (("accuracy",), "share")):
        shown = [lines[name] for name in names if name in lines]
        if shown:
            plot = curves(shown, labels=Labels("epoch", axis))
            page.figure(plot, caption=f"First fold: {' and '.join(one.name for one in shown)}.")
    for phase, sheet in details["sheets"].items():
        with PillowImage.open(io.BytesIO(base64.b64decode(sheet))) as picture:
            pixels = np.asarray(picture.convert("RGB"), np.uint8)
        page.picture(pixels, caption=f"{phase}, generated for the first fold")
