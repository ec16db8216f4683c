"""Makes the pictures of docs/gallery.md: simulated images through the commands, and our figures.

    make demo
    python docs/pictures/gallery.py demo-out

Needs the extra ``dev``; run from the root of the repository. Charts are drawn from the cards of the
shipped models and from `benchmarks/results/`.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from cellwright.bundles.bundle import open_bundle
from cellwright.images.read import read_image
from cellwright.images.write import write_png
from cellwright.reports.plots import Estimate, Labels, interval_bars
from cellwright.service.samples import SAMPLES

OUT = Path(__file__).parent
RESULTS = Path("benchmarks/results")
COLOURS = 192
PIECE_PX = (440, 340)
NAME_PX, TILE_PX, IN_A_ROW = 90, 64, 10
GAP_PX = 8
FASTEST_PEER = "ultralytics, made to take both cores"

LEADING = {
    "blood-cells": ("ap50", "AP50"),
    "live-dead": ("ap50", "AP50"),
    "live-dead-fluo": ("ap50", "AP50"),
    "nuclei": ("matched50_per_image", "matched at IoU 0.5"),
    "hela-dic": ("pixel_f1", "F1 of pixels"),
    "cell-cycle": ("weighted_f1", "weighted F1"),
    "cell-cycle-unstained": ("weighted_f1", "weighted F1"),
}
"""What each model is mostly judged by in its field."""


def main(demo: Path) -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        nuclei(Path(temporary))
        why(demo, Path(temporary))
    side_by_side(demo / "simulated/culture/images", demo / "confluence/overlays", "confluence")
    side_by_side(demo / "simulated/smears/images", demo / "leukemia/overlays", "smear")
    phases(demo)
    figures_with_intervals()
    speed()
    compression()


def nuclei(folder: Path) -> None:
    """The sample of crowded nuclei of the web page, outlined."""
    write_png(folder / "fields" / "nuclei.png", SAMPLES["crowded-nuclei"].draw())
    cellwright("predict", folder / "fields", "--model", "nuclei", "--out", folder / "found")
    side_by_side(folder / "fields", folder / "found/overlays", "nuclei")


def why(demo: Path, folder: Path) -> None:
    """Where a classifier saw its class."""
    cell = sorted((demo / "simulated/cells/images").glob("*.tif"))[0]
    cellwright("explain", "cell-cycle", cell, "--out", folder / "why.png")
    save(Image.open(folder / "why.png").convert("RGB"), "why")


def phases(demo: Path) -> None:
    """Simulated cells by the phase that `cell-cycle` gives them, the surest first."""
    with (demo / "cell_cycle/cells.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -float(row["score"]))
    names = open_bundle("cell-cycle").card.classes
    sheet = Image.new("RGB", (NAME_PX + IN_A_ROW * TILE_PX, len(names) * TILE_PX), "white")
    draw = ImageDraw.Draw(sheet)
    for line, name in enumerate(names):
        draw.text((4, (line + 0.4) * TILE_PX), name, fill="black", font_size=15)
        cells = [row["image_id"] for row in rows if row["class"] == name][:IN_A_ROW]
        for column, cell in enumerate(cells):
            tile = stained(demo / "simulated/cells/images" / f"{cell}.tif")
            sheet.paste(tile, (NAME_PX + column * TILE_PX, line * TILE_PX))
    save(sheet, "phases")


def stained(path: Path) -> Image.Image:
    """Bright field in grey, the stain of the DNA in green on it."""
    bright, stain = (stretched(plane) for plane in read_image(path).pixels[:2])
    pixels = np.stack([0.6 * bright, np.maximum(0.6 * bright, stain), 0.6 * bright], axis=-1)
    tile = Image.fromarray((255 * pixels).astype(np.uint8))
    return tile.resize((TILE_PX - 2, TILE_PX - 2))


def stretched(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Between the darkest and the brightest hundredth, in [0, 1]."""
    low, high = np.percentile(plane, (1, 99))
    return np.asarray(np.clip((plane - low) / max(high - low, 1e-6), 0, 1))


def cellwright(*arguments: object) -> None:
    """One command, as it is typed."""
    command = [sys.executable, "-m", "cellwright.cli.main", *map(str, arguments)]
    subprocess.run(command, check=True)  # noqa: S603


def side_by_side(images: Path, overlays: Path, name: str) -> None:
    """The middle of the last image, and the same piece with what was found."""
    overlay = sorted(overlays.glob("*.png"))[-1]
    pieces = [middle(path) for path in (images / overlay.name, overlay)]
    width, height = pieces[0].size
    both = Image.new("RGB", (2 * width + GAP_PX, height), "white")
    for number, piece in enumerate(pieces):
        both.paste(piece, (number * (width + GAP_PX), 0))
    save(both, name)


def middle(path: Path) -> Image.Image:
    """A piece of the size of half a column, grey levels stretched as overlays have them."""
    whole: Image.Image = Image.open(path)
    if whole.mode == "L":
        whole = ImageOps.autocontrast(whole, cutoff=0.2)
    whole = whole.convert("RGB")
    left, top = ((edge - piece) // 2 for edge, piece in zip(whole.size, PIECE_PX, strict=True))
    return whole.crop((left, top, left + PIECE_PX[0], top + PIECE_PX[1]))


def figures_with_intervals() -> None:
    """The leading figure of each model on its test part."""
    estimates = []
    for name, (key, words) in LEADING.items():
        card = open_bundle(name).card
        tested = next(e for e in card.evaluations if "test part" in e.data)
        metric = tested.metrics[key]
        estimates.append(Estimate(f"{name}: {words}", metric.value, metric.low, metric.high))
    labels = Labels("on test images, with 95 % interval")
    save_figure(interval_bars(estimates, labels=labels, limits=(0.5, 1.0)), "figures")


def speed() -> None:
    """From file to written table, against ultralytics with the same network, input and AP."""
    measured = read_result("detection")["speed"]["times_the_peer"][FASTEST_PEER]
    estimates = [bar(name, ratio) for name, ratio in measured.items()]
    labels = Labels("times as fast as ultralytics on both cores (smallest to largest round)")
    save_figure(interval_bars(estimates, labels=labels), "speed")


def compression() -> None:
    """A U-Net in 8 bits and pruned, against eager PyTorch."""
    content = read_result("compression_hela-dic")
    estimates = [
        bar(f"{name}, {content['graphs'][kind_of(name)]['bytes'] / 1e6:.1f} MB", row["times_eager"])
        for name, row in content["speed"].items()
    ]
    labels = Labels("times as fast as eager PyTorch (smallest to largest over the rounds)")
    save_figure(interval_bars(estimates, labels=labels), "compression")


def kind_of(contestant: str) -> str:
    """``onnxruntime, int8`` -> ``int8``."""
    return contestant.split(", ")[1]


def bar(name: str, ratio: dict[str, float]) -> Estimate:
    """A ratio and how far it went."""
    return Estimate(name, ratio["median"], ratio["low"], ratio["high"])


def read_result(name: str) -> Any:
    """What a benchmark has left."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def save_figure(figure: Figure, name: str) -> None:
    """As PNG of moderate size."""
    figure.savefig(OUT / f"gallery-{name}.png", dpi=110)
    save(Image.open(OUT / f"gallery-{name}.png").convert("RGB"), name)


def save(picture: Image.Image, name: str) -> None:
    """In few colours: small enough to stay in the repository."""
    picture.quantize(COLOURS).save(OUT / f"gallery-{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
