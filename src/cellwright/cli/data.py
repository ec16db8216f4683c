"""``cellwright data``: labelled images listed, fetched, inspected, audited, converted, shared out.

And what microscopes write, taken apart into images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cellwright.cli import audit, group_images, unpack
from cellwright.cli.console import (
    Cell,
    DownloadBar,
    counted,
    print_table,
    progress_bar,
    say,
    write_json,
)
from cellwright.cli.labels import open_labelled
from cellwright.cli.options import Format, Json, Seed

if TYPE_CHECKING:
    from cellwright.data.labelled_set import LabelledSet
    from cellwright.data.likeness import Joined

app = typer.Typer(
    help="Labelled images: list, fetch, inspect, audit, convert, group, split; unpack stacks.",
    no_args_is_help=True,
)

Source = Annotated[
    str, typer.Argument(metavar="DIR|NAME", help="Folder of labelled images, or a public set.")
]
PARTS = ("train", "val", "test")
RATIOS = "70/20/10"
MOST_NAMED = 5
"""Copies of a picture, and such families, that `split` names on the terminal."""
MOST_REMARKS = 10
"""Of a conversion, on the terminal."""


@app.command("list", epilog="Example: cellwright data list")
def list_sets(*, json: Json = None) -> None:
    """List the public sets: job, size, licence, and how much of them is on this machine."""
    from cellwright.data.datasets import DATASETS, find_dataset

    rows = [
        {
            "name": name,
            "task": row.task,
            "images": row.n_images,
            "classes": list(row.classes),
            "licence": row.licence,
            "folder": None if (folder := find_dataset(name)) is None else str(folder),
            "here": None if folder is None else _images_here(name),
        }
        for name, row in sorted(DATASETS.items())
    ]
    other = [str(row["name"]) for row in rows if row["here"] not in (None, row["images"])]
    if other:
        say(f"note: here are not as many images as were published: {', '.join(other)}")
    if write_json(rows, json):
        return
    print_table(
        ("name", "task", "published", "classes", "licence", "here"),
        [
            (
                str(row["name"]),
                str(row["task"]),
                str(row["images"]),
                ", ".join(DATASETS[str(row["name"])].classes),
                str(row["licence"]),
                "no" if row["folder"] is None else str(row["here"] or "not readable"),
            )
            for row in rows
        ],
    )


def _images_here(name: str) -> int | None:
    """Images of a public set in its folder; None where they cannot be read."""
    from cellwright.data.datasets import images_here
    from cellwright.errors import CellwrightError

    try:
        return images_here(name)
    except (CellwrightError, OSError) as error:
        say(f"warning: {name}: {error}")
        return None


@app.command("fetch", epilog="Example: cellwright data fetch bccd_blood_cells")
def fetch(
    name: Annotated[str, typer.Argument(help="A name of `cellwright data list`.")],
    *,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Instead of the cache.")] = None,
) -> None:
    """Download a public set from its source and check it."""
    from cellwright.data.datasets.fetch import fetch as download

    typer.echo(download(name, to=to, progress=DownloadBar(name)))


@app.command("inspect", epilog="Example: cellwright data inspect labels/ --out inspection.html")
def inspect(
    source: Source,
    *,
    format_name: Format = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write an HTML report.")
    ] = None,
    json: Json = None,
) -> None:
    """Count classes, measure boxes, and find what is wrong: leaks, copies, damage, odd labels."""
    from cellwright.data.inspection import inspect as look
    from cellwright.data.inspection import write_report

    labelled = open_labelled(source, format_name=format_name, damaged="keep")
    with progress_bar("reading images") as progress:
        inspection = look(labelled, progress=progress)
    if not write_json(inspection.to_dict(), json):
        for table in inspection.tables():
            print_table(table.columns, table.rows, title=f"\n{table.title}")
    if out is not None:
        write_report(inspection, labelled, out)
        say(f"report: {out}")


app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
app.command("unpack", epilog=unpack.EXAMPLES)(unpack.unpack)
app.command("group", epilog=group_images.EXAMPLES)(group_images.group)


@app.command(
    "convert", epilog="Example: cellwright data convert labels_voc/ labels_yolo/ --to yolo"
)
def convert(
    source: Source,
    target: Annotated[Path, typer.Argument(metavar="DST", help="New folder.")],
    *,
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="yolo, coco, voc, csv …")],
    format_name: Format = None,
) -> None:
    """Write labelled images in another format; images are copied as they are.

    What was repaired on reading, and what the format cannot hold, is said.
    """
    from cellwright.data.formats import FORMATS
    from cellwright.data.formats.layout import refuse_filled
    from cellwright.errors import UnknownNameError

    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    refuse_filled(target)
    labelled = open_labelled(source, format_name=format_name)
    FORMATS[to].write(labelled, target)
    for remark in _losses(labelled, to):
        say(f"note: {remark}")
    classes = ", ".join(labelled.classes)
    say(f"{counted(len(labelled), 'image')} ({classes}) -> {target}, as {to}")


def _losses(labelled: LabelledSet, to: str) -> list[str]:
    """What a set lost on its way into a format: on reading it, and by writing it."""
    from cellwright.data.formats import FORMATS
    from cellwright.types import Instances

    remarks = [f"{record.id}: {one}" for record in labelled for one in record.problems]
    said = remarks[:MOST_REMARKS]
    if len(remarks) > len(said):
        others = counted(len(remarks) - len(said), "more remark")
        said.append(f"{others} on what was read; `cellwright data inspect` lists them all")
    if "instances" not in FORMATS[to].tasks:
        labels = (record.load_annotation() for record in labelled)
        if isinstance(next((one for one in labels if one is not None), None), Instances):
            said.append(f"{to} holds no outlines: of each cell the box around its pixels is kept")
    return said


@app.command(
    "split",
    epilog="Examples:\n\ncellwright data split labels/ --by group --out split.csv\n\n"
    "cellwright data split labels/ --folds 5 --out folds",
)
def split(
    source: Source,
    *,
    by: Annotated[Literal["group", "image"], typer.Option(help="What stays together.")] = "group",
    ratios: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN/VAL/TEST", help="Weights of the three parts; 70/20/10 by default."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=3, help="Write as many splits instead; each image is tested in one."),
    ] = None,
    copies: Annotated[
        Literal["alike", "equal"],
        typer.Option(help="What stays together too: pictures alike, or of equal pixels only."),
    ] = "alike",
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|DIR",
            help="CSV: id, group, part; with --folds a folder of them. [default: split.csv, folds]",
        ),
    ] = None,
    format_name: Format = None,
    json: Json = None,
) -> None:
    """Share images out to train, val and test: groups whole, classes balanced, seeded.

    Copies of a picture, also mirrored, turned or re-saved, stay in one part. Where all images show
    one fixed structure, such as the rims of wells, they may be taken for copies: --copies equal.
    """
    from cellwright.data.likeness import folds_joined, joined_by_likeness, split_joined
    from cellwright.data.splits import refuse_other_split, write_split
    from cellwright.errors import ConfigError

    if folds is not None and ratios is not None:
        raise ConfigError(
            "--folds and --ratios contradict each other: folds are alike in size",
            remedy="leave one of them out",
        )
    labelled = open_labelled(source, format_name=format_name)
    weights = _weights(ratios or RATIOS)
    joined = joined_by_likeness(labelled, by=by, copies=copies)
    if folds is None:
        target = out or Path("split.csv")
        written = {target: split_joined(joined, weights, seed=seed)}
    else:
        target = out or Path("folds")
        apart = folds_joined(joined, folds, seed=seed)
        written = {target / f"fold-{i}.csv": part_of for i, part_of in enumerate(apart, start=1)}
    for file, part_of in written.items():
        refuse_other_split(file, labelled, part_of, copies=copies)
    rows: list[dict[str, Cell]] = []
    for file, part_of in written.items():
        write_split(file, labelled, part_of, copies=copies)
        fold: dict[str, Cell] = {} if folds is None else {"fold": file.stem.removeprefix("fold-")}
        rows += [fold | row for row in _contents(labelled, part_of)]
    if not write_json(rows, json):
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    say(f"split: {target}" if folds is None else f"{folds} splits: {target}")
    _say_joined(joined)
    if repaired := labelled.repaired:
        say(f"note: {repaired}")
    if by == "group" and all(record.group == record.id for record in labelled):
        say(
            "note: no groups are known, so each image is one of its own; where several are of "
            "one well, slide or patient, say so first: cellwright data group --help"
        )


def _say_joined(joined: Joined) -> None:
    """Which images were kept together because they resemble one another."""
    from cellwright.data.inspection.duplicates import families

    if not joined.pairs:
        return
    found = [_first_few(family, ", ") for family in families(joined.pairs)]
    say(
        f"note: {counted(len(joined.image_ids), 'image')} of different groups are copies of one "
        f"another and were kept in one part: {_first_few(found, '; ')} (all pairs: cellwright data "
        "inspect); if they are other pictures that look alike: --copies equal"
    )


def _first_few(names: Sequence[str], between: str) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return between.join(names[:MOST_NAMED]) + more


def _contents(labelled: LabelledSet, part_of: Mapping[str, str]) -> list[dict[str, Cell]]:
    """A row a part: its images, groups and objects of each class."""
    import numpy as np

    from cellwright.data import splits

    rows: list[dict[str, Cell]] = []
    for name in (part for part in PARTS if part in part_of.values()):
        records = splits.part(labelled, part_of, name).records
        counts = np.sum(
            [splits.class_counts(record, len(labelled.classes)) for record in records], axis=0
        )
        rows.append(
            {
                "part": name,
                "images": len(records),
                "groups": len({record.group for record in records}),
                **dict(zip(labelled.classes, counts.astype(int).tolist(), strict=True)),
            }
        )
    return rows


def _weights(text: str) -> dict[str, float]:
    from cellwright.errors import ConfigError

    try:
        weights = [float(weight) for weight in text.split("/")]
    except ValueError:
        weights = []
    if not 2 <= len(weights) <= len(PARTS):
        raise ConfigError(f"--ratios {text!r}", remedy="write two or three weights, e.g. 70/20/10")
    return dict(zip(PARTS, weights, strict=False))
