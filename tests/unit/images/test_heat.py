from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.images.heat import draw_heat


def test_the_hottest_place_is_coloured_and_the_cold_ones_stay_grey():
    image = np.full((3, 20, 30), 128, np.uint8)
    heat = np.zeros((20, 30), np.float32)
    heat[5, 7] = 3.0
    drawn = draw_heat(image, heat).transpose(1, 2, 0).astype(int)
    height, width = 320, 480
    assert drawn.shape == (height, 2 * width + 8, 3)
    assert (drawn[:, :width] == 128).all()
    hot = drawn[:, width + 8 :]
    spread = np.ptp(hot, axis=2)
    row, column = np.unravel_index(spread.argmax(), spread.shape)
    assert (row // 16 in (4, 5, 6), column // 16 in (6, 7, 8)) == (True, True)
    assert (hot[-1, -1] == 128).all()


def test_text_stands_above_and_a_frame_only_around_a_part():
    image = np.zeros((1, 400, 400), np.uint16)
    heat = np.zeros((400, 400), np.float32)
    plain = draw_heat(image, heat, seen=(-5, -5, 405, 405))
    assert plain.shape == (3, 400, 808)
    assert not plain[:, :, 408:].any()
    framed = draw_heat(image, heat, seen=(100, 50, 300, 350), caption=["one", "two" * 200])
    assert framed.shape[1] > 400
    below = framed[:, -400:, 408:]
    assert (below[:, 100, 50:350] == 255).all()
    assert not below[:, 150:250, 60:340].any()


@pytest.mark.parametrize("bad", [np.full((4, 4), np.nan), -np.ones((4, 4)), np.ones((4, 5))])
def test_heat_that_is_none_is_refused(bad):
    with pytest.raises(ImageError):
        draw_heat(np.zeros((1, 4, 4), np.uint8), bad.astype(np.float32))
