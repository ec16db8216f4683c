import numpy as np
import pytest

from cellwright.bundles.card import DenseBoxes, EndToEndBoxes, UltralyticsBoxes
from cellwright.errors import BundleError
from cellwright.inference.decode import decode


def test_dense_boxes_worked_by_hand():
    # One image, strides 8 and 16, two classes. At stride 8, row 1, column 2 the anchor point is
    # (2.5, 1.5) * 8 = (20, 12); distances 1, 0.5, 2, 1 strides reach (12, 8) to (36, 20).
    fine = np.full((1, 6, 3, 4), -20, np.float32)
    fine[0, :, 1, 2] = [1, 0.5, 2, 1, 0.0, -20]
    coarse = np.full((1, 6, 2, 2), -20, np.float32)
    coarse[0, :, 0, 1] = [1, 0.25, 0.5, 1, np.log(3), 0.0]
    (boxes,) = decode(
        {"level_8": fine, "level_16": coarse}, DenseBoxes(strides=(8, 16)), minimum_score=0.4
    )
    assert boxes.xyxy.tolist() == [[12, 8, 36, 20], [8, 4, 32, 24], [8, 4, 32, 24]]
    assert boxes.class_ids.tolist() == [0, 0, 1]
    np.testing.assert_allclose(boxes.scores, [0.5, 0.75, 0.5], atol=1e-6)


def test_dense_threshold_is_on_the_score_and_images_stay_apart():
    grid = np.full((2, 5, 2, 2), -20, np.float32)
    grid[:, :4] = 1
    grid[1, 4, 0, 0], grid[1, 4, 1, 1] = np.log(0.3 / 0.7), np.log(0.2 / 0.8)
    first, second = decode({"level_8": grid}, DenseBoxes(strides=(8,)), minimum_score=0.25)
    assert (len(first), len(second)) == (0, 1)
    np.testing.assert_allclose(second.scores, [0.3], rtol=1e-5)


def test_ultralytics_boxes_worked_by_hand():
    output = np.zeros((1, 6, 3), np.float32)
    output[0, :, 1] = [50, 40, 20, 10, 0.9, 0.3]
    (boxes,) = decode({"output0": output}, UltralyticsBoxes(), minimum_score=0.25)
    assert boxes.xyxy.tolist() == [[40, 35, 60, 45]] * 2
    assert boxes.class_ids.tolist() == [0, 1]
    np.testing.assert_allclose(boxes.scores, [0.9, 0.3])


def test_end_to_end_boxes_leave_out_unused_rows():
    rows = np.array([[[10, 20, 30, 50, 0.8, 2], [1, 1, 5, 5, 0.1, 0], [0] * 6]], np.float32)
    (boxes,) = decode({"output0": rows}, EndToEndBoxes(), minimum_score=0.0)
    assert boxes.class_ids.tolist() == [2, 0]
    assert boxes.xyxy[0].tolist() == [10, 20, 30, 50]


def test_a_missing_output_is_named():
    with pytest.raises(BundleError, match="no output 'level_8', only output0"):
        decode({"output0": np.zeros(1)}, DenseBoxes(strides=(8,)), minimum_score=0.1)


def test_nan_is_an_error_not_an_empty_image():
    grid = np.zeros((1, 5, 2, 2), np.float32)
    grid[0, 4, 0, 0] = np.nan
    with pytest.raises(BundleError, match="not finite"):
        decode({"level_8": grid}, DenseBoxes(strides=(8,)), minimum_score=0.1)
