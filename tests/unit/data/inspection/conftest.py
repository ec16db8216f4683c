"""Small labelled sets made on the spot: every test says what is wrong with its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.images.write import write_png
from cellwright.types import Annotation

MakeSet = Callable[..., LabelledSet]


def field(seed: int, height: int = 96, width: int = 128, n_cells: int = 25) -> np.ndarray:
    """One grey field of round bright cells on a noisy background, uint8 ``(1, H, W)``."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width), np.float32)
    for y, x, radius in zip(
        rng.uniform(0, height, n_cells),
        rng.uniform(0, width, n_cells),
        rng.uniform(3, 8, n_cells),
        strict=True,
    ):
        cv2.circle(image, (int(x), int(y)), int(radius), float(rng.uniform(80, 180)), -1)
    image = cv2.GaussianBlur(image, (0, 0), 1.5) + 30 + rng.normal(0, 4, image.shape)
    return image.clip(0, 255).astype(np.uint8)[None]


def give(annotation: Annotation | None) -> Annotation | None:
    return annotation


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Write images and wrap them with their annotations into a set."""

    def make(
        images: Mapping[str, np.ndarray],
        annotations: Mapping[str, Annotation | None],
        classes: tuple[str, ...] = ("live", "dead"),
        **columns: Mapping[str, Any],
    ) -> LabelledSet:
        records = []
        for name, image in images.items():
            path = tmp_path / f"{name}.png"
            write_png(path, image)
            extra = {column: values[name] for column, values in columns.items() if name in values}
            group = extra.pop("group", name)
            load = partial(give, annotations.get(name))
            records.append(Record(name, path, load, group, **extra))
        return LabelledSet("tiny", classes, tuple(records), licence="CC0-1.0")

    return make
