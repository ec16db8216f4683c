"""``cellwright compress``: a smaller, faster bundle, if it is still good enough."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cellwright.cli.console import Cell, counted, print_table, progress_bar, say, write_json
from cellwright.cli.labels import only_part, open_labelled, parts_of, seen_in_training
from cellwright.cli.options import Format, Json, Threads
from cellwright.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cellwright.bundles.bundle import Bundle
    from cellwright.compression.calibration_data import CalibrationImage
    from cellwright.compression.compress import CompressionJob
    from cellwright.compression.verdict import Verdict
    from cellwright.data.labelled_set import LabelledSet
    from cellwright.metrics.intervals import Interval

EXAMPLES = """Examples:

cellwright compress blood-cells my_labels --out small.cellwright

cellwright compress mine.cellwright labels/ --calibrate-on images/ --out mine-int8.cellwright

cellwright compress mine.cellwright labels/ --method prune --keep 0.5 --out mine-half.cellwright"""


def compress(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE|NAME", help="A bundle file or a name.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="Folder of labelled images to judge by, or a public set."
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="NEW.cellwright", help="The new bundle.")
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="ptq: 8 bits without training; half: weights in 16 bits, arithmetic as before; "
            "prune: fewer channels; qat: 8 bits in training; magnitude: 90 % zeros, no faster; "
            "these three train on DATA first; keep: only the verdict, with --against.",
        ),
    ] = "ptq",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE|NAME",
            help="Compare with this bundle: the one that BUNDLE was pruned from.",
        ),
    ] = None,
    format_name: Format = None,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A CSV of `cellwright data split`.")
    ] = None,
    part: Annotated[
        Literal["all", "train", "val"] | None,
        typer.Option(
            help="Images to choose and judge by: all, but val where a training comes before. With "
            "val, ranges are learned from the training part, and the test part is reported."
        ),
    ] = None,
    calibrate_on: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Images to learn ranges from; they need no labels."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images to learn ranges from.")] = 64,
    ranges: Annotated[
        str,
        typer.Option(metavar="NAME", help="minmax, percentile, entropy, or auto for the best."),
    ] = "auto",
    keep: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="prune: share of the channels that stay.")
    ] = 0.5,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="How long to train; by default a third of the model's own."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the training."),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG.yaml", help="What the model was trained with, if its card is older."
        ),
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            min=0,
            help="Points of AP50:95 (boxes), Jaccard index (masks), matched50 (cells) or weighted "
            "F1 (classes) that may be lost; beyond, nothing is written.",
        ),
    ] = 1.0,
    runtime: Annotated[
        str, typer.Option(metavar="NAME", help="Judge in onnxruntime, openvino, or auto for both.")
    ] = "auto",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Make a smaller, faster bundle and say what that gains and costs; refuse it if too much."""
    _require_onnx()
    from cellwright.bundles.bundle import open_bundle
    from cellwright.compression import TRAINED

    opened = open_bundle(bundle)
    larger = None if against is None else open_bundle(against)
    if method in TRAINED:
        from cellwright.cli.compress_training import data_section, refuse_part, train_smaller
        from cellwright.compression.compress import check_name
        from cellwright.learning.fine_tuning import FineTuning

        check_name(out, opened)
        refuse_part(part or "val")
        plan = FineTuning(
            method=method,
            data=data_section(source, format_name=format_name, split=split),
            name=out.stem,
            keep=keep,
            epochs=epochs,
            recipe=recipe,
            overrides=(*([] if threads is None else [f"threads={threads}"]), *(overrides or ())),
        )
        larger = larger or opened
        opened, split = train_smaller(opened, plan, out)
    job = _job(
        opened,
        open_labelled(source, format_name=format_name),
        _Asked(
            part or ("val" if method in TRAINED else "all"),
            split=split,
            calibrate_on=calibrate_on,
            images=0 if method in TRAINED else images,
        ),
    )
    job = replace(
        job,
        runtimes=_runtimes(runtime),
        max_drop=max_drop,
        threads=threads,
        settings={"ranges": ranges},
        against=larger,
        command=shlex.join(["cellwright", *sys.argv[1:]]),
    )
    from cellwright.compression.compress import compress as run

    verdict = run(opened, job, method=method, out=out, stage=progress_bar)
    if not write_json(verdict.to_json(), json):
        print_verdict(verdict)
    verdict.require_accepted()
    say(f"the new bundle is {out}")


@dataclass(frozen=True)
class _Asked:
    """Which images: the part to judge by, the file of parts, and those to learn ranges from."""

    part: Literal["all", "train", "val"]
    split: Path | None
    calibrate_on: Path | None
    images: int


def _job(bundle: Bundle, whole: LabelledSet, asked: _Asked) -> CompressionJob:
    """The images of a compression by their roles; no ranges are learned from 0 images."""
    from cellwright.compression.calibration_data import draw
    from cellwright.compression.compress import CompressionJob

    part, split = asked.part, asked.split
    judged = only_part(whole, part, split_file=split)
    if seen_in_training(bundle.card, whole, judged, split_file=split):
        say(
            "warning: this model was trained on images of this very set, so the drop may be "
            "larger on new ones; use --part val with the --split file of its training"
        )
    present = parts_of(whole, split_file=split) if part == "val" else set()
    training = only_part(whole, "train", split_file=split) if "train" in present else None
    reported = only_part(whole, "test", split_file=split) if "test" in present else None
    chosen: Sequence[CalibrationImage] = ()
    words = ""
    if asked.images:
        calibration, words = _calibration_images(judged, training, asked.calibrate_on)
        chosen = draw(calibration, asked.images)
    return CompressionJob(
        judged=judged,
        judged_name=_words(whole, part),
        calibration=chosen,
        calibration_name=f"{counted(len(chosen), 'image')} of {words}",
        reported={} if reported is None else {_words(whole, "test"): reported},
    )


def _require_onnx() -> None:
    """Stop early where the base is installed without what reads and writes graphs.

    Raises:
        MissingExtraError: the package ``onnx`` is missing.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "train")


def _runtimes(name: str) -> tuple[str, ...]:
    """The runtimes to judge in; ``auto`` is every one that is installed here."""
    from cellwright.bundles.sessions import RUNTIMES
    from cellwright.errors import UnknownNameError

    if name == "auto":
        return tuple(row for row in RUNTIMES if find_spec(row) is not None)
    if name not in RUNTIMES:
        raise UnknownNameError("runtime", name, ["auto", *RUNTIMES])
    return (name,)


def _calibration_images(
    judged: LabelledSet, training: LabelledSet | None, folder: Path | None
) -> tuple[Sequence[CalibrationImage], str]:
    """Images to learn ranges from and what they are called: a folder's, else the training part's.

    Where there is neither, those that judge serve too, and that is said.
    """
    from cellwright.compression.calibration_data import images_of

    if folder is not None:
        return images_of(folder), folder.name
    if training is not None:
        return images_of(training), _words(training, "train")
    say(
        "warning: ranges are learned from the very images that judge them; give others with "
        "--calibrate-on, or a --split file and --part val"
    )
    return images_of(judged), "the judging images"


def _words(labelled: LabelledSet, part: str) -> str:
    names = {"all": "all images", "train": "training part", "val": "validation part"}
    return f"{labelled.name}, {names.get(part, f'{part} part')}"


def print_verdict(verdict: Verdict) -> None:
    """A verdict as tables on stdout, what it depends on on stderr."""
    before, after = verdict.cost_before, verdict.cost_after
    settings = ", ".join(f"{name} {value}" for name, value in verdict.settings.items())
    print_table(
        ("graph", "before", "after"),
        [
            ("size, MB", before.bytes / 1e6, after.bytes / 1e6),
            ("times smaller", None, verdict.size_ratio),
            ("size zipped, MB", before.zipped_bytes / 1e6, after.zipped_bytes / 1e6),
            ("parameters", before.parameters, after.parameters),
            ("zeros among weights, %", 100 * before.sparsity, 100 * after.sparsity),
            ("GFLOPs", before.gflops, after.gflops),
        ],
        title=f"{verdict.parent} by {verdict.method}: {settings}",
    )
    print_table(
        ("runtime", "ms before", "ms after", "times faster", "points lost", "low", "high"),
        [
            (
                one.runtime,
                one.latency.before_ms,
                one.latency.after_ms,
                one.latency.speedup,
                *_lost(one.drop),
            )
            for one in verdict.runtimes
        ],
        title=f"\n{verdict.metric} on {verdict.data}, {counted(verdict.before.n_images, 'image')}",
    )
    print_table(
        ("figure", "before", *(f"after, {one.runtime}" for one in verdict.runtimes)),
        _figures(verdict.before.metrics, [one.report.metrics for one in verdict.runtimes]),
        title="\nfigures",
    )
    for other in verdict.reported:
        print_table(
            ("figure", "before", f"after, {other.runtime}"),
            [
                *_figures(other.before.metrics, [other.after.metrics]),
                (f"points of {verdict.metric} lost", None, _signed(other.drop)),
            ],
            title=f"\n{other.data}, {counted(other.before.n_images, 'image')}, only reported",
        )
    say(_conditions(verdict))


def _conditions(verdict: Verdict) -> str:
    shape = " x ".join(map(str, verdict.cost_before.input_shape))
    threads = (
        "threads as the runtime chose"
        if verdict.threads is None
        else (counted(verdict.threads, "thread"))
    )
    answer = "accepted" if verdict.accepted else "refused"
    return (
        f"{answer}: {verdict.worst.drop.value:.2f} points lost at most, {verdict.max_drop:g} "
        f"allowed; times of the network alone, both in turns, {threads}, GFLOPs at {shape}; "
        "points are hundredths, their intervals 95 %, paired by image"
    )


def _lost(drop: Interval) -> tuple[Cell, Cell, Cell]:
    value, low, high = (
        None if one is None else f"{one:.2f}" for one in (drop.value, drop.low, drop.high)
    )
    return value, low, high


def _signed(drop: Interval) -> str:
    value, low, high = _lost(drop)
    return f"{value}" if low is None else f"{value} ({low} to {high})"


def _figures(
    before: Mapping[str, Interval], after: Sequence[Mapping[str, Interval]]
) -> list[tuple[Cell, ...]]:
    return [
        (name, one.value, *(None if name not in new else new[name].value for new in after))
        for name, one in before.items()
    ]
