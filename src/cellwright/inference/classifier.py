"""Runs a classification bundle on crops: class, calibrated probability, likeness to training.

Torch-free. A graph is fed the crops themselves, or what the card says is measured of them.
Several orientations of a crop may be averaged (``views`` of the card); the mean
logits are divided by the card's temperature before the softmax, and crops whose energy lies
above the card's threshold are marked as unlike anything the model was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.bundles.sessions import open_model
from cellwright.errors import BundleError
from cellwright.inference.crops import prepare_crop
from cellwright.types import Category, Image

if TYPE_CHECKING:
    from cellwright.features.extractors import Extractor

OUTPUT = "logits"
BATCH = 128
"""Crops that go through the network at once."""


@dataclass(frozen=True, eq=False)
class Classified:
    """What a model says of N crops.

    Attributes:
        probabilities: float64 ``(N, K)``, rows sum to 1.
        energies: float64 ``(N,)``; high where no class is clear.
        unlike: bool ``(N,)``; all False where the card has no threshold.
    """

    probabilities: NDArray[np.float64]
    energies: NDArray[np.float64]
    unlike: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """``(N,)`` the most probable class of each."""
        ids: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return ids

    def categories(self) -> list[Category]:
        """The same, one value a crop, as metrics take them."""
        return [Category(int(row.argmax()), tuple(row.tolist())) for row in self.probabilities]


class Classifier:
    """A loaded classification bundle; may be called by several threads at once.

    Attributes:
        card: of the bundle.
        classes: class names.
        runtime: the runtime in use.
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
            bundle: a classification bundle.
            runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
            threads: processor threads; None lets the runtime choose.
            streams: callers that are served side by side.

        Raises:
            BundleError: the bundle does not classify, is damaged, or the runtime refuses it.
            UnknownNameError: no such runtime.
        """
        self.card: Card = bundle.card
        if self.card.classification is None:
            raise bundle.of_another_task("classifies")
        self.decoding: ClassProbabilities = self.card.classification
        self.classes = self.card.classes
        self._extractor = _extractor_of(bundle)
        self.runtime, self._session = open_model(
            bundle, runtime=runtime, threads=threads, streams=streams
        )

    def prepare(
        self,
        image: Image,
        *,
        channel_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
        where: object = None,
    ) -> NDArray[np.float32]:
        """One cell's picture as network input; see :func:`.crops.prepare_crop`."""
        return prepare_crop(
            image,
            self.card.input,
            self.decoding,
            channel_names=channel_names,
            pixel_size_um=pixel_size_um,
            where=where,
        )

    def classify(
        self,
        images: Sequence[Image],
        *,
        channel_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
    ) -> Classified:
        """Class and probabilities of single-cell pictures, any size, in order.

        Raises:
            ImageError: a picture that cannot be used.
        """
        crops = [
            self.prepare(
                image,
                channel_names=channel_names,
                pixel_size_um=pixel_size_um,
                where=f"crop {index + 1}",
            )
            for index, image in enumerate(images)
        ]
        return self.classify_prepared(crops)

    def classify_prepared(self, crops: Sequence[NDArray[np.float32]]) -> Classified:
        """:meth:`classify` of what :meth:`prepare` gave, one ``(C, *crop_px)`` a cell."""
        shape = (0, self.card.input.channels, *self.decoding.crop_px)
        return self.read(self.logits(np.stack(crops) if crops else np.zeros(shape, np.float32)))

    def network_inputs(
        self,
        image: Image,
        *,
        channel_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """The batch ``(views, C, *crop_px)`` that the network is fed for one cell's picture.

        What calibration of a quantized graph and a measurement of speed need.

        Raises:
            ImageError: a picture that cannot be used.
        """
        crop = self.prepare(image, channel_names=channel_names, pixel_size_um=pixel_size_um)
        yield np.concatenate(orientations(crop[None], self.decoding.views))

    def logits(self, crops: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64 ``(N, K)`` of prepared crops ``(N, C, *crop_px)``, mean over the views."""
        parts = [
            np.mean(
                [
                    self.decide(self.fed(view))
                    for view in orientations(crops[start : start + BATCH], self.decoding.views)
                ],
                axis=0,
            )
            for start in range(0, len(crops), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)))

    def fed(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graph takes of prepared crops: themselves, or ``(N, columns)`` measurements."""
        if self._extractor is None:
            return np.ascontiguousarray(crops)
        return self._extractor.table(crops)

    def decide(self, batch: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64 ``(N, K)`` logits of what the graph takes."""
        return self._session.run(batch)[OUTPUT].astype(np.float64)

    def read(self, logits: NDArray[np.float64]) -> Classified:
        """Logits ``(N, K)`` as probabilities and marks, by the card."""
        temperature = self.decoding.temperature
        energies = -temperature * log_sum_exp(logits / temperature)
        unlike = np.zeros(len(logits), bool)
        if self.decoding.unlike is not None:
            unlike = energies > self.decoding.unlike.threshold
        return Classified(softmax(logits / temperature), energies, unlike)


def _extractor_of(bundle: Bundle) -> Extractor | None:
    """What measures the crops; None where the graph takes pixels.

    Raises:
        BundleError: measurements that this version does not know, or knows otherwise.
    """
    card = bundle.card
    wanted = None if card.classification is None else card.classification.features
    if wanted is None:
        return None
    # Segmentation of smears comes with it: a second that a network need not wait for.
    from cellwright.features.extractors import EXTRACTORS, channels_as_named  # noqa: PLC0415

    found = EXTRACTORS.get(wanted.kind)
    names = channels_as_named(card.input.channels, card.input.channel_names)
    if found is None or found.columns(names) != wanted.columns:
        raise BundleError(
            f"it is fed {len(wanted.columns)} measurements of kind {wanted.kind!r}, which this "
            "Cellwright does not make in this way",
            where=bundle.path,
            remedy="use the Cellwright that it was made with, or train it again",
        )
    return found


def orientations(crops: NDArray[np.float32], views: int) -> list[NDArray[np.float32]]:
    """The crops ``(N, C, H, W)`` as they are, or in all eight orientations of a square."""
    if views == 1:
        return [crops]
    turned = [np.rot90(crops, quarter, axes=(2, 3)) for quarter in range(4)]
    return [*turned, *(one[..., ::-1] for one in turned)]


def turned_back(maps: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Maps ``(..., h, w)`` of the views of :func:`orientations`, as they lie in the crop itself."""
    if len(maps) == 1:
        return list(maps)
    unmirrored = [*maps[:4], *(one[..., ::-1] for one in maps[4:])]
    return [np.rot90(one, -index % 4, axes=(-2, -1)) for index, one in enumerate(unmirrored)]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of ``(N, K)`` logits to probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def log_sum_exp(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N,)`` logarithm of the sum of exponentials of each row."""
    top = logits.max(axis=1, initial=-np.inf)
    total: NDArray[np.float64] = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return total
