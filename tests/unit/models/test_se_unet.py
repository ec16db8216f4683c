import numpy as np
import onnx
import pytest
import torch

from cellwright.bundles.export import export_network
from cellwright.errors import ConfigError, ImageError
from cellwright.models import MODELS, SEGMENTERS
from cellwright.models.feature_enhancement import (
    FixedEnhancement,
    RandomEnhancement,
    choose_anew,
    enhanced_se_unet,
)
from cellwright.models.se_unet import (
    SEUNet,
    SqueezeExcite,
    Supervised,
    SupervisedSEUNet,
    balanced,
    deepest_width,
)

VARIANTS = sorted(name for name in SEGMENTERS if name.startswith("se-unet"))
SMALL = {"base_width": 4, "levels": 3}


def small(name, **settings):
    extra = {} if name in ("se-unet", "se-unet-supervised") else {"n_chosen": 3}
    torch.manual_seed(5)
    return MODELS[name](4, 1, **SMALL, **extra, **settings)


def test_the_paper_has_512_maps_at_the_bottom():
    maps = SEUNet(4, 1).eval().encode(torch.zeros(1, 1, 32, 32))
    assert [each.shape[1] for each in maps] == [32, 64, 128, 256, 512]
    assert deepest_width(32, 5) == 512


def test_squeeze_and_excitation_by_hand():
    block = SqueezeExcite(2)
    with torch.no_grad():
        for layer in (block.squeeze, block.excite):
            layer.weight.zero_()
            layer.bias.zero_()
        block.squeeze.weight[0, 0] = 1.0  # the first hidden unit is the mean of the first map
        block.excite.weight[1, 0] = 2.0  # and decides about the second map
    x = torch.tensor([[[[1.0, 3.0]], [[10.0, 20.0]]]])
    factor = 1 / (1 + np.exp(-2 * 2.0))
    expected = [[[0.5, 1.5]], [[10 * factor, 20 * factor]]]
    np.testing.assert_allclose(block(x)[0].detach(), expected, rtol=1e-6)


def test_while_training_the_chosen_maps_are_multiplied_and_no_other():
    part = RandomEnhancement(16, n_chosen=5, boost=250.0)
    x = torch.rand(2, 16, 3, 3) + 0.1
    factors = (part(x) / x).mean(dim=(0, 2, 3))
    large = [index for index, factor in enumerate(factors.tolist()) if factor > 1.5]
    assert tuple(large) == part.chosen and len(large) == 5
    torch.testing.assert_close(factors[large], torch.full((5,), 250.0))
    assert (part.eval()(x) == x).all()


def test_maps_are_chosen_anew_each_epoch_from_seed_and_epoch_alone():
    first, second = (enhanced_se_unet(2, 1, n_chosen=3, **SMALL) for _ in range(2))
    seen = []
    for epoch in range(8):
        choose_anew(first, epoch=epoch, seed=7)
        seen.append(first.bottom.chosen)
    assert len(set(seen)) > 4
    choose_anew(second, epoch=6, seed=7)  # a run that goes on at epoch 6
    assert second.bottom.chosen == seen[6]
    choose_anew(second, epoch=6, seed=8)
    assert second.bottom.chosen != seen[6]
    counted = np.zeros(16)
    for epoch in range(400):
        choose_anew(first, epoch=epoch, seed=0)
        counted[list(first.bottom.chosen)] += 1
    # 400 draws of 3 in 16: 75 each, standard deviation 7.8.
    assert counted.min() > 75 - 5 * 7.8 and counted.max() < 75 + 5 * 7.8


def test_fixed_maps_stay_and_the_choice_is_no_weight():
    part = FixedEnhancement(16, n_chosen=2, boost=9.0)
    x = torch.ones(1, 16, 1, 1)
    for epoch in range(3):
        choose_anew(part, epoch=epoch, seed=epoch)
        assert part(x).flatten().tolist() == [9.0, 9.0] + [1.0] * 14
    assert not RandomEnhancement(16, n_chosen=2, boost=9.0).state_dict()


def test_the_variants_have_the_same_weights_and_so_the_same_answer_in_use():
    x = torch.rand(1, 1, 16, 24)
    for name in ("se-unet-enhanced", "se-unet-fixed", "se-unet-dropout"):
        plain, other = small("se-unet").eval(), small(name).eval()
        assert other.state_dict().keys() == plain.state_dict().keys()
        torch.testing.assert_close(other(x), plain(x))
        torch.manual_seed(1)
        assert not torch.allclose(other.train()(x), plain.train()(x))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_exported_graph_holds_no_trace_of_the_training(name):
    plain, other = small("se-unet"), small(name)
    named = [
        onnx.load_model_from_string(
            export_network(network.eval(), channels=1, output_names=["logits"], multiple=4)
        ).graph
        for network in (plain, other)
    ]
    expected, found = ([node.op_type for node in graph.node] for graph in named)
    assert found == expected
    sizes = [sum(int(np.prod(one.dims)) for one in graph.initializer) for graph in named]
    assert sizes[0] == sizes[1]


def test_deep_supervision_says_both_while_training_and_one_in_use():
    network = SupervisedSEUNet(4, 1, deep_weight=0.25, **SMALL)
    x = torch.rand(2, 1, 16, 24)
    said = network(x)
    assert isinstance(said, Supervised)
    assert said.logits.shape == said.deep.shape == (2, 4, 16, 24)
    assert network.eval()(x).shape == (2, 4, 16, 24)
    # Equation 1 with lambda 0.25.
    assert balanced(torch.tensor(2.0), torch.tensor(6.0), 0.25).item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("se-unet", {"levels": 1}, "levels"),
        ("se-unet-enhanced", {"n_chosen": 513}, "513 of 512 maps"),
        ("se-unet-enhanced", {"boost": 0.0}, "multiplied by 0"),
        ("se-unet-supervised", {"deep_weight": 1.5}, "no share"),
    ],
)
def test_impossible_networks_are_refused(name, settings, said):
    with pytest.raises(ConfigError, match=said):
        MODELS[name](4, 1, **settings)


def test_a_size_that_is_no_multiple_is_refused():
    with pytest.raises(ImageError, match="multiple of 4"):
        small("se-unet")(torch.zeros(1, 1, 16, 18))
