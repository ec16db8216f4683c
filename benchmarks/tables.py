"""Write the tables of the READMEs and of pages in docs from their sources.

    python benchmarks/tables.py           rewrite what stands between the markers
    python benchmarks/tables.py --check   only say whether they are up to date (exit code 1)

Zoo figures come from the cards of the shipped bundles, benchmark figures from
`benchmarks/results/`. Nothing in those tables is typed by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from label_tables import doubted_labels, label_audit, label_ceiling, recordings
from service_tables import service, service_batches, viewer
from table_text import FIGURES, figure, origin, result, table, times
from zoo_tables import zoo, zoo_cells, zoo_classes, zoo_crops

ROOT = Path(__file__).parent.parent


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


def compression(name: str) -> str:
    """A U-Net in float, in 8 bits, and pruned and in 8 bits."""
    content = result(f"compression_{name}")
    graphs, accuracy = content["graphs"], content["accuracy"]
    rows = []
    for contestant, speed in content["speed"].items():
        kind = contestant.split(", ")[1]
        lost = [accuracy[kind].get(key) for key in ("jaccard_lost", "matched50_lost")]
        rows.append(
            [
                contestant,
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
    "compression": partial(compression, "hela-dic"),
    "compression-nuclei": partial(compression, "nuclei"),
    "compression-intel": partial(compression, "hela-dic_intel"),
    "compression-nuclei-intel": partial(compression, "nuclei_intel"),
    "detection": detection,
    "features": features,
    "live-dead-pairs": pairs,
    "label-ceiling": label_ceiling,
    "smear-segmentation": smear_segmentation,
    "doubted-labels": doubted_labels,
    "label-audit": label_audit,
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
    "docs/methods/label-audit.md",
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
