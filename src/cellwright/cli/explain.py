"""``cellwright explain``: where in a picture a classifier found its class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellwright.cli.console import STDOUT, say, write_json
from cellwright.cli.options import Json, PixelSize, Threads
from cellwright.errors import ConfigError

if TYPE_CHECKING:
    from cellwright.explain.grad_cam import Explanation
    from cellwright.images.picture import Picture

EXAMPLES = """Examples:

cellwright explain cell-cycle cell.tif --out why.png

cellwright explain runs/mine/mine.cellwright cell.tif --class Metaphase --out map.npy"""

SUFFIXES = (".png", ".npy", ".tif", ".tiff")


def explain(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE|NAME", help="A bundle that classifies.")],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture of one cell.")],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="A picture (.png) or the bare map (.npy, .tif)."
        ),
    ],
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Class to explain; the most probable one."),
    ] = None,
    pixel_size: PixelSize = None,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Show where in a picture a classifier sees a class (Grad-CAM).

    A .png holds the picture and, beside it, the same under its heat; .npy and .tif hold the map
    itself at the size of the picture, in units of the class's logit. The map says where the
    evidence lies, not that it is right.
    """
    from cellwright.bundles.bundle import open_bundle
    from cellwright.explain.grad_cam import GradCam, sentences
    from cellwright.images.read import read_image

    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"cannot be told what to write into a file that ends in {out.suffix or 'nothing'}",
            where=out,
            remedy=f"choose a name that ends in {', '.join(SUFFIXES)}",
        )
    cam = GradCam(open_bundle(bundle), threads=threads)
    picture = read_image(image)
    found = cam.explain(
        picture.pixels,
        class_name=class_name,
        channel_names=picture.channel_names,
        pixel_size_um=pixel_size or picture.pixel_size_um,
        where=image,
    )
    _write(out, picture, found)
    if not write_json(_as_json(found, cam.classifier.classes, out), json):
        typer.echo(out)
    if json != STDOUT:
        for line in sentences(found):
            say(line)


def _write(out: Path, picture: Picture, found: Explanation) -> None:
    import numpy as np

    from cellwright.explain.grad_cam import sentences
    from cellwright.images.heat import draw_heat
    from cellwright.images.write import atomic_path, write_png, write_tiff

    suffix = out.suffix.lower()
    if suffix == ".png":
        write_png(
            out, draw_heat(picture.pixels, found.heat, caption=sentences(found), seen=found.seen)
        )
    elif suffix == ".npy":
        with atomic_path(out) as temporary:
            np.save(temporary, found.heat, allow_pickle=False)
    else:
        write_tiff(out, found.heat[None], pixel_size_um=picture.pixel_size_um)


def _as_json(found: Explanation, classes: tuple[str, ...], out: Path) -> dict[str, Any]:
    row, column = (int(edge) for edge in divmod(int(found.heat.argmax()), found.heat.shape[1]))
    return {
        "task": "classification",
        "method": "grad-cam",
        "class": found.class_name,
        "probability": found.probability,
        "predicted": found.predicted,
        "probabilities": dict(zip(classes, found.probabilities, strict=True)),
        "unlike": found.unlike,
        "layer": found.layer,
        "map_size": list(found.map.shape),
        "seen": list(found.seen),
        "hottest_pixel": None if found.empty else [row, column],
        "out": str(out),
    }
