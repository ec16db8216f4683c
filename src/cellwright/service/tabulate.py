"""Results of a job as tables, for CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellwright.images.csv_table import safe_cell
from cellwright.inference.run_folder import ERROR_COLUMNS
from cellwright.service.counts import count_images
from cellwright.service.records import ImageState, Outcome

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ResultTable:
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_csv(self) -> str:
        """With a header line; None is an empty field, and no text a formula of a spreadsheet."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in (self.columns, *self.rows):
            writer.writerow([safe_cell(value) for value in row])
        return text.getvalue()

    def to_parquet(self) -> bytes:
        """A column of whole numbers, numbers or text each; None is null."""
        # Imported by who wants it: the service starts a fifth of a second sooner without.
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.columns)
        arrays = [_typed(values) for values in columns]
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, names=list(self.columns)), buffer)
        return buffer.getvalue()


def count_table(images: Sequence[ImageState], classes: Sequence[str]) -> ResultTable:
    """``counts``: the cells of every image that is done, a person's where it is checked."""
    columns = ("image_id", "n_cells", *(f"n_{name}" for name in classes), "checked")
    rows = tuple(
        (
            *(Path(one["name"]).stem, one["n_cells"]),
            *(one["counts"].get(name, 0) for name in classes),
            "yes" if one["corrected"] else "no",
        )
        for one in count_images(images)
    )
    return ResultTable(columns, rows)


def summary_table(images: Sequence[ImageState]) -> ResultTable:
    """``summary`` of the images that are done, as the model found them."""
    done = [image.summary for image in images if image.summary is not None]
    columns = tuple(done[0]) if done else ("image_id",)
    return ResultTable(columns, tuple(tuple(row[name] for name in columns) for row in done))


def cell_table(outcomes: Sequence[Outcome]) -> ResultTable:
    """``cells`` of the images that are done, as the model found them."""
    done = [outcome.cells for outcome in outcomes if outcome.cells is not None]
    columns = tuple(done[0]["columns"]) if done else ("image_id",)
    return ResultTable(columns, tuple(tuple(row) for cells in done for row in cells["rows"]))


def error_table(images: Sequence[ImageState]) -> ResultTable:
    """``errors``: the images that could not be done, and why."""
    rows = tuple(
        (Path(image.name).stem, image.name, problem["what"], problem["remedy"])
        for image in images
        if (problem := image.problem) is not None
    )
    return ResultTable(tuple(ERROR_COLUMNS), rows)


def _typed(values: Sequence[Any]) -> pa.Array:
    """Numbers as numbers, a mixture of whole and broken ones as broken, all else as text."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values])
    return pa.array([None if value is None else str(value) for value in values], pa.string())
