"""Bundles of one model side by side: in every runtime, in turns, with the same inputs.

What benchmarks/classification.py and benchmarks/compression.py share. All contestants are loaded
at once and each round begins with another one; only ratios within a round are compared.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import RUNTIMES, Batch, open_session
from cellwright.cli.labels import only_part, open_labelled
from cellwright.compression.cost import GraphCost, graph_cost
from cellwright.data.labelled_set import LabelledSet
from record import write_results

EAGER = "eager PyTorch, float"

Run = Callable[[Batch], object]


def eager(network: nn.Module) -> Run:
    """A pass as a notebook would make it."""

    def run(batch: Batch) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(batch))

    return run


def with_weights(network: nn.Module, given: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network, ready to be asked, with those of its weights that a graph names."""
    state = network.state_dict()
    network.load_state_dict(state | {name: given[name] for name in state if name in given})
    return network.eval()


def contestants(network: nn.Module, bundles: Mapping[str, Bundle], threads: int) -> dict[str, Run]:
    """Every bundle in every runtime, and the float network in PyTorch."""
    found = {EAGER: eager(network)}
    for name, bundle in bundles.items():
        for runtime in RUNTIMES:
            session = open_session(bundle.graph(), runtime=runtime, threads=threads)
            found[f"{runtime}, {name}"] = session.run
    return found


def timed(
    runs: Mapping[str, Run],
    inputs: Sequence[Batch],
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


def costs_of(bundles: Mapping[str, Bundle], shape: tuple[int, ...]) -> dict[str, GraphCost]:
    """What the graph of each bundle weighs and computes for an input of this shape."""
    return {name: graph_cost(one.graph(), shape) for name, one in bundles.items()}


def size_of(cost: GraphCost, of_float: GraphCost) -> dict[str, int | float]:
    """Size of a graph, and how many times smaller than the float one it is."""
    return {
        "bytes": cost.bytes,
        "parameters": cost.parameters,
        "times_smaller": of_float.bytes / cost.bytes,
    }


def test_part(arguments: argparse.Namespace) -> LabelledSet:
    """The test part of the data that the command names."""
    whole = open_labelled(arguments.data, format_name=None)
    return only_part(whole, "test", split_file=arguments.split)


def arguments_for(about: str, *, threads: int) -> argparse.ArgumentParser:
    """What both commands ask: the float bundle, labelled data, threads and rounds."""
    parser = argparse.ArgumentParser(description=about.split("\n", maxsplit=1)[0])
    parser.add_argument("bundle", help="float bundle or zoo name")
    parser.add_argument("--data", required=True, help="labelled folder or public set")
    parser.add_argument("--split", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--print-only", action="store_true", help="write no results file")
    return parser


def report(name: str, content: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Print what was measured, and write the results file unless it is not wanted."""
    print(json.dumps(content, indent=2))
    if not arguments.print_only:
        write_results(name, content)
