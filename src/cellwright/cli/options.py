"""Options that several commands share, so that a word means the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from cellwright.cli.console import file_for_json, file_that_is_new

Inputs: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="INPUT...", help="Images or folders.")
]
BundleName: TypeAlias = Annotated[
    str, typer.Argument(metavar="BUNDLE|NAME", help="A .cellwright file or a name.")
]
LabelledData: TypeAlias = Annotated[
    str, typer.Argument(metavar="DATA", help="Folder of labelled images, or a public set.")
]
Model: TypeAlias = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="BUNDLE|NAME",
        help="A .cellwright file, or a name of `cellwright models list`.",
    ),
]
Out: TypeAlias = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")
]
NewBundle: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="NEW.cellwright",
        callback=file_that_is_new,
        help="The new bundle; no file may have the name.",
    ),
]
Runtime: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, onnxruntime or openvino; openvino-bf16 is faster and rounds more.",
    ),
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Processor threads; by default the runtime chooses.")
]
Overlays: TypeAlias = Annotated[
    Literal["draw", "none"], typer.Option(help="Whether to draw a picture of each image.")
]
Outlines: TypeAlias = Annotated[
    Literal["none", "geojson", "imagej", "both"],
    typer.Option(help="Outlines of the cells for QuPath (geojson), Fiji (imagej), or both."),
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="Label format; guessed where it is plain."),
]
Split: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A CSV of `cellwright data split`.")
]
Part: TypeAlias = Annotated[
    Literal["all", "train", "val", "test"], typer.Option(help="Which of the labelled images.")
]
Group: TypeAlias = Annotated[
    str, typer.Option(help="What is pooled, as {group}_*; by default the well or series.")
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; repeat for more."),
]
Json: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=file_for_json,
        help="Write JSON too; - prints it instead of tables.",
    ),
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
PixelSize: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="UM", help="Edge of a pixel in µm, instead of what the files say."),
]
Scale: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Times larger than in training to draw the cells, instead of pixel sizes."),
]
Existing: TypeAlias = Annotated[
    Literal["resume", "replace"],
    typer.Option(help="What to do with results of an earlier run in the folder."),
]
ScoreThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Score of a cell (or of a cell's pixels), not the model's own."
    ),
]
Tile: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--tile",
        min=1,
        metavar="PX",
        help="Images are montages of tiles of this edge, a cell each.",
    ),
]
Labels: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="DIR",
        help="Folder with a label image a field: which pixels are a cell.",
    ),
]
Cluster: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Scheduler of a Dask cluster that does the images, such as tcp://host:8786.",
    ),
]
