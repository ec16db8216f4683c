from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cellwright.bundles.card import Decoding, DenseBoxes, UltralyticsBoxes
from cellwright.inference.decode import decode
from cellwright.inference.views import MIRRORED, averaged, mean_logits

SPEC = DenseBoxes(strides=(8,))


def asymmetric(batch: np.ndarray) -> dict[str, np.ndarray]:
    """A 'network' that answers from the pixels of each place, sides unlike each other."""
    n, _, h, w = batch.shape
    place = batch[:, 0].reshape(n, h // 8, 8, w // 8, 8)
    level = np.zeros((n, 5, h // 8, w // 8), np.float32)
    level[:, 0] = place[..., 0].mean(axis=2)  # how bright the left column is
    level[:, 2] = place[..., 7].mean(axis=2)  # the right one
    level[:, 1] = place[:, :, 0].mean(axis=-1)  # the top row
    level[:, 3] = place[:, :, 7].mean(axis=-1)  # the bottom one
    level[:, 4] = place.mean(axis=(2, 4)) * 4 - 2
    return {"level_8": level}


@pytest.mark.parametrize("views", MIRRORED)
def test_a_network_that_treats_both_sides_alike_is_not_changed(views) -> None:
    batch = np.random.default_rng(0).random((2, 1, 32, 48)).astype(np.float32)
    found = averaged(asymmetric, batch, SPEC, views=views)["level_8"]
    assert np.allclose(found, asymmetric(batch)["level_8"], atol=1e-6)


def test_an_error_to_one_side_cancels() -> None:
    def leans_left(batch: np.ndarray) -> dict[str, np.ndarray]:
        level = np.zeros((1, 5, 2, 3), np.float32)
        level[:, :4] = 1.0
        level[:, 0] += 0.3
        level[:, 2] -= 0.3
        level[:, 4] = 2.0
        return {"level_8": level}

    batch = np.zeros((1, 1, 16, 24), np.float32)
    alone = decode(averaged(leans_left, batch, SPEC, views=1), SPEC, minimum_score=0.5)[0]
    both = decode(averaged(leans_left, batch, SPEC, views=2), SPEC, minimum_score=0.5)[0]
    centres = (np.arange(3) + 0.5) * 8
    assert np.allclose(np.unique(both.centres_xy[:, 0]), centres)
    assert np.allclose(np.unique(alone.centres_xy[:, 0]), centres - 0.3 * 8)


@pytest.mark.parametrize(("views", "passes"), [(1, 1), (2, 2), (4, 4)])
def test_a_pass_a_view(views, passes) -> None:
    calls = []

    def network(batch: np.ndarray) -> dict[str, np.ndarray]:
        calls.append(batch.copy())
        return asymmetric(batch)

    batch = np.random.default_rng(1).random((1, 1, 16, 16)).astype(np.float32)
    averaged(network, batch, SPEC, views=views)
    assert len(calls) == passes
    assert len({call.tobytes() for call in calls}) == passes


def test_only_dense_boxes_can_be_mirrored() -> None:
    assert Decoding(output=SPEC, views=2).views == 2
    with pytest.raises(ValidationError, match="views 2 need dense boxes"):
        Decoding(output=UltralyticsBoxes(), views=2)


def leaning(batch: np.ndarray) -> np.ndarray:
    """Logits ``(N, 2, H, W)`` that know a pixel and, wrongly, how far right it is."""
    columns = np.linspace(-1, 1, batch.shape[3], dtype=np.float32)
    return np.concatenate([batch - 0.5 + columns, batch - 0.5], axis=1)


def test_logits_of_mirror_images_are_averaged_place_by_place() -> None:
    batch = np.random.default_rng(2).random((2, 1, 16, 24)).astype(np.float32)
    assert np.array_equal(mean_logits(leaning, batch, views=1), leaning(batch))
    for views in (2, 4):
        found = mean_logits(leaning, batch, views=views)
        assert np.allclose(found, np.repeat(batch - 0.5, 2, axis=1), atol=1e-6)
        assert found.dtype == np.float32
    up = mean_logits(lambda one: leaning(one.swapaxes(2, 3)).swapaxes(2, 3), batch, views=2)
    assert np.abs(up[:, 0] - up[:, 1]).max() == pytest.approx(1)  # rows need four views
