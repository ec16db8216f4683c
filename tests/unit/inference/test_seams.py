"""Tiles never cut or double a cell: cells on every seam and every crossing, of any size.

The detector of these tests boxes the bright squares that a tile shows, so a square cut by
the tile's edge comes out as a smaller box, with a score of its own.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.inference import predictor as predictor_module
from cellwright.inference.predictor import Predictor
from cellwright.metrics.matching import iou_matrix
from cellwright.types import Boxes

many = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, int]:
    """Tiles, an overlap that the card allows, an image of several tiles."""
    overlap = draw(st.integers(8, 48))
    # The card's rules: a multiple of 4 here, and at least twice the overlap.
    tile = 4 * draw(st.integers(-(-max(32, 2 * overlap) // 4), 32))
    side = st.integers(tile // 2, 3 * tile)
    return {"tile_px": tile, "overlap_px": overlap, "height": draw(side), "width": draw(side)}


def seams(predictor: Predictor, height: int, width: int) -> tuple[list[int], list[int]]:
    """Where cores meet: x of the upright seams, y of the level ones."""
    blank = predictor_module.as_source(np.zeros((1, height, width), np.uint8))
    tiles = predictor_module._plan(blank, predictor.card.input, 1.0)
    return (
        sorted({tile.core_x0 for tile in tiles} - {0}),
        sorted({tile.core_y0 for tile in tiles} - {0}),
    )


def around_seams(
    at: tuple[list[int], list[int]], shape: tuple[int, int], *, edge: int, shift: tuple[int, int]
) -> list[Boxes]:
    """Squares with their centre at ``shift`` from every crossing and every middle of a seam.

    In as many layers as it takes to keep a pixel between any two of one layer.
    """
    (xs, ys), (height, width) = at, shape
    middle_x = [(a + b) // 2 for a, b in zip([0, *xs], [*xs, width], strict=True)]
    middle_y = [(a + b) // 2 for a, b in zip([0, *ys], [*ys, height], strict=True)]
    centres = [(x, y) for x in xs for y in (*ys, *middle_y)]
    centres += [(x, y) for x in middle_x for y in ys]
    layers: list[list[tuple[int, int]]] = []
    for x, y in centres:
        left, top = x + shift[0] - edge // 2, y + shift[1] - edge // 2
        # Whole, and off the border, so that the truth is known to the pixel.
        left, top = min(max(left, 0), width - edge), min(max(top, 0), height - edge)
        for layer in layers:
            if all(max(abs(left - a), abs(top - b)) > edge for a, b in layer):
                layer.append((left, top))
                break
        else:
            layers.append([(left, top)])
    corners = [np.unique(np.array(layer, np.float32), axis=0) for layer in layers]
    return [Boxes(np.hstack([xy, xy + edge]), np.zeros(len(xy))) for xy in corners]


def assert_each_once(found: Boxes, truth: Boxes, *, iou: float) -> None:
    assert len(found) == len(truth)
    overlap = iou_matrix(truth.xyxy, found.xyxy)
    assert (overlap.max(axis=1) >= iou).all()
    assert len(set(overlap.argmax(axis=1).tolist())) == len(truth)


@many
@given(
    layout=layouts(),
    share=st.floats(0.1, 1.0) | st.just(1.0),
    shift=st.tuples(st.integers(-24, 24), st.integers(-24, 24))
    | st.tuples(st.integers(-6, 6), st.integers(-6, 6)),
)
def test_cells_up_to_the_overlap_come_out_whole_and_once(
    fake_runtime, draw_squares, layout, share, shift
):
    tile, overlap, height, width = layout.values()
    edge = min(max(3, int(share * overlap)), height - 1, width - 1)
    predictor = Predictor(fake_runtime(tile_px=tile, overlap_px=overlap), runtime="squares")
    at = seams(predictor, height, width)
    for truth in around_seams(at, (height, width), edge=edge, shift=shift):
        found = predictor.predict(draw_squares(height, width, truth))
        assert_each_once(found, truth, iou=0.99)


@many
@given(
    layout=layouts(),
    share=st.floats(0.1, 0.9),
    shift=st.tuples(st.integers(-6, 6), st.integers(-6, 6)),
)
def test_tiles_that_disagree_about_a_cell_still_count_it_once(
    fake_runtime, draw_squares, layout, share, shift
):
    """Each tile places a cell by itself, off by up to half the margin it is granted."""
    tile, overlap, height, width = layout.values()
    edge = min(max(3, int(share * overlap)), height - 1, width - 1)
    jitter = min(0.1 * edge, predictor_module.SEAM_MARGIN * overlap / 2)
    bundle = fake_runtime(tile_px=tile, overlap_px=overlap, jitter_px=jitter)
    predictor = Predictor(bundle, runtime="squares")
    at = seams(predictor, height, width)
    for truth in around_seams(at, (height, width), edge=edge, shift=shift):
        found = predictor.predict(draw_squares(height, width, truth))
        assert_each_once(found, truth, iou=0.5)


@many
@given(
    layout=layouts(),
    share=st.floats(1.01, 1.5),
    shift=st.tuples(st.integers(-24, 24), st.integers(-24, 24)),
)
def test_cells_beyond_the_overlap_may_come_out_short_but_are_not_lost(
    fake_runtime, draw_squares, layout, share, shift
):
    """What the card's overlap is not made for: a piece is found, at least half of the cell."""
    tile, overlap, height, width = layout.values()
    edge = min(int(np.ceil(share * overlap)), height - 1, width - 1)
    predictor = Predictor(fake_runtime(tile_px=tile, overlap_px=overlap), runtime="squares")
    at = seams(predictor, height, width)
    for truth in around_seams(at, (height, width), edge=edge, shift=shift):
        found = predictor.predict(draw_squares(height, width, truth))
        assert (iou_matrix(truth.xyxy, found.xyxy).max(axis=1) > 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize("tile_px", [224, 320, 448])
def test_a_trained_model_counts_the_same_in_tiles_as_in_one_piece(tile_px):
    """Context ends at a tile's edge, so scores differ a little; 99 % of the cells do not."""
    pair = simulate_pair(
        LiveDeadScene(height=960, width=1280, n_cells=500, radius_px=(9.0, 16.0), seed=4)
    )
    bundle = open_bundle("live-dead-fluo")

    def count(edge: int) -> Boxes:
        overlap = min(bundle.card.input.overlap_px, edge // 2)
        spec = bundle.card.input.model_copy(update={"tile_px": edge, "overlap_px": overlap})
        card = bundle.card.model_copy(update={"input": spec})
        predictor = Predictor(Bundle(bundle.path, card))
        tiles = predictor_module._plan(
            predictor_module.as_source(pair.blue), spec, spec.resize_factor
        )
        assert (len(tiles) == 1) is (edge == 1280)
        return predictor.count_boxes(predictor.predict(pair.blue))

    whole, tiled = count(1280), count(tile_px)
    assert len(whole) > 450
    overlap = iou_matrix(whole.xyxy, tiled.xyxy) > 0.5
    assert overlap.any(axis=1).mean() >= 0.99
    assert overlap.any(axis=0).mean() >= 0.99
    assert abs(len(tiled) - len(whole)) <= 0.01 * len(whole)
