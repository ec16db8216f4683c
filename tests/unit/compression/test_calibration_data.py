from __future__ import annotations

import numpy as np
import pytest

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.compression.calibration_data import (
    TILES_PER_IMAGE,
    CalibrationImage,
    Unnamed,
    draw,
    images_of,
    prepare_inputs,
)
from cellwright.errors import DatasetError, ImageError
from cellwright.images.write import write_png
from cellwright.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    path = write_blob_model(tmp_path_factory.mktemp("bundle") / "blobs.cellwright")
    return Predictor(open_bundle(path), runtime="onnxruntime")


def silent(_done, _total):
    pass


def test_inputs_are_what_a_prediction_feeds_the_network(predictor, tmp_path):
    labelled = discs(tmp_path / "set", n_images=3)
    inputs = prepare_inputs(images_of(labelled), Unnamed(predictor), tmp_path, progress=silent)
    assert len(inputs) == 3
    for record, found in zip(labelled, inputs, strict=True):
        (expected,) = predictor.network_inputs(record.load().image)
        assert np.array_equal(found, expected)
    # They can be passed over again, and in parts.
    assert np.array_equal(inputs[2], inputs[1:][1])


def test_of_a_large_image_a_few_tiles_are_taken(predictor, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (1, 500, 900), dtype=np.uint8)
    write_png(tmp_path / "large.png", pixels)
    seen = []
    inputs = prepare_inputs(
        [CalibrationImage(tmp_path / "large.png")],
        Unnamed(predictor),
        tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(inputs) == TILES_PER_IMAGE
    assert seen == [(1, 1)]
    tiles = {tile.tobytes() for batch in predictor.network_inputs(pixels) for tile in batch}
    assert len(tiles) > TILES_PER_IMAGE
    chosen = {found[0].tobytes() for found in inputs}
    assert len(chosen) == TILES_PER_IMAGE
    assert chosen <= tiles


def test_a_folder_of_images_needs_no_labels(tmp_path):
    folder = tmp_path / "set"
    labelled = discs(folder, n_images=2)
    assert [one.path for one in images_of(folder)] == [one.image_path for one in labelled]


def test_drawing_is_seeded_and_gives_all_where_there_are_no_more(tmp_path):
    images = [CalibrationImage(tmp_path / f"{index}.png") for index in range(20)]
    chosen = draw(images, 5, seed=1)
    assert chosen == draw(images, 5, seed=1)
    assert chosen != draw(images, 5, seed=2)
    assert len(set(chosen)) == 5
    assert draw(images, 50) == tuple(images)


def test_no_images_is_said(tmp_path):
    with pytest.raises(DatasetError, match=r"no images to set the ranges.*--calibrate-on"):
        draw([], 5)


def test_a_broken_image_is_named(predictor, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    image = CalibrationImage(tmp_path / "broken.png")
    with pytest.raises(ImageError, match=r"broken\.png"):
        prepare_inputs([image], Unnamed(predictor), tmp_path, progress=silent)
