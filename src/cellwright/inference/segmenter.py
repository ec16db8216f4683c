"""A segmentation bundle at work: an image of any size in, masks or cells in its own pixels out.

The image is seen at the network's magnification on one grid, cut into overlapping tiles that
begin at multiples of the network's stride, and the tiles' probabilities are blended
(:mod:`cellwright.inference.blend`). Rows of tiles are finished one after the other: what is
held of the whole image is at most a class and a probability (two maps where cells are told
apart) a pixel, never all channels in float32.

Padding to the stride mirrors the image, so that the network sees no edge that is not there.
Probabilities are brought to image pixels by interpolation; labels are made there and never
resized.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.bundles.sessions import open_model
from cellwright.errors import BundleError, ConfigError
from cellwright.images.resample import resize_rows
from cellwright.inference.blend import blend_rows
from cellwright.inference.prepare import NetworkView, network_factor
from cellwright.inference.regions import clean_mask, label_regions, lookup
from cellwright.inference.source import PixelSource, as_source
from cellwright.inference.views import mean_logits
from cellwright.inference.watershed import separate_cells
from cellwright.types import Image, Instances, SemanticMask

OUTPUT = "logits"

MAP_TYPE = np.float16
"""Of maps that are held for the whole image: 11 bits of a probability, half the memory."""


class Segmented(NamedTuple):
    """What is known about the pixels of one image.

    Attributes:
        mask: class of each pixel, 0 is background; class k of the model is k + 1.
        cells: the cells, with scores. Where the model tells no touching cells apart, each
            connected region of a class is one.
    """

    mask: SemanticMask
    cells: Instances


class Segmenter:
    """Segments images with one bundle.

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
            bundle: a semantic or instances bundle.
            runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
            threads: processor threads; None lets the runtime choose.
            streams: callers that are served side by side, each with its share of ``threads``.

        Raises:
            BundleError: the bundle does not segment, is damaged, or the runtime refuses it.
            UnknownNameError: no such runtime.
        """
        self.card: Card = bundle.card
        if self.card.segmentation is None:
            raise bundle.of_another_task("segments")
        self._spec: SemanticMasks | DistanceInstances = self.card.segmentation
        self.runtime, self._session = open_model(
            bundle, runtime=runtime, threads=threads, streams=streams
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, without the background."""
        return self.card.classes

    def segment(
        self,
        image: Image | PixelSource,
        *,
        pixel_size_um: float | None = None,
        scale: float | None = None,
    ) -> SemanticMask | Instances:
        """What the bundle's task asks for: a mask, or cells.

        Args:
            image: ``(C, H, W)`` uint8, uint16 or float32, or a lazily read image.
            pixel_size_um: the image's; with the card's it sets the magnification.
            scale: how much larger the image must be drawn than those of the training,
                instead of ``pixel_size_um``.

        Raises:
            ImageError: the image cannot be made to fit the network's channels or scale.
        """
        found = self.segment_fully(image, pixel_size_um=pixel_size_um, scale=scale)
        return found.mask if self.card.task == "semantic" else found.cells

    def segment_fully(
        self,
        image: Image | PixelSource,
        *,
        pixel_size_um: float | None = None,
        scale: float | None = None,
        threshold: float | None = None,
    ) -> Segmented:
        """Mask and cells, whatever the task.

        Args:
            image: as for :meth:`segment`.
            pixel_size_um: as for :meth:`segment`.
            scale: as for :meth:`segment`.
            threshold: probability from which a pixel belongs to a cell, instead of the card's.
        """
        source = as_source(image)
        factor = network_factor(self.card.input, pixel_size_um=pixel_size_um, scale=scale)
        return self._decoded(self._bands(source, factor), source.shape[1:], factor, threshold)

    def segment_with_probabilities(
        self, image: Image | PixelSource, *, pixel_size_um: float | None = None
    ) -> tuple[Segmented, NDArray[np.float32]]:
        """:meth:`segment_fully` and :meth:`probabilities` of one pass through the network.

        Raises:
            ImageError: as :meth:`segment`.
        """
        maps = self.probabilities(image, pixel_size_um=pixel_size_um)
        return self.segment_maps(maps, pixel_size_um=pixel_size_um), maps

    def segment_maps(
        self, maps: NDArray[np.float32], *, pixel_size_um: float | None = None
    ) -> Segmented:
        """:meth:`segment_fully` of an image whose :meth:`probabilities` are known.

        Args:
            maps: ``(K, H, W)``.
            pixel_size_um: of the image.
        """
        factor = network_factor(self.card.input, pixel_size_um=pixel_size_um)
        return self._decoded(iter((maps,)), maps.shape[1:], factor, None)

    def _decoded(
        self,
        bands: Iterator[NDArray[np.float32]],
        shape: tuple[int, int],
        factor: float,
        threshold: float | None,
    ) -> Segmented:
        """Mask and cells out of bands of probabilities."""
        magnification = self._magnification(factor)
        n_classes = len(self.classes)
        spec = (
            self._spec if threshold is None else _with_threshold(self._spec, threshold, n_classes)
        )
        if isinstance(spec, DistanceInstances):
            return _cells_apart(bands, shape, spec, magnification)
        return _masks(bands, shape, spec, n_classes, magnification)

    def magnification(self, pixel_size_um: float | None) -> float:
        """How much larger, in pixels, cells of an image are than in the training images.

        Raises:
            ImageError: the pixel sizes differ more than eightfold.
        """
        return self._magnification(network_factor(self.card.input, pixel_size_um=pixel_size_um))

    def _magnification(self, factor: float) -> float:
        return self.card.input.resize_factor / factor

    def probabilities(
        self,
        image: Image | PixelSource,
        *,
        pixel_size_um: float | None = None,
        scale: float | None = None,
    ) -> NDArray[np.float32]:
        """Every channel of the output as probabilities, ``(K, H, W)`` in image pixels.

        Holds all of them at once: for a picture or a test, not for huge images.

        Raises:
            ImageError: as :meth:`segment`.
        """
        factor = network_factor(self.card.input, pixel_size_um=pixel_size_um, scale=scale)
        return np.concatenate(list(self._bands(as_source(image), factor)), axis=1)

    def network_inputs(
        self, image: Image | PixelSource, *, pixel_size_um: float | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The batches ``(N, C, h, w)`` that the network is fed for ``image``.

        What calibration of a quantized graph and a measurement of speed need.

        Raises:
            ImageError: as :meth:`segment`.
        """
        factor = network_factor(self.card.input, pixel_size_um=pixel_size_um)
        view = NetworkView(as_source(image), self.card.input, factor)
        for row in view.rows:
            yield from view.batches(row)

    def _bands(self, source: PixelSource, factor: float) -> Iterator[NDArray[np.float32]]:
        """Bands ``(K, h, W)`` of probabilities in image pixels, from top to bottom."""
        view = NetworkView(source, self.card.input, factor)
        maps = (
            [tile for batch in view.batches(row) for tile in self._run(batch)] for row in view.rows
        )
        network_bands = _cropped(blend_rows(maps, view.rows, view.columns), view.size)
        _, height, width = source.shape
        return resize_rows(network_bands, view.size, (height, width))

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities ``(N, K, h, w)`` of one batch, over all views that the card asks for."""
        logits = mean_logits(self._logits, batch, views=self._spec.views)
        softmax = isinstance(self._spec, SemanticMasks) and self._spec.activation == "softmax"
        return _softmax(logits) if softmax else np.asarray(expit(logits), np.float32)

    def _logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph says of one batch, ``(N, K, h, w)``."""
        outputs = self._session.run(batch)
        if OUTPUT not in outputs:
            raise BundleError(f"the graph gives no output {OUTPUT!r}, only {', '.join(outputs)}")
        logits = outputs[OUTPUT]
        channels = self._spec.channels(len(self.classes))
        expected = (len(batch), channels, *batch.shape[2:])
        if logits.shape != expected:
            raise BundleError(f"the graph's output is {logits.shape}, not {expected}")
        if not np.isfinite(logits.sum()):
            raise BundleError("the network's output holds values that are not finite")
        return logits


def _with_threshold(
    spec: SemanticMasks | DistanceInstances, threshold: float, n_classes: int
) -> SemanticMasks | DistanceInstances:
    """The card's spec with another probability from which a pixel belongs to a cell.

    Raises:
        ConfigError: the most probable class wins, whatever its probability.
    """
    if isinstance(spec, DistanceInstances):
        return spec.model_copy(update={"foreground_threshold": threshold})
    if spec.activation == "softmax":
        raise ConfigError(
            "this model takes the most probable class of a pixel: there is no threshold to set",
            remedy="leave the threshold out",
        )
    return spec.model_copy(update={"thresholds": (threshold,) * n_classes})


def _cells_apart(
    bands: Iterator[NDArray[np.float32]],
    shape: tuple[int, int],
    spec: DistanceInstances,
    magnification: float,
) -> Segmented:
    """Cells by :func:`~cellwright.inference.watershed.separate_cells`, and their mask."""
    foreground, distance = (np.empty(shape, MAP_TYPE) for _ in range(2))
    class_map: NDArray[np.uint8] | None = None
    for rows, band in _placed(bands):
        foreground[rows], distance[rows] = band[0], band[1]
        if len(band) > 2:
            class_map = np.zeros(shape, np.uint8) if class_map is None else class_map
            class_map[rows] = band[2:].argmax(axis=0)
    cells = separate_cells(
        foreground, distance, spec, magnification=magnification, class_map=class_map
    )
    class_ids = np.zeros(0, np.int64) if cells.class_ids is None else cells.class_ids
    table = np.concatenate([[0], class_ids + 1]).astype(np.uint8)
    return Segmented(SemanticMask(lookup(table, cells.labels)), cells)


def _masks(
    bands: Iterator[NDArray[np.float32]],
    shape: tuple[int, int],
    spec: SemanticMasks,
    n_classes: int,
    magnification: float,
) -> Segmented:
    """The mask, cleaned, and its connected regions as cells."""
    mask, probability = np.empty(shape, np.uint8), np.empty(shape, MAP_TYPE)
    for rows, band in _placed(bands):
        mask[rows], probability[rows] = _classified(band, spec, n_classes)
    cleaned = clean_mask(
        mask,
        minimum_area_px=spec.minimum_area_px * magnification**2,
        fill_holes_px=spec.fill_holes_px * magnification**2,
    )
    found = SemanticMask(cleaned)
    return Segmented(found, label_regions(found, probability))


def _cropped(
    bands: Iterator[NDArray[np.float32]], size: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """Bands without what lies beyond the image."""
    height, width = size
    y = 0
    for band in bands:
        inside = band[:, : height - y, :width]
        y += band.shape[1]
        yield inside


def _placed(
    bands: Iterator[NDArray[np.float32]],
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Bands with the rows that they are."""
    y = 0
    for band in bands:
        yield slice(y, y + band.shape[1]), band
        y += band.shape[1]


def _classified(
    band: NDArray[np.float32], spec: SemanticMasks, n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Class ids and the probability of the class, each ``(h, W)``, of one band.

    Where no sigmoid class reaches its threshold, the probability is that of the likeliest one.
    """
    if spec.activation == "softmax":
        return band.argmax(axis=0).astype(np.uint8), band.max(axis=0)
    limits = np.array(spec.class_thresholds(n_classes), np.float32)[:, None, None]
    eligible = np.where(band >= limits, band, -1)
    best = eligible.argmax(axis=0)
    chosen = eligible.max(axis=0)
    mask = np.where(chosen >= 0, best + 1, 0).astype(np.uint8)
    # A more probable class may be below a threshold of its own: its probability is not the score.
    return mask, np.where(chosen >= 0, chosen, band.max(axis=0))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
