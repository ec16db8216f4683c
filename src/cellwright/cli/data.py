"""``cellwright data``: labelled images listed, fetched, inspected, audited, converted, split.

And what microscopes write, taken apart into images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cellwright.cli import audit, unpack
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

app = typer.Typer(
    help="Labelled images: list, fetch, inspect, audit, convert, split; unpack stacks.",
    no_args_is_help=True,
)

Source = Annotated[
    str, typer.Argument(metavar="DIR|NAME", help="Folder of labelled images, or a public set.")
]
PARTS = ("train", "val", "test")


@app.command("list", epilog="Example: cellwright data list")
def list_sets(*, json: Json = None) -> None:
    """List the public sets: job, size, licence, and whether they are on this machine."""
    from cellwright.data.datasets import DATASETS, find_dataset

    rows = [
        {
            "name": name,
            "task": row.task,
            "images": row.n_images,
            "classes": list(row.classes),
            "licence": row.licence,
            "folder": None if (folder := find_dataset(name)) is None else str(folder),
        }
        for name, row in sorted(DATASETS.items())
    ]
    if write_json(rows, json):
        return
    print_table(
        ("name", "task", "images", "classes", "licence", "here"),
        [
            (
                str(row["name"]),
                str(row["task"]),
                str(row["images"]),
                ", ".join(DATASETS[str(row["name"])].classes),
                str(row["licence"]),
                "no" if row["folder"] is None else "yes",
            )
            for row in rows
        ],
    )


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

    labelled = open_labelled(source, format_name=format_name)
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
    """Write labelled images in another format; nothing is lost, images are copied as they are."""
    from cellwright.data.formats import FORMATS
    from cellwright.errors import DatasetError, UnknownNameError

    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    if target.exists() and any(target.iterdir()):
        raise DatasetError("the folder is not empty", where=target, remedy="name a new one")
    labelled = open_labelled(source, format_name=format_name)
    FORMATS[to].write(labelled, target)
    classes = ", ".join(labelled.classes)
    say(f"{counted(len(labelled), 'image')} ({classes}) -> {target}, as {to}")


@app.command("split", epilog="Example: cellwright data split labels/ --by group --out split.csv")
def split(
    source: Source,
    *,
    by: Annotated[Literal["group", "image"], typer.Option(help="What stays together.")] = "group",
    ratios: Annotated[
        str, typer.Option(metavar="TRAIN/VAL/TEST", help="Weights of the three parts.")
    ] = "70/20/10",
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="CSV: id, group, part.")
    ] = Path("split.csv"),
    format_name: Format = None,
    json: Json = None,
) -> None:
    """Share images out to train, val and test: groups whole, classes balanced, seeded."""
    import numpy as np

    from cellwright.data import splits
    from cellwright.data.likeness import split_apart

    labelled = open_labelled(source, format_name=format_name)
    part_of = split_apart(labelled, _weights(ratios), seed=seed, by=by)
    splits.write_split(out, labelled, part_of)
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
    if not write_json(rows, json):
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    say(f"split: {out}")


def _weights(text: str) -> dict[str, float]:
    from cellwright.errors import ConfigError

    try:
        weights = [float(weight) for weight in text.split("/")]
    except ValueError:
        weights = []
    if not 2 <= len(weights) <= len(PARTS):
        raise ConfigError(f"--ratios {text!r}", remedy="write two or three weights, e.g. 70/20/10")
    return dict(zip(PARTS, weights, strict=False))
