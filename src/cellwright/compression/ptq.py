"""Post-training quantization: 8-bit weights and activations from a look at some images.

Nothing is trained. What there is to choose is the range of each activation, and a candidate
is made for each way to choose it (:mod:`cellwright.bundles.qdq`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.qdq import RANGES, ActivationRanges, prepared, quantized
from cellwright.compression.method import Candidate, Material
from cellwright.errors import UnknownNameError


def quantize(bundle: Bundle, material: Material) -> Iterator[Candidate]:
    """A candidate for each way to choose ranges, or for the one named ``ranges`` in the settings.

    Raises:
        BundleError: the graph is quantized already, or holds nothing to quantize.
        UnknownNameError: no such way to choose ranges.
    """
    wanted = material.settings.get("ranges", "auto")
    if wanted not in ("auto", *RANGES):
        raise UnknownNameError("way to choose ranges", wanted, ["auto", *RANGES])
    graph = prepared(bundle.graph(), where=bundle.path)
    return _candidates(graph, material, list(RANGES) if wanted == "auto" else [wanted])


def _candidates(graph: bytes, material: Material, wanted: Sequence[str]) -> Iterator[Candidate]:
    for ranges in wanted:
        with material.stage(f"learning ranges: {ranges}") as progress:
            data = quantized(graph, ActivationRanges(material.inputs, ranges, progress=progress))
        yield Candidate(data, "int8", {"ranges": ranges})
