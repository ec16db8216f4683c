"""How the output of a network that segments becomes masks or single cells.

Two layouts, told apart by ``kind``: a class for each pixel, or a distance in each cell whose
maxima are the cells. Part of the card (:mod:`cellwright.bundles.card`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SemanticMasks(_Frozen):
    """Output ``logits`` float32 ``(N, K, H, W)``: each pixel's class.

    Attributes:
        activation: ``sigmoid`` where each of K classes is its own yes or no; ``softmax`` where
            channel 0 is the background and the classes follow it.
        thresholds: for ``sigmoid``, the probability from which a pixel belongs to a class, one
            a class; empty means 0.5 for all. Among classes above theirs the most probable wins.
        minimum_area_px: connected regions smaller than this many image pixels are removed.
        fill_holes_px: holes up to this many image pixels inside a region are filled.
        background: what class 0 is called. Where every pixel of the labels has a class, it is
            the first of them, which then is no region and no cell, but counts in ``miou``.
        views: 2 averages the logits of an image and of its mirror image, 4 also of both upside
            down; each costs a pass through the network.

    Image pixels are those of the training images; where an image is known to have another
    pixel size, lengths and areas follow it.
    """

    kind: Literal["semantic_masks"] = "semantic_masks"
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    minimum_area_px: int = Field(default=0, ge=0)
    fill_holes_px: int = Field(default=0, ge=0)
    background: str = Field(default="background", min_length=1)
    views: Literal[1, 2, 4] = 1

    @model_validator(mode="after")
    def _softmax_has_no_thresholds(self) -> SemanticMasks:
        if self.activation == "softmax" and self.thresholds:
            raise ValueError("softmax takes the most probable class; leave thresholds empty")
        return self

    def class_thresholds(self, n_classes: int) -> tuple[float, ...]:
        """Probability from which a pixel belongs to each of ``n_classes`` classes."""
        return self.thresholds or (0.5,) * n_classes

    def channels(self, n_classes: int) -> int:
        """Channels that the graph must put out for ``n_classes`` classes."""
        return n_classes + (self.activation == "softmax")


class DistanceInstances(_Frozen):
    """Output ``logits`` float32 ``(N, 2 or 2 + K, H, W)``: foreground, distance, class logits.

    Channel 0 is the foreground logit. The sigmoid of channel 1 is the distance to the cell's
    border divided by the largest such distance in that cell: 1 at the centre of every cell,
    whatever its size. With more than one class, channels 2.. are one logit a class.

    Attributes:
        foreground_threshold: a pixel at or above this probability belongs to some cell.
        seed_threshold: a cell's seed is where the smoothed distance is at or above this.
        seed_smoothing_px: standard deviation of the Gaussian that smooths the distance before
            seeds are sought, in image pixels.
        seed_depth: two maxima are two cells where the saddle between them is deeper than this
            below the lower one; 0 takes connected components above ``seed_threshold`` as seeds.
        small_below_px: where the median diameter of an image's cells is below this many image
            pixels, smoothing and depth of seeds shrink with it; 0 leaves them as they are.
        minimum_area_px: cells smaller than this many image pixels are removed.
        fill_holes_px: holes up to this many image pixels inside a cell are filled.
        views: as in :class:`SemanticMasks`.

    Image pixels are meant as in :class:`SemanticMasks`.
    """

    kind: Literal["distance_instances"] = "distance_instances"
    foreground_threshold: float = Field(default=0.5, gt=0, lt=1)
    seed_threshold: float = Field(default=0.5, gt=0, lt=1)
    seed_smoothing_px: float = Field(default=1.0, ge=0, le=64)
    seed_depth: float = Field(default=0.05, ge=0, lt=1)
    small_below_px: float = Field(default=0.0, ge=0)
    minimum_area_px: int = Field(default=0, ge=0)
    fill_holes_px: int = Field(default=0, ge=0)
    views: Literal[1, 2, 4] = 1

    def channels(self, n_classes: int) -> int:
        """Channels that the graph must put out for ``n_classes`` classes."""
        return 2 + (n_classes if n_classes > 1 else 0)


Segmentation = Annotated[SemanticMasks | DistanceInstances, Field(discriminator="kind")]
