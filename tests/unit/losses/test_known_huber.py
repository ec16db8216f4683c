"""Huber's loss over what is known: against PyTorch's own, and with holes."""

from __future__ import annotations

import torch
from torch.nn import functional

from cellwright.losses.known_huber import known_huber


def test_without_holes_it_is_torchs():
    found, target = torch.randn(6, 3) * 3, torch.randn(6, 3)
    torch.testing.assert_close(known_huber(found, target), functional.huber_loss(found, target))


def test_what_is_not_known_neither_costs_nor_teaches():
    found = torch.tensor([[0.5, 9.0], [3.0, -7.0]], requires_grad=True)
    target = torch.tensor([[0.0, torch.nan], [0.0, torch.nan]])
    loss = known_huber(found, target)
    torch.testing.assert_close(loss.item(), (0.125 + 2.5) / 2)
    loss.backward()
    torch.testing.assert_close(found.grad, torch.tensor([[0.25, 0.0], [0.5, 0.0]]))


def test_nothing_known_is_nothing_lost():
    found = torch.randn(4, 2, requires_grad=True)
    loss = known_huber(found, torch.full((4, 2), torch.nan))
    loss.backward()
    assert loss.item() == 0
    assert not found.grad.any()
