"""What every section of a training config is: fixed once read, no unknown keys, no infinities."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Frozen(BaseModel):
    """A section of a config."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    doubled = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if doubled:
        raise ValueError(f"names {doubled[0]!r} more than once")
    return names


EachOnce = Annotated[tuple[str, ...], AfterValidator(_each_once)]
"""Names, none of them twice: a channel given twice would count twice."""
