"""Which layers of a classifier learn: transfer learning in two stages, as paper 5 does it.

First only the class layers learn, on what the others already see; then the last blocks before
them too, at the same falling rate. A frozen batch norm keeps the means of the pictures it was
learned from (Yosinski et al., How transferable are features in deep neural networks?, NeurIPS
2014, on what is general and what is special in which depth).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from cellwright.errors import ConfigError


def blocks(network: nn.Module) -> list[nn.Module]:
    """What can be frozen, from the image on: every child with weights, Sequentials opened.

    A convolution, a batch norm or a residual block each are one; the class layers, which are the
    first dense one and what follows, are left out.
    """
    found = []
    for block in _opened(network):
        if isinstance(block, nn.Linear):
            break
        found.append(block)
    return found


def _opened(network: nn.Module) -> Iterator[nn.Module]:
    for child in network.children():
        if isinstance(child, nn.Sequential):
            yield from _opened(child)
        elif any(True for _ in child.parameters()):
            yield child


def freeze(network: nn.Module, *, learning: int | None) -> None:
    """Let the class layers and the last ``learning`` blocks before them learn, or all for None.

    To be called after ``network.train()``: frozen blocks go back to how they are in use.

    Raises:
        ConfigError: there are fewer blocks, or no class layers to be told from them.
    """
    found = blocks(network)
    check_freezing(network, learning=learning)
    n_frozen = 0 if learning is None else len(found) - learning
    for place, block in enumerate(found):
        block.requires_grad_(place >= n_frozen)
        if place < n_frozen:
            block.eval()


def check_freezing(network: nn.Module, *, learning: int | None) -> None:
    """Refuse what :func:`freeze` cannot do with this network.

    Raises:
        ConfigError: there are fewer blocks than shall learn.
    """
    n_blocks = len(blocks(network))
    if learning is not None and learning > n_blocks:
        raise ConfigError(
            f"{learning} blocks shall learn, but this network has {n_blocks}",
            where="classification.transfer.last_blocks",
            remedy=f"name at most {n_blocks}, or leave it out: then all learn",
        )
