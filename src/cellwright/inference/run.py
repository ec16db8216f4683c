"""Predict files and folders: a table of cells, a table of images, a picture of each.

Several images are in work at once, on this machine (:mod:`cellwright.inference.workers`) or on
those of a Dask cluster (:mod:`cellwright.inference.cluster`). An image that cannot be read
becomes a row of ``errors.csv`` and the run goes on; a run that is killed goes on where it
stopped when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cellwright import __version__
from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import Sharing
from cellwright.errors import CellwrightError, ImageError
from cellwright.images.read import RESULT_FOLDERS, list_images
from cellwright.inference.counts import COUNT_LEVEL
from cellwright.inference.detection_work import DetectionWork
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.label_file import refuse_shared_labels
from cellwright.inference.one_image import Outcome, do_image
from cellwright.inference.run_folder import Existing, RunFolder, refuse_among_images
from cellwright.inference.work import ImageWork, Overlays, RunOptions
from cellwright.inference.workers import WorkPlan, in_order, plan_work

__all__ = [
    "LoadedModel",
    "Overlays",
    "Progress",
    "RunOptions",
    "RunSummary",
    "images_of_run",
    "load_model",
    "predict_files",
]

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

Spread = Callable[["LoadedModel", Sequence[NamedImage], RunFolder], Iterable[Outcome]]
"""Does images somewhere and gives what became of each, in any order."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        out: folder of the tables and overlays.
        n_images: images asked for.
        n_resumed: of these, done by an earlier run and taken over.
        runtime: what ran the model.
        counts: cells of each class over all images.
        errors: image id -> why it could not be done.
        seconds: wall time of this run.
    """

    out: Path
    n_images: int
    n_resumed: int
    runtime: str
    counts: dict[str, int]
    errors: dict[str, CellwrightError]
    seconds: float

    @property
    def n_done(self) -> int:
        """Images with a result."""
        return self.n_images - len(self.errors)


def predict_files(
    inputs: Sequence[Path],
    *,
    bundle: Bundle,
    out: Path,
    runtime: str = "auto",
    threads: int | None = None,
    options: RunOptions | None = None,
    existing: Existing = "resume",
    progress: Progress | None = None,
) -> RunSummary:
    """Predict every image of ``inputs`` (files, folders) and write the tables into ``out``.

    The tables hold the images of this call; pictures and parts of earlier calls stay.

    Args:
        inputs: image files and folders.
        bundle: one that detects, segments or classifies.
        out: folder of the results; made if missing.
        runtime: as for :class:`~cellwright.inference.predictor.Predictor`.
        threads: processor threads, of the network and of all else; None takes all there are.
            With 1, the images are done strictly one after the other.
        options: what a user may set.
        existing: continue what lies in ``out``, or replace it.
        progress: told of every image done.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: ``out`` holds results of another model or other settings, or the images.
        BundleError: the bundle is damaged, or of no known task.
    """
    start = time.perf_counter()
    # Before the model is loaded, so that a wrong path is said at once.
    options = options or RunOptions()
    images = images_of_run(inputs, out, labels_dir=options.labels_dir)
    plan = plan_work(len(images), threads=threads)
    model = load_model(bundle, options, runtime=runtime, plan=plan)
    summary = model.predict(inputs, out, existing=existing, progress=progress)
    return replace(summary, seconds=time.perf_counter() - start)


@dataclass(frozen=True)
class LoadedModel:
    """A bundle ready to predict, for who keeps it loaded from one set of images to the next.

    Attributes:
        work: what is done with each image.
        workers: images in work at once.
        settings: what must be equal to continue an output folder.
    """

    work: ImageWork
    workers: int
    settings: Mapping[str, str | float | None]

    def predict(
        self,
        inputs: Sequence[Path],
        out: Path,
        *,
        existing: Existing = "resume",
        progress: Progress | None = None,
        spread: Spread | None = None,
    ) -> RunSummary:
        """As :func:`predict_files`; ``spread`` says where, None does the images here, in order."""
        start = time.perf_counter()
        labels_dir = self.settings.get("labels_dir")
        images = images_of_run(
            inputs, out, labels_dir=None if labels_dir is None else str(labels_dir)
        )
        folder = RunFolder(out, self.settings, existing)
        tally = _Tally(len(self.work.classes))
        for outcome in (spread or on_this_machine)(self, images, folder):
            tally.add(outcome)
            if progress is not None:
                progress(tally.n_done, len(images))
        folder.write_tables(images, tally.errors, columns=self.work.columns)
        return RunSummary(
            out=out,
            n_images=len(images),
            n_resumed=tally.n_resumed,
            runtime=self.work.runtime,
            counts=dict(zip(self.work.classes, tally.counts.tolist(), strict=True)),
            errors=tally.errors,
            seconds=time.perf_counter() - start,
        )


def on_this_machine(
    model: LoadedModel, images: Sequence[NamedImage], folder: RunFolder
) -> Iterable[Outcome]:
    """The default :data:`Spread`: as many images at once as the processor has use for."""
    return in_order(partial(do_image, model.work, folder), images, workers=model.workers)


def load_model(
    bundle: Bundle, options: RunOptions, *, runtime: str = "auto", plan: WorkPlan
) -> LoadedModel:
    """Load ``bundle`` for as many images at once as ``plan`` says.

    Raises:
        BundleError: the bundle is damaged, or of no known task.
        UnknownNameError: no such runtime.
    """
    work = _work_for(bundle, options, runtime=runtime, sharing=plan.sharing)
    return LoadedModel(work, plan.workers, _settings(bundle, work, options))


class _Tally:
    """What became of the images so far."""

    def __init__(self, n_classes: int) -> None:
        self.counts = np.zeros(n_classes, np.int64)
        self.errors: dict[str, CellwrightError] = {}
        self.n_resumed = 0
        self.n_done = 0

    def add(self, outcome: Outcome) -> None:
        """One image more."""
        if outcome.error is not None:
            self.errors[outcome.image.id] = outcome.error
        else:
            self.counts += np.array(outcome.counts, np.int64)
        self.n_resumed += outcome.resumed
        self.n_done += 1


def _work_for(bundle: Bundle, options: RunOptions, *, runtime: str, sharing: Sharing) -> ImageWork:
    """What a bundle of this task does with an image."""
    if bundle.card.classification is not None:
        options.refuse_detection()
        from cellwright.inference.classification_work import (  # noqa: PLC0415 - as below
            ClassificationWork,
        )

        return ClassificationWork(bundle, options, runtime=runtime, sharing=sharing)
    options.refuse_cells(bundle.card.task)
    if bundle.card.segmentation is None:
        return DetectionWork(bundle, options, runtime=runtime, sharing=sharing)
    # SciPy and scikit-image, which detection does without, take a second to import.
    from cellwright.inference.segmentation_work import SegmentationWork  # noqa: PLC0415

    return SegmentationWork(bundle, options, runtime=runtime, sharing=sharing)


def images_of_run(
    inputs: Sequence[Path], out: Path, *, labels_dir: str | None = None
) -> list[NamedImage]:
    """The images that a run of ``inputs`` into ``out`` does, as it names them.

    Label images and what an earlier run wrote into ``out`` are none of them.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: ``out`` holds the images, or two of them have one label image.
    """
    no_inputs = {(out / folder).absolute() for folder in RESULT_FOLDERS}
    if labels_dir is not None and _lies_in_one(Path(labels_dir), inputs):
        no_inputs.add(Path(labels_dir))
    paths = [path for path in list_images(inputs) if no_inputs.isdisjoint(path.absolute().parents)]
    if not paths:
        raise ImageError("there are no images to predict", remedy="name image files or folders")
    refuse_among_images(inputs, paths, out=out)
    images = name_images(paths)
    if labels_dir is not None:
        refuse_shared_labels(Path(labels_dir), images)
    return images


def _lies_in_one(labels: Path, inputs: Sequence[Path]) -> bool:
    """Whether the search of an input would find the label images; none may lie among them."""
    places = [path.absolute() for path in inputs]
    within = any(labels in (place, *place.parents) for place in places)
    return not within and any(place in labels.parents for place in places)


def _settings(
    bundle: Bundle, work: ImageWork, options: RunOptions
) -> dict[str, str | float | None]:
    return {
        "cellwright": __version__,
        "model": bundle.card.name,
        "model_sha256": bundle.sha256,
        "runtime": work.runtime,
        "count_level": COUNT_LEVEL,
        **asdict(options),
    }
