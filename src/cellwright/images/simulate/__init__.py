"""Simulated images whose truth is known: one file an assay, one row here.

Simulated pictures teach the demo, prove the code in tests and stand in the
documentation; they replace no real validation.
"""

from collections.abc import Callable
from typing import Any

from cellwright.images.simulate.dic import simulate_movie
from cellwright.images.simulate.live_dead import simulate_series
from cellwright.images.simulate.phases import simulate_sample
from cellwright.images.simulate.smear import simulate_slide
from cellwright.images.simulate.unstained import simulate_culture

SIMULATORS: dict[str, Callable[..., Any]] = {
    "dic": simulate_movie,
    "live_dead": simulate_series,
    "phases": simulate_sample,
    "smear": simulate_slide,
    "unstained": simulate_culture,
}
