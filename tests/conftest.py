"""A detector that cannot be wrong: it reads the cells that a test has drawn as dots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.calibration import Calibration, ClassCalibration, CountSpread
from cellwright.bundles.card import Card, Decoding, DenseBoxes, InputSpec, TrainingRecord
from cellwright.types import Boxes, Image

STRIDE = 4
SECOND_CLASS = 128

DrawDots = Callable[[int, int, Boxes], Image]


@pytest.fixture(scope="session")
def dot_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with classes ``live`` and ``dead`` for images of :func:`draw_dots`."""
    torch = pytest.importorskip("torch")
    from cellwright.bundles.export import export_network

    class DotDetector(torch.nn.Module):
        """One bright pixel a cell: its place is the centre, its value radius and class.

        At most one dot in 4 x 4 pixels; radii 2 to 100, plus 128 for the second class.
        """

        def forward(self, image):
            window = {"kernel_size": STRIDE, "stride": STRIDE}
            pool = torch.nn.functional.avg_pool2d
            ones = torch.ones_like(image)
            column, row = (torch.cumsum(ones, axis) - 0.5 for axis in (3, 2))
            value = pool(image, **window) * STRIDE**2
            safe = torch.clamp(value, min=1e-6)
            x = pool(image * column, **window) * STRIDE**2 / safe
            y = pool(image * row, **window) * STRIDE**2 / safe
            second = (value * 255 >= SECOND_CLASS).float()
            radius = value * 255 - SECOND_CLASS * second
            anchor_x, anchor_y = pool(column, **window), pool(row, **window)
            sides = (anchor_x - x, anchor_y - y, x - anchor_x, y - anchor_y)
            present = (value > 0).float() * 20 - 10
            logits = (present - 20 * second, present - 20 * (1 - second))
            return torch.cat([*((side + radius) / STRIDE for side in sides), *logits], dim=1)

    name = f"level_{STRIDE}"
    network = DotDetector()
    graph = export_network(network, channels=1, output_names=[name])
    probe = torch.zeros((1, 1, 32, 64))
    probe[0, 0, 10, 20], probe[0, 0, 20, 40] = 5 / 255, (9 + SECOND_CLASS) / 255
    path = tmp_path_factory.mktemp("bundles") / "dots.cellwright"
    tests = {"input": probe.numpy(), name: network(probe).numpy()}
    return write_bundle(path, _card(graph), {"graphs/dots.onnx": graph}, tests)


def _card(graph: bytes) -> Card:
    return Card(
        name="dots",
        task="detection",
        classes=("live", "dead"),
        licence="Apache-2.0",
        input=InputSpec(channels=1, multiple=STRIDE, tile_px=256, overlap_px=48),
        decoding=Decoding(output=DenseBoxes(strides=(STRIDE,)), score_threshold=0.5),
        training=TrainingRecord(data="none: written by hand", n_images=0),
        graphs=(graph_entry("graphs/dots.onnx", graph),),
    )


@pytest.fixture(scope="session")
def calibrated_dots(dot_bundle: Path) -> Bundle:
    """The same bundle with a card that says: what counts is a cell, one in ten is missed."""
    spread = CountSpread(relative=0.0, residuals=(1.0,) * 40)
    one = ClassCalibration(scores=(0.5, 0.9), probabilities=(0, 1), missed=0.1, spread=spread)
    known = Calibration(minimum_score=0.3, classes=(one, one), total=spread, n_images=40)
    bundle = open_bundle(dot_bundle)
    return replace(bundle, card=bundle.card.model_copy(update={"calibration": known}))


@pytest.fixture(scope="session")
def draw_dots() -> DrawDots:
    """Function (height, width, boxes) -> uint8 ``(1, H, W)``; boxes must be odd squares.

    A box of edge 2 r + 1 becomes a dot at its centre pixel that says radius r + 0.5, rounded
    down: predictions are half a pixel smaller on each side.
    """

    def draw(height: int, width: int, boxes: Boxes) -> Image:
        image = np.zeros((1, height, width), np.uint8)
        column, row = np.floor(boxes.centres_xy).astype(int).T
        radius = np.floor(boxes.widths_px / 2).astype(int)
        image[0, row, column] = radius + SECOND_CLASS * boxes.class_ids
        return image

    return draw


@pytest.fixture(scope="session")
def scatter_cells() -> Callable[..., Boxes]:
    """Function (n, height, width, seed=0, radius=6) -> n cells, no two in one 8 x 8 pixels."""

    def scatter(n: int, height: int, width: int, *, seed: int = 0, radius: int = 6) -> Boxes:
        rng = np.random.default_rng(seed)
        rows, columns = height // 8, width // 8
        place = rng.choice(rows * columns, n, replace=False)
        offset = rng.integers(0, 4, (n, 2))
        centre = np.stack([place % columns, place // columns], axis=1) * 8 + offset + 0.5
        return Boxes(
            np.concatenate([centre - radius - 0.5, centre + radius + 0.5], axis=1),
            rng.integers(0, 2, n),
        )

    return scatter
