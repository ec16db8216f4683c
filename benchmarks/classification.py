"""A classifier of crops in float and in 8 bits: size, speed of one cell in a batch, loss.

    python benchmarks/classification.py cell-cycle --int8 cell-cycle-int8
        --data jurkat_cell_cycle --split zoo/splits/cell-cycle.csv

Every graph runs in ONNX Runtime and OpenVINO, the float network also in eager PyTorch, all
loaded at once and in turns on the same batch of cells, with the same number of threads; only
ratios within a round are compared. What counts is processor time, which with one thread is the
time on an idle machine, and which other programs disturb little. Loss is measured on the test
part, paired by cell.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import Batch, choose_runtime
from cellwright.bundles.weights import graph_weights
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.classifier import BATCH, Classifier
from cellwright.inference.evaluate_classification import classify_labelled, report_classes
from cellwright.metrics.classification import figure_difference
from cellwright.metrics.intervals import FINE, Resampling
from cellwright.models.committee import Committee
from cellwright.models.crop_resnet import CropResNet
from runtimes import (
    EAGER,
    arguments_for,
    contestants,
    costs_of,
    report,
    size_of,
    test_part,
    timed,
    times_faster,
    with_weights,
)

SHOWN = ("weighted_f1", "macro_f1", "accuracy", "ece")


def network_of(bundle: Bundle) -> nn.Module:
    """The network of a float bundle of :class:`CropResNet`, one or several, with its weights."""
    given = {name: torch.tensor(one) for name, one in graph_weights(bundle.graph()).items()}
    members = sorted({name.split(".")[1] for name in given if name.startswith("members.")})
    prefix = "members.0." if members else ""
    stem = given[f"{prefix}features.0.weight"]

    def one() -> CropResNet:
        return CropResNet(len(bundle.card.classes), stem.shape[1], width=stem.shape[0])

    return with_weights(Committee([one() for _ in members]) if members else one(), given)


def cells_of(bundle: Bundle, labelled: LabelledSet) -> Batch:
    """As many prepared cells as a prediction feeds the network at once."""
    classifier = Classifier(bundle, runtime="onnxruntime")
    samples = [record.load() for record in labelled.records[:BATCH]]
    return np.stack(
        [classifier.prepare(one.image, channel_names=one.channel_names) for one in samples]
    )


def losses(bundles: dict[str, Bundle], labelled: LabelledSet, threads: int) -> dict[str, Any]:
    """Figures of each bundle, and points lost against the float one with their interval."""
    found: dict[str, Any] = {}
    seen = {}
    for name, bundle in bundles.items():
        runtime = choose_runtime("auto", bundle.card.graphs[0].precision)
        classifier = Classifier(bundle, runtime=runtime, threads=threads)
        seen[name] = classify_labelled(classifier, labelled)
        metrics = report_classes(seen[name], classifier).to_json()["metrics"]
        found[name] = {"runtime": runtime, "metrics": {key: metrics[key] for key in SHOWN}}
    before = seen["float"]
    for name, after in seen.items():
        if name != "float":
            found[name]["weighted_f1_lost"] = figure_difference(
                before.truth,
                before.found.categories(),
                after.found.categories(),
                bundles["float"].card.classes,
                resampling=Resampling(FINE, groups=before.shared_groups),
            ).to_json()
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that stands in the results file."""
    torch.set_num_threads(arguments.threads)
    given = {"float": arguments.bundle, "int8": arguments.int8}
    bundles = {name: open_bundle(one) for name, one in given.items()}
    labelled = test_part(arguments)
    cells = cells_of(bundles["float"], labelled)
    seconds = timed(
        contestants(network_of(bundles["float"]), bundles, arguments.threads),
        [cells],
        arguments.rounds,
        clock=time.process_time,
    )
    costs = costs_of(bundles, cells.shape)
    return {
        "bundles": {name: one.card.name for name, one in bundles.items()},
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "input_shape": list(cells.shape),
        "graphs": {name: size_of(cost, costs["float"]) for name, cost in costs.items()},
        "speed": {
            name: {
                "ms_a_cell": 1e3 * median(rounds) / len(cells),
                "times_eager": times_faster(seconds[EAGER], rounds),
            }
            for name, rounds in seconds.items()
        },
        "data": f"{labelled.name}, test part, {len(labelled)} cells",
        "accuracy": losses(bundles, labelled, arguments.threads),
    }


def main() -> None:
    """Measure, print, and write the results file."""
    parser = arguments_for(__doc__, threads=1)
    parser.add_argument("--int8", required=True, help="the same in 8 bits")
    arguments = parser.parse_args()
    report(f"classification_{arguments.bundle}", measure(arguments), arguments)


if __name__ == "__main__":
    main()
