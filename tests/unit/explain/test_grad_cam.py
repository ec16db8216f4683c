"""Grad-CAM by hand, by what it must find, and by what must change it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import scipy.special
import scipy.stats
import torch
from onnx import helper, numpy_helper
from torch import nn

from blob_model import write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import InputSpec
from cellwright.bundles.export import export_network
from cellwright.errors import BundleError, ImageError, UnknownNameError
from cellwright.explain.grad_cam import GradCam
from cellwright.images.normalise import Normalisation
from cellwright.models.crop_resnet import CropResNet
from corner_model import corner_bundle
from patch_model import EDGE, GAIN, a_picture, classifier_bundle, patch_bundle, patch_graph


def test_the_map_by_hand(tmp_path):
    """One map, 0.9 - 0.5 in 16 of 256 places, each with the weight GAIN / 256."""
    cam = GradCam(patch_bundle(tmp_path / "patch.cellwright", temperature=2.0))
    found = cam.explain(a_picture(3, 8))
    assert cam.layer == "maps"
    expected = np.zeros((EDGE, EDGE))
    expected[3:7, 8:12] = 0.4 * GAIN / EDGE**2
    np.testing.assert_allclose(found.map, expected, atol=1e-6)
    np.testing.assert_array_equal(found.heat, found.map)
    logit = 0.4 * 16 * GAIN / EDGE**2
    # Global pooling and a dense layer without bias: the map adds up to the logit.
    assert found.map.sum() == pytest.approx(logit, rel=1e-4)
    assert (found.class_name, found.predicted) == ("patch", "patch")
    assert found.probability == pytest.approx(scipy.special.expit(2 * logit / 2.0))
    assert sum(found.probabilities) == pytest.approx(1)
    assert not found.empty


def test_what_speaks_against_a_class_is_no_evidence_for_it(tmp_path):
    found = GradCam(patch_bundle(tmp_path / "a.cellwright")).explain(
        a_picture(3, 8), class_name="empty"
    )
    assert found.empty
    assert (found.class_name, found.predicted) == ("empty", "patch")
    assert found.probability < 0.5


@pytest.mark.parametrize("place", [(0, 0), (0, 12), (12, 3)])
def test_eight_views_leave_the_map_where_the_patch_is(tmp_path, place):
    one = GradCam(patch_bundle(tmp_path / "one.cellwright")).explain(a_picture(*place))
    eight = GradCam(patch_bundle(tmp_path / "8.cellwright", views=8)).explain(a_picture(*place))
    np.testing.assert_allclose(eight.map, one.map, atol=1e-6)


def test_a_larger_picture_is_explained_in_its_own_pixels(tmp_path):
    cam = GradCam(patch_bundle(tmp_path / "a.cellwright"))
    found = cam.explain(a_picture(20, 14, edge=40))
    assert found.seen == (12, 12, 28, 28)
    assert found.heat.shape == (40, 40)
    rows, columns = np.nonzero(found.heat)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 23, 14, 17)


def test_a_smaller_picture_loses_its_grown_border(tmp_path):
    cam = GradCam(patch_bundle(tmp_path / "a.cellwright"))
    found = cam.explain(a_picture(2, 3, edge=9))
    assert found.seen == (-3, -3, 13, 13)
    assert np.argwhere(found.heat).min(axis=0).tolist() == [2, 3]


def test_a_resized_picture_and_one_of_smaller_pixels_are_seen_whole(tmp_path):
    resized = GradCam(patch_bundle(tmp_path / "a.cellwright", fit="resize"))
    found = resized.explain(a_picture(16, 32, edge=64, size=16))
    assert found.seen == (0, 0, 64, 64)
    assert np.unravel_index(found.heat.argmax(), (64, 64))[0] in range(16, 32)
    scaled = GradCam(patch_bundle(tmp_path / "b.cellwright", pixel_size_um=1.0))
    found = scaled.explain(a_picture(8, 16, edge=32, size=8), pixel_size_um=0.5)
    assert found.seen == (0, 0, 32, 32)
    row, column = np.unravel_index(found.heat.argmax(), (32, 32))
    assert (row in range(8, 16), column in range(16, 24)) == (True, True)


def test_what_cannot_be_explained_is_said(tmp_path):
    cam = GradCam(patch_bundle(tmp_path / "a.cellwright"))
    with pytest.raises(UnknownNameError, match="empty, patch"):
        cam.explain(a_picture(0, 0), class_name="full")
    with pytest.raises(ImageError, match="much more than one cell"):
        cam.explain(a_picture(0, 0, edge=65))
    with pytest.raises(ImageError, match="channels"):
        cam.explain(np.zeros((2, EDGE, EDGE), np.uint16))
    with pytest.raises(BundleError, match="no layer of this graph"):
        GradCam(corner_bundle(tmp_path / "corner.cellwright"))
    with pytest.raises(BundleError, match="not one that classifies"):
        GradCam(open_bundle(write_blob_model(tmp_path / "blobs.cellwright")))


PLANTED = 12
"""Edge of the patch that decides the class, in pixels."""

SHAPE = {"width": 8, "blocks": (1, 1), "dropout": 0.0}


def planted(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise with a striped patch: rows or columns say the class. Crops, classes, corners."""
    crops = rng.uniform(0.2, 0.8, (n, 1, 32, 32)).astype(np.float32)
    class_ids, corners = rng.integers(0, 2, n), rng.integers(0, 32 - PLANTED, (n, 2))
    stripes = np.tile([1.0, 1.0, 0.0, 0.0], PLANTED // 4)
    for crop, class_id, (y, x) in zip(crops, class_ids, corners, strict=True):
        patch = np.broadcast_to(stripes, (PLANTED, PLANTED))
        crop[0, y : y + PLANTED, x : x + PLANTED] = patch.T if class_id else patch
    return crops, class_ids, corners


@pytest.fixture(scope="module")
def learned() -> CropResNet:
    torch.manual_seed(0)
    network = CropResNet(2, 1, **SHAPE)
    optimizer = torch.optim.AdamW(network.parameters(), 0.02)
    rng = np.random.default_rng(0)
    for _ in range(60):
        crops, class_ids, _ = planted(32, rng)
        logits = network(torch.from_numpy(crops))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(class_ids))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def explainer(network: nn.Module, path: Path) -> GradCam:
    graph = export_network(network, channels=1, output_names=["logits"], size=(32, 32))
    spec = InputSpec(channels=1)
    bundle = classifier_bundle(path, graph, spec=spec, classes=("a", "b"), crop_px=(32, 32))
    return GradCam(bundle)


def test_the_patch_that_decides_the_class_is_found(learned, tmp_path):
    cam = explainer(learned, tmp_path / "a.cellwright")
    crops, class_ids, corners = planted(40, np.random.default_rng(1))
    right, inside = [], []
    for crop, class_id, corner in zip(crops, class_ids, corners, strict=True):
        found = cam.explain(np.rint(crop * 65535).astype(np.uint16))
        right.append(found.predicted == "ab"[class_id])
        place = np.array(np.unravel_index(found.heat.argmax(), found.heat.shape))
        inside.append(((place >= corner) & (place < corner + PLANTED)).all())
    assert np.mean(right) > 0.9
    # By chance, one place in seven lies in the patch.
    assert np.mean(inside) >= 0.9


@pytest.mark.parametrize("part", ["head", "features.4", ""])
def test_random_weights_change_the_map(learned, tmp_path, part):
    """Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018.

    A map that stays as it is when what was learned is lost does not explain it. Of chance, a
    map and its reverse are equally likely, so the mean over random networks tells.
    """
    crops, class_ids, _ = planted(12, np.random.default_rng(2))
    pictures = [np.rint(crop * 65535).astype(np.uint16) for crop in crops]
    classes = ["ab"[class_id] for class_id in class_ids]

    def maps_of(network: nn.Module, name: str) -> list[np.ndarray]:
        cam = explainer(network, tmp_path / f"{name}.cellwright")
        explained = zip(pictures, classes, strict=True)
        return [cam.explain(one, class_name=name).map.ravel() for one, name in explained]

    maps = maps_of(learned, "learned")
    assert mean_correlation(maps, maps_of(learned, "again")) == pytest.approx(1)
    found = []
    for seed in (1, 2, 3, 4):  # the learned network began with 0
        torch.manual_seed(seed)
        other = CropResNet(2, 1, **SHAPE).eval()
        fresh = {k: v for k, v in other.state_dict().items() if k.startswith(part)}
        other.load_state_dict(learned.state_dict() | fresh)
        found.append(mean_correlation(maps, maps_of(other, f"random-{seed}")))
    assert abs(np.mean(found)) < 0.5


def mean_correlation(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Spearman's, over the pictures; 0 where a map is the same everywhere."""
    found = [
        scipy.stats.spearmanr(a, b).statistic if np.ptp(a) and np.ptp(b) else 0.0
        for a, b in zip(one, other, strict=True)
    ]
    return float(np.mean(found))


def test_a_graph_in_eight_bits_has_the_map_of_its_float_twin(tmp_path):
    """Rounded to steps of 1/255, and the ReLU left to the rounding's lower end."""
    graph = rounded_patch_graph()
    spec = InputSpec(channels=1, normalisation=Normalisation(kind="fixed", limits=((0.0, 100.0),)))
    bundle = classifier_bundle(
        tmp_path / "int8.cellwright", graph, spec=spec, classes=("patch", "empty"), crop_px=(16, 16)
    )
    exact = GradCam(patch_bundle(tmp_path / "float.cellwright")).explain(a_picture(3, 8))
    found = GradCam(bundle).explain(a_picture(3, 8))
    np.testing.assert_allclose(found.map, exact.map, atol=1e-3 * exact.map.max())
    assert found.probability == pytest.approx(exact.probability, abs=0.02)


def rounded_patch_graph() -> bytes:
    """The patch classifier with its maps as 8-bit integers and without a ReLU of their own."""
    model = onnx.load_from_string(patch_graph())
    kept = [node for node in model.graph.node if node.op_type != "Relu"]
    pair = [
        helper.make_node("QuantizeLinear", ["above", "step", "zero"], ["integers"], name="round"),
        helper.make_node("DequantizeLinear", ["integers", "step", "zero"], ["maps"]),
    ]
    del model.graph.node[:]
    model.graph.node.extend([kept[0], *pair, *kept[1:]])
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.float32(1 / 255), "step"),
            numpy_helper.from_array(np.uint8(0), "zero"),
        ]
    )
    return bytes(model.SerializeToString())
