"""Run the assay over files: count, measure and call, write tables and a report.

A run that is killed goes on where it stopped when it is started again, as ``predict`` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright import __version__
from cellwright.assays.leukemia.calls import NOTE, Asked, Caller
from cellwright.assays.leukemia.counts import (
    LeukemiaReport,
    PooledSmears,
    SmearImage,
    pool,
    pool_groups,
)
from cellwright.assays.leukemia.heat import write_maps
from cellwright.assays.leukemia.report import write_report
from cellwright.assays.leukemia.smear_work import SmearWork
from cellwright.assays.names import ALL_IMAGES, Template, parse_group, rows_with_groups
from cellwright.assays.tables import (
    Row,
    all_or_none,
    read_left_out,
    value_and_ends,
    write_groups,
)
from cellwright.bundles.bundle import Bundle
from cellwright.images.csv_table import read_csv, write_csv
from cellwright.images.read import list_images
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
    template = parse_group(settings.group)
    plan = plan_work(len(list_images(inputs)), threads=None)
    caller = None
    if bundle is not None:
        caller = Caller(
            bundle, named=settings.blasts, runtime=settings.runtime, threads=plan.sharing.threads
        )
    work = SmearWork(caller, pixel_size_um=settings.pixel_size_um, overlays=settings.overlays)
    LoadedModel(work, plan.workers, _held_to(bundle, caller, settings)).predict(
        inputs, out, existing=existing, progress=progress
    )
    asked = None if caller is None else caller.asked
    images = _images(out, asked, template)
    write_groups(out, {one.image_id: one.group for one in images})
    report = LeukemiaReport(
        out=out,
        asked=asked,
        leukemic=() if caller is None else caller.leukemic,
        images=images,
        groups=pool_groups(images),
        overall=pool(ALL_IMAGES, images),
        left_out=read_left_out(out),
    )
    with all_or_none(out, POOLED):
        pooled = (*report.groups, report.overall)
        write_csv(out / "groups.csv", GROUP_COLUMNS, (_group_row(one) for one in pooled))
        explained = ""
        if bundle is not None and caller is not None and settings.overlays == "draw":
            explained = _maps(report, bundle, caller, settings.pixel_size_um)
        write_report(report, bundle, runtime=work.runtime, explained=explained)
    return report


GROUP_COLUMNS = (
    *("group", "n_images", "n_white", "n_red", "n_called", "n_leukemic"),
    *(f"{name}{end}" for name in ("white_per_red", "leukemic_share", "unlike")
      for end in ("", "_low", "_high")),
    *("against_marks", "note"),
)  # fmt: skip
"""Columns of ``groups.csv``, 95 % intervals; its last row pools all images."""


def _maps(
    report: LeukemiaReport, bundle: Bundle, caller: Caller, pixel_size_um: float | None
) -> str:
    """Draw what the model looked at, or say why not."""
    out = report.out
    files = {row["image_id"]: Path(row["file"]) for row in read_csv(out / "summary.csv")}
    return write_maps(
        out, report.images, files, bundle=bundle, caller=caller, pixel_size_um=pixel_size_um
    )


def _group_row(pooled: PooledSmears) -> Row:
    return (
        *(pooled.name, pooled.n_images, pooled.n_white, pooled.n_red),
        *(pooled.n_called, pooled.n_leukemic),
        *value_and_ends(pooled.white_per_red, pooled.leukemic, pooled.unlike),
        *(pooled.verdict, NOTE),
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


def _images(out: Path, asked: Asked | None, template: Template | None) -> tuple[SmearImage, ...]:
    """The images that the run left, and what each is pooled with."""
    rows = read_csv(out / "summary.csv")
    return tuple(_image(row, group, asked) for row, group in rows_with_groups(rows, template))


def _image(row: Mapping[str, str], group: str, asked: Asked | None) -> SmearImage:
    return SmearImage(
        image_id=row["image_id"],
        group=group,
        n_white=int(row["n_white"]),
        n_red=int(row["n_red"]),
        n_asked=int(row["n_asked"]),
        n_unlike=int(row["n_unlike"]),
        n_leukemic=int(row["n_leukemic"]),
        probability=float(row["p_leukemic"]) if asked == "fields" else None,
    )
