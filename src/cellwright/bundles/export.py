"""A trained PyTorch network to ONNX bytes, checked against the network before they are kept.

The only module of this room that imports torch; nothing that loads a bundle imports it.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cellwright.bundles.sessions import open_session
from cellwright.bundles.verify import TOLERANCES, largest_difference
from cellwright.errors import BundleError

OPSET = 17
"""Old enough for every runtime a lab may have, new enough for all our layers."""

INPUT_NAME = "image"


def export_network(
    module: nn.Module,
    *,
    channels: int,
    output_names: Sequence[str],
    multiple: int = 32,
    size: tuple[int, int] | None = None,
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
        size: the only (H, W) the graph takes, for a network that ends in dense layers; None for
            any multiple.

    Raises:
        BundleError: graph and network differ by more than 1e-3 (relative above 1).
    """
    network = copy.deepcopy(module).cpu().eval()
    generator = torch.Generator().manual_seed(0)
    probes = [
        torch.rand((n, channels, *(size or (2 * multiple * n, 3 * multiple))), generator=generator)
        for n in (1, 2)
    ]
    axes = {0: "N"} if size else {0: "N", 2: "H", 3: "W"}
    graph = _traced(network, probes[0], list(output_names), axes)
    for probe in probes:
        _check_parity(network, graph, probe=probe, output_names=output_names)
    return graph


def _traced(network: nn.Module, example: Tensor, names: list[str], axes: dict[int, str]) -> bytes:
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        file = Path(folder) / "graph.onnx"
        # The older exporter is kept on purpose: it leaves no paths of this machine in the file,
        # and takes 0.1 s where the newer one takes 4 s. PRESERVE (of evaluation mode) keeps
        # batch normalisation apart, so that training can start from the graph's weights;
        # runtimes fold it when they load the graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            file,
            dynamo=False,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=[INPUT_NAME],
            output_names=names,
            dynamic_axes={
                INPUT_NAME: axes,
                **({name: {0: "N"} for name in names} if len(axes) == 1 else {}),
            },
        )
        return file.read_bytes()


def _check_parity(
    network: nn.Module, graph: bytes, *, probe: Tensor, output_names: Sequence[str]
) -> None:
    with torch.no_grad():
        outputs = network(probe)
    tensors = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    if len(tensors) != len(output_names):
        raise BundleError(f"{len(tensors)} outputs but {len(output_names)} names")
    found = open_session(graph, runtime="onnxruntime").run(probe.numpy())
    for name, tensor in zip(output_names, tensors, strict=True):
        worst = largest_difference(found[name], tensor.numpy())
        if not worst <= TOLERANCES["fp32"]:
            raise BundleError(
                f"output {name} of the exported graph differs from the network's by {worst:.2g} "
                f"(at most {TOLERANCES['fp32']:g}) at input {tuple(probe.shape)}",
                remedy="look for layers that depend on the batch, the size or training mode",
            )
