"""A segmentation bundle in float, in 8 bits, and pruned and in 8 bits: size, speed, loss.

    python benchmarks/compression.py hela-dic --int8 hela-dic-int8 --small SMALL.cellwright
        --data hela_dic --split zoo/splits/hela-dic.csv

SMALL is the structured-pruned, fine-tuned and quantized bundle (docs/methods/compression.md
says how it is made). Every graph runs in ONNX Runtime and OpenVINO, the float network also in
eager PyTorch, all loaded at once and in turns on the same network inputs, with the same number
of threads; only ratios within a round are compared. Loss is measured on the test part, paired
by image. Measure on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import torch

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import RUNTIMES, Batch, choose_runtime, open_session
from cellwright.bundles.weights import graph_weights
from cellwright.cli.labels import only_part, open_labelled
from cellwright.compression.cost import graph_cost
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.evaluate_segmentation import count_labelled
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.instances import matched_difference
from cellwright.metrics.semantic import jaccard_difference
from cellwright.models.unet import UNet
from record import write_results

EAGER = "eager PyTorch, float"
TIMED_INPUTS = 2

Run = Callable[[Batch], object]


def unet_of(bundle: Bundle) -> UNet:
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
    network = UNet(len(given["head.weight"]), n_channels, widths=widths)
    state = network.state_dict()
    network.load_state_dict(state | {name: given[name] for name in state if name in given})
    return network.eval()


def eager(network: torch.nn.Module) -> Run:
    """A pass as a notebook would make it."""

    def run(batch: Batch) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(batch))

    return run


def contestants(bundles: dict[str, Bundle], threads: int) -> dict[str, Run]:
    """Every bundle in every runtime, and the float network in PyTorch."""
    found = {EAGER: eager(unet_of(bundles["float"]))}
    for name, bundle in bundles.items():
        for runtime in RUNTIMES:
            session = open_session(bundle.graph(), runtime=runtime, threads=threads)
            found[f"{runtime}, {name}"] = session.run
    return found


def timed(
    runs: dict[str, Run],
    inputs: list[Batch],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds for all inputs, one figure a round; each round begins with another contestant."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        for batch in inputs:
            run(batch)
    names = list(runs)
    for index in range(rounds):
        first = index % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            for batch in inputs:
                runs[name](batch)
            seconds[name].append(clock() - start)
    return seconds


def times_faster(slow: list[float], fast: list[float]) -> dict[str, float]:
    """The ratio in each round: median, smallest, largest."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


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
                    before.pixels, after.pixels, groups=groups
                ).to_json(),
                "matched50_lost": matched_difference(
                    before.cells, after.cells, groups=groups
                ).to_json(),
            }
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that stands in the results file."""
    torch.set_num_threads(arguments.threads)
    given = {"float": arguments.bundle, "int8": arguments.int8, "small int8": arguments.small}
    bundles = {name: open_bundle(one) for name, one in given.items() if one is not None}
    whole = open_labelled(arguments.data, format_name=None)
    labelled = only_part(whole, "test", split_file=arguments.split)
    feeds = Segmenter(bundles["float"], runtime="onnxruntime", threads=arguments.threads)
    inputs = [
        batch
        for record in labelled.records[:TIMED_INPUTS]
        for batch in islice(feeds.network_inputs(record.load().image), 1)
    ]
    seconds = timed(contestants(bundles, arguments.threads), inputs, arguments.rounds)
    float_of = {runtime: seconds[f"{runtime}, float"] for runtime in RUNTIMES}
    costs = {name: graph_cost(one.graph(), inputs[0].shape) for name, one in bundles.items()}
    return {
        "bundles": {name: one.card.name for name, one in bundles.items()},
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "input_shape": list(inputs[0].shape),
        "graphs": {
            name: {
                "bytes": cost.bytes,
                "parameters": cost.parameters,
                "gflops": cost.gflops,
                "times_smaller": costs["float"].bytes / cost.bytes,
            }
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
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("bundle", help="float bundle or zoo name")
    parser.add_argument("--int8", help="the same in 8 bits")
    parser.add_argument("--small", help="pruned and in 8 bits")
    parser.add_argument("--data", required=True, help="labelled folder or public set")
    parser.add_argument("--split", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--print-only", action="store_true", help="write no results file")
    arguments = parser.parse_args()
    content = measure(arguments)
    print(json.dumps(content, indent=2))
    if not arguments.print_only:
        write_results("compression", content)


if __name__ == "__main__":
    main()
