"""``cellwright data audit``: labels that a model which never saw them contradicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cellwright.cli.console import counted, print_table, progress_bar, say, write_json
from cellwright.cli.labels import only_part, open_labelled
from cellwright.cli.options import Format, Json, LabelledData, Out, Runtime, Threads

if TYPE_CHECKING:
    from cellwright.audit.audit import Audit
    from cellwright.audit.folds import Fold
    from cellwright.audit.outputs import Written
    from cellwright.data.labelled_set import LabelledSet

EXAMPLES = """Examples:

cellwright data audit runs/mine/mine.cellwright labels/ --split runs/mine/split.csv --out audit

cellwright data audit runs/folds labels/ --out audit

cellwright data audit folds labels -o out --decisions out/suspects.csv --write-corrected out/new"""


Models: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE|NAME|DIR", help="A bundle, a name, or a folder of training runs."
    ),
]
TrainingSplit: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The split file of the model's training.")
]
AuditedPart: TypeAlias = Annotated[
    Literal["all", "train", "val", "test"],
    typer.Option(help="Which images to audit; all: those the models did not learn from."),
]
FurtherModels: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="BUNDLE:SPLIT", help="A further model with its split; repeatable."),
]
Seen: TypeAlias = Annotated[
    Literal["skip", "include"],
    typer.Option(help="What to do with images that every model learned from."),
]
Confidence: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Probability of a sure cell; by default learned."),
]
Top: TypeAlias = Annotated[int, typer.Option(min=0, help="Suspects that the page shows.")]
Decisions: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="suspects.csv with yes or no in its column accept."),
]
Corrected: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="New folder inside --out for the corrected labels."),
]
OldDecisions: TypeAlias = Annotated[
    Literal["keep", "replace"],
    typer.Option(help="What to do with decisions in an older suspects.csv of the folder."),
]


def audit(
    bundle: Models,
    source: LabelledData,
    *,
    out: Out,
    split: TrainingSplit = None,
    part: AuditedPart = "all",
    fold: FurtherModels = None,
    seen: Seen = "skip",
    confidence: Confidence = None,
    top: Top = 60,
    decisions: Decisions = None,
    write_corrected: Corrected = None,
    existing: OldDecisions = "keep",
    format_name: Format = None,
    runtime: Runtime = "auto",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Find labels that are likely missing, doubled, misplaced, spurious or of the wrong class.

    Writes suspects.csv, report.html and summary.json; labels are changed only in a copy, and
    only where you accepted a suspect.
    """
    from cellwright.audit.audit import AuditSettings, audit_labels
    from cellwright.audit.outputs import AuditFolder

    _refuse_among_labels(out, source)
    folder = AuditFolder.open(
        out, decisions=decisions, corrected=write_corrected, existing=existing
    )
    folds = _folds(bundle, split, fold or [])
    whole = open_labelled(source, format_name=format_name)
    wanted = _wanted(whole, part, split, folds)
    settings = AuditSettings(confidence, seen, runtime, threads)
    with progress_bar("auditing") as progress:
        found = audit_labels(folds, whole, wanted, settings=settings, progress=progress)
    written = folder.write(found, whole, settings, top=top)
    if not write_json(written.summary, json):
        print_table(
            ("kind", "suspects"), list(written.summary["suspects"].items()), title=_title(written)
        )
        print_table(*written.figures, title="\nThe model with and without the suspects")
    say(written.caution)
    _say_rest(found, written, write_corrected)
    say(f"report: {out / 'report.html'}")


def _say_rest(found: Audit, written: Written, asked: Path | None) -> None:
    """Which images were not audited, and what became of the corrected labels that were asked."""
    if found.left_out:
        say(
            f"not audited: {counted(len(found.left_out), 'image')} that every model learned from; "
            "add models of other folds, or --seen include"
        )
    if found.unlabelled:
        say(f"not audited: {counted(len(found.unlabelled), 'image')} without labels")
    if written.corrected is not None:
        say(f"corrected labels, as {written.corrected}: {asked}")
    elif asked is not None:
        say("nothing corrected: say which suspects are right in suspects.csv, then --decisions")


def _title(written: Written) -> str:
    summary = written.summary
    return f"{counted(summary['n_labels'], 'label')} in {counted(summary['n_images'], 'image')}"


def _refuse_among_labels(out: Path, source: str) -> None:
    """Originals are never touched, nor is anything put beside them."""
    from cellwright.errors import ConfigError

    data = Path(source).resolve()
    if data.is_dir() and (out.resolve() == data or data in out.resolve().parents):
        raise ConfigError(
            "lies in the folder of the labels", where=out, remedy="choose a folder elsewhere"
        )


def _folds(bundle: str, split: Path | None, further: list[str]) -> list[Fold]:
    """All models, each with the split of its training where one is known."""
    from dataclasses import replace

    from cellwright.audit.folds import read_folds
    from cellwright.errors import ConfigError

    folds = read_folds(bundle)
    if split is not None:
        if len(folds) > 1:
            raise ConfigError(
                "--split is for one model; the runs of a folder have their own split files",
                remedy="leave --split out",
            )
        folds = [replace(folds[0], split_file=split)]
    return [*folds, *(one for text in further for one in read_folds(text))]


def _wanted(
    whole: LabelledSet,
    part: Literal["all", "train", "val", "test"],
    split: Path | None,
    folds: list[Fold],
) -> LabelledSet:
    """The images to audit."""
    from cellwright.errors import ConfigError

    if part == "all":
        return whole
    if len(folds) > 1:
        raise ConfigError(
            f"--part {part} is for one model; each of several has parts of its own",
            remedy="leave --part out: every image goes to a model that did not learn from it",
        )
    return only_part(whole, part, split_file=split or folds[0].split_file)
