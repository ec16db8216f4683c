"""A bundle as a BioImage.IO model package: what ilastik, deepImageJ and BiaPy open.

One zip with ``rdf.yaml`` (model description, format 0.5), the ONNX graph, test tensors, the
card and a page about the model. The description tells how pixels become network input; how
output becomes cells it cannot say, so outputs are what the network gives and the card, which
says it, goes along.

Specification: https://bioimage-io.github.io/spec-bioimage-io (model 0.5).
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from cellwright import __version__
from cellwright.bundles.bundle import TEST_INPUT, Bundle
from cellwright.bundles.card import Card
from cellwright.bundles.onnx_header import opset_version
from cellwright.bundles.sessions import open_session
from cellwright.images.normalise import apply_limits, channel_limits
from cellwright.images.write import atomic_path
from cellwright.types import Image

FORMAT_VERSION = "0.5.4"
SUFFIX = ".bioimageio.zip"
HOME = "https://bioimage-io.github.io/spec-bioimage-io"
_SEED = 20
_DATE = (1980, 1, 1, 0, 0, 0)


def to_bioimageio(bundle: Bundle, folder: Path) -> list[Path]:
    """Write the bundle's first graph as the package ``NAME.bioimageio.zip``.

    The test input is a seeded random image, the test outputs are what ONNX Runtime gives for it.

    Returns:
        The file written.

    Raises:
        BundleError: a graph is damaged, or a model on measurements, which others cannot feed.
    """
    bundle.require_pixels("BioImage.IO")
    graph = bundle.graph()
    shape = bundle.tests[TEST_INPUT].shape
    raw = _random_image(bundle.card, shape[1:])
    prepared = apply_limits(raw, channel_limits(raw, bundle.card.input.normalisation))
    found = open_session(graph, runtime="onnxruntime").run(prepared[None])
    # In the graph's own order, by which others tell them apart.
    outputs = {name: value for name, value in found.items() if name in bundle.tests}
    files = {
        "rdf.yaml": yaml.safe_dump(
            _description(bundle.card, raw, outputs, opset=opset_version(graph)),
            sort_keys=False,
            allow_unicode=True,
        ).encode(),
        "README.md": _page(bundle.card).encode(),
        "card.json": (bundle.card.model_dump_json(indent=1) + "\n").encode(),
        "weights.onnx": graph,
        "test_input.npy": _npy(raw[None]),
        **{f"test_{name}.npy": _npy(value) for name, value in outputs.items()},
    }
    target = folder / f"{bundle.card.name}{SUFFIX}"
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, date_time=_DATE)
            archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED)
    return [target]


def _random_image(card: Card, shape: tuple[int, ...]) -> Image:
    """uint16 noise ``(C, H, W)`` across the values that the network is made for; else uint8."""
    rng = np.random.default_rng(_SEED)
    normalisation = card.input.normalisation
    if normalisation.kind == "full_range":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    top = max((high for _, high in normalisation.limits), default=4095)
    return rng.integers(0, int(top) + 1, shape, dtype=np.uint16)


def _description(
    card: Card, raw: Image, outputs: dict[str, NDArray[Any]], *, opset: int
) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": f"Cellwright {card.name}",
        "description": card.description or f"A {card.task} model.",
        "authors": [{"name": "The Cellwright authors"}],
        "cite": [{"text": f"Cellwright {__version__}, model {card.name}", "url": HOME}],
        "license": card.licence,
        "documentation": "README.md",
        "attachments": [{"source": "card.json"}],
        "tags": ["cellwright", card.task, "cells", "2d"],
        "timestamp": f"{card.training.date or '1980-01-01'}T00:00:00+00:00",
        "inputs": [_input(card, raw)],
        "outputs": [_output(card, name, value, raw) for name, value in outputs.items()],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": opset}},
    }


def _input(card: Card, raw: Image) -> dict[str, Any]:
    spec = card.input
    names = list(spec.channel_names) or [f"channel{index}" for index in range(spec.channels)]
    free = {"min": spec.multiple * 2, "step": spec.multiple}
    height, width = card.classification.crop_px if card.classification else (free, dict(free))
    return {
        "id": TEST_INPUT,
        "description": f"One image, drawn {spec.resize_factor:g} times as large as it was taken.",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": names},
            {"type": "space", "id": "y", "size": height},
            {"type": "space", "id": "x", "size": width},
        ],
        "data": {"type": str(raw.dtype), "range": [0, float(np.iinfo(raw.dtype).max)]},
        "preprocessing": _preprocessing(card),
        "test_tensor": {"source": "test_input.npy"},
    }


def _preprocessing(card: Card) -> list[dict[str, Any]]:
    """The card's normalisation in the words of the specification."""
    normalisation = card.input.normalisation
    scale: dict[str, Any]
    if normalisation.kind == "percentile":
        scale = {
            "id": "scale_range",
            "kwargs": {
                "axes": ["y", "x"],
                "min_percentile": normalisation.low,
                "max_percentile": normalisation.high,
            },
        }
    elif normalisation.kind == "fixed":
        gains = [1 / (high - low) for low, high in normalisation.limits]
        offsets = [-low / (high - low) for low, high in normalisation.limits]
        along: dict[str, Any] = {"axis": "channel", "gain": gains, "offset": offsets}
        if len(gains) == 1:
            along = {"gain": gains[0], "offset": offsets[0]}
        scale = {"id": "scale_linear", "kwargs": along}
    else:
        scale = {"id": "scale_linear", "kwargs": {"gain": 1 / 255, "offset": 0.0}}
    as_float = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
    return [as_float, scale, {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}, as_float.copy()]


def _output(card: Card, name: str, value: NDArray[Any], raw: Image) -> dict[str, Any]:
    channels = [f"{name}{index}" for index in range(value.shape[1])]
    if card.classification is not None:
        channels = list(card.classes)
    axes: list[dict[str, Any]] = [
        {"type": "batch"},
        {"type": "channel", "channel_names": channels},
    ]
    for axis, given, found in zip("yx", raw.shape[1:], value.shape[2:], strict=False):
        size = {"tensor_id": TEST_INPUT, "axis_id": axis}
        axes.append({"type": "space", "id": axis, "size": size, "scale": given / found})
    return {
        "id": name,
        "description": "What the network gives; card.json says how it is read.",
        "axes": axes,
        "data": {"type": "float32"},
        "test_tensor": {"source": f"test_{name}.npy"},
    }


def _page(card: Card) -> str:
    figures = "\n".join(
        f"- {one.data}, {one.n_images} images: "
        + ", ".join(
            f"{name} {metric.value:.3f}"
            + ("" if metric.low is None else f" ({metric.low:.3f} to {metric.high:.3f})")
            for name, metric in one.metrics.items()
            if metric.value is not None
        )
        for one in card.evaluations
    )
    limits = "\n".join(f"- {limit}" for limit in card.limits)
    return f"""# {card.name}

{card.description} {card.intended_use}

Task: {card.task}; classes: {", ".join(card.classes)}. Trained on {card.training.data}
({card.training.data_licence}), {card.training.n_images} images: `{card.training.command}`.

## How to read its output

Outputs are what the network gives before anything is decided. `card.json` says which layout
they have, from which value on something counts as a cell, and how cells that touch are told
apart; `cellwright predict` does it.

## How good it is

95 % intervals.

{figures or "Not measured."}

## Limits

{limits or "None are stated."}
"""


def _npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
