"""LDC: live and dead cells in a counting chamber, unstained, with boxes."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

from cellwright.data.datasets.public_set import PublicSet
from cellwright.data.formats.boxes_csv import COLUMNS, TABLE
from cellwright.data.formats.voc import read_xml
from cellwright.errors import DatasetError

CLASS_OF_PUBLISHED = {"Living Cell": "live", "Dead Cell": "dead"}


def recording(image_id: str) -> str:
    """The file's prefix up to the first digit, likely one recording each.

    >>> recording("ncell_0012"), recording("image369")
    ('ncell_', 'image')
    """
    match = re.match(r"\D+", image_id)
    return match.group() if match else image_id


def arrange(published: Path, folder: Path) -> None:
    """Images with boxes, under names without blanks: ``b (12).png`` becomes ``b_12.png``.

    Raises:
        DatasetError: a class that the set is not known to have.
        AnnotationError: a damaged label file.
    """
    (folder / "images").mkdir()
    (folder / "classes.txt").write_text("live\ndead\n", encoding="utf-8")
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for label in sorted((published / "Original Dataset").glob("*.xml")):
            boxes = read_xml(label).objects
            name = re.sub(r"\s*\((\d+)\)", r"_\1", label.stem) + ".png"
            if boxes:
                shutil.copyfile(label.with_suffix(".png"), folder / "images" / name)
            for box in boxes:
                if box.name not in CLASS_OF_PUBLISHED:
                    raise DatasetError(f"unknown class {box.name!r}", where=label)
                writer.writerow([name, CLASS_OF_PUBLISHED[box.name], *box.corners])


SET = PublicSet(
    name="livedead_labelfree",
    title="unstained live and dead cells in a counting chamber, boxes",
    task="detection",
    format="csv",
    classes=("live", "dead"),
    n_images=2435,
    licence="MIT",
    citation="Chukwudi Okerulu, Living and Dead Cell (LDC) dataset",
    url="https://codeload.github.com/maxKudi/Cell-Dataset/zip/f02ae84a70e99b24ea4551557bfacc6572a07648",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "65 of the 2500 published images carry no box and are left out",
        "the authors warn of annotation errors",
        "some cells at the border or out of focus carry no box",
        "many published images are near-copies of each other: split by group, or scan for them",
    ),
    group_of=recording,
)
