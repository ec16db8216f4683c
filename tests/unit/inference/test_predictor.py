from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import RUNTIMES
from cellwright.errors import BundleError, ConfigError, ImageError
from cellwright.images.normalise import Normalisation
from cellwright.inference import predictor as predictor_module
from cellwright.inference.predictor import Predictor, network_factor
from cellwright.metrics.matching import iou_matrix
from cellwright.types import Boxes


def assert_same_cells(found: Boxes, truth: Boxes, *, iou: float = 0.5) -> None:
    """Every true cell is found exactly once, with its class, and nothing else is."""
    assert len(found) == len(truth)
    overlap = iou_matrix(truth.xyxy, found.xyxy)
    overlap[truth.class_ids[:, None] != found.class_ids[None]] = 0
    partner = overlap.argmax(axis=1)
    assert (overlap.max(axis=1) > iou).all()
    assert len(set(partner.tolist())) == len(truth)


def test_a_field_of_2500_cells_is_counted_exactly(dot_bundle, draw_dots, scatter_cells):
    truth = scatter_cells(2500, 1920, 2560)
    predictor = Predictor(open_bundle(dot_bundle))
    found = predictor.count_boxes(predictor.predict(draw_dots(1920, 2560, truth)))
    # The detector is perfect, so any cell lost or doubled is lost or doubled by us. Cells whose
    # boxes overlap by more than the card's nms_iou are one cell by the card's own rule.
    distinct = iou_matrix(truth.xyxy, truth.xyxy) - 2 * np.eye(len(truth))
    distinct[truth.class_ids[:, None] != truth.class_ids[None]] = 0
    assert distinct.max() < 0.6
    assert_same_cells(found, truth.clipped(1920, 2560))


def test_scores_fall_and_boxes_lie_in_the_image(dot_bundle, draw_dots, scatter_cells):
    found = Predictor(open_bundle(dot_bundle)).predict(
        draw_dots(300, 500, scatter_cells(200, 300, 500))
    )
    assert found.scores is not None
    assert (np.diff(found.scores) <= 0).all()
    assert found.xyxy.min() >= 0
    assert (found.xyxy.max(axis=0) <= [500, 300, 500, 300]).all()


def test_an_image_smaller_than_the_network_wants_is_padded(dot_bundle, draw_dots):
    truth = Boxes(np.array([[2, 1, 9, 8], [30, 20, 41, 31]]), np.array([0, 1]))
    found = Predictor(open_bundle(dot_bundle)).predict(draw_dots(33, 47, truth))
    assert_same_cells(found, truth)


def test_an_empty_image_gives_no_boxes(dot_bundle):
    found = Predictor(open_bundle(dot_bundle)).predict(np.zeros((1, 700, 300), np.uint8))
    assert len(found) == 0
    assert found.scores is not None


def test_the_same_boxes_from_a_lazy_source(dot_bundle, draw_dots, scatter_cells):
    class Lazy:
        def __init__(self, image):
            self.image, self.shape, self.dtype = image, image.shape, image.dtype
            self.largest = 0

        def read_region(self, y0, x0, y1, x1):
            self.largest = max(self.largest, (y1 - y0) * (x1 - x0))
            return self.image[:, y0:y1, x0:x1]

    image = draw_dots(900, 1100, scatter_cells(400, 900, 1100))
    predictor = Predictor(open_bundle(dot_bundle))
    lazy = Lazy(image)
    np.testing.assert_array_equal(predictor.predict(lazy).xyxy, predictor.predict(image).xyxy)
    assert lazy.largest <= 256 * 256


def test_at_most_four_tiles_go_through_the_network_together(dot_bundle, monkeypatch):
    sizes = []

    class Spy:
        def __init__(self, graph, threads):
            self.real = RUNTIMES["onnxruntime"](graph, threads)

        def run(self, batch):
            sizes.append(batch.shape)
            return self.real.run(batch)

    monkeypatch.setitem(RUNTIMES, "spy", Spy)
    Predictor(open_bundle(dot_bundle), runtime="spy").predict(np.zeros((1, 900, 900), np.uint8))
    assert max(shape[0] for shape in sizes) == 4
    assert all(shape[2] <= 256 and shape[3] <= 256 for shape in sizes)


def test_tiles_are_no_larger_than_needed():
    # 660 pixels need two tiles of 640 with 96 shared; two of 384 do as well.
    spec = open_spec(tile_px=640, overlap_px=96, multiple=32)
    assert predictor_module._fitted_edge(660, spec) == 384
    assert predictor_module._fitted_edge(640, spec) == 640
    assert predictor_module._fitted_edge(1184, spec) == 640


def open_spec(**settings):
    from cellwright.bundles.card import InputSpec

    return InputSpec(channels=1, **settings)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_boxes_come_back_in_image_pixels_at_any_scale(scale, fake_runtime, draw_squares):
    bundle = fake_runtime(tile_px=128, overlap_px=48)
    truth = Boxes(np.array([[20, 30, 42, 52], [150, 200, 170, 220], [240, 10, 260, 30]]), [0, 0, 0])
    found = Predictor(bundle, runtime="squares").predict(draw_squares(260, 300, truth), scale=scale)
    assert_same_cells(found, truth, iou=0.9)


def test_a_cell_on_every_seam_is_neither_cut_nor_doubled(fake_runtime, draw_squares):
    """The fake detector sees only what a tile shows, so a cut cell would be a small box."""
    bundle = fake_runtime(tile_px=128, overlap_px=32)
    height, width = 500, 610
    predictor = Predictor(bundle, runtime="squares")
    tiles = predictor_module._plan(
        predictor_module.as_source(np.zeros((1, height, width), np.uint8)),
        bundle.card.input,
        1.0,
    )
    seams_x = sorted({tile.core_x0 for tile in tiles} - {0})
    seams_y = sorted({tile.core_y0 for tile in tiles} - {0})
    assert len(seams_x) >= 4
    assert len(seams_y) >= 3
    for shift in range(-13, 14):
        squares = [(x + shift - 12, y - 12) for x in seams_x for y in seams_y]
        squares += [(x - 12, y + shift - 50) for x in seams_x for y in seams_y[1:]]
        xy = np.array([(x, y) for x, y in squares if x >= 0 and y >= 0], float)
        truth = Boxes(np.concatenate([xy, xy + 24], axis=1), np.zeros(len(xy)))
        image = draw_squares(height, width, truth)
        assert_same_cells(predictor.predict(image), truth, iou=0.99)


@pytest.mark.parametrize("edge", [3, 4, 6, 8, 30])
def test_jitter_between_tiles_does_not_double_a_small_cell(edge, fake_runtime, draw_squares):
    """Two tiles see one cell up to a pixel apart, as real networks do."""
    bundle = fake_runtime(tile_px=128, overlap_px=32, jitter_px=0.12 * edge)
    xy = np.stack(np.meshgrid(np.arange(5, 570, 35), np.arange(5, 460, 35)), -1).reshape(-1, 2)
    truth = Boxes(np.concatenate([xy, xy + edge], axis=1), np.zeros(len(xy)))
    found = Predictor(bundle, runtime="squares").predict(draw_squares(500, 610, truth))
    assert_same_cells(found, truth, iou=0.3)


def test_factor_follows_pixel_sizes_or_scale():
    spec = open_spec(resize_factor=0.5, pixel_size_um=0.4)
    assert network_factor(spec) == 0.5
    assert network_factor(spec, pixel_size_um=0.8) == pytest.approx(1.0)
    assert network_factor(spec, pixel_size_um=0.8, scale=3) == pytest.approx(1.5)
    assert network_factor(open_spec(resize_factor=0.5), pixel_size_um=0.8) == 0.5


def test_an_impossible_magnification_is_refused():
    with pytest.raises(ImageError, match="give the true pixel size"):
        network_factor(open_spec(pixel_size_um=0.4), pixel_size_um=352.8)
    with pytest.raises(ConfigError, match="scale must lie"):
        network_factor(open_spec(), scale=0.0)


def test_thresholds_of_each_class_decide_what_counts(dot_bundle):
    bundle = open_bundle(dot_bundle)
    decoding = bundle.card.decoding.model_copy(update={"class_thresholds": (0.3, 0.8)})
    card = bundle.card.model_copy(update={"decoding": decoding})
    predictor = Predictor(type(bundle)(bundle.path, card))
    boxes = Boxes(np.tile([0, 0, 9, 9], (4, 1)), [0, 1, 0, 1], [0.3, 0.79, 0.29, 0.8])
    assert predictor.count_boxes(boxes).class_ids.tolist() == [0, 1]


def test_a_model_of_another_task_is_refused(dot_bundle):
    bundle = open_bundle(dot_bundle)
    card = bundle.card.model_copy(update={"task": "semantic", "decoding": None})
    with pytest.raises(BundleError, match="model for semantic"):
        Predictor(type(bundle)(Path("x"), card))


def test_reaching_the_cap_is_said(dot_bundle, draw_dots, scatter_cells, caplog):
    bundle = open_bundle(dot_bundle)
    decoding = bundle.card.decoding.model_copy(update={"max_detections": 50})
    card = bundle.card.model_copy(update={"decoding": decoding})
    predictor = Predictor(type(bundle)(bundle.path, card))
    found = predictor.predict(draw_dots(200, 200, scatter_cells(80, 200, 200)))
    assert len(found) == 50
    assert predictor.is_capped(found)
    assert "the card keeps 50" in caplog.text


def test_a_12_bit_image_in_a_16_bit_file_is_not_black(dot_bundle, draw_dots, scatter_cells):
    """The same picture at 8 bit, and as 12-bit counts in uint16 with percentile scaling."""
    bundle = open_bundle(dot_bundle)
    normalisation = {"kind": "percentile", "low": 0, "high": 100, "floor": 0}
    spec = bundle.card.input.model_validate(
        {**bundle.card.input.model_dump(), "normalisation": normalisation}
    )
    stretched = type(bundle)(bundle.path, bundle.card.model_copy(update={"input": spec}))
    truth = scatter_cells(60, 256, 256)
    image = draw_dots(256, 256, truth)
    image[0, 0, 255] = 255  # so that both stretch to the same white
    twelve_bit = (image.astype(np.uint16) * 16) + 100
    expected = Predictor(bundle).predict(image)
    found = Predictor(stretched).predict(twelve_bit)
    np.testing.assert_allclose(np.sort(found.xyxy, 0), np.sort(expected.xyxy, 0), atol=0.02)


def test_network_inputs_are_what_a_prediction_feeds_the_network(dot_bundle, monkeypatch):
    fed = []

    class Watched:
        def __init__(self, graph, threads):
            self._inner = RUNTIMES["onnxruntime"](graph, threads)

        def run(self, batch):
            fed.append(batch)
            return self._inner.run(batch)

    monkeypatch.setitem(RUNTIMES, "watched", Watched)
    predictor = Predictor(open_bundle(dot_bundle), runtime="watched")
    image = np.random.default_rng(0).integers(0, 255, (1, 300, 700), dtype=np.uint8)
    predictor.predict(image)
    given = list(predictor.network_inputs(image))
    assert len(given) == len(fed) > 1
    assert all(np.array_equal(one, other) for one, other in zip(given, fed, strict=True))


@pytest.mark.parametrize("kind", ["percentile", "full_range"])
def test_a_grey_picture_is_fed_to_a_colour_network_as_three_equal_channels(dot_bundle, kind):
    bundle = open_bundle(dot_bundle)
    spec = bundle.card.input.model_copy(
        update={"channels": 3, "resize_factor": 0.5, "normalisation": Normalisation(kind=kind)}
    )
    card = bundle.card.model_copy(update={"input": spec})
    predictor = Predictor(Bundle(bundle.path, card))
    grey = np.random.default_rng(0).integers(0, 255, (1, 300, 700), dtype=np.uint8)
    from_grey = list(predictor.network_inputs(grey))
    from_colour = list(predictor.network_inputs(grey.repeat(3, axis=0)))
    assert from_grey[0].shape[1] == 3
    for one, other in zip(from_grey, from_colour, strict=True):
        np.testing.assert_array_equal(one, other)
