"""BBBC039: U2OS nuclei, Hoechst stain, 16-bit fields with instance labels."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from cellwright.data.datasets.public_set import PublicSet
from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_labels

NAME = re.compile(r"_([A-P]\d\d)_(s\d+)_w1([0-9A-F]{8})")


def well(image_id: str) -> str:
    """The well of a field, the first part of its name.

    >>> well("A09_s1_CE70AD49")
    'A09'
    """
    return image_id.partition("_")[0]


def arrange(published: Path, folder: Path) -> None:
    """Fields named by well and site; nuclei are the connected pieces of equal colour.

    Raises:
        DatasetError: a file name without well and site, or a missing mask.
        ImageError: a damaged file.
    """
    from skimage.measure import label  # noqa: PLC0415  (slow to import, and only fetching needs it)

    (folder / "images").mkdir()
    for image in sorted((published / "images").glob("*.tif")):
        match = NAME.search(image.name)
        mask = published / "labels" / f"{image.stem}.png"
        if match is None or not mask.is_file():
            raise DatasetError("has no mask, or no well and site in its name", where=image)
        name = "_".join(match.groups())
        shutil.copyfile(image, folder / "images" / f"{name}.tif")
        colours = read_image(mask).pixels[0]
        nuclei = label(colours, background=0, connectivity=1)  # type: ignore[no-untyped-call]
        write_labels(folder / "instances" / f"{name}.png", nuclei)


SET = PublicSet(
    name="bbbc039_hoechst_nuclei",
    title="U2OS nuclei in Hoechst stain, 16-bit fields, instance labels",
    task="instances",
    format="instances",
    classes=("nucleus",),
    n_images=200,
    licence="CC0-1.0",
    citation=(
        "image set BBBC039v1 (Caicedo et al., Cytometry Part A 95, 2019, 952-965), available "
        "from the Broad Bioimage Benchmark Collection (Ljosa et al., Nature Methods 9, 2012, 637)"
    ),
    url="https://codeload.github.com/DeepTrackAI/cell_counting_dataset/zip/d460149beb419c92785edcdef0628c5bf66f3325",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "12-bit values in 16-bit files",
        "several fields of one well look alike: split by well",
    ),
    group_of=well,
)
