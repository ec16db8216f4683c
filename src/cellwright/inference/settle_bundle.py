"""A trained bundle with thresholds, and mirror images to average, chosen anew on labelled images.

Nothing is trained: the graph and its test tensors stay. For a model of masks or cells that
meets another microscope, or that may take longer for better outlines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.bundles.bundle import Bundle, open_bundle, write_bundle
from cellwright.bundles.card import Card, Evaluation
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import BundleError, DatasetError
from cellwright.inference.calibrate import MIN_IMAGES
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.inference.segmentation_thresholds import settle
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.views import Views


@dataclass(frozen=True)
class SettleJob:
    """What to choose by, and what to look at afterwards.

    Attributes:
        chosen_on: labelled images that thresholds are chosen on.
        chosen_on_name: those in words, for the card.
        reported: other labelled images by their words, looked at once, when all is chosen.
        views: mirror images that a prediction averages over; None leaves what the card says.
        runtime: that answers; ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        threads: processor threads; None lets the runtime choose.
        command: how it was typed, for the card.
    """

    chosen_on: LabelledSet
    chosen_on_name: str
    reported: Mapping[str, LabelledSet]
    views: Views | None = None
    runtime: str = "auto"
    threads: int | None = None
    command: str = ""


def settle_bundle(bundle: Bundle, job: SettleJob, *, out: Path) -> Bundle:
    """Choose thresholds, measure, and write the bundle; its name is that of the file.

    Raises:
        BundleError: the bundle does not segment.
        DatasetError: fewer than :data:`~cellwright.inference.calibrate.MIN_IMAGES` images, or
            labels whose class the model does not know.
        AnnotationError: labels of another kind or size than the image.
    """
    _check(bundle, job)
    settled = replace(bundle, card=_settled(bundle, job))
    looked_at = {job.chosen_on_name: job.chosen_on, **job.reported}
    evaluations = tuple(
        Evaluation.of(
            evaluate_segmentation(settled, part, runtime=job.runtime, threads=job.threads), name
        )
        for name, part in looked_at.items()
    )
    card = settled.card.model_copy(update={"name": out.stem, "evaluations": evaluations})
    graphs = {entry.file: bundle.graph(entry) for entry in card.graphs}
    return open_bundle(write_bundle(out, card, graphs, bundle.tests))


def _check(bundle: Bundle, job: SettleJob) -> None:
    if bundle.card.segmentation is None:
        raise BundleError(
            f"this is a model for {bundle.card.task}; thresholds of masks and cells are chosen",
            where=bundle.path,
        )
    if len(job.chosen_on) < MIN_IMAGES:
        raise DatasetError(
            f"{len(job.chosen_on)} images are too few to choose thresholds on",
            where=job.chosen_on.name,
            remedy=f"give at least {MIN_IMAGES} labelled images",
        )


def _settled(bundle: Bundle, job: SettleJob) -> Card:
    """The card with its views and, chosen with them, its thresholds."""
    card, spec = bundle.card, bundle.card.segmentation
    if spec is not None and job.views is not None:
        card = card.model_copy(
            update={"segmentation": spec.model_copy(update={"views": job.views})}
        )
    segmenter = Segmenter(replace(bundle, card=card), runtime=job.runtime, threads=job.threads)
    training = card.training.model_copy(update={"settled": job.command})
    return card.model_copy(
        update={"segmentation": settle(segmenter, job.chosen_on), "training": training}
    )
