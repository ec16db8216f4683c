"""Several networks that answer as one: the mean of their logits.

Networks that differ in nothing but the seed of their training make different mistakes, and
their mean makes fewer (Hansen and Salamon, Neural network ensembles, IEEE PAMI 12, 1990). As
one module they are exported as one graph, so nothing that uses a bundle knows of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError


class Committee(nn.Module):
    """Networks of one kind.

    Args:
        members: each takes ``(N, C, H, W)`` and gives logits ``(N, K)``.

    Raises:
        ConfigError: no member.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ConfigError("a committee needs a member")
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Mean logits ``(N, K)`` of ``(N, C, H, W)`` in [0, 1]."""
        return torch.stack([member(x) for member in self.members]).mean(dim=0)
