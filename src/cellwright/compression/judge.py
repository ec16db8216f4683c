"""How two bundles of one task are compared on the same labelled images: what a judge must know."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.compression.calibration_data import Feeds
from cellwright.compression.method import Progress
from cellwright.data.labelled_set import LabelledSet
from cellwright.metrics.intervals import Interval
from cellwright.metrics.report import Report


class Look(Protocol):
    """One bundle's answers on labelled images, in one runtime."""

    @property
    def runtime(self) -> str:
        """The runtime that gave them."""
        ...

    @property
    def report(self) -> Report:
        """Every figure of ``cellwright evaluate``."""
        ...

    def settled(self) -> Card:
        """The bundle's card with all that depends on its scores chosen on these images."""
        ...

    def report_under(self, card: Card) -> Report:
        """The figures of the same answers at another card's thresholds."""
        ...


class Judge(Protocol):
    """How bundles of one task are compared."""

    metric: str

    def feeds(self, bundle: Bundle, *, threads: int | None) -> Feeds:
        """What prepares network inputs for ``bundle``."""
        ...

    def look(
        self,
        bundle: Bundle,
        labelled: LabelledSet,
        *,
        runtime: str,
        threads: int | None,
        progress: Progress,
    ) -> Look:
        """The bundle's answers on labelled images."""
        ...

    def drop(self, before: Look, after: Look) -> Interval:
        """Points (hundredths) of :attr:`metric` lost from ``before`` to ``after``."""
        ...


def in_points(share: Interval) -> Interval:
    """A difference of shares in hundredths: 0.012 is 1.2 points."""
    value, low, high = (
        None if one is None else 100 * one for one in (share.value, share.low, share.high)
    )
    return replace(share, value=value, low=low, high=high)
