"""The rows of the tables: who tells phases apart, what it is shown, and by which protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Channels = Literal["label-free", "stained", "DNA stain alone"]
Protocol = Literal["leak-free", "as published"]

CHANNELS: dict[Channels, tuple[str, ...]] = {
    "label-free": ("brightfield_Ch3", "darkfield_Ch6"),
    "stained": ("brightfield_Ch3", "PI_DNA_Ch4", "darkfield_Ch6"),
    "DNA stain alone": ("PI_DNA_Ch4",),
}
"""What a row is shown, by the names of the public set. The paper has the first."""

TITLES = {
    "cnn": "CNN of the paper",
    "resnet": "ResNet",
    "boosting": "gradient boosting",
    "frame": "gradient boosting, frame only",
    "ours": "ours",
    "both": "ours with boosting",
}
TRAINED = ("cnn", "resnet", "boosting", "frame", "ours")
"""All but the mean of two that were trained."""

AUGMENTED: dict[str, str] = {"gp": "WGAN-GP", "div": "WGAN-div + mixup"}
TABLES = {"": "1", "gp": "2", "div": "3"}
"""Way to fill rare classes to the table of the paper that has it."""

OTHERS = "baselines"
CONTROLS = "controls"


@dataclass(frozen=True)
class Variant:
    """One row of the grid.

    Attributes:
        method: row of :data:`TITLES`.
        channels: row of :data:`CHANNELS`.
        augmented: row of :data:`AUGMENTED`, or empty.
        protocol: ``as published`` adds generated cells before the set is divided, so that a cell
            made from a test cell can be learned from, and generated cells are judged.
    """

    method: str
    channels: Channels
    augmented: str = ""
    protocol: Protocol = "leak-free"

    @property
    def name(self) -> str:
        """Of the cell."""
        parts = (
            self.method,
            self.augmented,
            "published" if self.protocol == "as published" else "",
            self.channels.replace(" ", "-"),
        )
        return "-".join(part for part in parts if part)

    @property
    def row(self) -> str:
        """Of a table: who, shown what, and the protocol where there are two."""
        protocol = (self.protocol,) if self.augmented else ()
        return ", ".join((TITLES[self.method], self.channels, *protocol))

    @property
    def table(self) -> str:
        """Where its phases stand."""
        if self.method == "frame" or self.channels == "DNA stain alone":
            return CONTROLS
        return TABLES[self.augmented] if self.method in ("cnn", "resnet") else OTHERS


def variants(
    *, augmented: tuple[tuple[str, Channels], ...], methods: tuple[str, ...]
) -> list[Variant]:
    """Cheap ones first, so that a run that is stopped holds what there was time for.

    Args:
        augmented: network and channels that are trained with generated crops, by both protocols.
        methods: which of :data:`TRAINED` are trained at all.
    """
    both: tuple[Channels, ...] = ("stained", "label-free")
    plain = [Variant("boosting", channels) for channels in both]
    plain += [Variant("boosting", "DNA stain alone"), *(Variant("frame", one) for one in both)]
    plain += [Variant("ours", channels) for channels in both]
    if {"ours", "boosting"} <= set(methods):
        plain += [Variant("both", channels) for channels in both]
    plain += [Variant("cnn", channels) for channels in both]
    filled = [
        Variant(method, channels, how, protocol)
        for method, channels in augmented
        for how in AUGMENTED
        for protocol in ("leak-free", "as published")
    ]
    large = [Variant("resnet", one) for one in both]
    return [one for one in (*plain, *filled, *large) if one.method in (*methods, "both")]
