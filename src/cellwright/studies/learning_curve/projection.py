"""What more labels would bring: a power law through the learning curve, and how sure it is.

    AP(n) = ceiling - drop * n^(-rate)

with ceiling <= 100, drop >= 0 and 0.01 <= rate <= 2: the inverse power law that learning
curves follow once a model has left chance behind (Hestness et al. 2017, arXiv:1712.00409;
Viering and Loog 2023, IEEE TPAMI 45:7799, arXiv:2103.10948). It is fitted by least squares
to all points; points are drawn anew within each size (bootstrap over seeds, their spread
widened by sqrt(s / (s - 1)) since s seeds show too little of it), and the spread of the gain
between n and 2 n is the interval.

Extrapolation is refused where it says nothing: with fewer than four sizes or two seeds, where
nothing was learned, or where the interval is wider than :data:`WIDEST` points or holds both
:data:`NOTHING` and :data:`MUCH`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

LEAST_SIZES = 4
LEAST_SEEDS = 2
WIDEST = 10.0
"""Points of AP50:95: an interval wider than this supports no decision."""
NOTHING, MUCH = 0.5, 3.0
"""Points of AP50:95 that nobody would label for, and that anybody would."""
LEARNED = 5.0
"""Points of AP50:95 below which a network has learned nothing yet."""
RESAMPLES = 300
RATES = (0.01, 2.0)
TOP = 100.0
FARTHEST = 16
"""No statement is made about more than this many times the images there are."""


@dataclass(frozen=True)
class PowerLaw:
    """``ceiling - drop * n^(-rate)``, in points of AP50:95."""

    ceiling: float
    drop: float
    rate: float

    def __call__(self, n: float) -> float:
        """The value at ``n`` images."""
        return self.ceiling - self.drop * float(n**-self.rate)

    def images_for(self, value: float) -> float | None:
        """Images at which the curve reaches ``value``; None where it never does.

        >>> PowerLaw(80, 100, 0.5).images_for(70)
        100.0
        """
        if value >= self.ceiling:
            return None
        return float((self.drop / (self.ceiling - value)) ** (1 / self.rate))


SETTLED = 0.5
"""Points an epoch; while training gains more, large shares are cut short and look useless."""


@dataclass(frozen=True)
class Projection:
    """What doubling the images is expected to bring.

    Attributes:
        n: images there are.
        law: the fitted curve; None where nothing can be said.
        gain: points of AP50:95 from ``n`` to ``2 n``.
        low: lower end of its 95 % interval.
        high: upper end.
        refusal: why nothing can be said; empty where something can.
    """

    n: int
    law: PowerLaw | None
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    refusal: str = ""


def fit_power_law(sizes: ArrayLike, values: ArrayLike) -> PowerLaw:
    """Least squares through points (images, AP50:95 in percent).

    At a given rate, ceiling and drop are a straight line, solved exactly; so only the rate
    is searched: over a grid first, since one guess would stop in a local valley.
    """
    n, y = np.asarray(sizes, float), np.asarray(values, float)
    scale = float(n.max())

    def cost(rate: float) -> float:
        ceiling, drop = _line((n / scale) ** -rate, y)
        return float(((ceiling - drop * (n / scale) ** -rate - y) ** 2).sum())

    grid = np.geomspace(*RATES, 60)
    best = int(np.argmin([cost(rate) for rate in grid]))
    around = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    rate = float(minimize_scalar(cost, bounds=around, method="bounded").x)
    ceiling, drop = _line((n / scale) ** -rate, y)
    return PowerLaw(ceiling, drop * scale**rate, rate)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Best ``(c, d)`` of ``y = c - d x`` with ``c <= 100`` and ``d >= 0``."""
    spread = x - x.mean()
    drop = -float(spread @ y) / max(float(spread @ spread), 1e-12)
    ceiling = float(y.mean()) + drop * float(x.mean())
    if ceiling > TOP:
        ceiling, drop = TOP, float(x @ (TOP - y)) / float(x @ x)
    return (ceiling, drop) if drop >= 0 else (min(TOP, float(y.mean())), 0.0)


def project(
    points: Mapping[int, Sequence[float]], *, last_gain: float = 0.0, seed: int = 0
) -> Projection:
    """Fit and extrapolate from the values of each size, one a seed, in percent.

    Args:
        points: images -> values.
        last_gain: points that the last epoch of training brought on the largest size.
        seed: of the resampling.
    """
    sizes = sorted(points)
    most = sizes[-1]
    refusal = _refusal(points, sizes)
    if not refusal and last_gain > SETTLED:
        refusal = (
            f"training on all of them still gained {last_gain:.1f} points in its last epoch, so "
            "the curve shows how long was trained and not what images bring; train longer"
        )
    if refusal:
        return Projection(most, None, refusal=refusal)
    n = [size for size in sizes for _ in points[size]]
    law = fit_power_law(n, [value for size in sizes for value in points[size]])
    rng = np.random.default_rng(seed)
    spread = [_widened(points[size]) for size in sizes]
    gains = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rng.choice(values, len(values)) for values in spread])
        one = fit_power_law(n, drawn)
        gains.append(one(2 * most) - one(most))
    low, high = (float(end) for end in np.quantile(gains, (0.025, 0.975)))
    gain = law(2 * most) - law(most)
    if high - low > WIDEST or (low < NOTHING and high > MUCH):
        refusal = f"doubling them may bring anything from {low:+.1f} to {high:+.1f} points"
        return Projection(most, None, gain, low, high, refusal)
    return Projection(most, law, gain, low, high)


def _widened(values: Sequence[float]) -> NDArray[np.float64]:
    """Values whose resamples vary as much as further seeds would."""
    own = np.asarray(values, float)
    return np.asarray(own.mean() + (own - own.mean()) * np.sqrt(len(own) / (len(own) - 1)))


def in_words(projection: Projection, who: str) -> str:
    """The plain sentence the study ends with."""
    n = projection.n
    if projection.law is None:
        return f"{who}: no forecast beyond {n:,} images, since {projection.refusal}."
    told = (
        f"{who}: doubling your {n:,} training images is expected to bring "
        f"{projection.gain:+.1f} ({projection.low:+.1f} to {projection.high:+.1f}) "
        f"points of AP50:95"
    )
    return f"{told}; {_worth(projection.law, n)}."


def _worth(law: PowerLaw, n: int) -> str:
    enough = law.images_for(law(n) + 1)
    if enough is None or enough > FARTHEST * n:
        return "more images of this kind are not worth drawing: not one point is in reach"
    return f"the next whole point costs about {_rounded(enough - n):,} more labelled images"


def _rounded(number: float) -> int:
    """Two significant digits: the forecast has no more."""
    digits = max(0, len(str(round(number))) - 2)
    return max(1, int(round(number, -digits)))


def _refusal(points: Mapping[int, Sequence[float]], sizes: Sequence[int]) -> str:
    if len(sizes) < LEAST_SIZES:
        return f"{len(sizes)} sizes do not pin down a curve (it takes {LEAST_SIZES})"
    if min(len(points[size]) for size in sizes) < LEAST_SEEDS:
        return f"the spread of the curve needs {LEAST_SEEDS} seeds a size"
    if max(float(np.mean(points[size])) for size in sizes) < LEARNED:
        return "the network has learned next to nothing yet; train longer"
    return ""
