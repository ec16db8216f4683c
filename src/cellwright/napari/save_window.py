"""The window *Save corrected labels*: an image and its labels into a set to train from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellwright.errors import CellwrightError
from cellwright.napari.write import save_labels


def save_window() -> Any:
    """The window, for napari to dock: a magicgui ``Container``."""
    import napari  # noqa: PLC0415 - an extra, and here it is running
    from magicgui import widgets  # noqa: PLC0415

    image = widgets.create_widget(annotation=napari.layers.Image, name="image")
    labels = widgets.create_widget(annotation=napari.layers.Labels, name="labels")
    folder = widgets.FileEdit(
        name="folder", label="folder of the set", mode="d", nullable=True, value=None
    )
    new_class = widgets.LineEdit(
        name="new_class",
        label="class of new cells",
        tooltip="Of labels that the features table names no class for, such as painted ones",
    )
    button = widgets.PushButton(name="save", text="Save")
    button.changed.connect(
        lambda: _save(image.value, labels.value, folder.value, new_class.value.strip())
    )
    return widgets.Container(
        widgets=[image, labels, folder, new_class, button], name="save_corrected_labels"
    )


def _save(image: Any, labels: Any, folder: Path | None, new_class: str) -> None:
    from napari.utils.notifications import show_error, show_info  # noqa: PLC0415 - as above

    if image is None or labels is None or folder is None:
        show_error("choose an image, its labels, and the folder of a set, new or not")
        return
    try:
        given = (image.as_layer_data_tuple(), labels.as_layer_data_tuple())
        files = save_labels(folder, *given, new_class=new_class)
    except CellwrightError as error:
        show_error(str(error))
    else:
        show_info(f"saved {files[-1]}")
