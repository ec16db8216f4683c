"""Maps of what the model looked at: of whole fields, or of the likeliest blast of a field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cellwright.assays.leukemia.calls import NOTE, Caller
from cellwright.assays.leukemia.counts import LeukemiaReport, SmearImage
from cellwright.assays.sections import evenly
from cellwright.bundles.bundle import Bundle
from cellwright.data.formats.label_images import read_label_image
from cellwright.errors import BundleError
from cellwright.explain.grad_cam import GradCam
from cellwright.images.heat import draw_heat
from cellwright.images.read import read_image
from cellwright.images.write import write_png
from cellwright.types import Image, Instances

HEAT_FOLDER = "heat"
MOST_MAPS = 6


def write_maps(
    report: LeukemiaReport,
    files: Mapping[str, Path],
    *,
    bundle: Bundle,
    caller: Caller,
    pixel_size_um: float | None,
) -> str:
    """Write ``heat/NAME.png`` for up to six images; each says what it is of.

    Args:
        report: of the run whose folder gets them.
        files: the picture of each image id.
        bundle: the model.
        caller: what it is asked.
        pixel_size_um: instead of what the files say.

    Returns:
        Why there is none, where the model has no maps; else empty.
    """
    try:
        cam = GradCam(bundle)
    except BundleError as error:
        return f"No maps: {error.what}."
    for one in evenly([one for one in report.images if one.n_white and one.n_asked], MOST_MAPS):
        picture = read_image(files[one.image_id])
        size = pixel_size_um or picture.pixel_size_um
        shown, what = _shown(report.out, one, files[one.image_id], picture.pixels, caller, size)
        found = cam.explain(shown, pixel_size_um=size, where=files[one.image_id])
        lines = [f"{one.image_id}, {what}", f"for {found.class_name}: {found.probability:.2f}"]
        if found.unlike:
            lines.append("unlike the training data: no call")
        drawn = draw_heat(shown, found.heat, caption=(*lines, NOTE), seen=found.seen)
        write_png(report.out / HEAT_FOLDER / f"{one.image_id}.png", drawn)
    return ""


def _shown(
    out: Path,
    one: SmearImage,
    file: Path,
    pixels: Image,
    caller: Caller,
    size: float | None,
) -> tuple[Image, str]:
    """What the model is shown: the field, or of its cells the likeliest blast."""
    if caller.asked == "fields":
        return pixels, "the field"
    labels = read_label_image(out / "labels" / f"{one.image_id}.png", file)
    white = Instances.from_labels(labels)
    crops = caller.crops(pixels, white, size)
    chances = caller.chance(caller.call(pixels, white, size))
    best = max(range(len(crops)), key=lambda index: chances[index])
    return crops[best], f"white cell {best + 1}, the likeliest blast of {len(crops)}"
