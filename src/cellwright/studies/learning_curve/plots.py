"""Figure 3 of the paper, and the learning curve itself with its forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves
from cellwright.studies.learning_curve.curves import ALPHA, smoothed
from cellwright.studies.learning_curve.projection import project
from cellwright.studies.study import Records
from cellwright.studies.viability_yolo.detection import PRINTED

TITLES = {"recall": "recall (%)", "precision": "precision (%)", "ap50_95": "AP50:95 (%)"}

Details = Sequence[dict[str, Any]]


def draw(page: Page, records: Records) -> None:
    """A row of plots a network, then its learning curve."""
    done = [dict(record.outcome.details) for record in records.values() if record.outcome.details]
    for detector in dict.fromkeys(details["detector"] for details in done):
        own = [details for details in done if details["detector"] == detector]
        name = PRINTED[detector]
        page.section(f"Figure 3: {name}")
        for metric, title in TITLES.items():
            plot = curves(
                epochs_of(own, metric), labels=Labels("epoch", title, name), x_scale="log"
            )
            seeds = len({details["seed"] for details in own})
            page.figure(
                plot,
                caption=(
                    f"{title} on the validation part after each epoch, smoothed (exponential "
                    f"moving average, alpha {ALPHA}); the mean and the range of {seeds} seeds."
                ),
            )
        page.figure(
            curves(sizes_of(own), labels=Labels("training images", "AP50:95 (%)"), x_scale="log"),
            caption=f"{name}: best epoch of each share, mean and range of the seeds; fitted curve.",
        )


def epochs_of(done: Details, metric: str) -> list[Curve]:
    """One curve a share: mean over seeds of the smoothed values, with their range."""
    found = []
    for fraction in sorted({details["fraction"] for details in done}):
        lines = [smoothed(d["curves"][metric]) for d in done if d["fraction"] == fraction]
        # Seeds of a run that is still going on may be of unequal length.
        length = min(map(len, lines))
        values = np.array([line[:length] for line in lines])
        epochs = np.arange(1, length + 1)
        found.append(
            Curve(
                f"{fraction:.0%}",
                epochs,
                values.mean(axis=0),
                values.min(axis=0),
                values.max(axis=0),
            )
        )
    return found


def points_of(done: Details) -> dict[int, list[float]]:
    """AP50:95 of each seed by number of training images."""
    points: dict[int, list[float]] = {}
    for details in done:
        points.setdefault(details["n_train"], []).append(details["final"]["ap50_95"])
    return points


def sizes_of(done: Details) -> list[Curve]:
    """AP50:95 over training images, and the fitted law up to twice as many."""
    points = points_of(done)
    sizes = sorted(points)
    measured = Curve(
        "measured",
        sizes,
        [float(np.mean(points[n])) for n in sizes],
        [min(points[n]) for n in sizes],
        [max(points[n]) for n in sizes],
    )
    law = project(points).law
    if law is None:
        return [measured]
    line = np.geomspace(sizes[0], 2 * sizes[-1], 60)
    return [measured, Curve("fitted, up to twice as many", line, [law(n) for n in line])]
