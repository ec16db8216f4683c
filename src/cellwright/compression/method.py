"""What every compression method is given and gives: one signature, a row a method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Precision
from cellwright.compression.calibration_data import Batch

Progress = Callable[[int, int], None]
"""Called with (done, total) after every step."""

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Shows how a part of the work goes on, under the words given."""


@contextmanager
def in_silence(_description: str) -> Iterator[Progress]:
    """A :data:`Stage` that shows nothing."""
    yield lambda _done, _total: None


@dataclass(frozen=True)
class Material:
    """What a method may look at and how it is set; never the images that judge its result.

    Attributes:
        inputs: network inputs, as a prediction makes them, of images to learn ranges from.
        settings: the method's own settings by name; what is left out takes its default.
        stage: shows how the work goes on.
    """

    inputs: Sequence[Batch]
    settings: Mapping[str, str]
    stage: Stage = in_silence


@dataclass(frozen=True)
class Candidate:
    """One graph that may replace the bundle's.

    Attributes:
        graph: ONNX bytes, same inputs and outputs as the bundle's first graph.
        precision: of its arithmetic.
        settings: what tells it from the method's other candidates, for the card.
    """

    graph: bytes
    precision: Precision
    settings: Mapping[str, str]


Method = Callable[[Bundle, Material], Iterator[Candidate]]
"""Candidates for one bundle, made one by one; the best on the judging images is kept. What
cannot be done is said when it is called, before a candidate is asked for."""
