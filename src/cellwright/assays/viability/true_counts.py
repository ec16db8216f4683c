"""How far counts, and with them a viability, may be off because the detector errs.

Wilson's interval and the one that draws images ask which cells and images were looked
at. This one asks the other question: given these pictures, how many live and dead cells
are truly in them. It comes from the calibration in the model's card
(:mod:`cellwright.inference.counts`); without one, nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cellwright.inference.counts import COUNT_LEVEL, CountEstimate, CountRange, add_counts

BOTH_LEVEL = 1 - (1 - COUNT_LEVEL) / 2
"""Two intervals of this level hold together with a probability of COUNT_LEVEL (Bonferroni)."""


class Share(NamedTuple):
    """Ends of an interval of a viability."""

    low: float
    high: float


@dataclass(frozen=True)
class TrueCounts:
    """Estimates of true counts, of one field or of several; None where unknown.

    Attributes:
        cells: all cells.
        dead: dead cells.
        live: live cells; None also where they are what is left of all after the dead.
    """

    cells: CountEstimate | None = None
    dead: CountEstimate | None = None
    live: CountEstimate | None = None

    def ranges(self, *, n_live: int, n_dead: int) -> CountRanges:
        """Intervals that hold the counted numbers."""
        cells = _interval(self.cells, n_live + n_dead, COUNT_LEVEL)
        dead = _interval(self.dead, n_dead, COUNT_LEVEL)
        gone = _interval(self.dead, n_dead, BOTH_LEVEL)
        if self.live is not None:
            live = _interval(self.live, n_live, COUNT_LEVEL)
            alive = _interval(self.live, n_live, BOTH_LEVEL)
            return CountRanges(cells, live, dead, _share_of_two(alive, gone))
        every = _interval(self.cells, n_live + n_dead, BOTH_LEVEL)
        return CountRanges(cells, _left(every, gone), dead, _share_left(every, gone))


NOTHING_KNOWN = TrueCounts()


class CountRanges(NamedTuple):
    """Intervals of true counts at :data:`COUNT_LEVEL`, and of the viability they leave."""

    cells: CountRange | None = None
    live: CountRange | None = None
    dead: CountRange | None = None
    viability: Share | None = None


def add_true_counts(parts: Sequence[TrueCounts]) -> TrueCounts:
    """Several fields together."""
    return TrueCounts(
        cells=add_counts([part.cells for part in parts]),
        dead=add_counts([part.dead for part in parts]),
        live=add_counts([part.live for part in parts]),
    )


def _interval(estimate: CountEstimate | None, counted: int, level: float) -> CountRange | None:
    return None if estimate is None else estimate.interval(counted=counted, level=level)


def _share_of_two(live: CountRange | None, dead: CountRange | None) -> Share | None:
    """Live / (live + dead) at its least and its most."""
    if live is None or dead is None or not live.high + dead.high:
        return None
    low = live.low / (live.low + dead.high) if live.low else 0.0
    high = live.high / (live.high + dead.low) if live.high else 0.0
    return Share(low, high)


def _share_left(cells: CountRange | None, dead: CountRange | None) -> Share | None:
    """1 - dead / cells at its least and its most."""
    if cells is None or dead is None or not cells.high:
        return None
    low = max(0.0, 1 - dead.high / cells.low) if cells.low else 0.0
    return Share(low, max(low, 1 - dead.low / cells.high))


def _left(cells: CountRange | None, dead: CountRange | None) -> CountRange | None:
    if cells is None or dead is None:
        return None
    return CountRange(max(0, cells.low - dead.high), max(0, cells.high - dead.low))
