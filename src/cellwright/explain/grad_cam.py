"""Grad-CAM: where in a picture the evidence for a class lies, for any classification bundle.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, Grad-CAM: Visual Explanations from Deep
Networks via Gradient-based Localization, ICCV 2017, equations 1 and 2. Torch-free: the graph
is cut at its last maps A, and the weight of channel k, the mean over the pixels of
``dy_c / dA_k``, is the slope of the logit y_c along the map of ones in channel k, divided by
the number of pixels. Central differences give it; they are exact where the rest of the
network is linear between the two points, as pooling, dense layers and ReLUs are but for kinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.graph_cut import CutGraph, GraphPart, cut_at_last_maps
from cellwright.errors import BundleError, ImageError, UnknownNameError
from cellwright.images.resize import resize
from cellwright.inference.classifier import (
    OUTPUT,
    Classifier,
    orientations,
    turned_back,
)
from cellwright.inference.crops import extent, shows_one_cell
from cellwright.types import Image, check_image

Map = NDArray[np.float32]

STEP = 1 / 64
"""How far a channel is moved, as a share of the root mean square of the maps: small beside
what makes a ReLU switch, large beside the rounding of float32."""

VALUES_AT_ONCE = 1 << 22
"""Values of maps that go through the head together."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the evidence for one class lies.

    Attributes:
        class_name: the class explained.
        probability: calibrated probability of it, in [0, 1].
        predicted: the most probable class.
        probabilities: of every class, in the model's order.
        unlike: whether the picture looks like nothing the model was trained on.
        map: float32 ``(h, w)`` of equation 2 at the size of the network's maps, >= 0: what
            each place adds to the class's logit. All zero where nothing speaks for the class.
        heat: float32 ``(H, W)``, the same drawn at the size of the picture; 0 where the network
            did not look.
        seen: y0, x0, y1, x1 in pixels of the picture: what the network looked at.
        layer: name of the maps in the graph.
    """

    class_name: str
    probability: float
    predicted: str
    probabilities: tuple[float, ...]
    unlike: bool
    map: Map
    heat: Map
    seen: tuple[int, int, int, int]
    layer: str

    @property
    def empty(self) -> bool:
        """Whether nothing in these maps speaks for the class."""
        return not self.map.any()


def sentences(found: Explanation) -> tuple[str, ...]:
    """What a person must know beside the map."""
    rows, columns = found.map.shape
    lines = [
        f"{found.class_name}: probability {found.probability:.3f}"
        + ("" if found.class_name == found.predicted else f" (most probable: {found.predicted})"),
        f"Grad-CAM at {found.layer}, {columns} x {rows} places",
    ]
    if found.empty:
        lines.append(f"nothing in these maps speaks for {found.class_name}")
    if found.unlike:
        lines.append("unlike the training images: do not trust the class")
    return tuple(lines)


class GradCam:
    """Explains one classification bundle; may be called by several threads at once.

    Attributes:
        classifier: the bundle as it predicts.
        layer: name of the maps that are weighed.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        """Load the bundle's first graph and cut it in two.

        Raises:
            BundleError: the bundle does not classify, is damaged, or its graph has no maps.
        """
        self.classifier = Classifier(bundle, threads=threads)
        bundle.require_pixels("Grad-CAM")
        try:
            self._cut: CutGraph = cut_at_last_maps(bundle.graph(), output=OUTPUT, threads=threads)
        except BundleError as error:
            raise BundleError(error.what, where=bundle.path, remedy=error.remedy) from error
        self.layer = self._cut.layer

    def explain(
        self,
        image: Image,
        *,
        class_name: str | None = None,
        channel_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
        where: object = None,
    ) -> Explanation:
        """Why ``image`` may be of a class.

        Args:
            image: ``(C, H, W)``, as ``predict`` takes it for one cell or one picture.
            class_name: the class to explain; None takes the most probable.
            channel_names: of ``image`` where known.
            pixel_size_um: of ``image`` where known.
            where: the image, for errors.

        Raises:
            UnknownNameError: the model has no such class.
            ImageError: a picture that cannot be used.
        """
        classifier = self.classifier
        if class_name is not None and class_name not in classifier.classes:
            raise UnknownNameError("class", class_name, classifier.classes)
        spec, decoding = classifier.card.input, classifier.decoding
        check_image(image, where=where)
        if not shows_one_cell(image, spec, decoding, pixel_size_um):
            raise ImageError(
                f"{image.shape[2]} x {image.shape[1]} pixels are much more than one cell, which "
                "this model wants",
                where=where,
                remedy="cut the cell out and explain it alone",
            )
        crop = classifier.prepare(
            image, channel_names=channel_names, pixel_size_um=pixel_size_um, where=where
        )[None]
        found = classifier.read(classifier.logits(crop))
        predicted = int(found.class_ids[0])
        class_id = predicted if class_name is None else classifier.classes.index(class_name)
        cam = self._map(crop, class_id)
        seen = self._seen(image, pixel_size_um)
        return Explanation(
            class_name=classifier.classes[class_id],
            probability=float(found.probabilities[0, class_id]),
            predicted=classifier.classes[predicted],
            probabilities=tuple(found.probabilities[0].tolist()),
            unlike=bool(found.unlike[0]),
            map=cam,
            heat=heat_over(cam, seen, (image.shape[1], image.shape[2])),
            seen=seen,
            layer=self.layer,
        )

    def _map(self, crop: NDArray[np.float32], class_id: int) -> Map:
        """Equation 2 of one crop ``(1, C, H, W)``; the mean over the views before the ReLU."""
        views = orientations(crop, self.classifier.decoding.views)
        weighed = []
        for view in views:
            maps = self._cut.trunk(view)[0]
            weights = channel_weights(self._cut.head, maps, class_id)
            weighed.append(np.tensordot(weights, maps.astype(np.float64), axes=1))
        mean = np.mean(turned_back(weighed), axis=0)
        cam: Map = np.maximum(mean, 0).astype(np.float32)
        return cam

    def _seen(self, image: Image, pixel_size_um: float | None) -> tuple[int, int, int, int]:
        decoding = self.classifier.decoding
        sides = (image.shape[1], image.shape[2])
        if decoding.fit == "resize":
            return 0, 0, *sides
        size = extent(self.classifier.card.input, decoding, pixel_size_um)
        y0, x0 = (
            int(np.floor((side - length) / 2 + 0.5))
            for side, length in zip(sides, size, strict=True)
        )
        return y0, x0, y0 + size[0], x0 + size[1]


def channel_weights(
    head: GraphPart, maps: NDArray[np.float32], class_id: int
) -> NDArray[np.float64]:
    """Equation 1: ``(K,)`` mean over the pixels of the slope of a logit by each map.

    Args:
        head: maps ``(N, K, h, w)`` to logits.
        maps: ``(K, h, w)`` where the slope is taken.
        class_id: which logit.
    """
    n_channels, pixels = len(maps), maps[0].size
    scale = float(np.sqrt(np.mean(np.square(maps, dtype=np.float64))))
    step = np.float32(STEP * scale if scale > 0 else STEP)
    at_once = max(1, VALUES_AT_ONCE // (2 * maps.size))
    slopes = []
    for start in range(0, n_channels, at_once):
        channels = np.arange(start, min(start + at_once, n_channels))
        rows = np.arange(len(channels))
        moved = np.repeat(maps[None], 2 * len(channels), axis=0)
        moved[rows, channels] += step
        moved[rows + len(channels), channels] -= step
        up, down = np.split(head(moved)[:, class_id].astype(np.float64), 2)
        slopes.append((up - down) / (2 * float(step)))
    weights: NDArray[np.float64] = np.concatenate(slopes) / pixels
    return weights


def heat_over(cam: Map, seen: tuple[int, int, int, int], size: tuple[int, int]) -> Map:
    """``(H, W)`` of a picture of ``size`` with the map drawn over what was seen."""
    y0, x0, y1, x1 = seen
    height, width = size
    drawn = resize(cam[None], y1 - y0, x1 - x0)[0]
    heat = np.zeros(size, np.float32)
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    heat[top:bottom, left:right] = drawn[top - y0 : bottom - y0, left - x0 : right - x0]
    return heat
