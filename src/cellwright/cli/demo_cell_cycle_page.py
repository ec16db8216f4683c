"""The section of the demo's page on the cell cycle: phases given beside true ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.cli.demo_cell_cycle import MODEL
from cellwright.cli.demo_figures import ends, holds, percent
from cellwright.images.normalise import Normalisation, normalise
from cellwright.images.read import read_image
from cellwright.images.simulate.phases import PHASES
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, matrix

COLUMNS, ROWS, ZOOM = 4, 3, 3
"""Cells in a picture of a phase, and how far they are enlarged."""
BETWEEN = (30, 30, 30)
"""Colour of the line between cells."""
WRONG = (213, 94, 0)
"""Colour of the frame around a cell that was called otherwise."""
SHOWN = Normalisation(kind="fixed", limits=((400, 950), (42, 1500)))
"""Counts of brightfield and stain that are black and white: the same for all cells, so that more
DNA is brighter."""
STAIN = np.array((230, 60, 200), np.float32)
"""Colour of the DNA."""


class _Cell(NamedTuple):
    name: str
    group: str
    true: str
    given: str


def add_cell_cycle(page: Page, out: Path) -> None:
    """What the assay made of the samples, from the files that it left in ``out``."""
    measured = json.loads((out / "cell_cycle.json").read_text(encoding="utf-8"))
    cells = _cells(out)
    mitotic = measured["mitotic_phases"]
    right = sum(cell.true == cell.given for cell in cells)
    page.section("Which phase of its cycle is each cell in?")
    page.text(
        "Single cells as an imaging flow cytometer gives them: brightfield, DNA stain, darkfield. "
        f"The model ships with Cellwright ({MODEL}) and has learned from real cells, never from "
        f"these. It gives {right} of {len(cells)} cells their true phase."
    )
    page.table(
        ("sample", "cells", "true mitotic index", "measured", "95 % interval", "truth within"),
        [_row(name, measured["groups"][name], cells, mitotic) for name in _samples(cells)],
        caption="Mitotic index: the share of cells that divide. The interval covers which cells "
        "were looked at, not mistakes of the model",
    )
    confusion = np.zeros((len(PHASES), len(PHASES)), np.int64)
    for cell in cells:
        confusion[PHASES.index(cell.true), PHASES.index(cell.given)] += 1
    page.figure(
        matrix(confusion, PHASES, labels=Labels(x="phase given", y="true phase"), show="counts"),
        caption="Cells by true phase and phase given. On the diagonal they agree.",
        alt="Confusion matrix of phases",
    )
    _pictures(page, out, cells)


def _cells(out: Path) -> list[_Cell]:
    """Every cell that was staged, with the truth."""
    with (out / "cell_cycle" / "cells.csv").open(newline="", encoding="utf-8") as file:
        given = {row["image_id"]: row["class"] for row in csv.DictReader(file)}
    with (out / "simulated/cells/truth.csv").open(newline="", encoding="utf-8") as file:
        return [
            _Cell(row["name"], row["group"], row["phase"], given[row["name"]])
            for row in csv.DictReader(file)
        ]


def _samples(cells: Sequence[_Cell]) -> tuple[str, ...]:
    """The samples in the order in which they were made."""
    return tuple(dict.fromkeys(cell.group for cell in cells))


def _row(
    name: str, found: dict[str, Any], cells: Sequence[_Cell], mitotic: Sequence[str]
) -> tuple[str | int, ...]:
    own = [cell.true in mitotic for cell in cells if cell.group == name]
    true, index = sum(own) / len(own), found["mitotic_index"]
    within = holds(index, true)
    return (name, len(own), percent(true), percent(index["value"]), ends(index), within)


def _pictures(page: Page, out: Path, cells: Sequence[_Cell]) -> None:
    page.text(
        "DNA in magenta over brightfield, by true phase: the more, the brighter. A cell in an "
        "orange frame was given another phase."
    )
    for phase in PHASES:
        own = [cell for cell in cells if cell.true == phase]
        if own:
            right = sum(cell.given == phase for cell in own)
            page.picture(
                _sheet(out / "simulated/cells/images", own),
                caption=f"{phase}: {right} of {len(own)} called so",
            )


def _sheet(images: Path, cells: Sequence[_Cell]) -> NDArray[np.uint8]:
    """uint8 RGB: the first cells, side by side; empty places are grey."""
    tiles = [_tile(images / f"{cell.name}.tif", right=cell.true == cell.given) for cell in cells]
    tiles = tiles[: COLUMNS * ROWS]
    blank = np.full_like(tiles[0], 128)
    tiles += [blank] * (COLUMNS * ROWS - len(tiles))
    return np.vstack(
        [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    )


def _tile(path: Path, *, right: bool) -> NDArray[np.uint8]:
    """One cell, enlarged; framed where its phase was not found."""
    planes = normalise(read_image(path).pixels[:2], SHOWN)
    bright, stain = (cv2.resize(one, None, fx=ZOOM, fy=ZOOM) for one in planes)
    light = 150 * np.repeat(bright[..., None], 3, axis=2)
    picture = np.asarray(np.clip(light + np.clip(stain, 0, 1)[..., None] * STAIN, 0, 255), np.uint8)
    edge, colour = (1, BETWEEN) if right else (3, WRONG)
    picture[:edge] = picture[-edge:] = picture[:, :edge] = picture[:, -edge:] = colour
    return picture
