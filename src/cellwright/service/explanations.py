"""Why a model says so: Grad-CAM pictures of classified cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from cellwright.images.heat import draw_heat
from cellwright.images.lazy import LazyImage
from cellwright.images.read import open_image
from cellwright.images.write import write_png
from cellwright.service.models import Models

if TYPE_CHECKING:
    from cellwright.explain.grad_cam import GradCam


class Explanations:
    """Explains with one model at a time, which stays loaded until another is asked for."""

    def __init__(self, models: Models, *, threads: int | None = None) -> None:
        self._models, self._threads = models, threads
        self._loaded: tuple[str, GradCam] | None = None
        self._turn = Lock()

    def write(
        self,
        target: Path,
        model: str,
        file: Path,
        *,
        cell: Mapping[str, Any],
        class_name: str | None,
        pixel_size_um: float | None,
    ) -> None:
        """The picture that explains one cell.

        Args:
            target: where it goes, as PNG.
            model: name of a model that classifies.
            file: the image.
            cell: its row of the table of cells.
            class_name: the class to explain; None takes the most probable.
            pixel_size_um: of the image where known.

        Raises:
            UnknownNameError: the model has no such class.
            BundleError: the model has no maps that Grad-CAM could weigh.
            ImageError: the image cannot be read.
        """
        from cellwright.explain.grad_cam import sentences  # noqa: PLC0415 - as below

        with self._turn, open_image(file) as source:
            crop = _crop(source, cell)
            found = self._cam(model).explain(
                crop,
                class_name=class_name,
                channel_names=source.channel_names,
                pixel_size_um=pixel_size_um,
            )
            write_png(
                target, draw_heat(crop, found.heat, caption=sentences(found), seen=found.seen)
            )

    def _cam(self, model: str) -> GradCam:
        # Only who explains waits for what explaining needs.
        from cellwright.explain.grad_cam import GradCam  # noqa: PLC0415

        if self._loaded is None or self._loaded[0] != model:
            self._loaded = None
            self._loaded = (model, GradCam(self._models.bundle(model), threads=self._threads))
        return self._loaded[1]


def _crop(source: LazyImage, cell: Mapping[str, Any]) -> Any:
    """The pixels ``(C, h, w)`` that were classified."""
    y0, x0, y1, x1 = (int(cell[f"bbox-{side}"]) for side in range(4))
    return source.read_region(y0, x0, y1, x1)
