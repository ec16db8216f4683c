"""Write the tables of README.md, zoo/README.md and benchmarks/README.md from their sources.

    python benchmarks/tables.py           rewrite what stands between the markers
    python benchmarks/tables.py --check   only say whether they are up to date (exit code 1)

Zoo figures come from the cards of the shipped bundles, benchmark figures from
`benchmarks/results/`. Nothing in those tables is typed by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import Card, Evaluation, MetricValue
from cellwright.bundles.zoo import ZOO

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
FIGURES = {"ap50": "AP50", "ap50_95": "AP50:95", "precision": "precision", "recall": "recall"}
CLASS_FIGURES = {"ap50": "AP50", "ap50_95": "AP50:95", "precision": "precision", "recall": "recall"}


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def figure(value: MetricValue | dict[str, Any], *, digits: int = 3) -> str:
    """``value (low to high)``."""
    v = value if isinstance(value, MetricValue) else MetricValue(**value)
    if v.value is None:
        return "–"
    if v.low is None or v.high is None:
        return f"{v.value:.{digits}f}"
    return f"{v.value:.{digits}f} ({v.low:.{digits}f} to {v.high:.{digits}f})"


def tested(card: Card) -> Evaluation:
    """The evaluation on the test part."""
    return next(e for e in card.evaluations if "test part" in e.data)


def zoo() -> str:
    """One row a model of the zoo."""
    rows = []
    for name in sorted(ZOO):
        evaluation = tested(open_bundle(name).card)
        figures = [figure(evaluation.metrics[key]) for key in FIGURES]
        mae = figure(evaluation.metrics["count_mae"], digits=2)
        rows.append([f"`{name}`", str(evaluation.n_images), *figures, mae])
    return table(["model", "test images", *FIGURES.values(), "count error an image"], rows)


def zoo_classes() -> str:
    """One row a class of each model of the zoo, and how its bundle was made."""
    parts = []
    for name in sorted(ZOO):
        card = open_bundle(name).card
        rows = [
            [kind, str(values["recall"].n), *(figure(values[key]) for key in CLASS_FIGURES)]
            for kind, values in tested(card).per_class.items()
        ]
        training = card.training
        parts.append(
            f"**{name}**: {training.n_images} training images, {training.epochs} epochs, seed "
            f"{training.seed}, commit {training.commit}, {training.machine}; data "
            f"{training.data}, checksum `{training.data_checksum[:16]}…`\n\n"
            + table(["class", "cells", *CLASS_FIGURES.values()], rows)
        )
    return "\n\n".join(parts)


def result(name: str) -> dict[str, Any]:
    """A results file."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def origin(content: dict[str, Any]) -> str:
    """Where a results file comes from, in one sentence."""
    return f"`{content['command']}`, commit {content['commit']}, {content['machine']}."


def detectors() -> str:
    """Our detector beside ultralytics 11n."""
    accuracy, times = result("detector_training"), result("detector_times")
    rows = []
    for name, report in accuracy["test"].items():
        metrics = report["metrics"]
        rows.append(
            [
                name,
                figure(metrics["ap50"]),
                figure(metrics["ap50_95"]),
                figure(metrics["f1"]),
                f"{times['epoch_s_median'][name]:.1f} s",
                f"{report['bundle_mib']:.1f} MiB",
            ]
        )
    n_images = next(iter(accuracy["test"].values()))["n_images"]
    return (
        table(["detector", "AP50", "AP50:95", "F1", "an epoch", "bundle"], rows)
        + f"\n\n{n_images} test images, {accuracy['epochs']} epochs, seed {accuracy['seed']}. "
        f"Paired difference in AP50:95, ours minus theirs: "
        f"{figure(accuracy['ap50_95_difference'])}. "
        f"Time of an epoch, ours over theirs: {times['epoch_time_ratio']:.2f}.\n\n"
        f"Accuracy: {origin(accuracy)} Times: {origin(times)}"
    )


def cold_start() -> str:
    """Start-up beside ultralytics' own command."""
    content = result("cold_start")
    rows = [
        [
            tool,
            f"{content['wall_s_median'][tool]:.2f} s",
            f"{content['peak_mib_median'][tool]:.0f} MiB",
        ]
        for tool in content["wall_s_median"]
    ]
    rows.append(["ratio", f"{content['wall_ratio']:.2f}", f"{content['memory_ratio']:.2f}"])
    return (
        table(["command", "wall time, median", "peak memory, median"], rows)
        + f"\n\n{content['runs']} runs each, in turns. {origin(content)}"
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "zoo": zoo,
    "zoo-classes": zoo_classes,
    "detectors": detectors,
    "cold-start": cold_start,
}
PAGES = ("README.md", "zoo/README.md", "benchmarks/README.md")


def filled(text: str) -> str:
    """The page with every ``<!-- table: NAME -->`` block made anew."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- table: {name} -->\n{BLOCKS[name]()}\n<!-- end -->"

    return re.sub(
        r"<!-- table: (?P<name>[\w-]+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL
    )


def main() -> int:
    """Rewrite or check every page."""
    stale = []
    for page in PAGES:
        path = ROOT / page
        old = path.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            stale.append(page)
            if "--check" not in sys.argv[1:]:
                path.write_text(new, encoding="utf-8")
    print("changed: " + ", ".join(stale) if stale else "all tables are up to date")
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
