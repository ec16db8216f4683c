"""live-dead-fluo on experiments it has never seen, the blue and the red pictures apart.

    python benchmarks/live_dead_pairs.py

Twenty simulated experiments of one pair each, drawn from the conditions of
`zoo/simulate_live_dead.py` with a seed of their own. Paper 1 prints precision, recall and
AP50:95 for blue and for red nuclei; the bundle has one class, since a grey picture does
not show its dye, so the two are told apart by the picture.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.images.simulate.live_dead import simulate_series
from cellwright.inference.predictor import Predictor
from cellwright.metrics.detection import evaluate_detection
from cellwright.types import Boxes, Image
from record import write_results

sys.path.insert(0, str(Path(__file__).parent.parent / "zoo"))
from simulate_live_dead import experiment

MODEL = "live-dead-fluo"
N_EXPERIMENTS = 20
SEED = 90_000
"""Far from the seeds of the training set (2025 to 2069)."""

PUBLISHED = {
    "blue": {"precision": "95.2 to 97.0", "recall": "91.8 to 96.2", "ap50_95": "84.4 to 85.5"},
    "red": {"precision": "94.3 to 96.5", "recall": "94.3 to 95.5", "ap50_95": "83.6 to 84.4"},
}
"""Percent, over the five networks of Table 3."""


def pictures() -> dict[str, list[tuple[Image, Boxes]]]:
    """Blue and red pictures with their truth, one class."""
    rng = np.random.default_rng(SEED)
    found: dict[str, list[tuple[Image, Boxes]]] = {"blue": [], "red": []}
    for number in range(N_EXPERIMENTS):
        pair = next(simulate_series(1, experiment(rng), name="unseen", seed=SEED + number))
        for colour, image, boxes in (
            ("blue", pair.blue, pair.boxes),
            ("red", pair.red, pair.red_boxes),
        ):
            found[colour].append((image, Boxes(boxes.xyxy, np.zeros(len(boxes), np.int64))))
    return found


def main() -> None:
    """Evaluate both colours and write results/live_dead_pairs.json."""
    predictor = Predictor(open_bundle(MODEL))
    colours = {}
    for colour, labelled in pictures().items():
        truth = [boxes for _, boxes in labelled]
        predicted = [predictor.predict(image) for image, _ in labelled]
        report = evaluate_detection(
            truth, predicted, predictor.classes, score_threshold=predictor.counting_rule()
        )
        colours[colour] = {"metrics": report.to_json()["metrics"], "published": PUBLISHED[colour]}
    content = {"model": MODEL, "experiments": N_EXPERIMENTS, "seed": SEED, "colours": colours}
    path = write_results("live_dead_pairs", content)
    print(json.dumps(json.loads(path.read_text()), indent=2))


if __name__ == "__main__":
    main()
