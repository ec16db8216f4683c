"""Crops that never were: a Wasserstein GAN for one class of cells, with the settings of paper 4.

The critic D and the generator G play

    min_D  E[D(G(z))] - E[D(x)] + penalty,     min_G  -E[D(G(z))],

with one of two penalties on the gradient at points between a real and a generated crop:

- ``gp``: ``10 E[(|grad D| - 1)^2]`` (Gulrajani et al., NeurIPS 2017, equation 3);
- ``div``: ``2 E[|grad D|^6]`` (Wu, Huang, Thoma, Acharya and Van Gool, Wasserstein divergence for
  GANs, ECCV 2018).

Only crops of a training part may be given: a cell generated from a test cell leaks it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.images.write import atomic_path, write_png
from cellwright.models.wgan import Critic, Generator

GP_WEIGHT = 10.0
DIV_WEIGHT, DIV_POWER = 2.0, 6.0
CHECKPOINT = "gan.pt"
MEMORISED_QUANTILE = 0.01


@dataclass(frozen=True)
class GanSettings:
    """How a GAN is trained; the defaults are those paper 4 gives or leaves to its sources.

    Attributes:
        penalty: ``gp`` or ``div``.
        batch_size: crops of each kind a step.
        learning_rate: of both networks.
        betas: of Adam, both networks.
        critic_steps: steps of the critic for one of the generator.
        epochs: passes over the crops; the paper says 7,000 for ``gp`` and nothing for ``div``.
        width: channels of the widest picture level.
        latent: length of the noise.
        keep_every: epochs between checkpoints.
        seed: of weights, order and noise.
    """

    penalty: Literal["gp", "div"] = "gp"
    batch_size: int = 16
    learning_rate: float = 1e-5
    betas: tuple[float, float] = (0.01, 0.999)
    critic_steps: int = 5
    epochs: int = 7000
    width: int = 64
    latent: int = 128
    keep_every: int = 50
    seed: int = 0


_GP = GanSettings("gp")
_DIV = GanSettings("div", batch_size=64, learning_rate=1e-4, critic_steps=4)

PAPER4: dict[str, dict[str, GanSettings]] = {
    "wgan-gp": {
        "Prophase": _GP,
        "Metaphase": _GP,
        "Anaphase": replace(_GP, batch_size=4),
        "Telophase": replace(_GP, batch_size=4),
    },
    "wgan-div": {
        "Prophase": replace(_DIV, critic_steps=10),
        "Metaphase": _DIV,
        "Anaphase": _DIV,
        "Telophase": replace(_DIV, learning_rate=1e-5),
    },
}
"""Paper 4, section 2.4: settings by method and class, for crops of 64 x 64 x 3."""


def gradient_norms(critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """``(N,)`` Euclidean norms of the critic's gradient between real and generated crops.

    Args:
        critic: ``(N, C, H, W)`` to ``(N,)``.
        real: ``(N, C, H, W)``.
        fake: the same shape.
        share: ``(N,)`` in [0, 1], how much of the real crop a point holds.
    """
    weight = share.view(-1, *([1] * (real.ndim - 1)))
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norms: Tensor = gradient.flatten(1).norm(dim=1)
    return norms


def penalty_of(kind: Literal["gp", "div"], norms: Tensor) -> Tensor:
    """The penalty of ``(N,)`` gradient norms; see the module's header."""
    if kind == "gp":
        return GP_WEIGHT * (norms - 1).square().mean()
    return DIV_WEIGHT * norms.pow(DIV_POWER).mean()


def train_gan(crops: Tensor, settings: GanSettings, run_dir: Path) -> Generator:
    """Train on the crops of one class; a killed run goes on at its last checkpoint.

    Args:
        crops: ``(N, C, H, H)`` in [0, 1], of the training part, H 8, 16, 32 or 64.
        settings: how.
        run_dir: holds the checkpoint.

    Raises:
        ConfigError: fewer than two crops, or not square.
    """
    if crops.ndim != 4 or len(crops) < 2 or crops.shape[2] != crops.shape[3]:
        raise ConfigError(f"no GAN can be trained on crops of shape {tuple(crops.shape)}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(settings.seed)
    edge, channels = crops.shape[2], crops.shape[1]
    generator = Generator(channels, edge_px=edge, latent=settings.latent, width=settings.width)
    critic = Critic(channels, edge_px=edge, width=settings.width)
    players = (generator.to(device), critic.to(device))
    rules = [
        torch.optim.Adam(player.parameters(), lr=settings.learning_rate, betas=settings.betas)
        for player in players
    ]
    file = run_dir / CHECKPOINT
    done = _load(file, [*players, *rules])
    for epoch in range(done, settings.epochs):
        # Each epoch has random numbers of its own, so that a resumed run draws the same.
        torch.manual_seed(settings.seed * 1_000_003 + epoch + 1)
        _epoch(crops.to(device), generator, critic, rules=rules, settings=settings)
        if (epoch + 1) % settings.keep_every == 0 or epoch + 1 == settings.epochs:
            _save(file, [*players, *rules], epoch + 1)
    return generator.cpu().eval()


def _epoch(
    crops: Tensor,
    generator: Generator,
    critic: nn.Module,
    *,
    rules: list[torch.optim.Adam],
    settings: GanSettings,
) -> None:
    """One pass of the critic over the crops; the generator steps every few of its steps."""
    of_generator, of_critic = rules
    generator.train()
    size = min(settings.batch_size, len(crops))
    order = torch.randperm(len(crops)).to(crops.device)
    for step, start in enumerate(range(0, len(crops), size), start=1):
        real = crops[order[start : start + size]]
        noise = torch.randn(len(real) + (len(real) == 1), settings.latent, device=crops.device)
        fake = generator(noise)[: len(real)].detach()
        share = torch.rand(len(real), device=crops.device)
        norms = gradient_norms(critic, real, fake, share)
        loss = critic(fake).mean() - critic(real).mean() + penalty_of(settings.penalty, norms)
        _descend(of_critic, loss)
        if step % settings.critic_steps == 0 or size * step >= len(crops):
            noise = torch.randn(max(2, size), settings.latent, device=crops.device)
            _descend(of_generator, -critic(generator(noise)).mean())


def _descend(rule: torch.optim.Adam, loss: Tensor) -> None:
    rule.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    rule.step()


def _save(file: Path, parts: list[Any], epochs: int) -> None:
    with atomic_path(file) as temporary:
        torch.save({"epochs": epochs, "parts": [part.state_dict() for part in parts]}, temporary)


def _load(file: Path, parts: list[Any]) -> int:
    """Epochs done, 0 without a checkpoint."""
    if not file.exists():
        return 0
    held = torch.load(file, map_location="cpu", weights_only=True)
    for part, state in zip(parts, held["parts"], strict=True):
        part.load_state_dict(state)
    return int(held["epochs"])


def generate(generator: Generator, count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """``(count, C, H, H)`` crops in [0, 1]."""
    noise = torch.randn(count, generator.latent, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        crops: NDArray[np.float32] = generator.eval()(noise).numpy()
    return crops


def memorised_share(generated: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """Share of generated crops that lie closer to a real one than real ones lie to each other.

    Closer than the first percentile of the distances from each real crop to its nearest other:
    a generator that copies gives 1, one that does not about 0.01 or less.

    Args:
        generated: ``(M, C, H, W)``.
        real: ``(N, C, H, W)`` that it was trained on, N >= 2.

    Raises:
        ConfigError: nothing to compare.
    """
    if len(real) < 2 or not len(generated):
        raise ConfigError("memorised cells are looked for among at least two real ones")
    among = _nearest(real, real, same=np.arange(len(real)))
    limit = np.quantile(among, MEMORISED_QUANTILE)
    return float((_nearest(generated, real, same=None) < limit).mean())


def _nearest(
    some: NDArray[np.float32], others: NDArray[np.float32], *, same: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    flat = others.reshape(len(others), -1).astype(np.float64)
    nearest = np.empty(len(some))
    for index, crop in enumerate(some):
        distances = np.linalg.norm(flat - crop.reshape(-1), axis=1)
        if same is not None:
            distances[same[index]] = np.inf
        nearest[index] = distances.min()
    return nearest


def contact_sheet(crops: NDArray[np.float32], path: Path, *, across: int = 8) -> None:
    """Crops ``(N, C, H, W)`` side by side as one PNG: three channels as colours, else the first."""
    shown = crops if crops.shape[1] == 3 else crops[:, :1]
    _, channels, height, width = shown.shape
    down = -(-len(shown) // across)
    sheet = np.zeros((channels, down * height, across * width), np.uint8)
    for index, crop in enumerate(shown):
        y, x = height * (index // across), width * (index % across)
        sheet[:, y : y + height, x : x + width] = np.rint(255 * np.clip(crop, 0, 1))
    write_png(path, sheet)
