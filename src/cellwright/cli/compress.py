"""``cellwright compress``: a smaller, faster bundle, if it is still good enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cellwright.cli.compress_verdict import print_verdict
from cellwright.cli.console import counted, progress_bar, say, typed_command, write_json
from cellwright.cli.labels import (
    another_part,
    only_part,
    only_reported,
    open_labelled,
    part_in_words,
    parts_of,
    seen_in_training,
)
from cellwright.cli.options import (
    BundleName,
    Format,
    Json,
    LabelledData,
    NewBundle,
    Overrides,
    Split,
    Threads,
)
from cellwright.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellwright.bundles.bundle import Bundle
    from cellwright.compression.calibration_data import CalibrationImage
    from cellwright.compression.compress import CompressionJob
    from cellwright.compression.verdict import Verdict
    from cellwright.data.labelled_set import LabelledSet

EXAMPLES = """Examples:

cellwright compress blood-cells my_labels --out small.cellwright

cellwright compress mine.cellwright labels/ --calibrate-on images/ --out mine-int8.cellwright

cellwright compress mine.cellwright labels/ --method prune --keep 0.5 --out mine-half.cellwright"""

CALIBRATION_IMAGES = 64
"""From so many images ranges are learned, where nobody says."""

Method: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="ptq: 8 bits without training; half: weights in 16 bits, arithmetic as before; "
        "prune: fewer channels; qat: 8 bits in training; magnitude: 90 % zeros, no faster; "
        "these three train on DATA first; keep: only the verdict, with --against.",
    ),
]
Against: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="BUNDLE|NAME",
        help="Compare with this bundle: the one that BUNDLE was pruned from.",
    ),
]
JudgedPart: TypeAlias = Annotated[
    Literal["all", "train", "val"] | None,
    typer.Option(
        help="Images to choose and judge by: all, but val where a training comes before. With "
        "val, ranges are learned from the training part, and the test part is reported."
    ),
]
CalibrateOn: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Images to learn ranges from; they need no labels."),
]
CalibrationImages: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help=f"How many images to learn ranges from: {CALIBRATION_IMAGES}."),
]
Ranges: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="minmax, percentile, entropy, or auto, the best of them."),
]
Keep: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0.01, max=0.99, help="prune: share of the channels that stay, 0.5."),
]
Epochs: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="How long to train; by default a third of the model's own."),
]
Recipe: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="CONFIG.yaml", help="What the model was trained with, if its card is older."
    ),
]
MaxDrop: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0,
        help="Points of AP50:95 (boxes), Jaccard index (masks), matched50 (cells) or weighted "
        "F1 (classes) that may be lost; beyond, nothing is written.",
    ),
]
JudgedIn: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Judge in onnxruntime, openvino, or auto for both.")
]


def compress(
    bundle: BundleName,
    source: LabelledData,
    *,
    out: NewBundle,
    method: Method = "ptq",
    against: Against = None,
    format_name: Format = None,
    split: Split = None,
    part: JudgedPart = None,
    calibrate_on: CalibrateOn = None,
    images: CalibrationImages = None,
    ranges: Ranges = None,
    keep: Keep = None,
    epochs: Epochs = None,
    overrides: Overrides = None,
    recipe: Recipe = None,
    max_drop: MaxDrop = 1.0,
    runtime: JudgedIn = "auto",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Make a smaller, faster bundle and say what that gains and costs; refuse it if too much."""
    _require_onnx()
    asked = _Asked(
        bundle=bundle,
        source=source,
        out=out,
        method=method,
        against=against,
        format_name=format_name,
        split=split,
        part=part,
        calibrate_on=calibrate_on,
        images=images,
        ranges=ranges,
        keep=keep,
        epochs=epochs,
        overrides=tuple(overrides or ()),
        recipe=recipe,
        max_drop=max_drop,
        runtime=runtime,
        threads=threads,
    )
    verdict = _judge(asked)
    if not write_json(verdict.to_json(), json):
        print_verdict(verdict)
    verdict.require_accepted()
    say(f"the new bundle is {out}")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The options, which say what each field means."""

    bundle: str
    source: str
    out: Path
    method: str
    against: str | None
    format_name: str | None
    split: Path | None
    part: Literal["all", "train", "val"] | None
    calibrate_on: Path | None
    images: int | None
    ranges: str | None
    keep: float | None
    epochs: int | None
    overrides: tuple[str, ...]
    recipe: Path | None
    max_drop: float
    runtime: str
    threads: int | None


def _judge(asked: _Asked) -> Verdict:
    """Train where the method does, make the smaller bundle, judge it.

    Raises:
        UnknownNameError: no such method.
    """
    from cellwright.bundles.bundle import open_bundle
    from cellwright.compression import METHODS, TRAINED
    from cellwright.compression.compress import compress as run
    from cellwright.errors import UnknownNameError

    if asked.method not in METHODS:
        raise UnknownNameError("method", asked.method, METHODS)
    _refuse_idle(asked)

    bundle = open_bundle(asked.bundle)
    larger = None if asked.against is None else open_bundle(asked.against)
    whole = open_labelled(asked.source, format_name=asked.format_name)
    if asked.method in TRAINED:
        larger = larger or bundle
        bundle, asked = _trained(bundle, asked)
    job = replace(
        _job(bundle, larger, whole, asked),
        runtimes=_runtimes(asked.runtime),
        max_drop=asked.max_drop,
        threads=asked.threads,
        settings={} if asked.ranges is None else {"ranges": asked.ranges},
        against=larger,
        command=typed_command(),
    )
    return run(bundle, job, method=asked.method, out=asked.out, stage=progress_bar)


def _refuse_idle(asked: _Asked) -> None:
    """Refuse options that the method would pass over.

    Raises:
        ConfigError: names the first, and the methods that it is for.
    """
    from cellwright.compression import LEARN_RANGES, TAKE_CHANNELS, TRAINED

    given = {
        "--calibrate-on": (asked.calibrate_on, LEARN_RANGES, "learns no ranges from images"),
        "--images": (asked.images, LEARN_RANGES, "learns no ranges from images"),
        "--ranges": (asked.ranges, LEARN_RANGES, "learns no ranges from images"),
        "--keep": (asked.keep, TAKE_CHANNELS, "keeps all channels"),
        "--epochs": (asked.epochs, TRAINED, "trains nothing"),
        "--set": (asked.overrides or None, TRAINED, "trains nothing"),
        "--recipe": (asked.recipe, TRAINED, "trains nothing"),
    }
    for option, (value, methods, why) in given.items():
        if value is not None and asked.method not in methods:
            raise ConfigError(
                f"{option} says nothing to --method {asked.method}, which {why}",
                remedy=f"leave it out; it is for: {', '.join(methods)}",
            )


def _trained(bundle: Bundle, asked: _Asked) -> tuple[Bundle, _Asked]:
    """What the training leaves, and what is asked of it."""
    from cellwright.bundles.naming import check_name
    from cellwright.cli.compress_training import data_section, refuse_part, train_smaller
    from cellwright.learning.fine_tuning import FineTuning

    check_name(asked.out, bundle)
    part = asked.part or "val"
    refuse_part(part)
    threads = () if asked.threads is None else (f"threads={asked.threads}",)
    plan = FineTuning(
        method=asked.method,
        data=data_section(asked.source, format_name=asked.format_name, split=asked.split),
        name=asked.out.stem,
        keep=asked.keep or FineTuning.keep,
        epochs=asked.epochs,
        recipe=asked.recipe,
        overrides=(*threads, *asked.overrides),
    )
    smaller, split = train_smaller(bundle, plan, asked.out)
    return smaller, replace(asked, part=part, split=split)


def _job(
    bundle: Bundle, larger: Bundle | None, whole: LabelledSet, asked: _Asked
) -> CompressionJob:
    """The images of a compression by their roles."""
    from cellwright.compression import LEARN_RANGES
    from cellwright.compression.calibration_data import draw
    from cellwright.compression.compress import CompressionJob

    part, split = asked.part or "all", asked.split
    judged = only_part(whole, part, split_file=split)
    for who, one in {"this model": bundle, "the model it is compared with": larger}.items():
        if one is not None and seen_in_training(one.card, whole, judged, split_file=split):
            say(
                f"warning: {who} was trained on images of this very set, so the drop may be "
                "another on new ones; use --part val with the --split file of its training"
            )
    present = parts_of(whole, split_file=split) if part == "val" else set()
    training = another_part(whole, "train", split_file=split) if "train" in present else None
    chosen: Sequence[CalibrationImage] = ()
    words = ""
    if asked.method in LEARN_RANGES:
        calibration, words = _calibration_images(judged, training, asked.calibrate_on)
        chosen = draw(calibration, asked.images or CALIBRATION_IMAGES)
    return CompressionJob(
        judged=judged,
        judged_name=part_in_words(whole, part),
        calibration=chosen,
        calibration_name=f"{counted(len(chosen), 'image')} of {words}",
        reported=only_reported(whole, part, split_file=split),
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
        return images_of(training), part_in_words(training, "train")
    say(
        "warning: ranges are learned from the very images that judge them; give others with "
        "--calibrate-on, or a --split file and --part val"
    )
    return images_of(judged), "the judging images"
