"""Tiny segmentation sets for training tests: bright discs of two sizes, some of them touching."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright.images.write import write_labels, write_png
from cellwright.types import Instances


def draw_discs(
    n_cells: int, *, edge: int, seed: int, radii: tuple[int, int] = (5, 11)
) -> tuple[np.ndarray, Instances]:
    """uint8 (1, edge, edge) and the discs; the later one lies in front."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:edge, :edge]
    labels = np.zeros((edge, edge), np.int32)
    for index in range(n_cells):
        y, x = rng.uniform(0, edge, 2)
        labels[np.hypot(rows - y, columns - x) <= rng.uniform(*radii)] = index + 1
    # Touching discs differ in brightness a little, as cells do.
    brightness = np.append(40, rng.uniform(150, 220, n_cells))
    noise = rng.normal(0, 4, (edge, edge))
    pixels = np.clip(brightness[labels] + noise, 0, 255).astype(np.uint8)[None]
    return pixels, Instances.from_labels(labels)


def write_discs(folder: Path, *, n_images: int = 10, n_cells: int = 8, edge: int = 64) -> Path:
    """A set in the ``instances`` layout and, beside it in ``masks``, as binary masks."""
    for kind in ("instances", "masks"):
        (folder / kind / "images").mkdir(parents=True)
        (folder / kind / kind).mkdir()
    for index in range(n_images):
        pixels, cells = draw_discs(n_cells, edge=edge, seed=index)
        name = f"discs{index:02d}.png"
        for kind in ("instances", "masks"):
            write_png(folder / kind / "images" / name, pixels)
        write_labels(folder / "instances" / "instances" / name, cells.labels)
        mask = np.where(cells.labels > 0, 255, 0).astype(np.uint8)
        write_png(folder / "masks" / "masks" / name, mask[None])
    return folder


def write_classes(
    folder: Path, *, names: tuple[str, str, str], n_images: int = 12, edge: int = 64
) -> Path:
    """A set in the ``masks`` layout: small discs and large ones are two classes of three."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    (folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    for index in range(n_images):
        small, few = draw_discs(6, edge=edge, seed=index, radii=(3, 5))
        large, more = draw_discs(2, edge=edge, seed=1000 + index, radii=(10, 14))
        mask = np.where(few.labels > 0, 1, np.where(more.labels > 0, 2, 0)).astype(np.uint8)
        pixels = np.where(mask[None] == 1, small, large // 2)
        name = f"tissue{index:02d}.png"
        write_png(folder / "images" / name, pixels.astype(np.uint8))
        write_png(folder / "masks" / name, mask[None])
    return folder
