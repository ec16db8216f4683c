"""The graph as it is: for a network that was made smaller in training, the verdict is missing."""

from __future__ import annotations

from collections.abc import Iterator

from cellwright.bundles.bundle import Bundle
from cellwright.compression.method import Candidate, Material


def keep(bundle: Bundle, material: Material) -> Iterator[Candidate]:  # noqa: ARG001
    """One candidate, the bundle's own graph; judged beside the larger bundle it came from."""
    entry = bundle.card.graphs[0]
    return iter([Candidate(bundle.graph(entry), entry.precision, {"graph": "as it is"})])
