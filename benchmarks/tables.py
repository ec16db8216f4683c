"""Write the tables of the READMEs and of pages in docs from their sources.

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
from functools import partial
from pathlib import Path
from typing import Any

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import Card, Evaluation, MetricValue
from cellwright.bundles.zoo import ZOO

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
FIGURES = {"ap50": "AP50", "ap50_95": "AP50:95", "precision": "precision", "recall": "recall"}
CELL_FIGURES = {
    "matched50": "matched at IoU 0.5",
    "matched50_95": "matched at 0.5:0.95",
    "pq": "panoptic quality",
    "pixel_f1": "F1 of pixels",
    "pixel_jaccard": "Jaccard of pixels",
}
CROP_FIGURES = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ece": "calibration error",
}
DOUBTED_FIGURES = {
    "pixel_f1": "F1 of pixels",
    "pixel_jaccard": "Jaccard of pixels",
    "matched50": "matched at IoU 0.5",
}
SERVICE_STARTS = 5
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
        return fixed(v.value, digits)
    low, high = fixed(v.low, digits), fixed(v.high, digits)
    return f"{fixed(v.value, digits)} ({low} to {high})"


def fixed(value: float, digits: int) -> str:
    """A number without the sign that rounding leaves to a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def tested(card: Card) -> Evaluation:
    """The evaluation on the test part."""
    return next(e for e in card.evaluations if "test part" in e.data)


def zoo() -> str:
    """One row a model of the zoo that finds boxes."""
    return zoo_of("detection", FIGURES)


def zoo_cells() -> str:
    """One row a model of the zoo that cuts out cells."""
    return zoo_of("instances", CELL_FIGURES)


def zoo_crops() -> str:
    """One row a model of the zoo that says what a crop shows."""
    return zoo_of("classification", CROP_FIGURES)


def zoo_of(task: str, names: dict[str, str]) -> str:
    """Figures of the test part of every model of one task; count errors where cells are counted."""
    rows = []
    last: dict[str, str] = {}
    for name in sorted(ZOO):
        card = open_bundle(name).card
        if card.task != task:
            continue
        evaluation = tested(card)
        figures = [figure(evaluation.metrics[key]) for key in names]
        if "count_mae" in evaluation.metrics:
            last = {"count_mae": "count error an image"}
            figures.append(figure(evaluation.metrics["count_mae"], digits=2))
        data = evaluation.data.removesuffix(", test part")
        rows.append([f"`{name}`", data, str(evaluation.n_images), *figures])
    return table(["model", "test part of", "images", *names.values(), *last.values()], rows)


def zoo_classes() -> str:
    """How each bundle of the zoo was made and, of those that find boxes, one row a class."""
    parts = []
    for name in sorted(ZOO):
        card = open_bundle(name).card
        training = card.training
        parts.append(
            f"**{name}**: {training.n_images} training images, {training.epochs} epochs, seed "
            f"{training.seed}, commit {training.commit}, {training.machine}; data "
            f"{training.data}, checksum `{training.data_checksum[:16]}…`"
        )
        if card.task == "detection":
            rows = [
                [kind, str(values["recall"].n), *(figure(values[key]) for key in CLASS_FIGURES)]
                for kind, values in tested(card).per_class.items()
            ]
            parts.append(table(["class", "cells", *CLASS_FIGURES.values()], rows))
    return "\n\n".join(parts)


def result(name: str) -> dict[str, Any]:
    """A results file."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def origin(content: dict[str, Any]) -> str:
    """Where a results file comes from, in one sentence."""
    return f"`{content['command']}`, commit {content['commit']}, {content['machine']}."


def detectors(name: str) -> str:
    """A model of the zoo beside ultralytics 11n, on one test part."""
    content = result(f"detector_training_{name}")
    rows = []
    for contestant, report in content["test"].items():
        metrics = report["metrics"]
        per_class = [
            f"{values['ap50']['value']:.3f} / {values['ap50_95']['value']:.3f}"
            for values in report["per_class"].values()
        ]
        rows.append(
            [
                contestant,
                report["started_from"],
                str(report["epochs"]),
                figure(metrics["ap50"]),
                figure(metrics["ap50_95"]),
                figure(metrics["f1"]),
                *per_class,
                f"{report['bundle_mib']:.1f} MiB",
            ]
        )
    first = next(iter(content["test"].values()))
    header = ["detector", "began with", "epochs", "AP50", "AP50:95", "F1"]
    header += [f"{kind}, AP50 / AP50:95" for kind in first["per_class"]]
    if "ap50_95_difference" in content:
        difference = figure(content["ap50_95_difference"])
        beside = f"Paired difference in AP50:95, ours minus theirs: {difference}."
    else:
        beside = f"The figures of yolo11n are those of commit {content['peer_commit']}."
    return (
        table([*header, "bundle"], rows)
        + f"\n\n{first['n_images']} test images, seed {content['seed']}. {beside} "
        f"{origin(content)}"
    )


def detector_times() -> str:
    """Seconds an epoch, side by side."""
    content = result("detector_times")
    rows = [[name, f"{seconds:.1f} s"] for name, seconds in content["epoch_s_median"].items()]
    rows.append(["ratio", f"{content['epoch_time_ratio']:.2f}"])
    return table(["detector", "an epoch, median"], rows) + f"\n\n{origin(content)}"


def pairs() -> str:
    """live-dead-fluo by dye, beside what the paper printed."""
    content = result("live_dead_pairs")
    rows = []
    for colour, held in content["colours"].items():
        for key in ("precision", "recall", "ap50_95"):
            ours = held["metrics"][key]
            rows.append(
                [colour, FIGURES[key], str(ours["n"]), figure(ours), held["published"][key] + " %"]
            )
    return (
        table(["dye", "figure", "n", "ours, simulated", "paper 1, its own images"], rows)
        + f"\n\n{content['experiments']} unseen simulated experiments. {origin(content)}"
    )


def label_ceiling() -> str:
    """What missing labels cost at most."""
    content = result("label_ceiling")
    return (
        f"On the {content['n_images']} test pictures {content['labelled_red_cells']} red cells are "
        f"labelled. The model counts {content['counted_boxes_that_touch_no_label']} boxes that "
        f"touch no label; of {content['of_these_with_score_above_0.7']} it is sure (score above "
        "0.7). If the sure ones are cells, no detector that cannot know which cells were labelled "
        f"has an AP above {content['ceiling_if_the_sure_ones_are']:.2f} for red cells; if all are, "
        f"above {content['ceiling_if_all_are_cells']:.2f}. {origin(content)}"
    )


def doubted_labels() -> str:
    """Models that cut out cells, with all labels and without those that an audit doubts."""
    content = result("label_audit")
    rows = []
    for name, held in content.items():
        if not isinstance(held, dict) or "pixel_f1" not in held["figures"]["all_labels"]:
            continue
        n_suspects = {"all_labels": 0, "without_missing": held["suspects"]["missing"]}
        n_suspects["without_suspects"] = sum(held["suspects"].values())
        for way, metrics in held["figures"].items():
            figures = [figure(metrics[key]) for key in DOUBTED_FIGURES]
            rows.append([f"`{name}`", way.replace("_", " "), str(n_suspects[way]), *figures])
    header = ["model", "figures with", "left out", *DOUBTED_FIGURES.values()]
    return table(header, rows) + f"\n\n{origin(content)}"


def recordings() -> str:
    """live-dead a recording."""
    content = result("recordings")
    rows = [
        [
            f"`{name}`",
            str(held["n_images"]),
            str(held["n_labels"]),
            *(figure(held["figures"][key]) for key in FIGURES),
            "–" if held["label_to_box"] is None else f"{held['label_to_box']:.2f}",
        ]
        for name, held in content["recordings"].items()
    ]
    header = ["recording", "images", "labels", *FIGURES.values(), "label to box"]
    return table(header, rows) + f"\n\n{content['data']}. {origin(content)}"


def stain_shift() -> str:
    """A classifier of smears, and the same images otherwise stained; per cent and points."""
    content = result("stain_shift")
    found: dict[str, dict[str, str]] = {}
    for one in content["figures"]:
        shown = figure({key: one[key] for key in ("value", "low", "high", "n")}, digits=1)
        found.setdefault(one["table"], {})[one["metric"]] = shown
    plain = [[name, shown] for name, shown in {**found["four classes"]}.items()]
    plain += [[f"two classes: {name}", shown] for name, shown in found["binary"].items()]
    moved = [
        [shift, shown, found["fall"].get(shift, "–")]
        for shift, shown in found["stain shift"].items()
    ]
    return (
        table(["as it is", "per cent"], plain)
        + "\n\n"
        + table(["shift", "accuracy, per cent", "points lost"], moved)
        + f"\n\n{content['n_images']} images of {content['data']}, {content['n_groups']} groups. "
        f"Model `{content['model']}`: {content['epochs']} epochs, seed {content['seed']}, "
        f"commit {content['trained_at']}; data checksum `{content['data_checksum'][:16]}…`. "
        f"{origin(content)}"
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


def detection() -> str:
    """From file to table beside ultralytics, with the same network."""
    content = result("detection")
    speed, figures = content["speed"], content["accuracy"]["figures"]
    against = speed["times_the_peer"]
    rows = []
    for name, seconds in speed["seconds_a_pair_median"].items():
        ratios = ["–" if name not in found else times(found[name]) for found in against.values()]
        rows.append(
            [
                name,
                f"{seconds:.3f} s",
                *ratios,
                f"{figures[name]['ap50_95']['value']:.4f}",
                figure(figures[name]["ap50_95_difference"], digits=4),
                f"{speed['peak_mib'][name]:.0f} MiB",
                f"{content['whole_process_s'][name]:.1f} s",
            ]
        )
    header = ["", "a pair, median", *(f"times as fast as {peer}" for peer in against)]
    header += ["AP50:95", "difference", "peak memory", "all pairs from a cold start"]
    return (
        table(header, rows)
        + f"\n\n{content['pairs']} pairs ({content['pictures']} PNG), {content['rounds']} rounds, "
        f"{content['threads']} threads, seed {content['seed']}. Ratios: median over rounds "
        f"(smallest to largest). {origin(content)}"
    )


def compression() -> str:
    """A U-Net in float, in 8 bits, and pruned and in 8 bits."""
    content = result("compression")
    graphs, accuracy = content["graphs"], content["accuracy"]
    rows = []
    for name, speed in content["speed"].items():
        kind = name.split(", ")[1]
        lost = [accuracy[kind].get(key) for key in ("jaccard_lost", "matched50_lost")]
        rows.append(
            [
                name,
                f"{graphs[kind]['bytes'] / 1e6:.2f} MB",
                f"{graphs[kind]['times_smaller']:.1f}",
                f"{speed['ms_median']:.0f} ms",
                times(speed["times_eager"]),
                "–" if speed["times_float"] is None else times(speed["times_float"]),
                *("–" if one is None else figure(one) for one in lost),
            ]
        )
    header = ["", "graph", "times smaller", "a pass, median", "times as fast as eager"]
    header += ["times as fast as float there", "Jaccard lost", "matched50 lost"]
    shape = " x ".join(map(str, content["input_shape"]))
    return (
        table(header, rows)
        + f"\n\n{content['data']}; input {shape}, {content['threads']} threads, "
        f"{content['rounds']} rounds; ratios: median over rounds (smallest to largest). "
        f"{origin(content)}"
    )


def classification() -> str:
    """A classifier of crops in float and in 8 bits."""
    content = result("classification_cell-cycle")
    graphs, accuracy = content["graphs"], content["accuracy"]
    rows = []
    for name, speed in content["speed"].items():
        kind = name.split(", ")[1]
        lost = accuracy[kind].get("weighted_f1_lost")
        size = (f"{graphs[kind]['bytes'] / 1e6:.2f} MB", f"{graphs[kind]['times_smaller']:.1f}")
        pace = (f"{speed['ms_a_cell']:.2f} ms", times(speed["times_eager"]))
        rows.append([name, *size, *pace, "–" if lost is None else figure(lost)])
    header = ["", "graph", "times smaller", "a cell, median", "times as fast as eager"]
    shape = " x ".join(map(str, content["input_shape"]))
    return (
        table([*header, "weighted F1 lost"], rows)
        + f"\n\n{content['data']}; batch {shape}, {content['threads']} thread, "
        f"{content['rounds']} rounds; processor time; ratios: median over rounds (smallest to "
        f"largest). {origin(content)}"
    )


def smear_segmentation() -> str:
    """Nuclei and whole white cells, ours beside two thresholds of colour."""
    content = result("smear_segmentation")
    rows = [
        [
            f"{method}, {part}",
            *(figure(one[name]) for name in ("nucleus_dice", "cell_dice")),
            *(figure(one[f"{name}_dice_pooled"]) for name in ("nucleus", "cell")),
        ]
        for part in ("judged", "judged, part 1", "judged, part 2")
        for method, parts in content["methods"].items()
        for one in [parts[part]]
    ]
    header = ["method", "nucleus Dice", "cell Dice", "nucleus Dice, pooled", "cell Dice, pooled"]
    return (
        table(header, rows) + f"\n\n{content['n_judged']} judged images, settings chosen on "
        f"{len(content['settings_chosen_on'])} others, seed {content['seed']}; mean over images, "
        f"and pixels pooled, with 95 % intervals over images. {origin(content)}"
    )


def features() -> str:
    """The feature table beside scikit-image and mahotas."""
    content = result("features")
    rows = [
        [
            name,
            f"{row['ours_ms']:.2f} ms",
            f"{row['theirs_ms']:.2f} ms",
            times(row["times_faster"]),
            f"{row['largest_difference']:.0e}",
        ]
        for name, row in content["columns"].items()
    ]
    header = ["columns", "ours, a cell", "scikit-image and mahotas", "times as fast"]
    return (
        table([*header, "largest difference"], rows)
        + f"\n\n{content['n_cells']} simulated cells, {content['rounds']} rounds, processor time. "
        f"{origin(content)}"
    )


def service() -> str:
    """The service beside the bare loop."""
    content = result("service")
    start, latency = content["start"], content["latency_s"]
    n_clients = content["settings"]["clients"]
    rows = [
        ["errors, lost answers", "0", f"{content['errors']}, {content['lost']}"],
        ["images a second beside the loop", "0.85", f"{content['throughput_ratio']:.2f}"],
        [
            "processor time of the loop beside the service's, an image",
            "",
            f"{content['processor_ratio']:.2f}",
        ],
        [
            f"latency, {n_clients} waiting: median, 99 %",
            "reported",
            f"{latency['median']:.1f} s, {latency['p99']:.1f} s",
        ],
        [
            "memory, one detector loaded; under load",
            "400 MiB",
            f"{content['memory_mib_one_detector']:.0f} MiB; "
            f"{content['memory_mib_under_load']:.0f} MiB",
        ],
        [
            f"start to `/health`, best and median of {SERVICE_STARTS}",
            "2 s",
            f"{start['health_s_best']:.2f} s and {start['health_s_median']:.2f} s, of it "
            f"{start['start_processor_s_median']:.1f} s of the processor",
        ],
    ]
    return (
        table(["", "wanted", "found"], rows)
        + f"\n\n{content['requests']} answers. Load of the machine before it began: "
        f"{content['load_of_the_machine_before']:.1f}. {origin(content)}"
    )


def service_batches() -> str:
    """Processor time an image in the network, by images in a batch."""
    found = result("service")["network_processor_ms_by_batch"]
    sizes = list(next(iter(found.values())))
    rows = [
        [f"`{name}`", *(f"{one[size]:.0f} ms" for size in sizes)] for name, one in found.items()
    ]
    return table(["model", *(f"{size} in a batch" for size in sizes)], rows)


def viewer() -> str:
    """The page's viewer on a large image."""
    content = result("viewer")
    rows = [
        [
            name,
            f"{row['median_ms']:.0f} ms",
            f"{row['p95_ms']:.0f} ms",
            f"{row['p99_ms']:.0f} ms",
            f"{row['worst_ms']:.0f} ms",
            "–"
            if "browser_processor_ms_a_frame" not in row
            else f"{row['browser_processor_ms_a_frame']:.1f} ms",
            str(row["n"]),
        ]
        for name, row in (
            ("a frame while panning", content["panning"]),
            ("a frame while zooming", content["zooming"]),
            ("a tile, asked for to there", content["tiles"]),
        )
    ]
    header = ["", "median", "95 %", "99 %", "worst", "processor time of the browser", "n"]
    edge = content["settings"]["edge"]
    return (
        table(header, rows)
        + f"\n\n{edge:,} x {edge:,} pixels, {content['n_cells']:,} cells drawn over them: upload "
        f"{content['upload_s']:.0f} s, count {content['count_s']:.0f} s, from then to seen "
        f"{content['seen_after_count_s']:.0f} s; the service holds "
        f"{content['service_mib_after']:.0f} MiB afterwards. Chromium {content['chromium']}, load "
        f"of the machine before it began: {content['load_of_the_machine_before']:.1f}. "
        f"{origin(content)}"
    )


def times(ratio: dict[str, float]) -> str:
    """A ratio over rounds."""
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


BLOCKS: dict[str, Callable[[], str]] = {
    "zoo": zoo,
    "zoo-cells": zoo_cells,
    "zoo-crops": zoo_crops,
    "zoo-classes": zoo_classes,
    "detectors-blood-cells": partial(detectors, "blood-cells"),
    "detectors-live-dead": partial(detectors, "live-dead"),
    "detector-times": detector_times,
    "cold-start": cold_start,
    "classification": classification,
    "compression": compression,
    "detection": detection,
    "features": features,
    "live-dead-pairs": pairs,
    "label-ceiling": label_ceiling,
    "smear-segmentation": smear_segmentation,
    "doubted-labels": doubted_labels,
    "recordings": recordings,
    "service": service,
    "service-batches": service_batches,
    "stain-shift": stain_shift,
    "viewer": viewer,
}
PAGES = (
    "README.md",
    "zoo/README.md",
    "benchmarks/README.md",
    "docs/methods/cell-features.md",
    "docs/methods/fuzzy-segmentation.md",
    "docs/methods/leukemia-screening.md",
    "docs/methods/service.md",
)


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
