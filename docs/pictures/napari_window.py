"""Takes the picture of the napari plug-in in docs/methods/napari.md, of a simulated image.

Needs napari and a Qt (``pip install '.[napari]' pyqt6``) and a display; run from the root of the
repository, on a machine without a display by ``xvfb-run``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

from cellwright.service.samples import SAMPLES

OUT = Path(__file__).parent / "napari.png"
SIZE_PX = (1200, 680)
ZOOM = 1.6
PATIENCE_S = 120
COLOURS = 192


def main() -> None:
    """Find the nuclei of the sample, and take the window."""
    sample = SAMPLES["crowded-nuclei"]
    edge = sample.pixel_size_um
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE_PX)
    viewer.add_image(sample.draw()[0], name="nuclei", scale=(edge, edge), units=("um", "um"))
    _, widget = viewer.window.add_plugin_dock_widget("cellwright", "Find cells")
    widget.model.value = "nuclei"
    widget.find.native.click()
    until(lambda: len(viewer.layers) == 2)
    viewer.layers[1].opacity = 0.45
    viewer.camera.zoom *= ZOOM
    settle()
    viewer.window.screenshot(str(OUT), canvas_only=False, flash=False)
    Image.open(OUT).convert("RGB").quantize(COLOURS).save(OUT, optimize=True)
    viewer.close()


def until(true: Callable[[], bool]) -> None:
    """Let the window work until something is so."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit("napari did not come to an end")
        QApplication.processEvents()


def settle(seconds: float = 8.0) -> None:
    """Let the window draw, and its messages fade."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        QApplication.processEvents()


if __name__ == "__main__":
    main()
