"""Fields of peripheral blood smears in four classes: benign, and three stages of leukemic cells."""

from __future__ import annotations

import re

from cellwright.data.datasets.public_set import PublicSet

BLOCK = 20
"""File numbers that are kept together."""


def block(image_id: str) -> str:
    """Class and block of file numbers: patients are not told, neighbours likely share one.

    >>> block("WBC-Benign-039"), block("WBC-Malignant-Pre-040")
    ('benign-01', 'pre-02')
    """
    match = re.search(r"(\w+)-(\d+)$", image_id)
    if match is None:
        return image_id
    return f"{match[1].lower()}-{int(match[2]) // BLOCK:02d}"


SET = PublicSet(
    name="all_pbs_leukemia",
    title="fields of blood smears, acute lymphoblastic leukemia in three stages, and benign",
    task="classification",
    format="folders",
    classes=("benign", "early", "pre", "pro"),
    n_images=3256,
    licence="not stated",
    citation=(
        "Aria, Ghaderzadeh, Bashash, Abolghasemi, Asadi and Hosseini, Acute Lymphoblastic Leukemia "
        "(ALL) image dataset, 2021; Ghaderzadeh et al., International Journal of Intelligent "
        "Systems 37, 2022, 5113-5133"
    ),
    url="https://www.kaggle.com/datasets/mehradaria/leukemia",
    sha256=None,
    arrange=None,
    known_flaws=(
        "the licence could not be confirmed: measure with it, publish no picture and no weights",
        "89 patients, but no file says whose: groups are blocks of 20 file numbers",
        "the class is partly readable from the stain: the colour of the empty background tells it "
        "in four of five images",
        "benign fields were photographed from other slides than the leukemic ones",
    ),
    group_of=block,
)
