"""Run the assay over files: segment, draw, write tables and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cellwright.assays.confluence.cover import (
    ConfluenceReport,
    CoveredField,
    pool,
    pool_groups,
)
from cellwright.assays.confluence.report import write_report
from cellwright.assays.confluence.tables import write_tables
from cellwright.assays.inputs import images_among, refuse_predictions
from cellwright.assays.names import ALL_IMAGES, Template, key_of, parse_group, with_groups
from cellwright.assays.tables import RESULTS, LeftOut, all_or_none
from cellwright.bundles.bundle import Bundle
from cellwright.errors import CellwrightError
from cellwright.images.read import RESULT_FOLDERS, open_image
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.run import Progress, RunOptions
from cellwright.inference.run_folder import mark_results
from cellwright.inference.workers import in_order, plan_work

if TYPE_CHECKING:
    from cellwright.inference.segmentation_work import SegmentationWork

DEFAULT_MODEL = "hela-dic"
"""The model of unstained cells that the assay takes where none is named."""


@dataclass(frozen=True)
class ConfluenceSettings:
    """What a user may choose.

    Attributes:
        group: template of what is pooled, such as ``{group}_*``; empty for the well, or
            else the name without its last number.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        options: pixel size, scale and threshold, as for ``predict``.
    """

    group: str = ""
    runtime: str = "auto"
    options: RunOptions = field(default_factory=RunOptions)

    @property
    def group_template(self) -> Template | None:
        """The compiled template of groups."""
        return parse_group(self.group)


def run_confluence(
    inputs: Sequence[Path],
    *,
    bundle: Bundle,
    out: Path,
    settings: ConfluenceSettings | None = None,
    progress: Progress | None = None,
) -> ConfluenceReport:
    """Find the cells of ``inputs`` (files, folders) and write how much they cover.

    ``out`` receives ``report.html``, ``cells.csv``, ``cells.parquet``, ``summary.csv`` (a row
    an image), ``groups.csv``, ``errors.csv``, ``labels/`` and ``overlays/``. An image that
    cannot be used becomes a row of ``errors.csv``; the others are done all the same.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: a pattern is wrong, or ``out`` holds something else.
        BundleError: the bundle cannot be used for segmentation.
    """
    settings = settings or ConfluenceSettings()
    refuse_predictions(out)
    written = [out / folder for folder in RESULT_FOLDERS]
    paths = images_among(inputs, written=written, aim="segment")
    keys = [key_of(path) for path in paths]
    images = with_groups(name_images(paths), keys, template=settings.group_template)
    # scikit-image takes a second to import, and who counts by boxes does without.
    from cellwright.inference.segmentation_work import SegmentationWork  # noqa: PLC0415

    plan = plan_work(len(images), threads=None)
    work = SegmentationWork(
        bundle, settings.options, runtime=settings.runtime, sharing=plan.sharing
    )
    mark_results(out)
    found: list[CoveredField | LeftOut] = []
    for one in in_order(partial(_covered_or_not, work, out), images, workers=plan.workers):
        found.append(one)
        if progress is not None:
            progress(len(found), len(images))
    fields = [one for one in found if isinstance(one, CoveredField)]
    report = ConfluenceReport(
        out=out,
        fields=tuple(fields),
        groups=pool_groups(fields),
        overall=pool(ALL_IMAGES, fields),
        left_out=tuple(one for one in found if isinstance(one, LeftOut)),
    )
    with all_or_none(out, RESULTS):
        write_tables(report, work.columns.cells)
        write_report(report, bundle, runtime=work.runtime)
    return report


def _covered_or_not(work: SegmentationWork, out: Path, image: NamedImage) -> CoveredField | LeftOut:
    """One image; what cannot be used is told and does not stop the others."""
    try:
        return _covered(image, work, out)
    except CellwrightError as error:
        return LeftOut(image.id, str(image.path), error.what, error.remedy)


def _covered(image: NamedImage, work: SegmentationWork, out: Path) -> CoveredField:
    """Segment one image and write its pictures."""
    with open_image(image.path) as source:
        done = work.do(image, source)
    for product in done.products:
        product.write(out / product.folder / f"{image.id}{product.suffix}")
    found = dict(zip(work.columns.summary, done.part.summary, strict=True))
    area = work.columns.cells.index("area")
    pixel_size = found["pixel_size_um"]
    return CoveredField(
        image=image,
        size=(int(found["height"] or 0), int(found["width"] or 0)),
        n_cells=len(done.part.cells),
        covered_px=round(sum(float(row[area] or 0) for row in done.part.cells)),
        pixel_size_um=None if pixel_size is None else float(pixel_size),
        overlay=f"overlays/{image.id}.png" if work.draws else "",
        cells=done.part.cells,
    )
