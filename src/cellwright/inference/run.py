"""Predict files and folders: a table of cells, a table of images, a picture of each.

Several images are in work at once (:mod:`cellwright.inference.workers`). An image that
cannot be read becomes a row of ``errors.csv`` and the run goes on; a run that is killed
goes on where it stopped when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np

from cellwright import __version__
from cellwright.bundles.bundle import Bundle
from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.overlay import draw_boxes
from cellwright.images.read import LazyImage, list_images, open_image, values_held_open
from cellwright.images.write import write_png
from cellwright.inference.counts import COUNT_LEVEL, interval_ends
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.predictor import Predictor
from cellwright.inference.run_folder import Existing, Part, Row, RunFolder
from cellwright.inference.source import thinned
from cellwright.inference.workers import in_order, plan_work
from cellwright.types import Boxes, Image

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

OVERLAY_PX = 2000
"""Longest edge of an overlay picture."""

LARGE_VALUES = 1 << 26
"""Of images that hold more values than this in memory while open, one at a time is in work."""

Overlays = Literal["draw", "none"]


@dataclass(frozen=True)
class RunOptions:
    """What a user may set about a run; part of what must be equal to resume it.

    Attributes:
        pixel_size_um: instead of what the files say.
        scale: how much larger than the training's images these must be drawn: 2 where the
            cells are half as large.
        score_threshold: from which score a box is a cell, instead of the card's thresholds.
        overlays: whether to draw a picture of each image with its cells.
    """

    pixel_size_um: float | None = None
    scale: float | None = None
    score_threshold: float | None = None
    overlays: Overlays = "draw"

    def __post_init__(self) -> None:
        if self.pixel_size_um is not None and not self.pixel_size_um > 0:
            raise ConfigError(f"pixel size must be above 0 µm, not {self.pixel_size_um}")
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            raise ConfigError(f"the score threshold must lie in 0..1, not {self.score_threshold}")


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
        bundle: a detection bundle.
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
        BundleError: the bundle cannot be used for detection.
    """
    start = time.perf_counter()
    options = options or RunOptions()
    images = _images(inputs, out)
    plan = plan_work(len(images), threads=threads)
    predictor = Predictor(
        bundle, runtime=runtime, threads=plan.sharing.threads, streams=plan.sharing.streams
    )
    folder = RunFolder(out, _settings(bundle, predictor, options), existing)
    run = _Run(predictor, folder, options)
    run.all(images, workers=plan.workers, progress=progress)
    folder.write_tables(images, predictor.classes, run.errors)
    return RunSummary(
        out=out,
        n_images=len(images),
        n_resumed=run.n_resumed,
        counts=dict(zip(predictor.classes, run.counts.tolist(), strict=True)),
        errors=run.errors,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Outcome:
    """What became of one image: its part, or why there is none."""

    image: NamedImage
    part: Part | None = None
    error: CellwrightError | None = None
    resumed: bool = False


class _Run:
    """State of one run. Workers do images; only :meth:`all` changes the state."""

    def __init__(self, predictor: Predictor, folder: RunFolder, options: RunOptions) -> None:
        self._predictor, self._folder, self._options = predictor, folder, options
        self._one_large = Lock()
        self.counts = np.zeros(len(predictor.classes), np.int64)
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
                part, boxes = self._result(image, source)
                drawn = self._drawn(source, boxes)
        except CellwrightError as error:
            return _Outcome(image, error=error)
        # A folder that cannot be written is no fault of the image: that ends the run.
        if drawn is not None:
            write_png(self._folder.overlay_path(image), drawn)
        self._folder.save(image, part)
        return _Outcome(image, part)

    def _turn(self, path: Path) -> AbstractContextManager[object]:
        """Lets only one image in that takes much memory."""
        return self._one_large if values_held_open(path) > LARGE_VALUES else nullcontext()

    def _result(self, image: NamedImage, source: LazyImage) -> tuple[Part, Boxes]:
        start = time.perf_counter()
        pixel_size = self._options.pixel_size_um or source.pixel_size_um
        boxes, ranges, capped = self._cells(source, pixel_size)
        seconds = time.perf_counter() - start
        _, height, width = source.shape
        per_class = np.bincount(boxes.class_ids, minlength=len(self._predictor.classes))
        summary: Row = (
            *(image.id, str(image.path), height, width, len(boxes), *per_class.tolist(), *ranges),
            *(pixel_size, int(capped), round(seconds, 3), image.group, image.well, image.field),
        )
        return Part(summary, cell_rows(boxes, self._predictor.classes, image, pixel_size)), boxes

    def _drawn(self, source: LazyImage, boxes: Boxes) -> Image | None:
        """``(3, h, w)`` uint8 picture of the image with its cells, where one is wanted."""
        if self._options.overlays == "none":
            return None
        step = max(1, max(source.shape[1:]) // OVERLAY_PX)
        picture, placed = thinned(source, step), boxes.scaled(1 / step, 1 / step)
        drawn = draw_boxes(picture, placed, self._predictor.classes, max_edge=OVERLAY_PX)
        return np.moveaxis(drawn, 2, 0)

    def _cells(self, source: LazyImage, pixel_size_um: float | None) -> tuple[Boxes, Row, bool]:
        """Boxes that count as cells, intervals of the counts, whether the card's cap cut in."""
        predictor = self._predictor
        rule = predictor.counting_rule(score_threshold=self._options.score_threshold)
        boxes = predictor.predict(
            source,
            pixel_size_um=pixel_size_um,
            scale=self._options.scale,
            minimum_score=predictor.counting_floor(rule),
        )
        cells = rule(boxes)
        ends = interval_ends(predictor.estimate_counts(boxes, rule), cells)
        return cells, ends, predictor.is_capped(boxes)

    def _add(self, part: Part) -> None:
        first = 5  # the counts of the classes follow id, file, height, width and total
        self.counts += np.array(part.summary[first : first + len(self.counts)], np.int64)


def cell_rows(
    boxes: Boxes, classes: Sequence[str], image: NamedImage, pixel_size_um: float | None
) -> list[Row]:
    """Rows of ``cells.csv`` (:data:`~cellwright.inference.run_folder.CELL_COLUMNS`)."""
    scores = np.zeros(len(boxes)) if boxes.scores is None else boxes.scores
    um2 = None if pixel_size_um is None else pixel_size_um**2
    rows: list[Row] = []
    for index, (box, centre, area) in enumerate(
        zip(
            boxes.xyxy.astype(float).round(2).tolist(),
            boxes.centres_xy.astype(float).round(2).tolist(),
            boxes.areas_px2.astype(float).round(2).tolist(),
            strict=True,
        )
    ):
        x0, y0, x1, y1 = box
        rows.append(
            (
                *(image.id, index + 1, classes[boxes.class_ids[index]]),
                *(round(float(scores[index]), 4), y0, x0, y1, x1, centre[1], centre[0], area),
                None if um2 is None else round(area * um2, 4),
                *(image.group, image.well, image.field),
            )
        )
    return rows


def _images(inputs: Sequence[Path], out: Path) -> list[NamedImage]:
    """The inputs by name, without what an earlier run wrote into ``out``."""
    written = (out / "overlays").absolute()
    paths = [path for path in list_images(inputs) if written not in path.absolute().parents]
    if not paths:
        raise ImageError("there are no images to predict", remedy="name image files or folders")
    return name_images(paths)


def _settings(
    bundle: Bundle, predictor: Predictor, options: RunOptions
) -> dict[str, str | float | None]:
    return {
        "cellwright": __version__,
        "model": bundle.card.name,
        "model_sha256": bundle.sha256,
        "runtime": predictor.runtime,
        "count_level": COUNT_LEVEL,
        **asdict(options),
    }
