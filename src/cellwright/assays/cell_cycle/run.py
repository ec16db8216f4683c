"""Run the assay over files: stage every cell, write tables and a report.

The cells are staged by the same run as ``cellwright predict``, which can be killed and started
again, and whose ``cells.csv`` holds a row for every cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cellwright.assays.cell_cycle.phases import (
    CellCycleReport,
    PooledPhases,
    StagedImage,
    mitotic_phases,
    pool,
    pool_groups,
)
from cellwright.assays.cell_cycle.report import write_report
from cellwright.assays.inputs import grouped_images, pooled_with
from cellwright.assays.names import ALL_IMAGES, parse_group
from cellwright.assays.tables import (
    Row,
    all_or_none,
    read_left_out,
    value_and_ends,
    write_groups,
)
from cellwright.bundles.bundle import Bundle
from cellwright.images.csv_table import read_csv, write_csv
from cellwright.inference.identity import NamedImage
from cellwright.inference.run import Progress, RunOptions, predict_files
from cellwright.inference.run_folder import POOLED, Existing


@dataclass(frozen=True)
class CellCycleSettings:
    """What a user may choose.

    Attributes:
        group: template of what is pooled, such as ``{group}_*``; empty for the well, or else the
            name without its last number.
        mitotic: classes that count as mitosis; empty for those whose name says it.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        options: pixel size, and where the cells are, as for ``predict``.
    """

    group: str = ""
    mitotic: tuple[str, ...] = ()
    runtime: str = "auto"
    options: RunOptions = field(default_factory=RunOptions)


def run_cell_cycle(
    inputs: Sequence[Path],
    *,
    bundle: Bundle,
    out: Path,
    settings: CellCycleSettings | None = None,
    existing: Existing = "resume",
    progress: Progress | None = None,
) -> CellCycleReport:
    """Stage the cells of ``inputs`` (files, folders) and write how they divide among the phases.

    ``out`` receives ``report.html``, ``cells.csv`` (a row a cell), ``summary.csv`` (a row an
    image), ``groups.csv``, ``errors.csv`` and, where images hold several cells, ``overlays/``.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: a pattern or phase is wrong, or ``out`` holds something else.
        BundleError: the bundle cannot be used for classification.
    """
    settings = settings or CellCycleSettings()
    if bundle.card.classification is None:
        raise bundle.of_another_task("classifies")
    phases = bundle.card.classes
    mitotic = mitotic_phases(phases, settings.mitotic)
    template = parse_group(settings.group)
    labels_dir = settings.options.labels_dir
    pooled_as = grouped_images(inputs, out, template, labels_dir=labels_dir)
    done = predict_files(
        inputs,
        bundle=bundle,
        out=out,
        runtime=settings.runtime,
        options=settings.options,
        existing=existing,
        progress=progress,
    )
    with all_or_none(out, POOLED):
        report = _report(out, phases, mitotic, pooled_as)
        pooled = (*report.groups, report.overall)
        write_csv(out / "groups.csv", group_columns(phases), (_group_row(one) for one in pooled))
        write_report(report, bundle, runtime=done.runtime)
    return report


def _report(
    out: Path,
    phases: tuple[str, ...],
    mitotic: tuple[str, ...],
    pooled_as: Mapping[str, NamedImage],
) -> CellCycleReport:
    """Pool the images that the run of ``predict`` left."""
    rows = read_csv(out / "summary.csv")
    images = tuple(_image(row, pooled_with(pooled_as, row["image_id"]), phases) for row in rows)
    write_groups(out, {one.image_id: one.group for one in images})
    return CellCycleReport(
        out=out,
        phases=phases,
        mitotic=mitotic,
        images=images,
        groups=pool_groups(images, phases, mitotic),
        overall=pool(ALL_IMAGES, images, phases, mitotic),
        left_out=read_left_out(out),
    )


def group_columns(phases: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``groups.csv``, 95 % intervals; its last row pools all images."""
    figures = (*phases, "mitotic_index", "unlike")
    return (
        *("group", "n_images", "n_cells", *(f"n_{name}" for name in phases)),
        *(f"{name}{end}" for name in figures for end in ("", "_low", "_high")),
    )


def _group_row(pooled: PooledPhases) -> Row:
    counts: list[int] = list(pooled.counts.values())
    return (
        *(pooled.name, pooled.n_images, pooled.n_cells),
        *counts,
        *value_and_ends(*pooled.shares.values(), pooled.mitotic_index, pooled.unlike),
    )


def _image(row: Mapping[str, str], group: str, phases: Sequence[str]) -> StagedImage:
    return StagedImage(
        image_id=row["image_id"],
        group=group,
        counts=tuple(int(row[f"n_{phase}"]) for phase in phases),
        n_unlike=int(row["n_unlike"]),
    )
