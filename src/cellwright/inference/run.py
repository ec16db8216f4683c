"""Predict files and folders: a table of cells, a table of images, a picture of each.

An image that cannot be read becomes a row of ``errors.csv`` and the run goes on; a
run that is killed goes on where it stopped when it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cellwright import __version__
from cellwright.bundles.bundle import Bundle
from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.overlay import draw_boxes
from cellwright.images.read import LazyImage, list_images, open_image
from cellwright.images.write import write_png
from cellwright.inference.counts import COUNT_LEVEL, interval_ends
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.predictor import Predictor
from cellwright.inference.run_folder import Existing, Part, Row, RunFolder
from cellwright.inference.source import thinned
from cellwright.types import Boxes, Image

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

OVERLAY_PX = 2000
"""Longest edge of an overlay picture."""


@dataclass(frozen=True)
class RunOptions:
    """What a user may set about a run; part of what must be equal to resume it.

    Attributes:
        pixel_size_um: instead of what the files say.
        scale: how much larger than the training's images these must be drawn: 2 where the
            cells are half as large.
        score_threshold: from which score a box is a cell, instead of the card's thresholds.
    """

    pixel_size_um: float | None = None
    scale: float | None = None
    score_threshold: float | None = None

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

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: ``out`` holds results of another model or other settings.
        BundleError: the bundle cannot be used for detection.
    """
    start = time.perf_counter()
    options = options or RunOptions()
    images = _images(inputs, out)
    predictor = Predictor(bundle, runtime=runtime, threads=threads)
    folder = RunFolder(out, _settings(bundle, predictor, options), existing)
    run = _Run(predictor, folder, options)
    run.all(images, progress)
    folder.write_tables(images, predictor.classes, run.errors)
    return RunSummary(
        out=out,
        n_images=len(images),
        n_resumed=run.n_resumed,
        counts=dict(zip(predictor.classes, run.counts.tolist(), strict=True)),
        errors=run.errors,
        seconds=time.perf_counter() - start,
    )


class _Run:
    """State of one run: what is done so far, and one image being written meanwhile."""

    def __init__(self, predictor: Predictor, folder: RunFolder, options: RunOptions) -> None:
        self._predictor, self._folder, self._options = predictor, folder, options
        self.counts = np.zeros(len(predictor.classes), np.int64)
        self.errors: dict[str, CellwrightError] = {}
        self.n_resumed = 0

    def all(self, images: Sequence[NamedImage], progress: Progress | None) -> None:
        """Do every image; one is drawn and written while the next goes through the network."""
        writing: Future[None] | None = None
        with ThreadPoolExecutor(max_workers=1) as writer:
            for done, image in enumerate(images):
                held = self._folder.load(image)
                if held is not None:
                    self.n_resumed += 1
                    self._add(held)
                else:
                    pending = self._infer(image)
                    if writing is not None:
                        writing.result()
                    writing = pending and writer.submit(self._write, image, *pending)
                if progress is not None:
                    progress(done + 1, len(images))
            if writing is not None:
                writing.result()

    def _infer(self, image: NamedImage) -> tuple[Part, Image, Boxes] | None:
        """Result, picture to draw on and boxes on it; None if the image failed."""
        try:
            with open_image(image.path) as source:
                return self._result(image, source)
        except CellwrightError as error:
            self.errors[image.id] = error
            return None

    def _result(self, image: NamedImage, source: LazyImage) -> tuple[Part, Image, Boxes]:
        start = time.perf_counter()
        pixel_size = self._options.pixel_size_um or source.pixel_size_um
        boxes, ranges, capped = self._cells(source, pixel_size)
        seconds = time.perf_counter() - start
        _, height, width = source.shape
        step = max(1, max(height, width) // OVERLAY_PX)
        picture = thinned(source, step)
        per_class = np.bincount(boxes.class_ids, minlength=len(self._predictor.classes))
        summary: Row = (
            *(image.id, str(image.path), height, width, len(boxes), *per_class.tolist(), *ranges),
            *(pixel_size, int(capped), round(seconds, 3), image.group, image.well, image.field),
        )
        part = Part(summary, cell_rows(boxes, self._predictor.classes, image, pixel_size))
        self._add(part)
        return part, picture, boxes.scaled(1 / step, 1 / step)

    def _cells(self, source: LazyImage, pixel_size_um: float | None) -> tuple[Boxes, Row, bool]:
        """Boxes that count as cells, intervals of the counts, whether the card's cap cut in."""
        predictor, threshold = self._predictor, self._options.score_threshold
        rule = predictor.counting_rule(score_threshold=threshold)
        boxes = predictor.predict(
            source,
            pixel_size_um=pixel_size_um,
            scale=self._options.scale,
            minimum_score=predictor.counting_floor(rule),
        )
        cells = rule(boxes)
        # The interval is about true cells. A count by the user's own threshold need not be in it.
        held = cells if threshold is None else None
        ends = interval_ends(predictor.estimate_counts(boxes), held)
        return cells, ends, predictor.is_capped(boxes)

    def _add(self, part: Part) -> None:
        first = 5  # the counts of the classes follow id, file, height, width and total
        self.counts += np.array(part.summary[first : first + len(self.counts)], np.int64)

    def _write(self, image: NamedImage, part: Part, picture: Image, boxes: Boxes) -> None:
        drawn = draw_boxes(picture, boxes, self._predictor.classes, max_edge=OVERLAY_PX)
        write_png(self._folder.overlay_path(image), np.moveaxis(drawn, 2, 0))
        self._folder.save(image, part)


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
