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
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import RUNTIMES, Batch, choose_runtime, open_session
from cellwright.bundles.weights import graph_weights
from cellwright.cli.labels import only_part, open_labelled
from cellwright.compression.cost import graph_cost
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.classifier import BATCH, Classifier
from cellwright.inference.evaluate_classification import classify_labelled, report_classes
from cellwright.metrics.classification import figure_difference
from cellwright.models.committee import Committee
from cellwright.models.crop_resnet import CropResNet
from compression import EAGER, Run, eager, timed, times_faster
from record import write_results

SHOWN = ("weighted_f1", "macro_f1", "accuracy", "ece")


def network_of(bundle: Bundle) -> nn.Module:
    """The network of a float bundle of :class:`CropResNet`, one or several, with its weights."""
    given = {name: torch.tensor(one) for name, one in graph_weights(bundle.graph()).items()}
    members = sorted({name.split(".")[1] for name in given if name.startswith("members.")})
    prefix = "members.0." if members else ""
    stem = given[f"{prefix}features.0.weight"]

    def one() -> CropResNet:
        return CropResNet(len(bundle.card.classes), stem.shape[1], width=stem.shape[0])

    network: nn.Module = Committee([one() for _ in members]) if members else one()
    state = network.state_dict()
    network.load_state_dict(state | {name: given[name] for name in state if name in given})
    return network.eval()


def contestants(bundles: dict[str, Bundle], threads: int) -> dict[str, Run]:
    """Every bundle in every runtime, and the float network in PyTorch."""
    found: dict[str, Run] = {EAGER: eager(network_of(bundles["float"]))}
    for name, bundle in bundles.items():
        for runtime in RUNTIMES:
            session = open_session(bundle.graph(), runtime=runtime, threads=threads)
            found[f"{runtime}, {name}"] = session.run
    return found


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
                groups=before.shared_groups,
            ).to_json()
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that stands in the results file."""
    torch.set_num_threads(arguments.threads)
    given = {"float": arguments.bundle, "int8": arguments.int8}
    bundles = {name: open_bundle(one) for name, one in given.items()}
    whole = open_labelled(arguments.data, format_name=None)
    labelled = only_part(whole, "test", split_file=arguments.split)
    cells = cells_of(bundles["float"], labelled)
    seconds = timed(
        contestants(bundles, arguments.threads), [cells], arguments.rounds, clock=time.process_time
    )
    costs = {name: graph_cost(one.graph(), cells.shape) for name, one in bundles.items()}
    return {
        "bundles": {name: one.card.name for name, one in bundles.items()},
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "input_shape": list(cells.shape),
        "graphs": {
            name: {
                "bytes": cost.bytes,
                "parameters": cost.parameters,
                "times_smaller": costs["float"].bytes / cost.bytes,
            }
            for name, cost in costs.items()
        },
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
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("bundle", help="float bundle or zoo name")
    parser.add_argument("--int8", required=True, help="the same in 8 bits")
    parser.add_argument("--data", required=True, help="labelled folder or public set")
    parser.add_argument("--split", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--print-only", action="store_true", help="write no results file")
    arguments = parser.parse_args()
    content = measure(arguments)
    print(json.dumps(content, indent=2))
    if not arguments.print_only:
        write_results(f"classification_{arguments.bundle}", content)


if __name__ == "__main__":
    main()
