"""Augmentation presets for detection, as named rows of a table.

``paper1`` is Table 2 of the viability paper (Trykin, Krivonosov and Kalinina, 2025):
mosaic, random perspective, motion / median / plain blur, JPEG compression, flips.
``cells`` is what we train our own models with: cells have no up and no left, so all
eight orientations are drawn, with stain and exposure jitter. All presets keep an
image's size and take uint8 ``(H, W, C)`` pictures, as Albumentations wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import UnknownNameError
from cellwright.images.normalise import PADDING
from cellwright.types import Boxes

GREY = round(PADDING * 255)
"""The padding of network input, in 8 bit."""

Steps = list[A.BasicTransform]


class Frame(NamedTuple):
    """Size of every picture, in pixels, and its channels."""

    height: int
    width: int
    channels: int


def _mosaic(frame: Frame, probability: float) -> A.Mosaic:
    return A.Mosaic(
        grid_yx=(2, 2),
        target_size=(frame.height, frame.width),
        cell_shape=(frame.height, frame.width),
        center_range=(0.3, 0.7),
        fill=GREY,
        p=probability,
    )


def _affine(
    *, degrees: float, translate: float, scale: tuple[float, float], shear: float
) -> A.Affine:
    return A.Affine(
        rotate=(-degrees, degrees),
        translate_percent=(-translate, translate),
        scale=scale,
        shear=(-shear, shear),
        keep_ratio=True,
        border_mode=cv2.BORDER_CONSTANT,
        fill=GREY,
        p=1.0,
    )


def _turns(frame: Frame) -> Steps:
    """Quarter turns need a square frame."""
    quarter = [A.RandomRotate90(p=1.0)] if frame.height == frame.width else []
    return [*quarter, *flips(frame)]


def _stain(frame: Frame) -> Steps:
    """Only colour pictures have a stain to shift."""
    if frame.channels != 3:
        return []
    return [A.HueSaturationValue(hue_shift_limit=8, sat_shift_limit=25, val_shift_limit=0, p=0.5)]


def none(frame: Frame) -> Steps:  # noqa: ARG001 - all presets have one signature
    """The picture as it is."""
    return []


def flips(frame: Frame) -> Steps:  # noqa: ARG001
    """Horizontal and vertical flips, the honest baseline."""
    return [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]


def turns(frame: Frame) -> Steps:
    """All eight orientations and nothing else: size and light stay, and with them the recording.

    Where each recording was labelled in a manner of its own, for instance with wider boxes, a
    network can only learn the manner if it can tell the recordings apart.
    """
    return _turns(frame)


def paper1(frame: Frame) -> Steps:
    """Table 2 of paper 1, row by row; its flips carry no probability there, 0.5 here."""
    return [
        _mosaic(frame, 0.5),
        _affine(degrees=0.25, translate=0.25, scale=(0.75, 1.25), shear=0.25),
        A.MotionBlur(p=0.25),
        A.MedianBlur(blur_limit=3, p=0.10),
        A.Blur(blur_limit=3, p=0.10),
        A.ImageCompression(compression_type="jpeg", quality_range=(85, 100), p=0.15),
        *flips(frame),
    ]


def cells(frame: Frame) -> Steps:
    """Mosaic, all eight orientations, mild scale, light and stain jitter."""
    return [
        _mosaic(frame, 0.5),
        *_turns(frame),
        _affine(degrees=0.0, translate=0.1, scale=(0.7, 1.4), shear=0.0),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
        *_stain(frame),
        A.OneOf([A.Blur(blur_limit=3), A.GaussNoise(std_range=(0.01, 0.04))], p=0.1),
    ]


def strong(frame: Frame) -> Steps:
    """``cells`` pushed further, for small sets that a network soon knows by heart."""
    return [
        _mosaic(frame, 0.8),
        *_turns(frame),
        _affine(degrees=0.0, translate=0.15, scale=(0.6, 1.6), shear=0.0),
        A.RandomBrightnessContrast(brightness_limit=0.3, contrast_limit=0.35, p=0.7),
        A.RandomGamma(gamma_limit=(70, 140), p=0.3),
        *_stain(frame),
        A.OneOf([A.Blur(blur_limit=5), A.GaussNoise(std_range=(0.01, 0.06))], p=0.25),
    ]


def gentle(frame: Frame) -> Steps:
    """``cells`` without mosaic and large scale changes: the last epochs see real pictures."""
    return [
        *_turns(frame),
        _affine(degrees=0.0, translate=0.05, scale=(0.9, 1.1), shear=0.0),
        A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.15, p=0.5),
    ]


PRESETS: dict[str, Callable[[Frame], Steps]] = {
    "cells": cells,
    "flips": flips,
    "gentle": gentle,
    "none": none,
    "paper1": paper1,
    "strong": strong,
    "turns": turns,
}


class BoxAugmenter:
    """One preset over an image and its boxes, repeatable from a seed.

    Args:
        preset: a name in :data:`PRESETS`.
        frame: size and channels of every picture.
        min_visibility: a box that keeps less than this part of its area is dropped.

    Raises:
        UnknownNameError: no such preset.
    """

    def __init__(self, preset: str, frame: Frame, *, min_visibility: float = 0.3) -> None:
        if preset not in PRESETS:
            raise UnknownNameError("augmentation preset", preset, PRESETS)
        self.steps = PRESETS[preset](frame)
        self.n_partners = 3 if any(isinstance(step, A.Mosaic) for step in self.steps) else 0
        self.compose = A.Compose(
            self.steps or [A.NoOp()],
            bbox_params=A.BboxParams(
                format="pascal_voc",
                label_fields=["class_ids"],
                min_visibility=min_visibility,
                min_width=1,
                min_height=1,
                clip=True,
                filter_invalid_bboxes=True,
            ),
        )

    def __call__(
        self,
        picture: NDArray[np.uint8],
        boxes: Boxes,
        *,
        partners: Sequence[tuple[NDArray[np.uint8], Boxes]] = (),
        seed: int,
    ) -> tuple[NDArray[np.uint8], Boxes]:
        """Augment one picture.

        Args:
            picture: ``(H, W, C)``.
            boxes: its labels.
            partners: further pictures a mosaic may draw on.
            seed: the same seed gives the same result.
        """
        if not self.steps:
            return picture, boxes
        _seed(self.compose, seed)
        extra = {"mosaic_metadata": [_as_item(*p) for p in partners]} if self.n_partners else {}
        out = self.compose(**_as_item(picture, boxes), **extra)
        xyxy = np.asarray(out["bboxes"], np.float32).reshape(-1, 4)
        return out["image"], Boxes(xyxy, np.asarray(out["class_ids"], dtype=np.int64))


def _seed(composed: A.BaseCompose, seed: int) -> None:
    """A stream of its own for every step.

    Albumentations hands one seed to all of them. Steps that are drawn with the same probability
    then happen together or not at all: two flips make a half turn, and no picture is mirrored.
    """
    composed.set_random_seed(seed)
    own_seeds = np.random.SeedSequence(seed).generate_state(len(composed.transforms))
    for step, own_seed in zip(composed.transforms, own_seeds.tolist(), strict=True):
        if isinstance(step, A.BaseCompose):
            _seed(step, own_seed)
        else:
            step.set_random_seed(own_seed)


def _as_item(picture: NDArray[np.uint8], boxes: Boxes) -> dict[str, NDArray[np.generic]]:
    return {
        "image": picture,
        "bboxes": boxes.xyxy.astype(np.float32).reshape(-1, 4),
        "class_ids": boxes.class_ids,
    }
