"""A trained PyTorch network to ONNX bytes, checked against the network before they are kept.

The only module of this room that imports torch; nothing that loads a bundle imports it.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.bundles.bundle import TEST_INPUT
from cellwright.errors import BundleError

OPSET = 17
"""Old enough for every runtime a lab may have, new enough for all our layers."""

INPUT_NAME = "image"
PARITY_TOLERANCE = 1e-3


def export_network(
    module: nn.Module, *, channels: int, output_names: Sequence[str], multiple: int = 32
) -> bytes:
    """ONNX bytes of a network that maps one image batch to one or more tensors.

    The graph takes any batch size and any height and width that are multiples of
    ``multiple``; it is compared with the network at two shapes to prove it.

    Args:
        module: maps float32 ``(N, C, H, W)`` in [0, 1] to a tensor or a sequence of tensors;
            it is copied, so its mode and device stay as they are.
        channels: C.
        output_names: one name a tensor that the network returns, in order.
        multiple: what H and W must divide by.

    Raises:
        BundleError: graph and network differ by more than 1e-3 (relative above 1).
    """
    network = copy.deepcopy(module).cpu().eval()
    generator = torch.Generator().manual_seed(0)
    probes = [
        torch.rand((n, channels, 2 * multiple * n, 3 * multiple), generator=generator)
        for n in (1, 2)
    ]
    graph = _traced(network, probes[0], list(output_names))
    for probe in probes:
        check_parity(network, graph, probe=probe, output_names=output_names)
    return graph


def _traced(network: nn.Module, example: Tensor, names: list[str]) -> bytes:
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        file = Path(folder) / "graph.onnx"
        # The older exporter is kept on purpose: it folds batch normalisation, leaves no paths
        # of this machine in the file, and takes 0.1 s where the newer one takes 4 s.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=names,
            dynamic_axes={INPUT_NAME: {0: "N", 2: "H", 3: "W"}},
        )
        return file.read_bytes()


def check_parity(
    module: nn.Module, graph: bytes, *, probe: Tensor, output_names: Sequence[str]
) -> float:
    """Largest difference between network and graph on ``probe``, relative above 1.

    Raises:
        BundleError: it is over 1e-3.
    """
    expected = record_tests(module, example=probe, output_names=output_names)
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = session.run(list(output_names), {INPUT_NAME: expected[TEST_INPUT]})
    worst = 0.0
    for name, array in zip(output_names, found, strict=True):
        if array.shape != expected[name].shape:
            raise BundleError(
                f"the exported graph gives {name} of shape {array.shape}, "
                f"the network {expected[name].shape}"
            )
        scale = np.maximum(1.0, np.abs(expected[name]))
        worst = max(worst, float(np.max(np.abs(array - expected[name]) / scale, initial=0.0)))
    if not worst <= PARITY_TOLERANCE:
        raise BundleError(
            f"the exported graph differs from the network by {worst:.2g} "
            f"(at most {PARITY_TOLERANCE:g}) at input {tuple(probe.shape)}",
            remedy="look for layers that depend on the batch or on training mode",
        )
    return worst


def record_tests(
    module: nn.Module, *, example: Tensor, output_names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """What a bundle's tests hold: the input and the network's own outputs for it."""
    network = copy.deepcopy(module).cpu().eval()
    with torch.no_grad():
        outputs = network(example.detach().cpu().float())
    tensors = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    if len(tensors) != len(output_names):
        raise BundleError(f"{len(tensors)} outputs but {len(output_names)} names")
    arrays = {name: tensor.numpy() for name, tensor in zip(output_names, tensors, strict=True)}
    return {TEST_INPUT: example.detach().cpu().float().numpy(), **arrays}
