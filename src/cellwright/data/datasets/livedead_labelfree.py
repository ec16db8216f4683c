"""LDC: live and dead cells in a counting chamber, unstained, with boxes."""

from __future__ import annotations

import re

from cellwright.data.datasets.public_set import PublicSet


def recording(image_id: str) -> str:
    """The file's prefix up to the first digit, likely one recording each.

    >>> recording("ncell_0012"), recording("image369")
    ('ncell_', 'image')
    """
    match = re.match(r"\D+", image_id)
    return match.group() if match else image_id


SET = PublicSet(
    name="livedead_labelfree",
    title="unstained live and dead cells in a counting chamber, boxes",
    task="detection",
    format="csv",
    classes=("live", "dead"),
    n_images=2500,
    licence="MIT",
    citation="Chukwudi Okerulu, Living and Dead Cell (LDC) dataset",
    url="https://codeload.github.com/maxKudi/Cell-Dataset/zip/f02ae84a70e99b24ea4551557bfacc6572a07648",
    sha256=None,
    known_flaws=(
        "the authors warn of annotation errors",
        "some cells at the border or out of focus carry no box",
        "many published images are near-copies of each other: split by group, or scan for them",
    ),
    group_of=recording,
)
