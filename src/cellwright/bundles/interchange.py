"""A bundle taken apart for other programs: its graphs in their form, the card beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cellwright.bundles.bioimageio import to_bioimageio
from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import GraphEntry
from cellwright.bundles.openvino_core import openvino_core
from cellwright.bundles.openvino_graph import without_rounding_in_activations
from cellwright.images.write import atomic_path


def to_onnx(bundle: Bundle, folder: Path) -> list[Path]:
    """Write every graph as ``NAME-GRAPH.onnx`` and the card as ``NAME-card.json``.

    Returns:
        The files written.

    Raises:
        BundleError: a graph is damaged.
    """
    written = [_write_card(bundle, folder)]
    for entry in bundle.card.graphs:
        target = _graph_path(bundle, entry, folder, ".onnx")
        with atomic_path(target) as temporary:
            temporary.write_bytes(bundle.graph(entry))
        written.append(target)
    return written


def to_openvino(bundle: Bundle, folder: Path) -> list[Path]:
    """Write every graph as ``NAME-GRAPH.xml`` with its ``.bin``, and the card beside them.

    Weights keep their precision.

    Returns:
        The files written.

    Raises:
        BundleError: a model on measurements, whose trees and vectors OpenVINO does not know.

    Raises:
        BundleError: a graph is damaged.
    """
    import openvino as ov  # noqa: PLC0415  half a second that nobody else should pay

    bundle.require_pixels("OpenVINO")
    written = [_write_card(bundle, folder)]
    core = openvino_core()
    for entry in bundle.card.graphs:
        target = _graph_path(bundle, entry, folder, ".xml")
        model = core.read_model(model=bundle.graph(entry))
        without_rounding_in_activations(model)
        ov.save_model(model, target, compress_to_fp16=False)
        written += [target, target.with_suffix(".bin")]
    return written


INTERCHANGE: dict[str, Callable[[Bundle, Path], list[Path]]] = {
    "bioimageio": to_bioimageio,
    "onnx": to_onnx,
    "openvino": to_openvino,
}
"""What ``cellwright export --to`` offers."""


def _graph_path(bundle: Bundle, entry: GraphEntry, folder: Path, suffix: str) -> Path:
    return folder / f"{bundle.card.name}-{Path(entry.file).stem}{suffix}"


def _write_card(bundle: Bundle, folder: Path) -> Path:
    target = folder / f"{bundle.card.name}-card.json"
    with atomic_path(target) as temporary:
        temporary.write_text(bundle.card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return target
