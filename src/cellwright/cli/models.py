"""``cellwright models``: which there are, what they are good at, thresholds, do they still work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cellwright.cli.console import print_table, say, typed_command, write_json
from cellwright.cli.labels import (
    only_part,
    only_reported,
    open_labelled,
    part_in_words,
    seen_in_training,
)
from cellwright.cli.options import (
    BundleName,
    Format,
    Json,
    NewBundle,
    Runtime,
    Split,
    Threads,
)

if TYPE_CHECKING:
    from cellwright.bundles.card import Card, CompressionRecord, MetricValue
    from cellwright.bundles.verify import Replay

app = typer.Typer(help="Models: list, card, thresholds, self-test.", no_args_is_help=True)


@app.command("list", epilog="Example: cellwright models list")
def list_models(*, json: Json = None) -> None:
    """List the models that come with Cellwright."""
    from cellwright.bundles.bundle import open_bundle
    from cellwright.bundles.zoo import ZOO

    cards = {name: open_bundle(name).card for name in sorted(ZOO)}
    if write_json({name: card.model_dump(mode="json") for name, card in cards.items()}, json):
        return
    if not cards:
        say("no models come with this installation; train one with `cellwright train`")
        return
    print_table(
        ("name", "task", "classes", "licence", "trained on", "description"),
        [
            (
                name,
                card.task,
                ", ".join(card.classes),
                card.licence,
                card.training.data,
                card.description,
            )
            for name, card in cards.items()
        ],
    )


@app.command("show", epilog="Example: cellwright models show blood-cells")
def show(name: BundleName, *, json: Json = None) -> None:
    """Print a model's card: classes, input, training, limits, figures with intervals."""
    from cellwright.bundles.bundle import open_bundle

    card = open_bundle(name).card
    if write_json(card.model_dump(mode="json"), json):
        return
    print_table(("field", "value"), _facts(card), title=card.name)
    if card.compression is not None:
        _print_compression(card.compression)
    _print_figures(card)


@app.command(
    "join",
    epilog="Example: cellwright models join a.cellwright b.cellwright --out both.cellwright",
)
def join(
    names: Annotated[
        list[str],
        typer.Argument(metavar="BUNDLE|NAME…", help="Two models or more that answer alike."),
    ],
    *,
    out: NewBundle,
) -> None:
    """Make one model of several: they answer together, by the mean of what each says."""
    from cellwright.bundles.bundle import open_bundle
    from cellwright.bundles.committee import join_bundles

    opened = [open_bundle(name) for name in names]
    training = join_bundles(opened, out=out).card.training
    say(f"the new bundle is {out}; it takes {len(opened)} times as long")
    say(f"warning: {training.unsettled()}")


@app.command(
    "settle",
    epilog="Example: cellwright models settle hela-dic labels/ --views 4 --out mine.cellwright",
)
def settle(
    name: BundleName,
    sources: Annotated[
        list[str],
        typer.Argument(metavar="DATA…", help="Folders of labelled images, or public sets."),
    ],
    *,
    out: NewBundle,
    views: Annotated[
        Literal["1", "2", "4", "8"] | None,
        typer.Option(
            help="Average over so many mirror images (8: and turns, for classes); without it as "
            "the model did."
        ),
    ] = None,
    format_name: Format = None,
    split: Split = None,
    part: Annotated[
        Literal["all", "val"],
        typer.Option(help="Images to choose by; with val, the test part is reported, once."),
    ] = "all",
    runtime: Runtime = "auto",
    threads: Threads = None,
) -> None:
    """Choose a model's thresholds and calibration anew; nothing is trained."""
    from cellwright.bundles.bundle import open_bundle
    from cellwright.data.labelled_set import joined
    from cellwright.inference.settle_bundle import SettleJob, settle_bundle

    opened = open_bundle(name)
    sets = [open_labelled(source, format_name=format_name) for source in sources]
    whole = joined(sets) if len(sets) > 1 else sets[0]
    chosen_on = only_part(whole, part, split_file=split)
    if seen_in_training(opened.card, whole, chosen_on, split_file=split):
        say(
            "warning: this model was trained on images of this very set, so thresholds will suit "
            "them better than others; use --part val with the --split file of its training"
        )
    job = SettleJob(
        chosen_on=chosen_on,
        chosen_on_name=part_in_words(whole, part),
        reported=only_reported(whole, part, split_file=split),
        views=None if views is None else int(views),
        runtime=runtime,
        threads=threads,
        command=typed_command(),
    )
    _print_figures(settle_bundle(opened, job, out=out).card)
    say(
        f"the new bundle is {out}; figures on {job.chosen_on_name} flatter it: its thresholds "
        "were chosen on these very images"
    )


@app.command("verify", epilog="Example: cellwright models verify blood-cells")
def verify(name: BundleName, *, json: Json = None) -> None:
    """Replay a model's own test tensors in every runtime of this machine."""
    from dataclasses import asdict

    from cellwright.bundles.bundle import open_bundle
    from cellwright.bundles.verify import verify as replay

    rows = replay(open_bundle(name))
    if not write_json([asdict(row) for row in rows], json):
        print_table(
            ("runtime", "graph", "largest difference", "mean (rms) of spread", "verdict"),
            [
                (
                    row.runtime,
                    row.graph,
                    row.max_abs_diff,
                    row.rms_share,
                    _verdict(row),
                )
                for row in rows
            ],
        )
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


def _print_figures(card: Card) -> None:
    """How good a model is, on each set that it was measured on."""
    for evaluation in card.evaluations:
        print_table(
            ("figure", "value", "low", "high", "n"),
            [
                (figure, value.value, value.low, value.high, value.n)
                for figure, value in evaluation.metrics.items()
            ],
            title=f"\n{evaluation.data}, {evaluation.n_images} images, 95 % intervals",
        )


def _print_compression(record: CompressionRecord) -> None:
    """How a smaller bundle was made, what it gained, what it lost."""
    sizes, macs = record.graph_bytes, record.macs
    print_table(
        ("field", "value"),
        [
            ("made from", f"{record.parent} ({record.parent_sha256[:12]}…)"),
            ("by", f"{record.method}: {', '.join(map(': '.join, record.settings.items()))}"),
            ("with", record.command or None),
            ("graph, MB", f"{sizes.before / 1e6:.2f} to {sizes.after / 1e6:.2f}"),
            ("parameters", f"{record.parameters.before:,} to {record.parameters.after:,}"),
            ("zeros among weights", _zeros(record)),
            ("GFLOPs", f"{2 * macs.before / 1e9:.3g} to {2 * macs.after / 1e9:.3g}"),
            ("measured on", record.machine or None),
        ],
        title="\ncompressed",
    )
    lost = [
        (record.data, one.runtime, one.speedup, _points(one.drop)) for one in record.runtimes
    ] + [(one.data, one.runtime, None, _points(one.drop)) for one in record.reported]
    print_table(
        ("data", "runtime", "times faster", f"points of {record.metric} lost"),
        lost,
        title=f"\nbeside {record.parent}, {record.max_drop:g} points allowed",
    )


def _zeros(record: CompressionRecord) -> str | None:
    if record.weights is None or record.zero_weights is None:
        return None
    before = record.zero_weights.before / max(1, record.weights.before)
    after = record.zero_weights.after / max(1, record.weights.after)
    return f"{before:.1%} to {after:.1%}"


def _points(drop: MetricValue) -> str | None:
    if drop.value is None:
        return None
    interval = "" if drop.low is None else f" ({drop.low:.2f} to {drop.high:.2f})"
    return f"{drop.value:.2f}{interval}"


def _verdict(row: Replay) -> str:
    return "ok" if row.passed else row.problem or "DIFFERS"


def _facts(card: Card) -> list[tuple[str, str | int | float | None]]:
    from cellwright.bundles.sessions import runtime_choice

    spec, training = card.input, card.training
    rows: list[tuple[str, str | int | float | None]] = [
        ("task", card.task),
        ("classes", ", ".join(card.classes)),
        ("description", card.description or None),
        ("licence", card.licence),
        ("use", card.intended_use),
        ("channels", spec.channels),
        ("pixel size, µm", spec.pixel_size_um),
        ("tiles, px", f"{spec.tile_px} with {spec.overlap_px} shared"),
        ("trained on", f"{training.data} ({training.n_images} images, {training.data_licence})"),
        ("trained with", training.command or None),
        ("joined of", ", ".join(training.joined) or None),
        ("settled with", training.settled or None),
        ("ships", training.shipped() or None),
        ("date", training.date or None),
        ("pruned", ", ".join(map(": ".join, training.pruning.items())) or None),
        ("8 bits", ", ".join(map(": ".join, training.quantization.items())) or None),
    ]
    choice = runtime_choice("auto", card.graphs[0].precision)
    rows.append(("runtime here", f"{choice.runtime}: {choice.why}"))
    if card.decoding is not None:
        thresholds = card.decoding.class_thresholds or (card.decoding.score_threshold,)
        rows.append(("score thresholds", ", ".join(f"{value:.3g}" for value in thresholds)))
        known = card.calibration
        rows.append(
            ("counts calibrated on", f"{known.n_images} labelled images" if known else None)
        )
    if card.segmentation is not None:
        rows.append(("cells", _cell_rule(card)))
        rows.append(("mirror images averaged", card.segmentation.views))
    if card.classification is not None:
        height, width = card.classification.crop_px
        rows = [row for row in rows if row[0] != "tiles, px"]
        rows.append(("crops, px", f"{width} x {height}, {card.classification.views} views"))
        rows.append(("channels by name", ", ".join(spec.channel_names) or None))
    rows.extend(("limit", caution) for caution in card.cautions)
    return rows


def _cell_rule(card: Card) -> str:
    """How a segmentation becomes cells, in a phrase."""
    from cellwright.bundles.mask_output import DistanceInstances

    spec = card.segmentation
    if spec is None:
        return ""
    at_least = f", at least {spec.minimum_area_px} px" if spec.minimum_area_px else ""
    if isinstance(spec, DistanceInstances):
        below = spec.small_below_px
        finer = f", finer where cells are below {below:.3g} px across" if below else ""
        return (
            f"touching ones separated; foreground from {spec.foreground_threshold:.3g}, "
            f"seeds from {spec.seed_threshold:.3g}{finer}{at_least}"
        )
    if spec.activation == "softmax":
        return f"connected regions of the most probable class{at_least}"
    limits = ", ".join(f"{one:.3g}" for one in spec.class_thresholds(len(card.classes)))
    return f"connected regions of probability from {limits}{at_least}"
