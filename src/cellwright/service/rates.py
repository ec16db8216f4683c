"""How often somebody may ask: a bucket of requests each, which fills up again steadily."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_KNOWN = 10_000
"""Askers that are remembered; who has not asked for longest is forgotten, with a full bucket."""


class Rates:
    """Token buckets by key. For one thread, the event loop's."""

    def __init__(
        self, per_second: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A bucket holds ``burst`` requests and gains ``per_second``."""
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, key: str, *, cost: float = 1.0) -> int:
        """Take ``cost`` out of the asker's bucket: 0, or the whole seconds until it holds enough.

        >>> rates = Rates(2, 3, clock=lambda: 0.0)
        >>> [rates.wait_for("ada") for _ in range(4)], rates.wait_for("bob")
        ([0, 0, 0, 1], 0)
        """
        now = self._clock()
        level, then = self._buckets.pop(key, (float(self._burst), now))
        level = min(self._burst, level + (now - then) * self._per_second)
        missing = cost - level
        self._buckets[key] = (level if missing > 0 else level - cost, now)
        while len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        return math.ceil(missing / self._per_second) if missing > 0 else 0

    def give_back(self, key: str, cost: float) -> None:
        """Put what :meth:`wait_for` took back into the asker's bucket.

        >>> rates = Rates(1, 2, clock=lambda: 0.0)
        >>> rates.wait_for("ada", cost=2), rates.give_back("ada", 2), rates.wait_for("ada", cost=2)
        (0, None, 0)
        """
        level, then = self._buckets.get(key, (float(self._burst), self._clock()))
        self._buckets[key] = (min(self._burst, level + cost), then)
