"""The window *Find cells*: image and model in, layers of cells out; napari stays usable."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cellwright.errors import CellwrightError
from cellwright.napari.find import FoundCells, find_cells, model_names
from cellwright.napari.plane import plane_of

LARGEST_PIXEL_UM = 1000.0
LARGEST_SCALE = 8.0


class Asked(NamedTuple):
    """What stands in the window."""

    model: str | Path
    pixel_size_um: float | None
    scale: float | None


def find_window() -> Any:
    """The window, for napari to dock: a magicgui ``Container``."""
    import napari  # noqa: PLC0415 - an extra, and here it is running
    from magicgui import widgets  # noqa: PLC0415

    image = widgets.create_widget(annotation=napari.layers.Image, name="image")
    model = widgets.ComboBox(choices=model_names(), name="model")
    file = widgets.FileEdit(
        name="file", label="or a file", filter="*.cellwright", nullable=True, value=None
    )
    pixel_size = widgets.FloatSpinBox(
        name="pixel_size_um",
        label="pixel size (µm)",
        max=LARGEST_PIXEL_UM,
        step=0.001,
        tooltip="0: as the layer's scale says, where it has a unit of length",
    )
    scale = widgets.FloatSpinBox(
        name="scale",
        max=LARGEST_SCALE,
        step=0.1,
        tooltip="Instead of a pixel size: 2 where cells are half as large as in training; 0: unset",
    )
    button = widgets.PushButton(name="find", text="Find cells")
    said = widgets.Label(name="said", label=" ", value="")

    def on_click() -> None:
        asked = Asked(file.value or model.value, pixel_size.value or None, scale.value or None)
        _start(image.value, asked, _setting(button, "enabled"), _setting(said, "value"))

    button.changed.connect(on_click)
    fields = [image, model, file, pixel_size, scale, button, said]
    return widgets.Container(widgets=fields, name="find_cells")


def _start(
    layer: Any, asked: Asked, enable: Callable[[bool], None], say: Callable[[str], None]
) -> None:
    """Find the cells of a layer in a thread of its own, and show them when it is done."""
    import napari  # noqa: PLC0415 - as above
    from napari.qt.threading import create_worker  # noqa: PLC0415

    viewer = napari.current_viewer()
    if layer is None or viewer is None:
        _refuse("there is no image layer: open an image first", say)
        return
    enable(False)
    say("working …")
    data, settings, _ = layer.as_layer_data_tuple()
    index = layer.world_to_data(viewer.dims.point)[: layer.ndim - 2]
    create_worker(
        partial(_attempt, data, settings, tuple(round(float(at)) for at in index), asked),
        _connect={
            "returned": partial(_show, viewer, say=say),
            "finished": lambda: enable(True),
        },
        _progress={"desc": "finding cells"},
    )


def _attempt(
    data: Any, settings: dict[str, Any], index: tuple[int, ...], asked: Asked
) -> FoundCells | str:
    """The cells, or in words why there are none: napari would show an error with its traceback."""
    try:
        plane = plane_of(data, settings, index)
        return find_cells(plane, asked.model, pixel_size_um=asked.pixel_size_um, scale=asked.scale)
    except CellwrightError as error:
        return str(error)


def _show(viewer: Any, found: FoundCells | str, *, say: Callable[[str], None]) -> None:
    from napari.layers import Layer  # noqa: PLC0415 - as above
    from napari.utils.notifications import show_info, show_warning  # noqa: PLC0415

    if isinstance(found, str):
        _refuse(found, say)
        return
    for layer in found.layers:
        viewer.add_layer(Layer.create(*layer))
    say(found.sentence.replace("; ", "\n"))
    show_info(found.sentence)
    if found.warning:
        show_warning(found.warning)


def _refuse(why: str, say: Callable[[str], None]) -> None:
    from napari.utils.notifications import show_error  # noqa: PLC0415 - as above

    say("")
    show_error(why)


def _setting(widget: Any, name: str) -> Callable[[Any], None]:
    """A call that changes a widget, if its window was not closed meanwhile."""

    def change(value: Any) -> None:
        with suppress(RuntimeError):  # what Qt's bindings say of a widget that is gone
            setattr(widget, name, value)

    return change
