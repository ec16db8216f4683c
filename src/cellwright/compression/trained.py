"""What was made smaller in a training: the graph stays, and the card says how it came about."""

from __future__ import annotations

from collections.abc import Iterator

from cellwright.bundles.bundle import Bundle
from cellwright.compression.method import Candidate, Material
from cellwright.errors import BundleError


def trained(bundle: Bundle, material: Material) -> Iterator[Candidate]:  # noqa: ARG001
    """One candidate, the bundle's own graph; judged beside the bundle that the training began with.

    Raises:
        BundleError: its card names nothing that made it smaller.
    """
    record = bundle.card.training
    said = {name: value for name, value in record.pruning.items() if name != "parent"}
    said |= {"8 bits": "in training"} if record.quantization else {}
    if not said:
        raise BundleError(
            "its card does not say that a training made it smaller",
            where=bundle.path,
            remedy="use --method keep to judge it all the same",
        )
    entry = bundle.card.graphs[0]
    settings = {**said, "epochs": str(record.epochs)}
    return iter([Candidate(bundle.graph(entry), entry.precision, settings)])
