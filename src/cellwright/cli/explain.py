"""``cellwright explain``: where a classifier found its class, what it goes by in a whole set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cellwright.cli.console import STDOUT, say, write_json
from cellwright.cli.importance import explain_data
from cellwright.cli.labels import only_part, open_labelled
from cellwright.cli.options import Format, Json, Part, PixelSize, Split, Threads
from cellwright.errors import ConfigError

if TYPE_CHECKING:
    from cellwright.explain.grad_cam import Explanation, GradCam
    from cellwright.images.picture import Picture

EXAMPLES = """Examples:

cellwright explain cell-cycle cell.tif --out why.png

cellwright explain runs/mine/mine.cellwright cell.tif --class Metaphase --out map.npy

cellwright explain runs/mine/mine.cellwright --data crops --out importance.html"""

MAPS = (".png", ".npy", ".tif", ".tiff")
TABLES = (".html", ".csv", ".png")


Classifies: TypeAlias = Annotated[
    str, typer.Argument(metavar="BUNDLE|NAME", help="A bundle that classifies.")
]
OneCell: TypeAlias = Annotated[
    Path | None, typer.Argument(metavar="IMAGE", help="A picture of one cell.")
]
Explained: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Of an image: a picture (.png) or the bare map (.npy, .tif). "
        "Of --data: a page (.html), the table (.csv) or the bars (.png).",
    ),
]
ClassName: TypeAlias = Annotated[
    str | None,
    typer.Option("--class", metavar="NAME", help="Class to explain; the most probable one."),
]
Data: TypeAlias = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help="Labelled images: what the model goes by."),
]


def explain(
    bundle: Classifies,
    image: OneCell = None,
    *,
    out: Explained,
    class_name: ClassName = None,
    pixel_size: PixelSize = None,
    data: Data = None,
    format_name: Format = None,
    split: Split = None,
    part: Part = "all",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Show why a classifier decides as it does: on one image, or on a labelled set.

    With IMAGE: where in it a class is seen (Grad-CAM). A .png holds the picture and, beside it,
    the same under its heat; .npy and .tif hold the map itself at the size of the picture, in
    units of the class's logit. The map says where the evidence lies, not that it is right.

    With --data: how much of its balanced accuracy a model owes to each measurement, or a network
    to each channel (permutation importance).
    """
    if (image is None) == (data is None):
        raise ConfigError(
            "there is nothing to explain" if image is None else "too much to explain at once",
            remedy="give either an image, or labelled images with --data",
        )
    _refuse_idle(
        "an image" if data is None else "labelled images (--data)",
        {"--format": format_name, "--split": split, "--part": None if part == "all" else part}
        if data is None
        else {"--class": class_name, "--pixel-size": pixel_size},
    )
    _check_suffix(out, MAPS if data is None else TABLES)
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.prepare import check_pixel_size

    check_pixel_size(pixel_size)

    opened = open_bundle(bundle)
    if data is not None:
        labelled = only_part(open_labelled(data, format_name=format_name), part, split_file=split)
        explain_data(opened, labelled, out, threads=threads, json=json)
    elif image is not None:
        from cellwright.explain.grad_cam import GradCam, sentences

        cam = GradCam(opened, threads=threads)
        explained = _explain_image(cam, image, out, class_name=class_name, pixel_size=pixel_size)
        if not write_json(_as_json(explained, cam.classifier.classes, out), json):
            typer.echo(out)
        if json != STDOUT:
            for line in sentences(explained):
                say(line)


def _refuse_idle(explained: str, idle: dict[str, object]) -> None:
    """Refuse options that say nothing about what is explained.

    Raises:
        ConfigError: names the first.
    """
    for option in (option for option, value in idle.items() if value is not None):
        raise ConfigError(
            "this option says nothing where the model is explained on " + explained,
            where=option,
            remedy="leave it out",
        )


def _check_suffix(out: Path, allowed: tuple[str, ...]) -> None:
    if out.suffix.lower() not in allowed:
        raise ConfigError(
            f"cannot be told what to write into a file that ends in {out.suffix or 'nothing'}",
            where=out,
            remedy=f"choose a name that ends in {', '.join(allowed)}",
        )


def _explain_image(
    cam: GradCam, image: Path, out: Path, *, class_name: str | None, pixel_size: float | None
) -> Explanation:
    """Grad-CAM of one file into ``out``."""
    from cellwright.images.read import read_image

    picture = read_image(image)
    found = cam.explain(
        picture.pixels,
        class_name=class_name,
        channel_names=picture.channel_names,
        pixel_size_um=pixel_size or picture.pixel_size_um,
        where=image,
    )
    _write(out, picture, found)
    return found


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
