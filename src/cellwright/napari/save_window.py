"""The window *Save corrected labels*: an image and its cells into a set to train from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellwright.errors import CellwrightError
from cellwright.napari.write import save_cells


def save_window() -> Any:
    """The window, for napari to dock: a magicgui ``Container``."""
    import napari  # noqa: PLC0415 - an extra, and here it is running
    from magicgui import widgets  # noqa: PLC0415

    image = widgets.create_widget(annotation=napari.layers.Image, name="image")
    cells = widgets.ComboBox(name="cells", label="labels or boxes", choices=_layers_of_cells)
    folder = widgets.FileEdit(
        name="folder", label="folder of the set", mode="d", nullable=True, value=None
    )
    new_class = widgets.LineEdit(
        name="new_class",
        label="class of new cells",
        tooltip="Of cells that the features table names no class for, such as painted ones",
    )
    button = widgets.PushButton(name="save", text="Save")
    button.changed.connect(
        lambda: _save(image.value, cells.value, folder.value, new_class.value.strip())
    )
    return widgets.Container(
        widgets=[image, cells, folder, new_class, button], name="save_corrected_labels"
    )


def _layers_of_cells(_: Any) -> list[Any]:
    import napari  # noqa: PLC0415 - as above

    viewer = napari.current_viewer()
    kinds = (napari.layers.Labels, napari.layers.Shapes)
    return [] if viewer is None else [one for one in viewer.layers if isinstance(one, kinds)]


def _save(image: Any, cells: Any, folder: Path | None, new_class: str) -> None:
    from napari.utils.notifications import show_error, show_info  # noqa: PLC0415 - as above

    if image is None or cells is None or folder is None:
        show_error("choose an image, its labels or boxes, and the folder of a set, new or not")
        return
    try:
        given = (image.as_layer_data_tuple(), cells.as_layer_data_tuple())
        files = save_cells(folder, *given, new_class=new_class)
    except CellwrightError as error:
        show_error(str(error))
    else:
        show_info(f"saved {files[-1]}")
