"""Predict files and folders: a table of cells, a table of images, a picture of each.

Several images are in work at once (:mod:`cellwright.inference.workers`). An image that
cannot be read becomes a row of ``errors.csv`` and the run goes on; a run that is killed
goes on where it stopped when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from cellwright import __version__
from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import Sharing
from cellwright.errors import CellwrightError, ImageError
from cellwright.images.read import list_images, open_image, values_held_open
from cellwright.inference.counts import COUNT_LEVEL
from cellwright.inference.detection_work import DetectionWork
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.run_folder import Existing, Part, RunFolder
from cellwright.inference.work import PRODUCT_FOLDERS, ImageWork, Overlays, RunOptions
from cellwright.inference.workers import WorkPlan, in_order, plan_work

__all__ = [
    "LoadedModel",
    "Overlays",
    "Progress",
    "RunOptions",
    "RunSummary",
    "load_model",
    "predict_files",
]

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

LARGE_VALUES = 1 << 26
"""Of images that hold more values than this in memory while open, one at a time is in work."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        out: folder of the tables and overlays.
        n_images: images asked for.
        n_resumed: of these, done by an earlier run and taken over.
        counts: cells of each class over all images.
        errors: image id -> why it could not be done.
        seconds: wall time of this run.
    """

    out: Path
    n_images: int
    n_resumed: int
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
        progress: told of every image done, in order.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: ``out`` holds results of another model or other settings.
        BundleError: the bundle is damaged, or of no known task.
    """
    start = time.perf_counter()
    # Before the model is loaded, so that a wrong path is said at once.
    plan = plan_work(len(_images(inputs, out)), threads=threads)
    model = load_model(bundle, options or RunOptions(), runtime=runtime, plan=plan)
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
    ) -> RunSummary:
        """As :func:`predict_files`."""
        start = time.perf_counter()
        images = _images(inputs, out)
        folder = RunFolder(out, self.settings, existing)
        run = _Run(self.work, folder)
        run.all(images, workers=self.workers, progress=progress)
        folder.write_tables(images, run.errors, columns=self.work.columns)
        return RunSummary(
            out=out,
            n_images=len(images),
            n_resumed=run.n_resumed,
            counts=dict(zip(self.work.classes, run.counts.tolist(), strict=True)),
            errors=run.errors,
            seconds=time.perf_counter() - start,
        )


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


@dataclass(frozen=True)
class _Outcome:
    """What became of one image: its part, or why there is none."""

    image: NamedImage
    part: Part | None = None
    error: CellwrightError | None = None
    resumed: bool = False


class _Run:
    """State of one run. Workers do images; only :meth:`all` changes the state."""

    def __init__(self, work: ImageWork, folder: RunFolder) -> None:
        self._work, self._folder = work, folder
        self._one_large = Lock()
        self.counts = np.zeros(len(work.classes), np.int64)
        self.errors: dict[str, CellwrightError] = {}
        self.n_resumed = 0

    def all(self, images: Sequence[NamedImage], *, workers: int, progress: Progress | None) -> None:
        """Do every image, ``workers`` at once."""
        for done, outcome in enumerate(in_order(self._one, images, workers=workers)):
            if outcome.error is not None:
                self.errors[outcome.image.id] = outcome.error
            if outcome.part is not None:
                self._add(outcome.part)
            self.n_resumed += outcome.resumed
            if progress is not None:
                progress(done + 1, len(images))

    def _one(self, image: NamedImage) -> _Outcome:
        """Read, predict, draw and keep one image, unless an earlier run has."""
        held = self._folder.load(image)
        if held is not None:
            return _Outcome(image, held, resumed=True)
        try:
            with self._turn(image.path), open_image(image.path) as source:
                done = self._work.do(image, source)
        except CellwrightError as error:
            return _Outcome(image, error=error)
        # A folder that cannot be written is no fault of the image: that ends the run.
        for product in done.products:
            product.write(self._folder.out / product.folder / f"{image.id}{product.suffix}")
        self._folder.save(image, done.part)
        return _Outcome(image, done.part)

    def _turn(self, path: Path) -> AbstractContextManager[object]:
        """Lets only one image in that takes much memory."""
        return self._one_large if values_held_open(path) > LARGE_VALUES else nullcontext()

    def _add(self, part: Part) -> None:
        first = 5  # the counts of the classes follow id, file, height, width and total
        self.counts += np.array(part.summary[first : first + len(self.counts)], np.int64)


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


def _images(inputs: Sequence[Path], out: Path) -> list[NamedImage]:
    """The inputs by name, without what an earlier run wrote into ``out``."""
    written = {(out / folder).absolute() for folder in PRODUCT_FOLDERS}
    paths = [path for path in list_images(inputs) if written.isdisjoint(path.absolute().parents)]
    if not paths:
        raise ImageError("there are no images to predict", remedy="name image files or folders")
    return name_images(paths)


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
