"""BCCD: red cells, white cells and platelets in stained blood smears, with boxes."""

from __future__ import annotations

import shutil
from pathlib import Path

from cellwright.data.datasets.public_set import PublicSet, own_group


def arrange(published: Path, folder: Path) -> None:
    """The published folder is VOC as it stands, split lists included."""
    shutil.copytree(published / "BCCD", folder, dirs_exist_ok=True)


SET = PublicSet(
    name="bccd_blood_cells",
    title="blood smears, boxes of red cells, white cells and platelets",
    task="detection",
    format="voc",
    classes=("Platelets", "RBC", "WBC"),
    n_images=364,
    licence="MIT",
    citation=(
        "Shenggan Cheng, BCCD Dataset; original images and annotations by cosmicad and akshaylamba"
    ),
    url="https://codeload.github.com/Shenggan/BCCD_Dataset/zip/d272fb14cdff6e473fafeeeba32aba5f560e9e43",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "two boxes without area (BloodImage_00338, BloodImage_00343) are left out",
        "not every red cell carries a box, and some boxes are loose: this bounds precision",
        "patients are not given: images of one patient may stand on both sides of a split",
    ),
    group_of=own_group,
)
