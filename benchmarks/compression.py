"""A segmentation bundle in float, in 8 bits, and pruned and in 8 bits: size, speed, loss.

    python benchmarks/compression.py hela-dic --int8 hela-dic-int8 --small SMALL.cellwright
        --data hela_dic --split zoo/splits/hela-dic.csv
    python benchmarks/compression.py nuclei --int8 nuclei-int8
        --data bbbc039_hoechst_nuclei --split zoo/splits/nuclei.csv

SMALL is the structured-pruned, fine-tuned and quantized bundle (docs/methods/compression.md
says how it is made). Every graph runs in ONNX Runtime and OpenVINO, the float network also in
eager PyTorch, all loaded at once and in turns on the same network inputs, with the same number
of threads; only ratios within a round are compared. Loss is measured on the test part, paired
by image, and every network looks once: mirror images that a card asks for are left out. Measure
on a machine with nothing else to do; `--on intel` puts the results of a second processor beside.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import RUNTIMES, choose_runtime
from cellwright.bundles.weights import graph_weights
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.evaluate_segmentation import count_labelled
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.instances import matched_difference
from cellwright.metrics.intervals import Resampling
from cellwright.metrics.semantic import jaccard_difference
from cellwright.models.unet import UNet
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

TIMED_INPUTS = 2


def unet_of(bundle: Bundle) -> nn.Module:
    """The network of a float bundle, with its weights."""
    weights = graph_weights(bundle.graph())
    given = {name.removeprefix("network."): torch.tensor(one) for name, one in weights.items()}
    firsts = (f"down.{level}.0.weight" for level in count())
    widths = []
    for first in firsts:
        if first not in given:
            break
        widths.append(len(given[first]))
    n_channels = given["down.0.0.weight"].shape[1]
    return with_weights(UNet(len(given["head.weight"]), n_channels, widths=widths), given)


def looking_once(bundle: Bundle) -> Bundle:
    """The bundle without the mirror images that its card averages, which another may not."""
    spec = bundle.card.segmentation
    if spec is None:
        raise bundle.of_another_task("segments")
    once = spec.model_copy(update={"views": 1})
    return replace(bundle, card=bundle.card.model_copy(update={"segmentation": once}))


def losses(bundles: dict[str, Bundle], labelled: LabelledSet, threads: int) -> dict[str, Any]:
    """Points lost against the float bundle: pixels and cells, each with its interval."""
    counts = {
        name: count_labelled(
            bundle,
            labelled,
            runtime=choose_runtime("auto", bundle.card.graphs[0].precision),
            threads=threads,
        )
        for name, bundle in bundles.items()
    }
    before = counts["float"]
    groups = before.shared_groups
    found = {}
    for name, after in counts.items():
        metrics = after.report().to_json()["metrics"]
        kept = ("jaccard", "pixel_jaccard", "matched50")
        found[name] = {"metrics": {key: metrics[key] for key in kept if key in metrics}}
        if name != "float":
            found[name] |= {
                "jaccard_lost": jaccard_difference(
                    before.pixels, after.pixels, resampling=Resampling(groups=groups)
                ).to_json(),
                "matched50_lost": matched_difference(
                    before.cells, after.cells, resampling=Resampling(groups=groups)
                ).to_json(),
            }
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that stands in the results file."""
    torch.set_num_threads(arguments.threads)
    given = {"float": arguments.bundle, "int8": arguments.int8, "small int8": arguments.small}
    bundles = {name: looking_once(open_bundle(one)) for name, one in given.items() if one}
    labelled = test_part(arguments)
    feeds = Segmenter(bundles["float"], runtime="onnxruntime", threads=arguments.threads)
    inputs = [
        batch
        for record in labelled.records[:TIMED_INPUTS]
        for batch in islice(feeds.network_inputs(record.load().image), 1)
    ]
    seconds = timed(
        contestants(unet_of(bundles["float"]), bundles, arguments.threads),
        inputs,
        arguments.rounds,
    )
    float_of = {runtime: seconds[f"{runtime}, float"] for runtime in RUNTIMES}
    costs = costs_of(bundles, inputs[0].shape)
    return {
        "bundles": {name: one.card.name for name, one in bundles.items()},
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "input_shape": list(inputs[0].shape),
        "graphs": {
            name: size_of(cost, costs["float"]) | {"gflops": cost.gflops}
            for name, cost in costs.items()
        },
        "speed": {
            name: {
                "ms_median": 1e3 * median(rounds) / len(inputs),
                "times_eager": times_faster(seconds[EAGER], rounds),
                "times_float": None
                if name == EAGER
                else times_faster(float_of[name.split(",")[0]], rounds),
            }
            for name, rounds in seconds.items()
        },
        "data": f"{labelled.name}, test part, {len(labelled)} images",
        "accuracy": losses(bundles, labelled, arguments.threads),
    }


def main() -> None:
    """Measure, print, and write the results file."""
    parser = arguments_for(__doc__, threads=2)
    parser.add_argument("--int8", help="the same in 8 bits")
    parser.add_argument("--small", help="pruned and in 8 bits")
    parser.add_argument("--on", metavar="PROCESSOR", help="keeps the file of another processor")
    arguments = parser.parse_args()
    names = ["compression", Path(arguments.bundle).stem, arguments.on]
    report("_".join(filter(None, names)), measure(arguments), arguments)


if __name__ == "__main__":
    main()
