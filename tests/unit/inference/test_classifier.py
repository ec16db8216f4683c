from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from blob_model import write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import InputSpec
from cellwright.bundles.class_probabilities import ClassProbabilities, Unlike
from cellwright.errors import BundleError, ConfigError, ImageError
from cellwright.images.normalise import Normalisation
from cellwright.inference.classifier import Classifier, orientations
from cellwright.inference.crops import crop_notes, extent, prepare_crop
from cellwright.inference.work import RunOptions
from corner_model import FIXED, corner_bundle

NAMED = InputSpec(
    channels=2,
    channel_names=("dna", "shape"),
    normalisation=Normalisation(kind="fixed", limits=((0.0, 10.0), (0.0, 100.0))),
)


def a_crop(corner: int) -> np.ndarray:
    crop = np.zeros((1, 4, 4), np.uint16)
    crop[0, 0, 0] = corner
    return crop


def test_probabilities_and_energy_by_hand(tmp_path):
    bundle = corner_bundle(
        tmp_path / "a.cellwright", temperature=2.0, unlike=Unlike(threshold=-1.4, quantile=0.95)
    )
    found = Classifier(bundle).classify([a_crop(100), a_crop(0)])
    logits = np.array([[1.0, -1.0], [0.0, 0.0]])
    np.testing.assert_allclose(found.probabilities, scipy.special.softmax(logits / 2, axis=1))
    np.testing.assert_allclose(found.energies, -2 * scipy.special.logsumexp(logits / 2, axis=1))
    assert found.unlike.tolist() == [False, True]
    assert found.class_ids.tolist() == [0, 0]
    assert [one.class_id for one in found.categories()] == [0, 0]


def test_eight_views_make_the_answer_the_same_for_every_orientation(tmp_path):
    classifier = Classifier(corner_bundle(tmp_path / "a.cellwright", views=8))
    crop = a_crop(80)
    turned = [np.rot90(crop, 1, (1, 2)), crop[:, ::-1], crop[:, :, ::-1]]
    found = classifier.classify([crop, *turned])
    # The corner is in the top left in two of the eight orientations.
    np.testing.assert_allclose(found.probabilities[0, 0], scipy.special.expit(2 * 0.8 * 2 / 8))
    assert np.ptp(found.probabilities[:, 0]) < 1e-12
    assert (
        len({view.tobytes() for view in orientations(np.arange(16.0).reshape(1, 1, 4, 4), 8)}) == 8
    )


def test_no_crops_give_no_rows(tmp_path):
    found = Classifier(corner_bundle(tmp_path / "a.cellwright")).classify([])
    assert len(found) == 0
    assert found.probabilities.shape == (0, 2)


def test_a_bundle_of_another_task_is_refused(tmp_path):
    with pytest.raises(BundleError, match="not one that classifies"):
        Classifier(open_bundle(write_blob_model(tmp_path / "blobs.cellwright")))


def test_channels_are_found_by_name_or_refused():
    decoding = ClassProbabilities(crop_px=(2, 2))
    image = np.stack([np.full((2, 2), value, np.uint16) for value in (50, 7, 5)])
    crop = prepare_crop(image, NAMED, decoding, channel_names=("shape", "dark", "dna"))
    assert crop[:, 0, 0].tolist() == pytest.approx([0.5, 0.5])
    with pytest.raises(ImageError, match=r"3 channels \(without names\), but the model wants dna"):
        prepare_crop(image, NAMED, decoding)
    with pytest.raises(ImageError, match="NaN"):
        prepare_crop(np.full((2, 2, 2), np.nan, np.float32), NAMED, decoding)
    with pytest.raises(ImageError, match=r"1 channel \(without names\), but the model wants dna"):
        prepare_crop(image[:1], NAMED, decoding)
    three = NAMED.model_copy(update={"channels": 3, "channel_names": ("dna", "shape", "dark")})
    with pytest.raises(ImageError, match="1 channel"):
        prepare_crop(
            image[:1], three, decoding
        )  # a grey picture could be repeated, and means nothing


def test_a_crop_shows_as_many_micrometres_as_in_training():
    spec = InputSpec(channels=1, normalisation=FIXED, pixel_size_um=0.5)
    decoding = ClassProbabilities(crop_px=(4, 4))
    assert extent(spec, decoding, 0.25) == (8, 8)
    assert extent(spec, decoding, None) == (4, 4)
    image = np.zeros((1, 16, 16), np.uint16)
    image[0, 4:12, 4:12] = 100
    assert prepare_crop(image, spec, decoding, pixel_size_um=0.25).min() == 1.0
    assert prepare_crop(image, spec, ClassProbabilities(crop_px=(4, 4), fit="resize")).min() < 1.0


def test_empty_and_saturated_crops_are_marked():
    rng = np.random.default_rng(0)
    good = rng.integers(0, 200, (2, 20, 20)).astype(np.uint8)
    assert crop_notes(good) == ()
    constant, full = good.copy(), good.copy()
    constant[1] = 9
    full[0, :5] = 255
    assert crop_notes(constant) == ("a channel is constant",)
    assert crop_notes(full) == ("saturated",)


def test_options_that_say_nothing_are_refused():
    with pytest.raises(ConfigError, match="either"):
        RunOptions(tile_px=40, labels_dir="labels")
    with pytest.raises(ConfigError, match="classify"):
        RunOptions(tile_px=40).refuse_cells("detection")
    with pytest.raises(ConfigError, match="score-threshold"):
        RunOptions(score_threshold=0.4).refuse_detection()
