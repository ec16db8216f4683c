"""Learning with a stain that is not there in use: targets, the head, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cellwright.detectors.protocol import Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.class_crops import CropDraws, CropSet, Draws, collate_crops
from cellwright.learning.classification_module import ClassificationModule, ClassRule
from cellwright.learning.config import ScheduleConfig
from cellwright.learning.privileged import PrivilegedHead, check_privileged, standardised
from cellwright.models.crop_resnet import CropResNet


def chosen(**privileged) -> ClassificationConfig:
    return ClassificationConfig(
        channels=("brightfield",), privileged={"channels": ["dna"], **privileged}
    )


def test_measurements_are_standardised_over_what_is_known():
    rows = np.array([[1, 5, np.nan], [3, 5, np.nan], [np.nan, 5, np.nan]], np.float32)
    out = standardised(rows)
    np.testing.assert_allclose(out[:2, 0], [-1, 1])
    assert np.isnan(out[2, 0]) and np.isnan(out[:, 2]).all()
    assert out[:, 1].tolist() == [0, 0, 0]


def test_a_mixture_mixes_what_was_measured_too():
    rng = np.random.default_rng(0)
    crops = CropSet(
        rng.integers(0, 65536, (12, 1, 8, 8)).astype(np.uint16),
        np.arange(12) % 2,
        (np.arange(12) % 2)[:, None].astype(np.float32),
    )
    draws = CropDraws(crops, 2, Draws("natural", ((0, "none"),), 1.0, 0))
    batch = collate_crops([draws[(0, position, 3)] for position in range(8)])
    # The measurement is the class, so it must be mixed as the class is.
    torch.testing.assert_close(batch.measured[:, 0], batch.target[:, 1])
    assert 0 < batch.measured.min() < 1


def test_the_head_reads_what_the_last_layer_reads_and_the_network_stays_what_it_is():
    network = CropResNet(3, 1, width=8).eval()
    images = torch.rand(2, 1, 16, 16)
    head = PrivilegedHead(network, 4)
    logits, measured = head.beside(network, images)
    torch.testing.assert_close(logits, network(images))
    features = network.features(images - 0.5).mean(dim=(2, 3))
    torch.testing.assert_close(measured, head.dense(features))
    assert not network.head._forward_pre_hooks
    with pytest.raises(ConfigError, match="dense layer"):
        PrivilegedHead(nn.Conv2d(1, 3, 1), 4)


def test_measurements_move_the_features_and_their_head_learns():
    rng = np.random.default_rng(1)
    measured = rng.normal(size=(8, 2)).astype(np.float32)
    pixels = rng.integers(0, 65536, (8, 1, 16, 16)).astype(np.uint16)
    crops = CropSet(pixels, np.arange(8) % 2, measured)
    draws = CropDraws(crops, 2, Draws("natural", ((0, "none"),), 0.0, 0))
    batch = collate_crops([draws[(0, index, index)] for index in range(8)])
    schedule = Schedule(**ScheduleConfig().model_dump(), seed=0)

    def gradient(weight: float) -> torch.Tensor:
        torch.manual_seed(0)
        network = CropResNet(2, 1, width=8, dropout=0.0)
        head = PrivilegedHead(network, 2)
        rule = ClassRule(np.ones(2), 0.0, "adamw", "constant", schedule, privileged_weight=weight)
        module = ClassificationModule(network, val=crops, rule=rule, head=head)
        module.log = lambda *_, **__: None
        module.training_step(batch, 0).backward()
        assert bool(head.dense.weight.grad.any()) == (weight > 0)
        return network.features[0].weight.grad.clone()

    assert not torch.allclose(gradient(0.0), gradient(1.0))


def test_channels_that_are_fed_are_not_privileged():
    check_privileged(chosen())
    with pytest.raises(UnknownNameError, match="kind of measurements"):
        check_privileged(chosen(measurements="colour-of-the-day"))
    with pytest.raises(ConfigError, match="is fed brightfield"):
        check_privileged(chosen(channels=["brightfield"]))
    with pytest.raises(ConfigError, match="all channels"):
        check_privileged(ClassificationConfig(privileged={"channels": ["dna"]}))
