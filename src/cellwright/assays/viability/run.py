"""Run the assay over files: count, draw, write tables and a report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cellwright.assays.inputs import images_among, refuse_predictions
from cellwright.assays.names import ALL_IMAGES, Template, parse_group
from cellwright.assays.tables import RESULTS, LeftOut, all_or_none
from cellwright.assays.viability.counting import Counting, Field, Finder
from cellwright.assays.viability.counts import (
    CLASSES,
    CountedField,
    ViabilityReport,
    pool,
    pool_groups,
)
from cellwright.assays.viability.field_image import FieldImage, shared_pixel_size
from cellwright.assays.viability.finder import BundleFinder
from cellwright.assays.viability.pairs import Pairs
from cellwright.assays.viability.report import Provenance, write_report
from cellwright.assays.viability.singles import Singles, refuse_pairs
from cellwright.assays.viability.tables import write_tables
from cellwright.bundles.bundle import Bundle
from cellwright.errors import CellwrightError
from cellwright.images.overlay import draw_boxes
from cellwright.images.read import open_image
from cellwright.images.write import write_png
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import Progress, RunOptions
from cellwright.inference.run_folder import mark_results

OVERLAYS = "overlays"


@dataclass(frozen=True)
class ViabilitySettings:
    """What a user may choose.

    Attributes:
        counting: pairs or singles; None takes what the model's classes speak for.
        group: template of what is pooled, such as ``{group}_*``; empty for the well, or
            else the name without its last number.
        runtime: ``auto``, ``onnxruntime`` or ``openvino``.
        options: pixel size, scale and score threshold, as for ``predict``.
    """

    counting: Counting | None = None
    group: str = ""
    runtime: str = "auto"
    options: RunOptions = field(default_factory=RunOptions)

    @property
    def group_template(self) -> Template | None:
        """The compiled template of groups."""
        return parse_group(self.group)


def run_viability(
    inputs: Sequence[Path],
    *,
    bundle: Bundle,
    out: Path,
    settings: ViabilitySettings | None = None,
    progress: Progress | None = None,
) -> ViabilityReport:
    """Count live and dead cells in ``inputs`` (files, folders) and write the results.

    ``out`` receives ``report.html``, ``cells.csv``, ``cells.parquet``, ``summary.csv`` (a
    row an image), ``groups.csv``, ``errors.csv`` and ``overlays/``. A field that cannot be
    counted becomes a row of ``errors.csv``; the others are counted all the same.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: the model does not suit the way of counting, a pattern is wrong, ``out``
            holds something else, or nobody asked for single images and these look like pairs.
        BundleError: the bundle cannot be used for detection.
    """
    settings = settings or ViabilitySettings()
    counting = settings.counting or counting_for(bundle.card.classes)
    counting.check(bundle.card.classes)
    refuse_predictions(out)
    template = settings.group_template
    paths = images_among(inputs, written=[out / OVERLAYS], aim="count")
    if settings.counting is None and isinstance(counting, Singles):
        refuse_pairs(paths)
    fields, left_out = counting.plan(paths, group=template)
    predictor = Predictor(bundle, runtime=settings.runtime)
    finder = BundleFinder(predictor, settings.options)
    mark_results(out)
    counted: list[CountedField] = []
    for done, item in enumerate(fields, start=1):
        try:
            counted.append(_counted(item, counting, finder, out=out, settings=settings))
        except CellwrightError as error:
            left_out.append(_left_out(item, error))
        if progress is not None:
            progress(done, len(fields))
    report = ViabilityReport(
        out=out,
        fields=tuple(counted),
        groups=pool_groups(counted),
        overall=pool(ALL_IMAGES, counted),
        left_out=tuple(left_out),
    )
    provenance = Provenance(bundle, counting.describe(), finder.thresholds, predictor.runtime)
    with all_or_none(out, RESULTS):
        write_tables(report)
        write_report(report, provenance)
    return report


def counting_for(classes: Sequence[str]) -> Counting:
    """The way of counting that a model's classes speak for: live and dead, or else pairs."""
    tells = {name.casefold() for name in classes} >= set(CLASSES)
    return Singles() if tells else Pairs()


def _left_out(item: Field, error: CellwrightError) -> LeftOut:
    """The row of a field; where the error names one of its files, of that file."""
    guilty = next((path for path in item.files if str(path) == error.where), item.files[0])
    return LeftOut(item.image.id, str(guilty), error.what, error.remedy)


def _counted(
    item: Field, counting: Counting, finder: Finder, *, out: Path, settings: ViabilitySettings
) -> CountedField:
    """Count one field and draw its overlay."""
    with ExitStack() as stack:
        images = []
        for path in item.files:
            source = stack.enter_context(open_image(path))
            said = settings.options.pixel_size_um or source.pixel_size_um
            images.append(FieldImage(path, source, said))
        cells = counting.count(images, finder)
        picture, step = counting.picture(images), images[0].step
        pixel_size = shared_pixel_size(images)
    drawn = draw_boxes(picture, cells.boxes.scaled(1 / step, 1 / step), CLASSES)
    overlay = f"{OVERLAYS}/{item.image.id}.png"
    write_png(out / overlay, np.moveaxis(drawn, 2, 0))
    return CountedField(item.image, cells, pixel_size, overlay)
