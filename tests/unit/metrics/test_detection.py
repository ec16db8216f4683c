from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from cellwright.errors import AnnotationError, ConfigError, UnknownNameError
from cellwright.metrics.detection import (
    METRICS,
    DetectionCounts,
    best_threshold,
    difference_interval,
    evaluate_detection,
)
from cellwright.metrics.intervals import Resampling, bootstrap_weights
from cellwright.types import Boxes

Scene = tuple[list[Boxes], list[Boxes]]


def random_boxes(rng: np.random.Generator, count: int, edge: float = 500) -> np.ndarray:
    corners = rng.uniform(0, edge, (count, 2))
    return np.hstack([corners, corners + rng.uniform(10, 40, (count, 2))])


def random_scene(
    *,
    seed: int,
    n_images: int = 25,
    max_true: int = 40,
    max_predicted: int = 60,
    absent_class: int | None = None,
    score_of: Callable[[np.ndarray], np.ndarray] = lambda scores: scores,
) -> Scene:
    """Three classes; about half the predictions are jittered true boxes; some images empty."""
    rng = np.random.default_rng(seed)
    truth, predicted = [], []
    for index in range(n_images):
        n_true = 0 if index % 7 == 3 else int(rng.integers(0, max_true + 1))
        classes = rng.integers(0, 3, n_true)
        if absent_class is not None:
            classes[classes == absent_class] = (absent_class + 1) % 3
        true = Boxes(random_boxes(rng, n_true), classes)
        n_guess = 0 if index % 5 == 4 else int(rng.integers(0, max_predicted + 1))
        guess, guess_classes = random_boxes(rng, n_guess), rng.integers(0, 3, n_guess)
        if n_true:
            near = np.flatnonzero(rng.random(n_guess) < 0.6)
            chosen = rng.integers(0, n_true, len(near))
            guess[near] = true.xyxy[chosen] + rng.normal(0, 2, (len(near), 4))
            guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
            guess_classes[near] = classes[chosen]
        truth.append(true)
        predicted.append(Boxes(guess, guess_classes, score_of(rng.random(n_guess))))
    return truth, predicted


def coco_ap(scene: Scene, max_detections: int) -> tuple[float, float, np.ndarray]:
    """ap50, ap50_95 and ap50_95 a class as faster-coco-eval computes them."""
    annotations, results = [], []
    for image, (true, guess) in enumerate(zip(*scene, strict=True)):
        for box, class_id in zip(true.xyxy.tolist(), true.class_ids.tolist(), strict=True):
            width, height = box[2] - box[0], box[3] - box[1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": class_id,
                    "bbox": [box[0], box[1], width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
        assert guess.scores is not None
        for box, class_id, score in zip(
            guess.xyxy.tolist(), guess.class_ids.tolist(), guess.scores.tolist(), strict=True
        ):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            results.append(
                {"image_id": image, "category_id": class_id, "bbox": bbox, "score": score}
            )
    dataset = {
        "images": [
            {"id": image, "width": 600, "height": 600, "file_name": str(image)}
            for image in range(len(scene[0]))
        ],
        "annotations": annotations,
        "categories": [{"id": index, "name": str(index)} for index in range(3)],
    }
    reference = COCO(dataset)
    run = COCOeval_faster(reference, reference.loadRes(results), "bbox", print_function=len)
    run.params.maxDets = [1, 2, max_detections]
    run.evaluate()
    run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, -1]  # (IoU, recall, class); -1 = no truth
    defined = precision[0, 0] > -1
    by_class = np.where(defined, precision.mean(axis=(0, 1)), np.nan)
    return precision[0][:, defined].mean(), precision[:, :, defined].mean(), by_class


SCENES = {
    "ordinary": random_scene(seed=1),
    "ties": random_scene(seed=2, score_of=lambda scores: np.round(scores, 1)),
    "all scores equal": random_scene(seed=3, score_of=np.ones_like),
    "crowded": random_scene(seed=4, n_images=12, max_true=500, max_predicted=900),
    "a class without truth": random_scene(seed=5, absent_class=1),
    "many images": random_scene(seed=6, n_images=200, max_true=12, max_predicted=15),
    "one image": random_scene(seed=7, n_images=1),
}


@pytest.mark.parametrize("max_detections", [5, 100, 3000])
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_average_precision_equals_faster_coco_eval(scene: Scene, max_detections: int) -> None:
    ap50, ap50_95, by_class = coco_ap(scene, max_detections)
    report = evaluate_detection(
        *scene, ["a", "b", "c"], max_detections=max_detections, resampling=Resampling(n=0)
    )
    assert report.metrics["ap50"].value == pytest.approx(ap50, abs=1e-9)
    assert report.metrics["ap50_95"].value == pytest.approx(ap50_95, abs=1e-9)
    for name, expected in zip("abc", by_class, strict=True):
        value = report.per_class[name]["ap50_95"].value
        assert (np.nan if value is None else value) == pytest.approx(
            expected, abs=1e-9, nan_ok=True
        )


def test_the_crowded_scene_is_beyond_the_usual_cap() -> None:
    counts = [np.bincount(boxes.class_ids).max() for boxes in SCENES["crowded"][1] if len(boxes)]
    assert max(counts) > 100
    low = evaluate_detection(
        *SCENES["crowded"], "abc", max_detections=100, resampling=Resampling(n=0)
    )
    assert low.capped_images == tuple(
        index
        for index, boxes in enumerate(SCENES["crowded"][1])
        if len(boxes) and np.bincount(boxes.class_ids).max() > 100
    )
    assert (
        evaluate_detection(*SCENES["crowded"], "abc", resampling=Resampling(n=0)).capped_images
        == ()
    )


def worked_example() -> Scene:
    """Two images by hand: 3 true cells; 2 found, 1 missed, 1 invented above the threshold."""
    truth = [
        Boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0]),
        Boxes([[0, 0, 10, 10]], [1]),
    ]
    predicted = [
        Boxes([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], [0.9, 0.8]),
        Boxes([[0, 0, 10, 8], [0, 0, 10, 10]], [1, 1], [0.7, 0.1]),
    ]
    return truth, predicted


def test_worked_example() -> None:
    report = evaluate_detection(*worked_example(), ["live", "dead"], score_threshold=0.5)
    value = {name: interval.value for name, interval in report.metrics.items()}
    assert report.counts == {
        "live": DetectionCounts(tp=1, fp=1, fn=1),
        "dead": DetectionCounts(tp=1, fp=0, fn=0),
    }
    assert value["precision"] == pytest.approx(2 / 3)
    assert value["recall"] == pytest.approx(2 / 3)
    assert value["f1"] == pytest.approx(2 / 3)
    assert value["count_mae"] == 0.0  # image 0: 2 predicted, 2 true; image 1: 1 and 1
    # Live: precision 1 up to recall 0.5, 51 of 101 points. Dead: found at once at overlap 0.8;
    # at 0.85 to 0.95 the second prediction is the first true one: precision 1/2.
    assert value["ap50"] == pytest.approx((51 / 101 + 1) / 2)
    assert value["ap50_95"] == pytest.approx((51 / 101 + (7 + 3 * 0.5) / 10) / 2)
    assert {name: interval.n for name, interval in report.metrics.items()} == {
        "ap50": 3,
        "ap50_95": 3,
        "precision": 3,
        "recall": 3,
        "f1": 3,
        "count_mae": 2,
        "count_bias": 2,
    }


def test_counts_have_a_sign() -> None:
    truth, predicted = worked_example()
    report = evaluate_detection(
        truth, [Boxes.empty(scored=True), predicted[1]], ["live", "dead"], score_threshold=0.05
    )
    assert report.metrics["count_bias"].value == pytest.approx((-2 + 1) / 2)
    assert report.metrics["count_mae"].value == pytest.approx((2 + 1) / 2)
    assert report.per_class["live"]["count_bias"].value == pytest.approx(-1.0)


def test_rates_of_counts() -> None:
    counts = DetectionCounts(tp=6, fp=2, fn=4)
    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.6, pytest.approx(2 / 3))
    nothing = DetectionCounts(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)
    assert DetectionCounts(0, 0, 3).f1 == 0.0


def test_json_has_the_agreed_keys() -> None:
    report = evaluate_detection(
        *SCENES["a class without truth"], "abc", resampling=Resampling(n=20)
    )
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(document) == ["task", "n_images", "metrics", "per_class", "settings"]
    assert (document["task"], document["n_images"]) == ("detection", 25)
    assert tuple(document["metrics"]) == METRICS
    assert list(document["per_class"]) == ["a", "b", "c"]
    for figures in [document["metrics"], *document["per_class"].values()]:
        for figure in figures.values():
            assert list(figure) == ["value", "low", "high", "n"]
    assert document["per_class"]["b"]["ap50"] == {"value": None, "low": None, "high": None, "n": 0}
    assert document["settings"]["iou_thresholds"] == [
        0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
    ]  # fmt: skip
    assert document["settings"]["max_detections"] == 3000


def test_no_images_and_empty_images_are_defined() -> None:
    none = evaluate_detection([], [], ["cell"])
    assert all(interval.value is None for interval in none.metrics.values())
    empty = evaluate_detection([Boxes.empty()] * 3, [Boxes.empty(scored=True)] * 3, ["cell"])
    values = {name: interval.value for name, interval in empty.metrics.items()}
    assert values == {**dict.fromkeys(METRICS), "count_mae": 0.0, "count_bias": 0.0}


def test_resample_equals_evaluating_the_drawn_images() -> None:
    """An interval from weights is the one from repeating the images and starting afresh."""
    truth, predicted = SCENES["a class without truth"]
    weights = bootstrap_weights(len(truth), Resampling(n=40, seed=9))
    redone: dict[str, list[float]] = {name: [] for name in METRICS}
    for row in weights.astype(int):
        drawn = np.repeat(np.arange(len(truth)), row)
        report = evaluate_detection(
            [truth[i] for i in drawn],
            [predicted[i] for i in drawn],
            "abc",
            resampling=Resampling(n=0),
        )
        for name in METRICS:
            value = report.metrics[name].value
            assert value is not None
            redone[name].append(value)
    report = evaluate_detection(truth, predicted, "abc", resampling=Resampling(n=40, seed=9))
    for name in METRICS:
        expected = np.quantile(redone[name], [0.025, 0.975])
        interval = report.metrics[name]
        assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9), name


def test_groups_widen_the_interval_when_images_of_a_group_agree() -> None:
    good, bad = worked_example(), (worked_example()[0], [Boxes.empty(scored=True)] * 2)
    truth = [*good[0], *bad[0]] * 6
    predicted = [*good[1], *bad[1]] * 6
    groups = ["good", "good", "bad", "bad"] * 6
    alone = evaluate_detection(truth, predicted, ["live", "dead"]).metrics["recall"]
    grouped = evaluate_detection(
        truth, predicted, ["live", "dead"], resampling=Resampling(groups=groups)
    )
    together = grouped.metrics["recall"]
    assert alone.value == together.value
    assert None not in (alone.low, alone.high, together.low, together.high)
    assert together.high - together.low > alone.high - alone.low  # type: ignore[operator]
    assert grouped.settings["resampled"] == "group"


def test_thresholds_a_class() -> None:
    truth, predicted = worked_example()
    by_name = evaluate_detection(
        truth, predicted, ["live", "dead"], score_threshold={"dead": 0.05, "live": 0.85}
    )
    in_order = evaluate_detection(truth, predicted, ["live", "dead"], score_threshold=(0.85, 0.05))
    assert by_name.counts == in_order.counts
    assert by_name.counts["live"] == DetectionCounts(tp=1, fp=0, fn=1)
    assert by_name.counts["dead"] == DetectionCounts(tp=1, fp=1, fn=0)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_best_threshold_beats_every_other(scene: Scene) -> None:
    chosen = best_threshold(*scene, "abc")
    best = evaluate_detection(
        *scene, "abc", score_threshold=chosen, resampling=Resampling(n=0)
    ).counts
    for other in np.linspace(0, 1, 21):
        counts = evaluate_detection(
            *scene, "abc", score_threshold=other, resampling=Resampling(n=0)
        ).counts
        for name in "abc":
            assert (best[name].f1 or 0) >= (counts[name].f1 or 0) - 1e-12


def test_best_threshold_lies_between_two_scores_and_says_nothing_without_hits() -> None:
    truth, predicted = worked_example()
    live, dead = best_threshold(truth, predicted, ["live", "dead"])
    assert live == pytest.approx(0.85)
    assert dead == pytest.approx(0.4)
    assert best_threshold(truth, [Boxes.empty(scored=True)] * 2, ["live", "dead"]) == (0.25, 0.25)


def test_difference_is_paired() -> None:
    truth, a = random_scene(seed=11, n_images=40)
    worse = [boxes.select(np.arange(len(boxes)) % 4 > 0) for boxes in a]
    interval = difference_interval(truth, a, worse, "abc", resampling=Resampling(n=200))
    single = [
        evaluate_detection(truth, predicted, "abc", resampling=Resampling(n=200)).metrics["ap50_95"]
        for predicted in (a, worse)
    ]
    assert None not in (interval.value, interval.low, interval.high)
    assert interval.value == pytest.approx(single[0].value - single[1].value)  # type: ignore[operator]
    assert interval.low > 0  # type: ignore[operator]
    assert interval.high - interval.low < single[0].high - single[0].low  # type: ignore[operator]
    assert difference_interval(truth, a, a, "abc", resampling=Resampling(n=50)).high == 0.0


def test_big_evaluation_is_quick() -> None:
    """72 images of 300 cells: every prediction a hit, the slowest case for the bootstrap."""
    rng = np.random.default_rng(0)
    truth, predicted = [], []
    for _ in range(72):
        boxes, classes = random_boxes(rng, 300, edge=4000), rng.integers(0, 3, 300)
        truth.append(Boxes(boxes, classes))
        predicted.append(Boxes(boxes + rng.normal(0, 0.7, (300, 4)), classes, rng.random(300)))
    start = time.process_time()
    evaluate_detection(truth, predicted, "abc", resampling=Resampling(n=500))
    assert time.process_time() - start < 15


def test_mistakes_are_named() -> None:
    truth, predicted = worked_example()
    names = ["live", "dead"]
    with pytest.raises(AnnotationError, match="2 annotated images but 1 predicted"):
        evaluate_detection(truth, predicted[:1], names)
    with pytest.raises(AnnotationError, match="image 0: predicted boxes have no scores"):
        evaluate_detection(truth, truth, names)
    with pytest.raises(AnnotationError, match="image 1: class id 1 but only 1 class names"):
        evaluate_detection(truth, predicted, ["live"])
    with pytest.raises(ConfigError, match="2 classes but 3 score thresholds"):
        evaluate_detection(truth, predicted, names, score_threshold=[0.1, 0.2, 0.3])
    with pytest.raises(ConfigError, match="no score threshold for class 'dead'"):
        evaluate_detection(truth, predicted, names, score_threshold={"live": 0.1})
    with pytest.raises(UnknownNameError, match="did you mean 'dead'"):
        evaluate_detection(truth, predicted, names, score_threshold={"deed": 0.1})
    with pytest.raises(ConfigError, match="max_detections must be at least 1"):
        evaluate_detection(truth, predicted, names, max_detections=0)
    with pytest.raises(ConfigError, match="no class names"):
        evaluate_detection([], [], [])


def test_the_cap_is_on_the_curve_and_not_on_the_count():
    """A user's own count of 400 cells is 400, whatever the curve looks at."""
    corners = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(-1, 2) * 20.0
    boxes = np.hstack([corners, corners + 15])
    truth = [Boxes(boxes, np.zeros(400, np.int64))]
    found = [Boxes(boxes, np.zeros(400, np.int64), np.linspace(0.5, 1, 400))]
    report = evaluate_detection(
        truth, found, ["cell"], max_detections=100, resampling=Resampling(n=0)
    )
    assert report.capped_images == (0,)
    assert report.metrics["ap50"].value < 0.3
    for name in ("precision", "recall", "f1"):
        assert report.metrics[name].value == 1
    assert report.metrics["count_bias"].value == report.metrics["count_mae"].value == 0


def test_best_threshold_leaves_out_what_it_left_out_in_float32_too() -> None:
    weaker = np.float32(0.5)
    stronger = np.nextafter(weaker, np.float32(1))
    box, elsewhere = [0, 0, 10, 10], [50, 50, 60, 60]
    truth = [Boxes(np.array([box]), np.array([0]))]
    scores = np.array([stronger, weaker])
    predicted = [Boxes(np.array([box, elsewhere]), np.array([0, 0]), scores)]
    (chosen,) = best_threshold(truth, predicted, ["cell"])
    assert (scores >= np.float32(chosen)).tolist() == [True, False]
