"""Run the assay over files: count, measure and call, write tables and a report.

A run that is killed goes on where it stopped when it is started again, as ``predict`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright import __version__
from cellwright.assays.inputs import grouped_images, pooled_with
from cellwright.assays.leukemia.calls import NOTE, Caller
from cellwright.assays.leukemia.counts import (
    LeukemiaReport,
    SmearImage,
    pool,
    pool_groups,
)
from cellwright.assays.leukemia.heat import write_maps
from cellwright.assays.leukemia.report import write_report
from cellwright.assays.leukemia.smear_work import SmearWork, leukemic_column
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
from cellwright.inference.run import LoadedModel, Progress
from cellwright.inference.run_folder import POOLED, Existing
from cellwright.inference.work import Overlays
from cellwright.inference.workers import plan_work


@dataclass(frozen=True)
class LeukemiaSettings:
    """What a user may choose.

    Attributes:
        group: template of what is pooled, such as ``{group}_*``; empty for the well, or else the
            name without its last number.
        blasts: the model's classes that are blasts, or leukemic fields; empty for those whose
            name says it.
        pixel_size_um: instead of what the files say.
        overlays: whether to draw a picture of each image with its cells.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
    """

    group: str = ""
    blasts: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    overlays: Overlays = "draw"
    runtime: str = "auto"


def run_leukemia(
    inputs: Sequence[Path],
    *,
    out: Path,
    bundle: Bundle | None = None,
    settings: LeukemiaSettings | None = None,
    existing: Existing = "resume",
    progress: Progress | None = None,
) -> LeukemiaReport:
    """Count and measure the cells of ``inputs`` (files, folders) and call them by ``bundle``.

    ``out`` receives ``report.html``, ``cells.csv`` (a row a white cell), ``summary.csv`` (a row
    an image), ``groups.csv``, ``errors.csv``, ``labels/`` and ``overlays/``.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: a pattern or class is wrong, or ``out`` holds something else.
        BundleError: the bundle does not classify.
    """
    settings = settings or LeukemiaSettings()
    pooled_as = grouped_images(inputs, out, parse_group(settings.group))
    plan = plan_work(len(pooled_as), threads=None)
    caller = None
    if bundle is not None:
        caller = Caller(
            bundle, named=settings.blasts, runtime=settings.runtime, threads=plan.sharing.threads
        )
    work = SmearWork(caller, pixel_size_um=settings.pixel_size_um, overlays=settings.overlays)
    LoadedModel(work, plan.workers, _held_to(bundle, caller, settings)).predict(
        inputs, out, existing=existing, progress=progress
    )
    with all_or_none(out, POOLED):
        report = _report(out, caller, pooled_as)
        write_csv(out / "groups.csv", GROUP_COLUMNS, _group_rows(report))
        explained = ""
        if bundle is not None and caller is not None and settings.overlays == "draw":
            files = {name: one.path for name, one in pooled_as.items()}
            size = settings.pixel_size_um
            explained = write_maps(report, files, bundle=bundle, caller=caller, pixel_size_um=size)
        write_report(report, bundle, runtime=work.runtime, explained=explained)
    return report


def _report(
    out: Path, caller: Caller | None, pooled_as: Mapping[str, NamedImage]
) -> LeukemiaReport:
    """Pool the images that the run of ``predict`` left."""
    asked = None if caller is None else caller.asked
    rows = read_csv(out / "summary.csv")
    images = tuple(_image(row, pooled_with(pooled_as, row["image_id"]), caller) for row in rows)
    write_groups(out, {one.image_id: one.group for one in images})
    return LeukemiaReport(
        out=out,
        asked=asked,
        leukemic=() if caller is None else caller.leukemic,
        images=images,
        groups=pool_groups(images),
        overall=pool(ALL_IMAGES, images),
        left_out=read_left_out(out),
    )


GROUP_COLUMNS = (
    *("group", "n_images", "n_white", "n_red", "n_called", "n_leukemic"),
    *(f"{name}{end}" for name in ("white_per_red", "leukemic_share", "unlike")
      for end in ("", "_low", "_high")),
    *("against_marks", "note"),
)  # fmt: skip
"""Columns of ``groups.csv``, 95 % intervals; its last row pools all images."""


def _group_rows(report: LeukemiaReport) -> Iterator[Row]:
    """The rows of the groups and of all images; the marks are of cells, not of fields."""
    for pooled in (*report.groups, report.overall):
        told = report.asked != "fields" or pooled.verdict == "abstained"
        yield (
            *(pooled.name, pooled.n_images, pooled.n_white, pooled.n_red),
            *(pooled.n_called, pooled.n_leukemic),
            *value_and_ends(pooled.white_per_red, pooled.leukemic, pooled.unlike),
            *(pooled.verdict if told else None, NOTE),
        )


def _held_to(
    bundle: Bundle | None, caller: Caller | None, settings: LeukemiaSettings
) -> dict[str, str | float | None]:
    """What must be equal for an earlier run to be continued."""
    return {
        "cellwright": __version__,
        "assay": "leukemia",
        "model_sha256": None if bundle is None else bundle.sha256,
        "runtime": None if caller is None else caller.runtime,
        "leukemic": None if caller is None else ", ".join(caller.leukemic),
        "pixel_size_um": settings.pixel_size_um,
        "overlays": settings.overlays,
    }


def _image(row: Mapping[str, str], group: str, caller: Caller | None) -> SmearImage:
    column = None
    if caller is not None and caller.asked == "fields":
        column = leukemic_column(caller.classes)
    return SmearImage(
        image_id=row["image_id"],
        group=group,
        n_white=int(row["n_white"]),
        n_red=int(row["n_red"]),
        n_asked=int(row["n_asked"]),
        n_unlike=int(row["n_unlike"]),
        n_leukemic=int(row["n_leukemic"]),
        probability=None if column is None else float(row[column]),
    )
