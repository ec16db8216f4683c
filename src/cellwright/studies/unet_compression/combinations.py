"""The rows of Table 3: eight pairs of loss and optimizer, each treated in four ways."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Combination:
    """A loss with an optimizer.

    Attributes:
        printed: as the table writes it.
        loss: row of :data:`cellwright.losses.MASK_LOSSES`.
        optimizer: row of :data:`cellwright.learning.optimizers.OPTIMIZERS`.
    """

    printed: str
    loss: str
    optimizer: str


COMBINATIONS = {
    "bce-adam": Combination("BCE-Adam", "bce", "adam"),
    "bce-nadam": Combination("BCE-Nadam", "bce", "nadam"),
    "bce-rmsprop": Combination("BCE-RMSprop", "bce", "rmsprop"),
    "bce-adagrad": Combination("BCE-Adagrad", "bce", "adagrad"),
    "dice-bce-adam": Combination("DiceBCE-Adam", "dice-bce", "adam"),
    "dice-focal-adam": Combination("DiceFocal-Adam", "dice-focal", "adam"),
    "jaccard-bce-adam": Combination("JaccardBCE-Adam", "jaccard-bce", "adam"),
    "jaccard-bce-rmsprop": Combination("JaccardBCE-RMSprop", "jaccard-bce", "rmsprop"),
}

TREATMENTS = {"base": "Base", "postq": "PostQ", "duringtq": "DuringTQ", "pruned": "Pruned"}
"""Not at all; 8 bits after training; 8 bits in training; weights taken away in training."""


def row_of(combination: str, treatment: str) -> str:
    """Row of a table.

    >>> row_of("bce-adam", "postq")
    'BCE-Adam, PostQ'
    """
    return f"{COMBINATIONS[combination].printed}, {TREATMENTS[treatment]}"
