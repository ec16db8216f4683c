"""``cellwright data unpack``: stacks of microscopes to single pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cellwright.cli.console import Missed, counted, progress_bar, say_missed, write_json
from cellwright.cli.options import Json, Out

if TYPE_CHECKING:
    from cellwright.images.unpack import Unpacked

EXAMPLES = """Examples:

cellwright data unpack slide.czi --out pictures

cellwright data unpack stacks/ --z max --out pictures

cellwright data unpack plate.zarr --channel DAPI --out pictures"""

Files: TypeAlias = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="CZI, ND2, LIF, OME-Zarr, TIFF stacks, or folders."),
]
Depth: TypeAlias = Annotated[
    str | None,
    typer.Option("--z", metavar="each|max|mean|sharpest|N", help="Which depth of a stack."),
]
Time: TypeAlias = Annotated[
    str, typer.Option("--t", metavar="each|N", help="Which time point, from 1.")
]
Channel: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="together|each|NAME|N", help="Channels in one picture, apart, or one of them."
    ),
]


def unpack(
    files: Files,
    *,
    out: Out,
    z: Depth = None,
    t: Time = "each",
    channel: Channel = "together",
    json: Json = None,
) -> None:
    """Take microscope files apart into single pictures, which every command reads.

    Each scene, or field of a well, at each time becomes an OME-TIFF with its scale and channel
    names; images.csv says which is which, errors.csv what could not be read. A stack of several
    depths wants --z: max (brightest, for fluorescence), sharpest (in focus, for transmitted light),
    mean, each, or a number. A run that was stopped does only what is missing. CZI, ND2, LIF and
    OME-Zarr need the extra: pip install 'cellwright[bio]'.
    """
    from cellwright.images.scenes import list_scene_files
    from cellwright.images.unpack import Choice
    from cellwright.images.unpack import unpack as take_apart

    found = list_scene_files(files, apart_from=out)
    with progress_bar("unpacking") as progress:
        unpacked = take_apart(found, out, Choice(z, t, channel), progress=progress)
    if not write_json(_as_json(unpacked, out), json) and unpacked.rows:
        kept = f", {unpacked.n_kept} of them from before" if unpacked.n_kept else ""
        typer.echo(f"{counted(len(unpacked.rows), 'picture')}{kept} -> {out}")
    missed = [Missed(str(path), one.what, one.remedy) for path, one in unpacked.errors.items()]
    say_missed(missed, out / "errors.csv", n_done=len(unpacked.rows), verb="not unpacked")


def _as_json(unpacked: Unpacked, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "n_images": len(unpacked.rows),
        "n_resumed": unpacked.n_kept,
        "images": unpacked.rows,
        "errors": {str(path): str(error) for path, error in unpacked.errors.items()},
    }
