"""What a network's last dense layer is fed: its own description of a crop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from cellwright.errors import ConfigError


def last_dense(network: nn.Module) -> nn.Linear:
    """The last dense layer of ``network``.

    Raises:
        ConfigError: it has none.
    """
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not dense:
        raise ConfigError("features come from a network that ends in a dense layer")
    return dense[-1]


@contextmanager
def what_it_is_fed(network: nn.Module) -> Iterator[list[Tensor]]:
    """While it is entered, the list receives ``(N, D)`` of each pass through the network.

    Raises:
        ConfigError: the network has no dense layer.
    """
    seen: list[Tensor] = []
    hook = last_dense(network).register_forward_pre_hook(lambda _layer, fed: seen.append(fed[0]))
    try:
        yield seen
    finally:
        hook.remove()
