from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.images.read import read_image
from cellwright.learning.generation import (
    PAPER4,
    GanSettings,
    contact_sheet,
    generate,
    gradient_norms,
    memorised_share,
    penalty_of,
    train_gan,
)
from cellwright.models.wgan import Critic, Generator, doublings

TINY = GanSettings(epochs=3, batch_size=4, width=4, latent=8, keep_every=1, critic_steps=2)


class Squares(nn.Module):
    """D(x) = sum of a x^2: its gradient is 2 a x, known at every point."""

    def forward(self, crops):
        return 3.0 * crops.square().flatten(1).sum(dim=1)


def test_penalties_by_hand():
    """Between x = 1 and 0 at a quarter, over 4 pixels: gradient 6 / 4 each, norm 3."""
    real, fake = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    norms = gradient_norms(Squares(), real, fake, torch.tensor([0.25]))
    assert norms.tolist() == pytest.approx([3.0])
    assert penalty_of("gp", norms).item() == pytest.approx(10 * (3 - 1) ** 2)
    assert penalty_of("div", norms).item() == pytest.approx(2 * 3**6)


def test_the_penalty_moves_the_critic():
    critic = Critic(1, edge_px=8, width=4)
    crops = torch.rand(3, 1, 8, 8)
    penalty_of("gp", gradient_norms(critic, crops, 1 - crops, torch.rand(3))).backward()
    assert all(weight.grad is not None for weight in critic.shrink.parameters())


@pytest.mark.parametrize("edge", [8, 16, 64])
def test_crops_have_the_size_asked_for(edge):
    generator = Generator(3, edge_px=edge, latent=8, width=4)
    crops = generator(torch.randn(2, 8))
    assert crops.shape == (2, 3, edge, edge)
    assert 0 <= crops.min() <= crops.max() <= 1
    assert Critic(3, edge_px=edge, width=4)(crops).shape == (2,)


@pytest.mark.parametrize("edge", [0, 4, 40, 66])
def test_other_sizes_are_refused(edge):
    with pytest.raises(ConfigError):
        doublings(edge)


@pytest.mark.parametrize("penalty", ["gp", "div"])
def test_a_killed_run_ends_as_one_that_was_not(tmp_path, penalty):
    settings = replace(TINY, penalty=penalty)
    crops = torch.rand(9, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = generate(train_gan(crops, settings, tmp_path / "whole"), 4)
    train_gan(crops, replace(settings, epochs=2), tmp_path / "killed")
    resumed = generate(train_gan(crops, settings, tmp_path / "killed"), 4)
    np.testing.assert_allclose(resumed, whole, atol=1e-6)
    fresh = generate(train_gan(crops, replace(settings, epochs=1), tmp_path / "short"), 4)
    assert not np.allclose(fresh, whole)


@pytest.mark.slow
def test_what_it_makes_comes_closer_to_the_crops(tmp_path):
    """Bright squares on black: after training, generated crops have their mean picture."""
    crops = torch.zeros(16, 1, 8, 8)
    crops[:, :, 2:6, 2:6] = 0.9
    crops += 0.05 * torch.rand(crops.shape, generator=torch.Generator().manual_seed(1))
    settings = replace(TINY, epochs=120, learning_rate=2e-3, betas=(0.0, 0.9), batch_size=8)
    settings = replace(settings, width=8, keep_every=1000)
    target = crops.mean(dim=0).numpy()
    before = generate(Generator(1, edge_px=8, latent=8, width=8), 32).mean(axis=0)
    after = generate(train_gan(crops, settings, tmp_path), 32).mean(axis=0)
    assert np.abs(after - target).mean() < 0.5 * np.abs(before - target).mean()


def test_copies_are_found_and_others_not():
    rng = np.random.default_rng(0)
    real = rng.random((40, 1, 6, 6), np.float32)
    copies = real[:10] + rng.normal(0, 1e-3, (10, 1, 6, 6)).astype(np.float32)
    others = rng.random((10, 1, 6, 6), np.float32)
    assert memorised_share(copies, real) == 1.0
    assert memorised_share(others, real) <= 0.1
    with pytest.raises(ConfigError):
        memorised_share(others, real[:1])


def test_the_papers_settings():
    gp, div = PAPER4["wgan-gp"], PAPER4["wgan-div"]
    assert [gp[name].batch_size for name in gp] == [16, 16, 4, 4]
    assert {(one.learning_rate, one.epochs, one.betas) for one in gp.values()} == {
        (1e-5, 7000, (0.01, 0.999))
    }
    assert [div[name].learning_rate for name in div] == [1e-4, 1e-4, 1e-4, 1e-5]
    assert [div[name].critic_steps for name in div] == [10, 4, 4, 4]
    assert {one.batch_size for one in div.values()} == {64}


def test_a_sheet_shows_every_crop(tmp_path):
    crops = np.stack([np.full((3, 4, 4), value, np.float32) for value in (0.2, 0.4, 1.0)])
    contact_sheet(crops, tmp_path / "sheet.png", across=2)
    pixels = read_image(tmp_path / "sheet.png").pixels
    assert pixels.shape == (3, 8, 8)
    assert pixels[0, [0, 0, 4, 4], [0, 4, 0, 4]].tolist() == [51, 102, 255, 0]


def test_what_cannot_be_learned_is_said(tmp_path):
    for shape in ((1, 1, 8, 8), (4, 1, 8, 16), (4, 1, 40, 40)):
        with pytest.raises(ConfigError):
            train_gan(torch.rand(shape), TINY, tmp_path)
