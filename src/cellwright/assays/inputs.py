"""What an assay with a run of its own takes: images, each once, and a folder without other results.

Assays that go through the run of ``predict`` have both from there, and pool what it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cellwright.assays.names import Template, key_of, with_groups
from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.read import list_images
from cellwright.inference.identity import NamedImage
from cellwright.inference.run import images_of_run


def refuse_predictions(out: Path) -> None:
    """Tables of another kind and the same names must not be overwritten.

    Raises:
        ConfigError: ``out`` holds what ``cellwright predict`` wrote.
    """
    if (out / "run.json").exists():
        raise ConfigError(
            "this folder holds the results of cellwright predict",
            where=out,
            remedy="choose another output folder",
        )


def images_among(inputs: Sequence[Path], *, written: Iterable[Path], aim: str) -> list[Path]:
    """The images of files and folders, each once.

    Args:
        inputs: files and folders.
        written: folders that an earlier run may have filled; what lies in them is left out.
        aim: what is done with an image, for the error: ``count``, ``segment``.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
    """
    left_out = {folder.absolute() for folder in written}
    paths = {path.absolute(): path for path in list_images(inputs)}
    kept = [path for place, path in paths.items() if left_out.isdisjoint(place.parents)]
    if not kept:
        raise ImageError(f"there are no images to {aim}", remedy="name image files or folders")
    return kept


def grouped_images(
    inputs: Sequence[Path],
    out: Path,
    template: Template | None,
    *,
    labels_dir: str | None = None,
) -> dict[str, NamedImage]:
    """By id, the images that a run of ``predict`` into ``out`` does, each with its group.

    Known before anything is done, so that a wrong pattern costs no time; and told by this run's
    paths, since what an earlier one left may have been named from another working directory.

    Raises:
        ImageError: an input does not exist, or there is no image at all.
        ConfigError: ``template`` does not match a name, or ``out`` holds the images.
    """
    images = images_of_run(inputs, out, labels_dir=labels_dir)
    grouped = with_groups(images, [key_of(one.path) for one in images], template=template)
    return {one.id: one for one in grouped}


def pooled_with(grouped: Mapping[str, NamedImage], image_id: str) -> str:
    """The group of an image that a run has done.

    Raises:
        CellwrightError: it was not there when images were grouped, as where a microscope still
            writes into the folder.
    """
    if image_id not in grouped:
        raise CellwrightError(
            f"{image_id} came, or others went, while the run was going on",
            remedy="run again: what is done is kept",
        )
    return grouped[image_id].group
