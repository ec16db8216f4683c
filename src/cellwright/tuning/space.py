"""What is searched: settings of a train config by their dotted names, each with its range.

One line a setting, on the command line as ``KEY=RANGE`` and in a YAML file as ``KEY: RANGE``.
A range is ``float:LOW:HIGH``, ``int:LOW:HIGH``, either with ``:log`` for steps that multiply,
or ``choice:A,B,C``. For a grid, a last ``:N`` says how many numbers of the range it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from cellwright.data.yaml_text import read_yaml
from cellwright.errors import ConfigError

REMEDY = (
    "write float:LOW:HIGH, int:LOW:HIGH (:log where steps multiply, :N for N points of a grid) "
    "or choice:A,B,C"
)

YARDSTICK = (
    *("data.dataset", "data.datasets", "data.path", "data.format", "data.split_file"),
    *("data.ratios", "data.by", "data.split_seed", "data.allow_leak"),
    *("classification.choose_by", "name", "task", "seed", "threads"),
)
"""Settings that trials are compared by: the best value would be that of the luckiest part."""

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Numbers:
    """A range of numbers, ends included.

    Attributes:
        kind: ``float`` or ``int``.
        low: smallest value.
        high: largest value.
        steps: ``even``, or ``log`` where a step multiplies.
        points: how many of them a grid holds; None for all where they are whole.
    """

    kind: Literal["float", "int"]
    low: float
    high: float
    steps: Literal["even", "log"] = "even"
    points: int | None = None

    def suggest(self, trial: Any, name: str) -> Value:
        """A value for an Optuna trial."""
        log = self.steps == "log"
        if self.kind == "int":
            return int(trial.suggest_int(name, int(self.low), int(self.high), log=log))
        return float(trial.suggest_float(name, self.low, self.high, log=log))

    def values_of(self, name: str) -> tuple[Value, ...]:
        """The numbers that a grid holds, ends included.

        >>> Numbers("float", 1, 1000, "log", points=4).values_of("boost")
        (1.0, 10.0, 100.0, 1000.0)

        Raises:
            ConfigError: a range of fractions without their number.
        """
        if self.points is None and self.kind == "float":
            raise ConfigError(
                "a grid must know how many numbers of this range it holds",
                where=name,
                remedy="put their number behind it, for instance float:0:1:5",
            )
        n = self.points or int(self.high - self.low) + 1
        space = np.geomspace if self.steps == "log" else np.linspace
        numbers = [float(f"{one:.9g}") for one in space(self.low, self.high, n).tolist()]
        whole = self.kind == "int"
        return tuple(dict.fromkeys(round(one) if whole else one for one in numbers))

    @property
    def example(self) -> Value:
        """A value to check the config with."""
        return int(self.low) if self.kind == "int" else self.low


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    Attributes:
        values: what can be chosen.
    """

    values: tuple[Value, ...]

    def suggest(self, trial: Any, name: str) -> Value:
        """A value for an Optuna trial."""
        chosen: Value = trial.suggest_categorical(name, self.values)
        return chosen

    def values_of(self, name: str) -> tuple[Value, ...]:  # noqa: ARG002 - as Numbers
        """What a grid holds: all of them."""
        return self.values

    @property
    def example(self) -> Value:
        """A value to check the config with."""
        return self.values[0]


Space = Mapping[str, Numbers | Choice]
"""Range by the dotted name of the setting, in the order given."""


def read_space(lines: Sequence[str], file: Path | None = None) -> Space:
    """Ranges of a file and of the command line; the latter win.

    Raises:
        ConfigError: an unreadable file, a range that is none, nothing to search, or a setting that
            trials are compared by.
    """
    given: dict[str, str] = {} if file is None else _from_file(file)
    for line in lines:
        key, equals, text = line.partition("=")
        if not equals or not key:
            raise ConfigError(f"--search {line!r}", remedy=f"write KEY=RANGE; {REMEDY}")
        given[key] = text
    if not given:
        raise ConfigError(
            "there is nothing to search", remedy="give --search KEY=RANGE or --space FILE.yaml"
        )
    for key in given:
        if any(key == fixed or key.startswith(f"{fixed}.") for fixed in YARDSTICK):
            raise ConfigError(
                "trials are compared by this setting, so it cannot be searched",
                where=key,
                remedy="set it in the config",
            )
    return {key: parse_range(text, where=key) for key, text in given.items()}


def _from_file(file: Path) -> dict[str, str]:
    content = read_yaml(file)
    if not isinstance(content, dict) or not all(isinstance(one, str) for one in content.values()):
        raise ConfigError("a search space is a mapping of KEY: RANGE", where=file, remedy=REMEDY)
    return {str(key): value for key, value in content.items()}


def parse_range(text: str, *, where: object = None) -> Numbers | Choice:
    """One range.

    >>> parse_range("float:1:1000:log")
    Numbers(kind='float', low=1.0, high=1000.0, steps='log', points=None)
    >>> parse_range("choice:bce,dice-bce")
    Choice(values=('bce', 'dice-bce'))

    Raises:
        ConfigError: not a range, an empty one, or a logarithm of what is not positive.
    """
    kind, _, rest = text.partition(":")
    if kind == "choice" and rest:
        try:
            values = tuple(yaml.safe_load(part) for part in rest.split(","))
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(f"{text!r} is no range", where=where, remedy=REMEDY) from error
        if all(isinstance(one, str | int | float | bool | None) for one in values):
            return Choice(values)
    parts = rest.split(":")
    points: int | None = None
    if len(parts) > 2 and parts[-1].isdecimal() and int(parts[-1]) > 1:
        points = int(parts.pop())
    if kind in ("float", "int") and len(parts) in (2, 3) and parts[2:] in ([], ["log"]):
        try:
            low, high = (float(part) for part in parts[:2])
        except ValueError as error:
            raise ConfigError(f"{text!r} is no range", where=where, remedy=REMEDY) from error
        steps: Literal["even", "log"] = "log" if len(parts) == 3 else "even"
        found = Numbers("int" if kind == "int" else "float", low, high, steps, points)
        if fault := _fault(found):
            raise ConfigError(f"{text!r} is no range: {fault}", where=where, remedy=REMEDY)
        return found
    raise ConfigError(f"{text!r} is no range", where=where, remedy=REMEDY)


def _fault(numbers: Numbers) -> str:
    """Why nothing can be drawn from between two numbers; empty where it can."""
    low, high = numbers.low, numbers.high
    if not (isfinite(low) and isfinite(high)):
        return "both ends must be finite numbers"
    if low >= high:
        return f"its low end comes first and must be below its high end, but {low:g} >= {high:g}"
    if numbers.kind == "int" and not (low.is_integer() and high.is_integer()):
        return "both ends of int must be whole numbers"
    if numbers.steps == "log" and low <= 0:
        return "steps that multiply need ends above 0"
    return ""


def examples(space: Space) -> Iterator[tuple[str, ...]]:
    """Overrides to check the config with: a value of each range, and in turn each other choice."""
    usual = {name: one.example for name, one in space.items()}
    yield overrides(usual)
    for name, one in space.items():
        if isinstance(one, Choice):
            yield from (overrides({**usual, name: value}) for value in one.values[1:])


def overrides(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Values as ``cellwright train --set`` takes them.

    >>> overrides({"schedule.learning_rate": 1e-5, "segmentation.loss": "bce"})
    ('schedule.learning_rate=1.0e-05', 'segmentation.loss=bce')
    """
    return tuple(
        f"{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"
        for key, value in params.items()
    )
