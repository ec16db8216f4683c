"""The vocabulary every room of Cellwright speaks: samples, annotations, predictions.

A prediction has the type of the annotation it is compared with, plus ``scores``,
so that a metric compares like with like. All types are frozen, hold NumPy arrays
and check shapes when they are made.

Coordinates: ``xyxy`` boxes are in pixels of the image they belong to, x to the
right and y down, measured on pixel *edges*: the box of a single pixel at row 2,
column 5 is ``(5, 2, 6, 3)``. An image is ``(C, H, W)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellwright.errors import AnnotationError, ImageError

Image: TypeAlias = NDArray[Any]
"""``(C, H, W)`` array of uint8, uint16 or float32."""

IMAGE_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Boxes:
    """Axis-aligned boxes of one image.

    Attributes:
        xyxy: float32 ``(N, 4)``, pixel-edge coordinates, ``x1 <= x2`` and ``y1 <= y2``.
        class_ids: int64 ``(N,)``, index into the class names of the set or bundle.
        scores: float32 ``(N,)`` in [0, 1] for predictions, None for annotations.
    """

    xyxy: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        xyxy = np.asarray(self.xyxy, dtype=np.float32)
        if xyxy.size == 0:
            xyxy = xyxy.reshape(0, 4)
        class_ids = np.asarray(self.class_ids, dtype=np.int64).reshape(-1)
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise AnnotationError(f"boxes must have shape (N, 4), not {xyxy.shape}")
        if len(class_ids) != len(xyxy):
            raise AnnotationError(f"{len(xyxy)} boxes but {len(class_ids)} class ids")
        if not np.isfinite(xyxy).all():
            raise AnnotationError("box coordinates must be finite numbers")
        if len(xyxy) and (xyxy[:, :2] > xyxy[:, 2:]).any():
            raise AnnotationError("boxes must have x1 <= x2 and y1 <= y2")
        if len(class_ids) and class_ids.min() < 0:
            raise AnnotationError(f"class ids must be >= 0, found {class_ids.min()}")
        object.__setattr__(self, "xyxy", _frozen(xyxy))
        object.__setattr__(self, "class_ids", _frozen(class_ids))
        if self.scores is not None:
            scores = np.asarray(self.scores, dtype=np.float32).reshape(-1)
            if len(scores) != len(xyxy):
                raise AnnotationError(f"{len(xyxy)} boxes but {len(scores)} scores")
            object.__setattr__(self, "scores", _frozen(scores))

    @classmethod
    def empty(cls, *, scored: bool = False) -> Boxes:
        """No boxes at all; ``scored`` gives an empty prediction instead of an annotation."""
        scores = np.zeros(0, np.float32) if scored else None
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), scores)

    @classmethod
    def concatenate(cls, parts: Sequence[Boxes]) -> Boxes:
        """All boxes of ``parts`` in order; scored only if every part is scored."""
        if not parts:
            return cls.empty()
        scores = [part.scores for part in parts if part.scores is not None]
        return cls(
            np.concatenate([part.xyxy for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate(scores) if len(scores) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.xyxy)

    def select(self, index: NDArray[Any]) -> Boxes:
        """The boxes a boolean mask or integer index picks, in its order."""
        scores = None if self.scores is None else self.scores[index]
        return Boxes(self.xyxy[index], self.class_ids[index], scores)

    def shifted(self, dx: float, dy: float) -> Boxes:
        """The same boxes moved by (dx, dy) pixels."""
        offset = np.array([dx, dy, dx, dy], np.float32)
        return Boxes(self.xyxy + offset, self.class_ids, self.scores)

    def scaled(self, fx: float, fy: float) -> Boxes:
        """The same boxes in an image resized by ``fx`` across and ``fy`` down."""
        factor = np.array([fx, fy, fx, fy], np.float32)
        return Boxes(self.xyxy * factor, self.class_ids, self.scores)

    def clipped(self, height: int, width: int) -> Boxes:
        """The same boxes cut at the image border; none is removed."""
        limit = np.array([width, height, width, height], np.float32)
        return Boxes(np.clip(self.xyxy, 0, limit), self.class_ids, self.scores)

    @property
    def widths_px(self) -> NDArray[np.float32]:
        """``(N,)`` box widths in pixels."""
        return self.xyxy[:, 2] - self.xyxy[:, 0]

    @property
    def heights_px(self) -> NDArray[np.float32]:
        """``(N,)`` box heights in pixels."""
        return self.xyxy[:, 3] - self.xyxy[:, 1]

    @property
    def areas_px2(self) -> NDArray[np.float32]:
        """``(N,)`` box areas in square pixels."""
        return self.widths_px * self.heights_px

    @property
    def centres_xy(self) -> NDArray[np.float32]:
        """``(N, 2)`` box centres."""
        return (self.xyxy[:, :2] + self.xyxy[:, 2:]) * np.float32(0.5)


@dataclass(frozen=True, eq=False)
class Instances:
    """One labelled object a positive integer.

    Attributes:
        labels: int32 ``(H, W)``; 0 is background, objects are 1..n without gaps.
        class_ids: int64 ``(n,)``, class of object ``i + 1``; all zero when there is one class.
        scores: float32 ``(n,)`` for predictions, None for annotations.
    """

    labels: NDArray[np.int32]
    class_ids: NDArray[np.int64] | None = None
    scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 2:
            raise AnnotationError(f"a label image must have shape (H, W), not {labels.shape}")
        if not np.issubdtype(labels.dtype, np.integer):
            raise AnnotationError(f"a label image must hold integers, not {labels.dtype}")
        present = present_labels(labels)
        if len(present) and (present[0] < 0 or present[-1] != len(present)):
            raise AnnotationError(
                f"labels must be 1..n without gaps, not {len(present)} up to {present[-1]}",
                remedy="relabel with Instances.from_labels",
            )
        class_ids = np.zeros(len(present), np.int64) if self.class_ids is None else self.class_ids
        class_ids = np.asarray(class_ids, dtype=np.int64).reshape(-1)
        if len(class_ids) != len(present):
            raise AnnotationError(f"{len(present)} objects but {len(class_ids)} class ids")
        object.__setattr__(self, "labels", _frozen(labels.astype(np.int32, copy=False)))
        object.__setattr__(self, "class_ids", _frozen(class_ids))
        if self.scores is not None:
            scores = np.asarray(self.scores, dtype=np.float32).reshape(-1)
            if len(scores) != len(present):
                raise AnnotationError(f"{len(present)} objects but {len(scores)} scores")
            object.__setattr__(self, "scores", _frozen(scores))

    @classmethod
    def from_labels(cls, labels: ArrayLike) -> Instances:
        """Instances from any label image of whole numbers from 0: gaps in them are closed.

        Raises:
            AnnotationError: no whole numbers, or one below 0, which is neither background nor
                an object.
        """
        array = _whole_numbers(np.asarray(labels))
        present = present_labels(array)
        if len(present) and present[0] < 0:
            raise AnnotationError(
                f"a label image must hold numbers from 0, not {present[0]}",
                remedy="make what is no object 0, the background",
            )
        order = np.searchsorted(present, array) + 1
        return cls(np.where(array == 0, 0, order).astype(np.int32))

    def __len__(self) -> int:
        return 0 if self.class_ids is None else len(self.class_ids)

    def boxes(self) -> Boxes:
        """The tight box of every object, in label order."""
        count = len(self)
        rows, columns = np.nonzero(self.labels)
        index = self.labels[rows, columns] - 1
        xyxy = np.empty((count, 4), np.float32)
        xyxy[:, :2], xyxy[:, 2:] = np.inf, -np.inf
        for axis, values in ((0, columns), (1, rows)):
            np.minimum.at(xyxy[:, axis], index, values)
            np.maximum.at(xyxy[:, axis + 2], index, values + 1)
        class_ids = np.zeros(count, np.int64) if self.class_ids is None else self.class_ids
        return Boxes(xyxy, class_ids, self.scores)

    def centroids(self) -> NDArray[np.float64]:
        """Mean row and column of every object's pixels, in label order: ``(n, 2)``.

        Pixels count from 0 by their index, as in scikit-image: an object that is the one pixel
        (3, 4) lies at 3, 4, while its box, which counts pixel edges, is centred on 3.5, 4.5.
        """
        places = np.nonzero(self.labels)
        index = self.labels[places] - 1
        areas = np.bincount(index, minlength=len(self))
        sums = [np.bincount(index, axis, minlength=len(self)) for axis in places]
        return np.asarray(np.stack(sums, axis=1) / areas[:, None], np.float64)


@dataclass(frozen=True, eq=False)
class SemanticMask:
    """One class a pixel: ``mask`` is uint8 ``(H, W)`` holding class ids."""

    mask: NDArray[np.uint8]

    def __post_init__(self) -> None:
        mask = np.asarray(self.mask)
        if mask.ndim != 2:
            raise AnnotationError(f"a mask must have shape (H, W), not {mask.shape}")
        if mask.size and (mask.min() < 0 or mask.max() > 255):
            raise AnnotationError(f"mask values must be 0..255, found up to {mask.max()}")
        object.__setattr__(self, "mask", _frozen(mask.astype(np.uint8, copy=False)))


@dataclass(frozen=True)
class Category:
    """The class of a whole image; ``probabilities`` ``(K,)`` where it is a prediction.

    Raises:
        AnnotationError: a probability that is NaN or infinite, of which no figure could be made.
    """

    class_id: int
    probabilities: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.probabilities is not None and not all(map(isfinite, self.probabilities)):
            raise AnnotationError(f"a probability is no finite number: {self.probabilities}")


Annotation: TypeAlias = Boxes | Instances | SemanticMask | Category


def kind_in_words(annotation: Annotation | None) -> str:
    """What an annotation is, for a sentence.

    >>> kind_in_words(Category(3))
    'the class of an image'
    """
    words = {
        Boxes: "boxes",
        Instances: "single cells (instances)",
        SemanticMask: "a mask of classes",
        Category: "the class of an image",
    }
    return "no label" if annotation is None else words[type(annotation)]


def boxes_of(annotation: Annotation | None, *, where: object) -> Boxes:
    """The boxes an annotation holds; instances count as their tight boxes.

    Raises:
        AnnotationError: it holds neither, or nobody annotated the image.
    """
    if isinstance(annotation, Instances):
        return annotation.boxes()
    if isinstance(annotation, Boxes):
        return annotation
    if annotation is None:
        raise AnnotationError("nobody labelled this image", where=where)
    raise AnnotationError(
        f"a detector needs boxes or instances, not {kind_in_words(annotation)}", where=where
    )


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with what is known about it.

    Attributes:
        image: ``(C, H, W)`` uint8, uint16 or float32.
        annotation: what a person (or simulation) says is there; None if unlabelled.
        id: unique in its set, for instance the file's stem.
        group: what must not be split (patient, well, slide, series).
        pixel_size_um: edge length of a pixel in micrometres, None if unknown.
        channel_names: one name a channel, or empty.
    """

    image: Image
    annotation: Annotation | None
    id: str
    group: str
    pixel_size_um: float | None = None
    channel_names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        check_image(self.image, where=self.id)
        if self.channel_names and len(self.channel_names) != self.image.shape[0]:
            raise ImageError(
                f"{self.image.shape[0]} channels but {len(self.channel_names)} channel names",
                where=self.id,
            )
        if self.pixel_size_um is not None and not self.pixel_size_um > 0:
            raise ImageError(f"pixel size must be > 0 µm, not {self.pixel_size_um}", where=self.id)


def _whole_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    """A label image in integers; some programs keep them as floats."""
    kind = labels.dtype.kind
    if kind in "iu":
        return labels
    if kind == "f" and (labels == np.round(labels)).all() and np.isfinite(labels).all():
        return labels.astype(np.int64)
    if kind == "b":
        raise AnnotationError(
            "a mask says where cells are, not which pixel is of which cell",
            remedy="number them first, for instance with skimage.measure.label",
        )
    raise AnnotationError(f"a label image must hold whole numbers, not {labels.dtype}")


def present_labels(labels: NDArray[Any]) -> NDArray[np.int64]:
    """The values other than 0 that occur in a label image, rising."""
    if labels.size and labels.min() >= 0 and labels.max() < labels.size:
        # Marking is several times faster than sorting, and labels are dense as a rule. In
        # portions, because NumPy widens what it indexes with.
        seen, flat = np.zeros(int(labels.max()) + 1, bool), labels.ravel()
        for start in range(0, flat.size, 1 << 22):
            seen[flat[start : start + (1 << 22)]] = True
        values: NDArray[np.int64] = np.flatnonzero(seen)
    else:
        values = np.unique(labels).astype(np.int64)
    positive: NDArray[np.int64] = values[values != 0]
    return positive


def check_image(image: Image, *, where: object = None) -> None:
    """Refuse anything that is not a finite (C, H, W) image of a supported type.

    Raises:
        ImageError: wrong number of axes, type, an empty axis, or values that are not finite.
    """
    if image.ndim != 3:
        raise ImageError(f"an image must have shape (C, H, W), not {image.shape}", where=where)
    if image.dtype not in IMAGE_DTYPES:
        raise ImageError(
            f"pixels of type {image.dtype} are not supported",
            where=where,
            remedy="convert to uint8, uint16 or float32",
        )
    if 0 in image.shape:
        raise ImageError(f"an axis of the image is empty: {image.shape}", where=where)
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise ImageError("the image holds NaN or infinite pixels", where=where)
