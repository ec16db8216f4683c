"""The page that ``cellwright demo`` ends with: measured beside true, and where everything is."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.cli.demo_cell_cycle_page import add_cell_cycle
from cellwright.cli.demo_confluence_page import add_confluence
from cellwright.cli.demo_figures import ends, holds, percent, span
from cellwright.cli.demo_smears_page import add_smears
from cellwright.images.normalise import Normalisation, normalise
from cellwright.images.read import read_image
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, scatter

FIGURES = {
    "precision": "of the cells it reports, how many are real",
    "recall": "of the real cells, how many it reports",
    "f1": "both in one",
    "count_bias": "cells an image counted too many (+) or too few (-)",
    "count_mae": "cells an image the count is off, either way",
    "ap50": "average precision at overlap 0.5",
    "ap50_95": "average precision, overlaps 0.5 to 0.95",
    "count_coverage": "images whose true count lies in its 90 % interval",
    "count_width": "cells from the low to the high end of that interval",
    "ece": "how far probabilities of being a cell are off",
    "score_ece": "the same of bare scores",
}
FILES = (
    ("simulated/training/", "images and labels the detector was trained on"),
    ("simulated/unseen/", "images it has never seen, with their truth"),
    ("inspection.html", "the training labels, looked at before training"),
    ("train.yaml", "the settings of the training"),
    ("run/demo.cellwright", "the trained model: one file, runs without PyTorch"),
    ("evaluation.json", "how good it is on the unseen images"),
    ("predictions/cells.csv", "a row a cell, for every image"),
    ("viability/report.html", "the viability assay, with plots and overlays"),
    ("viability/cells.csv", "a row a cell, live or dead; also as Parquet"),
    ("simulated/culture/", "unstained cells, with their true outlines"),
    ("confluence_evaluation.json", "how good the model for unstained cells is on them"),
    ("confluence/report.html", "the confluence assay: covered area, number and size of cells"),
    ("simulated/cells/", "single cells in seven phases, with their truth"),
    ("cell_cycle/report.html", "the cell cycle assay: phases and the share that divides"),
    ("cell_cycle/cells.csv", "a row a cell, with the probability of each phase"),
    ("simulated/white_cells/", "white cells that a classifier was trained on, a folder a class"),
    ("simulated/smears/", "smears it has never seen, with their truth"),
    ("smears_run/demo-smears.cellwright", "the classifier"),
    ("leukemia/report.html", "the leukemia assay: counts, share of blasts, where the model looked"),
)


@dataclass(frozen=True)
class Truth:
    """Live and dead cells that were simulated."""

    live: int
    dead: int

    @property
    def viability(self) -> float:
        """Live over all."""
        return self.live / (self.live + self.dead)


def write_index(out: Path, *, took_s: Mapping[str, float]) -> Path:
    """Write ``index.html`` from the files the demo's commands left in ``out``.

    Args:
        out: the demo's folder.
        took_s: seconds that each part took.
    """
    measured = json.loads((out / "viability.json").read_text(encoding="utf-8"))
    figures = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    by_image, by_group = read_truth(out / "simulated" / "unseen" / "truth" / "truth.csv")
    page = Page(
        "Cellwright demo",
        "Simulated images whose truth is known, through every assay in "
        f"{sum(took_s.values()) / 60:.1f} min",
    )
    page.text(
        "Four assays, each with what was measured beside what is true: live and dead nuclei, found "
        "by a detector trained here; unstained cells and phases of the cell "
        "cycle, found by models that ship with Cellwright; blood smears, called by a classifier "
        "trained here."
    )
    _viability(page, measured, by_image, by_group, figures)
    _pictures(page, out)
    _detector(page, figures)
    add_confluence(page, out)
    add_cell_cycle(page, out)
    add_smears(page, out)
    page.section("Everything that was made").links(FILES)
    page.table(
        ("part", "seconds"),
        [(name, round(seconds)) for name, seconds in took_s.items()],
        caption="How long it took on this machine, training included",
    )
    page.text(
        "These images are simulated: the figures show that the steps work, not how good a "
        "model will be on your microscope. To find that out, label some of your images and "
        "start at the second command."
    )
    return page.save(out / "index.html")


def read_truth(path: Path) -> tuple[dict[str, Truth], dict[str, Truth]]:
    """True counts by image and by group."""
    by_image: dict[str, Truth] = {}
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            truth = Truth(int(row["n_live"]), int(row["n_dead"]))
            by_image[row["name"]] = truth
            totals[row["group"]][0] += truth.live
            totals[row["group"]][1] += truth.dead
    return by_image, {group: Truth(*counts) for group, counts in totals.items()}


def _headlines(page: Page, measured: dict[str, Any], figures: dict[str, Any]) -> None:
    cells = sum(group["live"] + group["dead"] for group in measured["groups"].values())
    page.headline(f"{cells:,}", "Nuclei counted", detail=f"in {measured['n_images']} fields")
    for name, title in (
        ("f1", "F1 of the detector"),
        ("ap50", "AP50 of the detector"),
    ):
        one = figures["metrics"][name]
        page.headline(f"{one['value']:.3f}", title, detail=f"95 % interval {span(one)}")


def _viability(
    page: Page,
    measured: dict[str, Any],
    by_image: dict[str, Truth],
    by_group: dict[str, Truth],
    figures: dict[str, Any],
) -> None:
    page.section("How many cells are alive?")
    _headlines(page, measured, figures)
    rows = []
    for name, truth in by_group.items():
        found = measured["groups"][name]["viability"]
        verdict = holds(found, truth.viability)
        rows.append((name, percent(truth.viability), percent(found["value"]), ends(found), verdict))
    page.table(("treatment", "true viability", "measured", "95 % interval", "truth within"), rows)
    page.text(
        "The interval covers chance: which cells and which fields were looked at. It does not "
        "cover mistakes of the detector, which grow with density; the figures below show them."
    )
    shares = {name: image["viability"]["value"] for name, image in measured["images"].items()}
    points = [(100 * by_image[name].viability, 100 * share) for name, share in shares.items()]
    true, found = zip(*points, strict=True)
    page.figure(
        scatter(
            {"fields": (true, found)},
            labels=Labels(x="true viability (%)", y="measured viability (%)"),
            guide="identity",
        ),
        caption="Each field of view: measured against true. On the dashed line they agree.",
    )


def _pictures(page: Page, out: Path) -> None:
    page.section("What was counted")
    images = out / "simulated" / "unseen" / "images"
    for name in ("low_dose_001_blue", "low_dose_001_red"):
        source = images / f"{name}.png"
        page.picture(as_grey(source), caption=f"{name}: as the microscope would give it")
    for name in ("control_001", "low_dose_001", "high_dose_001"):
        overlay = out / "viability" / "overlays" / f"{name}.png"
        page.picture(overlay, caption=f"{name}: counted", link=overlay.relative_to(out).as_posix())


def as_grey(path: Path) -> NDArray[np.uint8]:
    """uint8 ``(H, W)`` of a one-channel image, stretched between its percentiles."""
    stretched = normalise(read_image(path).pixels, Normalisation(kind="percentile"))
    return np.asarray(255 * stretched[0], dtype=np.uint8)


def _detector(page: Page, figures: dict[str, Any]) -> None:
    page.section("How good is the detector?")
    page.table(
        ("figure", "value", "95 % interval", "n", "question"),
        [
            (name, one["value"], span(one), one["n"], FIGURES[name])
            for name, one in figures["metrics"].items()
        ],
        caption=f"On {figures['n_images']} images of experiments it has never seen; whole "
        "experiments are resampled for the intervals.",
    )
