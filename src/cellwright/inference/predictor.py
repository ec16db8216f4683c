"""A bundle at work: an image of any size in, scored boxes in its own pixels out.

The image is cut into overlapping tiles, tiles of one shape go through the network
together, and their boxes are merged over the seams. Nothing is capped below the
card's ``max_detections`` and the number of boxes that an end-to-end graph can give;
reaching either is logged, and said with the boxes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card, Decoding, DenseBoxes, InputSpec
from cellwright.bundles.sessions import open_model
from cellwright.images.normalise import PADDING, apply_limits
from cellwright.images.resize import adapt_channels, resize
from cellwright.images.tiles import Tile, plan_tiles
from cellwright.inference.counting_rule import CardRule
from cellwright.inference.counts import CountEstimates, estimate_counts
from cellwright.inference.decode import decode, is_full
from cellwright.inference.nms import Scope
from cellwright.inference.prepare import BATCH_PIXELS, MAX_BATCH, network_factor
from cellwright.inference.source import PixelSource, adapted_limits, as_source
from cellwright.inference.stitch import merge, own_boxes
from cellwright.inference.views import Maps, averaged
from cellwright.types import Boxes, Image

SEAM_MARGIN = 1 / 8
"""How far two tiles may disagree about a cell's centre, as a share of their overlap."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Ranking(Boxes):
    """Scored boxes of one image, strongest first.

    Attributes:
        capped: a limit of the card or of the graph was reached, so that some may be missing.
    """

    capped: bool = False


class Predictor:
    """Detects cells with one bundle.

    Attributes:
        card: the bundle's card.
        runtime: the runtime in use, by its name in :mod:`cellwright.bundles.sessions`.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        runtime: str = "auto",
        threads: int | None = None,
        streams: int = 1,
    ) -> None:
        """Load the bundle's first graph.

        Args:
            bundle: a detection bundle.
            runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
            threads: processor threads; None lets the runtime choose.
            streams: callers of :meth:`predict` that are served side by side, each with its
                share of ``threads``; more wait for each other within the network.

        Raises:
            BundleError: the bundle does not detect, is damaged, or the runtime refuses it.
            UnknownNameError: no such runtime.
        """
        self.card: Card = bundle.card
        if self.card.decoding is None:
            raise bundle.of_another_task("detects cells")
        self._decoding: Decoding = self.card.decoding
        self.runtime, self._session = open_model(
            bundle, runtime=runtime, threads=threads, streams=streams
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; ``class_ids`` of predictions index into them."""
        return self.card.classes

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """``(K,)`` score from which a box of each class counts as a cell."""
        return np.array(self._decoding.thresholds(len(self.classes)), np.float32)

    def predict(
        self,
        image: Image | PixelSource,
        *,
        pixel_size_um: float | None = None,
        scale: float | None = None,
        minimum_score: float | None = None,
    ) -> Ranking:
        """All boxes at or above ``minimum_score``, strongest first, in image pixels.

        A ranked list of hypotheses: a cell may be in it once a class, as average precision
        wants. :meth:`count_boxes` says which of them are cells.

        Args:
            image: ``(C, H, W)`` uint8, uint16 or float32, or a lazily read image.
            pixel_size_um: the image's; with the card's it sets the magnification.
            scale: how much larger the image must be drawn than those of the training, so that
                cells have the same size: 2 where they are half as large; instead of
                ``pixel_size_um``.
            minimum_score: default and lower limit is the card's.

        Raises:
            ImageError: the image cannot be made to fit the network's channels or scale.
        """
        source = as_source(image)
        spec, decoding = self.card.input, self._decoding
        factor = network_factor(spec, pixel_size_um=pixel_size_um, scale=scale)
        floor = max(minimum_score or 0.0, decoding.minimum_score)
        margin = SEAM_MARGIN * spec.overlap_px / factor
        parts: list[tuple[Tile, Boxes]] = []
        capped = False
        for tiles, regions in self._prepared(source, factor):
            outputs = self._answer(_as_batch(regions, spec.multiple))
            found = decode(outputs, decoding.output, minimum_score=floor)
            capped |= is_full(outputs, decoding.output, minimum_score=floor)
            for tile, region, boxes in zip(tiles, regions, found, strict=True):
                placed = _placed(boxes, tile, region.shape)
                parts.append((tile, own_boxes(placed, tile, margin=margin)))
        if capped:
            _log.warning("the graph gave all the boxes it can: cells beyond them are missing")
        boxes = merge(parts, decoding, margin=margin)
        if len(boxes) >= decoding.max_detections:
            _log.warning("%d boxes found, the card keeps %d", len(boxes), decoding.max_detections)
            boxes = boxes.select(np.arange(decoding.max_detections))
            capped = True
        _, height, width = source.shape
        boxes = boxes.clipped(height, width)
        return Ranking(boxes.xyxy, boxes.class_ids, boxes.scores, capped)

    def network_inputs(
        self, image: Image | PixelSource, *, pixel_size_um: float | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The batches ``(N, C, h, w)`` that :meth:`predict` feeds the network for ``image``.

        What calibration of a quantized graph and a measurement of speed need: the very
        normalisation, scale, tiles and padding of a prediction.

        Raises:
            ImageError: as :meth:`predict`.
        """
        spec = self.card.input
        factor = network_factor(spec, pixel_size_um=pixel_size_um)
        for _, regions in self._prepared(as_source(image), factor):
            yield _as_batch(regions, spec.multiple)

    def counting_rule(
        self,
        *,
        score_threshold: float | Sequence[float] | None = None,
        scope: Scope | None = None,
    ) -> CardRule:
        """What counts as a cell.

        Args:
            score_threshold: one, or one a class, instead of the card's.
            scope: whether a cell has one class only, instead of what the card says.
        """
        if isinstance(score_threshold, (int, float)):
            score_threshold = (score_threshold,) * len(self.classes)
        limits = self.thresholds.tolist() if score_threshold is None else score_threshold
        decoding = self._decoding
        return CardRule(tuple(limits), scope or decoding.nms_scope, decoding.nms_iou)

    def count_boxes(
        self,
        boxes: Boxes,
        *,
        score_threshold: float | Sequence[float] | None = None,
        scope: Scope | None = None,
    ) -> Boxes:
        """Those of :meth:`predict`'s ``boxes`` that are cells; see :meth:`counting_rule`."""
        return self.counting_rule(score_threshold=score_threshold, scope=scope)(boxes)

    def counting_floor(self, rule: CardRule) -> float:
        """The lowest score that a count by ``rule`` and its estimate look at."""
        calibration = self.card.calibration
        floors = () if calibration is None else (calibration.minimum_score,)
        return min(*rule.thresholds, *floors, 1.0)

    def estimate_counts(self, boxes: Boxes, rule: CardRule) -> CountEstimates:
        """How many cells there truly are, from the whole ranked list of :meth:`predict`.

        It must reach down to :meth:`counting_floor`. Nothing is known without a calibration
        in the card, of a list that the card's cap cut, and of counts by other thresholds.
        """
        asked = rule.thresholds == tuple(self.thresholds.tolist()) and not self.is_capped(boxes)
        calibration = self.card.calibration if asked else None
        return estimate_counts(boxes, calibration, len(self.classes))

    def is_capped(self, boxes: Boxes) -> bool:
        """Whether ``boxes`` of :meth:`predict` reached a cap, so that some may be missing."""
        return len(boxes) >= self._decoding.max_detections or (
            isinstance(boxes, Ranking) and boxes.capped
        )

    def _answer(self, batch: NDArray[np.float32]) -> Maps:
        """The network's outputs, over all views that the card asks for."""
        output = self._decoding.output
        if not isinstance(output, DenseBoxes):
            return self._session.run(batch)
        return averaged(self._session.run, batch, output, views=self._decoding.views)

    def _prepared(
        self, source: PixelSource, factor: float
    ) -> Iterator[tuple[list[Tile], list[NDArray[np.float32]]]]:
        """Runs of tiles that go through the network together, with their pixels for it."""
        spec = self.card.input
        limits = adapted_limits(source, spec.channels, spec.normalisation)
        for tiles in _batches(_plan(source, spec, factor), factor):
            yield tiles, [self._network_input(source, tile, factor, limits) for tile in tiles]

    def _network_input(
        self, source: PixelSource, tile: Tile, factor: float, limits: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """float32 ``(C, h, w)`` of one tile at network magnification."""
        pixels = source.read_region(tile.y0, tile.x0, tile.y1, tile.x1)
        channels = self.card.input.channels
        # Channels are left out before and repeated after the work that is done on each.
        if len(pixels) > channels:
            pixels = adapt_channels(pixels, channels, where=None)
        shape = _network_shape(tile, factor)
        if shape != pixels.shape[1:]:
            pixels = resize(pixels, *shape)
        return apply_limits(adapt_channels(pixels, channels, where=None), limits)


def _plan(source: PixelSource, spec: InputSpec, factor: float) -> list[Tile]:
    """Tiles in image pixels whose network shape is at most ``tile_px``, as few as suffice."""
    _, height, width = source.shape
    overlap = int(np.ceil(spec.overlap_px / factor))
    edges = [_fitted_edge(length * factor, spec) for length in (height, width)]
    return plan_tiles(height, width, tile_px=int(max(edges) / factor), overlap_px=overlap)


def _fitted_edge(length: float, spec: InputSpec) -> float:
    """Smallest tile edge that covers ``length`` with no more tiles than ``tile_px`` needs."""
    if length <= spec.tile_px:
        return spec.tile_px
    count = np.ceil((length - spec.overlap_px) / (spec.tile_px - spec.overlap_px))
    edge = (length + (count - 1) * spec.overlap_px) / count
    # One image pixel's worth more, since tiles are cut at whole image pixels.
    return float(min(np.ceil((edge + 2) / spec.multiple) * spec.multiple, spec.tile_px))


def _network_shape(tile: Tile, factor: float) -> tuple[int, int]:
    height, width = tile.y1 - tile.y0, tile.x1 - tile.x0
    return max(1, round(height * factor)), max(1, round(width * factor))


def _batches(tiles: Sequence[Tile], factor: float) -> Iterator[list[Tile]]:
    """Runs of tiles of one network shape, within :data:`MAX_BATCH` and :data:`BATCH_PIXELS`."""
    for (height, width), alike in groupby(tiles, key=lambda tile: _network_shape(tile, factor)):
        run = list(alike)
        size = max(1, min(MAX_BATCH, BATCH_PIXELS // (height * width)))
        for start in range(0, len(run), size):
            yield run[start : start + size]


def _as_batch(regions: Sequence[NDArray[np.float32]], multiple: int) -> NDArray[np.float32]:
    """float32 ``(N, C, h, w)`` of regions of one shape, h and w multiples of ``multiple``."""
    padded = [_padded(region, multiple) for region in regions]
    return padded[0][None] if len(padded) == 1 else np.stack(padded)


def _padded(region: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """Grown right and down to multiples with the padding that training uses."""
    _, height, width = region.shape
    down, right = -height % multiple, -width % multiple
    if not down and not right:
        return region
    return np.pad(region, ((0, 0), (0, down), (0, right)), constant_values=PADDING)


def _placed(boxes: Boxes, tile: Tile, shape: tuple[int, ...]) -> Boxes:
    """Boxes of a tile's network input, moved to image pixels."""
    _, height, width = shape
    fx, fy = (tile.x1 - tile.x0) / width, (tile.y1 - tile.y0) / height
    return boxes.scaled(fx, fy).shifted(tile.x0, tile.y0)
