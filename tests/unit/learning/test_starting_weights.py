from __future__ import annotations

import numpy as np
import pytest
import torch

from cellwright.bundles.export import export_network
from cellwright.bundles.weights import graph_weights
from cellwright.errors import ConfigError
from cellwright.learning.starting_weights import Start, starting_from, take_over
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph
from trained_looks import as_after_training


def a_network(n_classes: int = 2, n_channels: int = 3, *, width: int = 16) -> CellDetector:
    return as_after_training(CellDetector(n_classes, n_channels, width=width, n_bins=8))


def start_of(network: CellDetector) -> Start:
    graph = export_network(
        DenseBoxesGraph(network).eval(),
        channels=network.backbone.stride4[0][0].in_channels,
        output_names=("level_8", "level_16"),
    )
    return Start(graph_weights(graph), "a test network")


def test_the_graph_gives_back_the_network_it_was_made_of() -> None:
    torch.manual_seed(0)
    trained, fresh = a_network(), a_network()
    image = torch.rand(1, 3, 64, 64)
    assert not torch.allclose(trained(image)[0], fresh(image)[0], atol=1e-2)
    assert take_over(fresh, start_of(trained)) == ()
    for mine, theirs in zip(fresh(image), trained(image), strict=True):
        assert torch.equal(mine, theirs)


def test_other_classes_begin_anew_and_the_rest_is_taken() -> None:
    torch.manual_seed(0)
    trained, fresh = a_network(2), a_network(5)
    anew = take_over(fresh, start_of(trained))
    assert set(anew) == {
        f"heads.{level}.classes.2.{part}" for level in (0, 1) for part in ("weight", "bias")
    }


def test_a_colour_start_sees_a_grey_picture_as_its_grey_copy() -> None:
    torch.manual_seed(0)
    colour, grey = a_network(n_channels=3), a_network(n_channels=1)
    take_over(grey, start_of(colour))
    image = torch.rand(1, 1, 64, 64)
    for mine, theirs in zip(grey(image), colour(image.expand(-1, 3, -1, -1)), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4)


def test_another_network_is_refused_with_its_share() -> None:
    with pytest.raises(ConfigError, match=r"fits only \d+% of this network's weights"):
        take_over(a_network(width=32), start_of(a_network(width=16)))


def test_the_fit_sees_the_loaded_network() -> None:
    torch.manual_seed(0)
    trained, fresh = a_network(), a_network()
    seen = starting_from(start_of(trained), lambda network, _: network.state_dict())(fresh, None)
    name = "backbone.stride4.0.0.weight"
    assert np.array_equal(seen[name].numpy(), trained.state_dict()[name].numpy())


def test_a_member_of_a_committee_begins_with_its_own_weights():
    weights = {f"members.{number}.head.bias": np.full(2, number) for number in range(3)}
    several = Start(weights, "three", {"kind": "structured"})
    assert several.member(1).weights == {"head.bias": pytest.approx(np.full(2, 1))}
    assert several.member(4).weights["head.bias"][0] == 1
    assert several.member(1).pruning == {"kind": "structured"}
    single = Start({"head.bias": np.zeros(2)}, "one")
    assert single.member(2) is single


def test_a_single_network_begins_with_the_first_of_a_committee():
    torch.manual_seed(0)
    trained, other, fresh = a_network(), a_network(), a_network()
    members = [start_of(trained).weights, start_of(other).weights]
    weights = {
        f"members.{number}.{name}": array
        for number, member in enumerate(members)
        for name, array in member.items()
    }
    assert take_over(fresh, Start(weights, "two")) == ()
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(fresh(image)[0], trained(image)[0])
