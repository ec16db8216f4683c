"""Figures 2, 6 to 9 of the paper, from what the cells recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves, scatter
from cellwright.studies.feature_enhancement.variants import PRINTED
from cellwright.studies.kept_pictures import from_text
from cellwright.studies.study import Records

THIRDS = ("worst third", "middle", "best third")
SHOWN = ("baseline", "enhanced")


def draw(page: Page, records: Records) -> None:
    """Magnitudes of the maps over epochs, then the searches."""
    trained = [one.outcome.details for one in records.values() if "variant" in one.outcome.details]
    for variant in SHOWN:
        own = [one for one in trained if one["variant"] == variant]
        if own:
            _magnitudes(page, variant, own[0])
    for record in records.values():
        _pictures(page, record.outcome.details.get("pictures", ()))
        if record.outcome.details.get("points"):
            _search(page, record.outcome.details)


def _magnitudes(page: Page, variant: str, details: Mapping[str, Any]) -> None:
    held = details["magnitudes"]
    epochs = np.arange(1, len(held["miou"]) + 1)
    page.section(f"Figures 2 and 9: {PRINTED[variant]}, seed {details['seed']}")
    lines = [Curve(name, epochs, held[name]) for name in ("deepest", "skip")]
    lines += [Curve(name, epochs, held[name]) for name in ("chosen", "others") if name in held]
    page.figure(
        curves(lines, labels=Labels(x="epoch", y="mean of the maps")),
        caption="Means over one validation window, nothing enhanced; chosen and others are the "
        "deepest maps that this epoch enhanced and left alone.",
    )


def _pictures(page: Page, pictures: Sequence[Mapping[str, str]]) -> None:
    """Figure 6; neighbours form a gallery."""
    if pictures:
        page.section("Figure 6: images, labels and what each network says of them")
    for one in pictures:
        page.picture(from_text(one["png"]), caption=one["caption"])


def _search(page: Page, details: Mapping[str, Any]) -> None:
    points: Sequence[Mapping[str, float]] = details["points"]
    page.section(f"Figures 7 and 8: {details['row']}")
    names = [name for name in points[0] if name != "miou"]
    values = np.array([point["miou"] for point in points])
    if len(names) == 1:
        places = [point[names[0]] for point in points]
        labels = Labels(x=names[0], y="validation mIoU")
        page.figure(scatter({"trials": (places, values)}, labels=labels))
        return
    ranks = values.argsort().argsort()
    third = [THIRDS[min(2, int(3 * rank / len(points)))] for rank in ranks]
    clouds = {
        title: tuple(
            [point[name] for point, own in zip(points, third, strict=True) if own == title]
            for name in names
        )
        for title in THIRDS
    }
    page.figure(
        scatter({title: (xy[0], xy[1]) for title, xy in clouds.items()}, labels=Labels(*names)),
        caption="Each point is a trial; the colour says in which third its validation mIoU lies.",
    )
