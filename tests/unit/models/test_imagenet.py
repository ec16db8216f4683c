"""Weights from files: found or refused at once, and the same network for images in [0, 1]."""

from __future__ import annotations

import time

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cellwright.errors import ConfigError
from cellwright.models import CLASSIFIERS
from cellwright.models.imagenet import FILES, MEAN, SPREAD, begin_with


class Small(nn.Module):
    """As few layers as have names like a ResNet's (``normed``) or a VGG's."""

    def __init__(self, n_channels: int = 3, *, normed: bool = True, n_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_channels, 4, 3, bias=not normed)
        self.bn1 = nn.BatchNorm2d(4) if normed else nn.Identity()
        self.fc = nn.Linear(4, n_classes)

    def forward(self, x):
        return self.bn1(self.conv1(x))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.mark.parametrize(("architecture", "normed"), [("resnet18", True), ("vgg16", False)])
def test_the_first_layer_takes_mean_and_spread_into_itself(hub, architecture, normed):
    torch.manual_seed(0)
    published = Small(normed=normed)
    if normed:
        nn.init.normal_(published.bn1.running_mean)
    torch.save(published.state_dict(), hub / FILES[architecture])
    ours = Small(normed=normed, n_classes=4)
    begin_with(ours, "imagenet", architecture=architecture)
    image = torch.rand(2, 3, 8, 8)
    scaled = (image - MEAN[:, None, None]) / SPREAD[:, None, None]
    with torch.no_grad():
        expected = published.eval()(scaled)
        assert torch.allclose(ours.eval()(image), expected, atol=1e-4)


def test_a_grey_image_is_seen_as_the_same_picture_in_colour(hub):
    torch.manual_seed(0)
    torch.save(Small().state_dict(), hub / FILES["resnet18"])
    colour, grey = Small(), Small(1)
    for network in (colour, grey):
        begin_with(network, "imagenet", architecture="resnet18")
    image = torch.rand(1, 1, 6, 6)
    with torch.no_grad():
        expected = colour.eval()(image.expand(1, 3, 6, 6))
        assert torch.allclose(grey.eval()(image), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_is_taken_as_it_is_and_the_class_layer_begins_anew(tmp_path, name):
    given = Small()
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(given.state_dict(), path)
    else:
        save_file(given.state_dict(), path)
    ours = Small(n_classes=4)
    begin_with(ours, str(path), architecture="mine")
    assert torch.equal(ours.conv1.weight, given.conv1.weight)
    assert ours.fc.weight.shape == (4, 4)


@pytest.mark.parametrize(
    ("row", "settings"), [("vgg", {}), ("timm-resnet", {"architecture": "resnet50"})]
)
def test_weights_that_are_not_here_are_refused_at_once(hub, row, settings):
    started = time.perf_counter()
    with pytest.raises(ConfigError, match="not on this computer") as refused:
        CLASSIFIERS[row](4, weights="imagenet", **settings)
    assert time.perf_counter() - started < 10
    assert "download.pytorch.org" in str(refused.value)


def test_files_that_are_no_weights_of_this_network_are_refused(hub, tmp_path):
    (tmp_path / "noise.pth").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="read safely"):
        begin_with(Small(), str(tmp_path / "noise.pth"), architecture="resnet18")
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ConfigError, match="another network"):
        begin_with(Small(), str(tmp_path / "other.pth"), architecture="resnet18")
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(ConfigError, match="no state dictionary"):
        begin_with(Small(), str(tmp_path / "list.pth"), architecture="resnet18")
    with pytest.raises(ConfigError, match="no such file"):
        begin_with(Small(), "/nowhere/a.pth", architecture="resnet18")
    with pytest.raises(ConfigError, match="resnet50"):
        begin_with(Small(), "imagenet", architecture="resnet26")
