"""Every combination of a few values a setting; a trial's settings follow from its place alone.

Optuna's own grid looks at which points other trials have noted, so two workers that look at
one time take the same. Here place k of N (:mod:`cellwright.tuning.places`) is point k of the
grid, whoever takes it and however often its worker dies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from cellwright.tuning.space import Space, Value


def size_of(space: Space) -> int:
    """Points of the grid.

    Raises:
        ConfigError: a range of numbers that does not say how many of them.
    """
    return math.prod(len(one.values_of(name)) for name, one in space.items())


def point_of(space: Space, place: int) -> Mapping[str, Value]:
    """The settings of a place; the last setting of the space changes first.

    Raises:
        ConfigError: as :func:`size_of`.
    """
    axes = [one.values_of(name) for name, one in space.items()]
    return dict(zip(space, list(product(*axes))[place], strict=True))


class PointSampler(optuna.samplers.BaseSampler):
    """Proposes one point of the grid.

    Args:
        point: value by setting.
    """

    def __init__(self, point: Mapping[str, Value]) -> None:
        self._point = point

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002 - what Optuna hands to every sampler
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Nothing: each setting is asked for on its own."""
        return {}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing, as said."""
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """The point's value."""
        return self._point[param_name]
