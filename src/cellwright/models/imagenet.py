"""Weights that were learned from ImageNet, or any file of weights, as a beginning.

Nothing is downloaded here: a lab's computer may have no way out, and a training that waits for
a server that never answers helps nobody. ``imagenet`` looks where torchvision keeps its files;
anything else is a path.

Networks learned from ImageNet want each channel less its mean and divided by its spread over
those photographs. Ours are fed [0, 1], so the first layer is rewritten to do both itself; only at
the padded border does it then see black where it saw the mean colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError

IMAGENET = "imagenet"
FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
}
"""Architecture to torchvision's file, licensed BSD-3-Clause (the photographs are not)."""

SOURCE = "https://download.pytorch.org/models/"
MEAN = torch.tensor([0.485, 0.456, 0.406])
SPREAD = torch.tensor([0.229, 0.224, 0.225])
WHERE = "classification.settings.weights"


def begin_with(network: nn.Module, weights: str, *, architecture: str) -> None:
    """Load every weight that fits by name and shape; the class layers begin anew.

    Args:
        network: named like torchvision's of the same architecture.
        weights: ``imagenet``, or a file (``.safetensors`` or a state dictionary).
        architecture: torchvision's name of the network.

    Raises:
        ConfigError: no such file here, a file that is none of weights, or another network's.
    """
    path = cached(architecture) if weights == IMAGENET else Path(weights).expanduser()
    if not path.is_file():
        raise ConfigError(
            "no such file",
            where=path,
            remedy=f"give a file of weights, or leave {WHERE} out",
        )
    given = _read(path)
    state = network.state_dict()
    first = next(name for name, value in state.items() if value.ndim == 4)
    if weights == IMAGENET:
        given = _fed_unit_range(given, first)
    given = _other_channels(given, first, state)
    fitting = {k: v for k, v in given.items() if k in state and state[k].shape == v.shape}
    if len(fitting) < len(state) // 2:
        raise ConfigError(f"these are weights of another network than {architecture}", where=path)
    network.load_state_dict(state | fitting)


def cached(architecture: str) -> Path:
    """Where torchvision keeps the weights of ``architecture``.

    Raises:
        ConfigError: they are not on this computer, or none are known.
    """
    if architecture not in FILES:
        raise ConfigError(
            f"no ImageNet weights of {architecture} are known",
            where=WHERE,
            remedy=f"choose out of {', '.join(FILES)}, or give a file of weights",
        )
    path = Path(torch.hub.get_dir(), "checkpoints", FILES[architecture])
    if not path.is_file():
        raise ConfigError(
            f"the ImageNet weights of {architecture} are not on this computer",
            where=path,
            remedy=f"put {SOURCE}{path.name} there, name another file in {WHERE}, or leave it "
            "out to begin with chance",
        )
    return path


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415 - comes with timm

            return dict(load_file(path))
        given = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each reader has errors of its own
        raise ConfigError(f"holds no weights that can be read safely ({error})", where=path) from (
            error
        )
    if not isinstance(given, Mapping):
        raise ConfigError("is no state dictionary", where=path)
    return {name: value for name, value in given.items() if isinstance(value, Tensor)}


def _fed_unit_range(given: Mapping[str, Tensor], first: str) -> dict[str, Tensor]:
    """The same network for images in [0, 1]: its first layer takes mean and spread into itself."""
    weight = given[first] / SPREAD[:, None, None]
    offset = (weight * MEAN[:, None, None]).sum(dim=(1, 2, 3))
    changed = dict(given) | {first: weight}
    bias = first.replace("weight", "bias")
    if bias in given:
        return changed | {bias: given[bias] - offset}
    # A convolution without bias stands before a batch norm, whose mean moves with it.
    mean = next(name for name in given if name.endswith("running_mean"))
    return changed | {mean: given[mean] + offset}


def _other_channels(
    given: Mapping[str, Tensor], first: str, state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Other numbers of channels see the mean of the first layer's, of the same total."""
    if first not in given or given[first].shape[1] == state[first].shape[1]:
        return dict(given)
    n_channels = state[first].shape[1]
    total = given[first].sum(dim=1, keepdim=True)
    return dict(given) | {first: (total / n_channels).repeat(1, n_channels, 1, 1)}
