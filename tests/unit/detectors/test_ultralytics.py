"""What is prepared for the engine, and what its graphs are held to; the engine itself stays out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.card import InputSpec
from cellwright.bundles.export import export_network
from cellwright.data.labelled_set import LabelledSet
from cellwright.detectors import ultralytics as rows
from cellwright.detectors.protocol import DetectionJob, Schedule
from cellwright.errors import BundleError
from cellwright.types import Boxes

torch = pytest.importorskip("torch")

WINDOW = (64, 96)


def a_job(*, classes: tuple[str, ...] = ("a", "b")) -> DetectionJob:
    nothing = LabelledSet("nothing", classes, ())
    return DetectionJob(
        train=nothing,
        val=nothing,
        input=InputSpec(channels=1, tile_px=96, overlap_px=32),
        window=WINDOW,
        crops_per_image=1,
        schedule=Schedule(
            epochs=1,
            batch_size=1,
            learning_rate=1e-3,
            weight_decay=0.0,
            warmup_epochs=0.0,
            final_fraction=1.0,
            ema_decay=0.9,
            augmentation="none",
            gentle_epochs=0,
            precision="32-true",
            seed=0,
        ),
        run_dir=Path(),
        fit=lambda network, *_: network,
    )


@pytest.mark.parametrize(
    ("height", "width"), [(64, 96), (96, 64), (50, 70), (70, 50), (300, 200), (64, 500), (1, 1)]
)
def test_the_engine_has_nothing_to_scale(height: int, width: int) -> None:
    """Every pixel of the picture stands in a piece, unchanged, at the place its boxes are at."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (height, width, 1), np.uint8)
    seen = np.zeros((height, width), bool)
    corner = rng.integers(0, [max(1, width - 9), max(1, height - 9)], (20, 2))
    truth = Boxes(np.hstack([corner, corner + 9]).astype(np.float32), np.arange(20))
    truth = truth.clipped(height, width)
    whole = set()
    for piece, labels in rows.pieces(picture, truth, edge_px=96, overlap_px=32):
        assert max(piece.shape[:2]) == 96
        for box, number in zip(labels.xyxy, labels.class_ids, strict=True):
            x0, y0, x1, y1 = box.astype(int)
            source = truth.xyxy[number].astype(int)
            if (x1 - x0, y1 - y0) == (source[2] - source[0], source[3] - source[1]):
                whole.add(int(number))
                there = picture[source[1] : source[3], source[0] : source[2]]
                np.testing.assert_array_equal(piece[y0:y1, x0:x1], there)
        seen |= occurrences(picture, piece)
    assert seen.all()
    assert whole == set(range(20))


def occurrences(picture: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Which pixels of ``picture`` the top left corner of a piece covers, wherever it fits."""
    height, width = picture.shape[:2]
    seen = np.zeros((height, width), bool)
    rows_, columns = min(height, piece.shape[0]), min(width, piece.shape[1])
    for y in range(height - rows_ + 1):
        for x in range(width - columns + 1):
            if np.array_equal(picture[y : y + rows_, x : x + columns], piece[:rows_, :columns]):
                seen[y : y + rows_, x : x + columns] = True
    return seen


class Positions(torch.nn.Module):
    """A value for each of the positions of strides 8, 16 and 32, or for a fixed number of them."""

    def __init__(self, channels: int, *, at_most: int | None = None) -> None:
        super().__init__()
        self.channels, self.at_most = channels, at_most

    def forward(self, image):
        levels = [
            torch.nn.functional.avg_pool2d(image, stride).flatten(2) for stride in rows.STRIDES
        ]
        every = torch.cat(levels, dim=2)[:, :, : self.at_most]
        return every.repeat(1, self.channels, 1)


def graph_of(network: torch.nn.Module) -> bytes:
    return export_network(network, channels=1, output_names=["output0"])


def test_a_graph_of_every_position_is_accepted() -> None:
    rows._check_graph(graph_of(Positions(6)), a_job())


def test_a_head_with_a_fixed_number_of_boxes_is_refused() -> None:
    with pytest.raises(BundleError, match=r"\(1, 6, 30\), not \(1, 6, 126\).*dense images"):
        rows._check_graph(graph_of(Positions(6, at_most=30)), a_job())


def test_the_engine_leaves_other_packages_as_they_are(tmp_path: Path) -> None:
    """In a process of its own, in which the engine was never imported."""
    pytest.importorskip("ultralytics")
    code = f"""
from pathlib import Path
import numpy as np, torch
from PIL import Image
from cellwright.detectors.ultralytics import engine
before = Image.open, torch.save, repr(np.array([0.2, 0.5])), repr(torch.tensor([1e-5, 100.0]))
engine(Path({str(tmp_path)!r}))
after = Image.open, torch.save, repr(np.array([0.2, 0.5])), repr(torch.tensor([1e-5, 100.0]))
assert before == after, (before, after)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
