"""What every section of a training config is: fixed once read, no unknown keys, no infinities."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A section of a config."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
