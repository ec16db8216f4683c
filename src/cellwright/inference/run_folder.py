"""The output folder of a folder prediction: parts while it runs, tables when it is done.

Each finished image leaves one part file, written in one step after its overlay, so a
run that was killed is continued from its parts. ``run.json`` says which model and
settings the parts belong to; others are never mixed with them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.csv_table import write_csv
from cellwright.images.read import PARTS, RESULT_FOLDERS
from cellwright.images.write import atomic_path, make_folder
from cellwright.inference.identity import NamedImage
from cellwright.inference.label_file import label_file

Existing = Literal["resume", "replace"]
Row = Sequence[str | int | float | None]
Fingerprint = list[str | int]

CELL_COLUMNS = (
    *("image_id", "label", "class", "score"),
    *("bbox-0", "bbox-1", "bbox-2", "bbox-3", "centroid-0", "centroid-1"),
    *("area_bbox", "area_bbox_um2", "group", "well", "field"),
)
"""Columns of ``cells.csv``, named as scikit-image does; rows before columns, in pixels.

Of boxes the centroid is the middle of the box in pixel edges: 2.5 of the first five pixels.
"""

_TABLES = ("cells.csv", "cells.parquet", "summary.csv", "errors.csv")

MANIFEST = "run.json"
"""Names the model and the settings of a run."""

POOLED = ("groups.csv", "report.html")
"""Files that an assay adds to those of ``predict``, and that are true of these alone."""

ERROR_COLUMNS = ("image_id", "file", "error", "remedy")


def summary_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``summary.csv``: a count for every class, then 90 % intervals of true counts."""
    return (
        *("image_id", "file", "height", "width", "n_cells"),
        *(f"n_{name}" for name in classes),
        *(f"n_{name}_{end}" for name in ("cells", *classes) for end in ("low", "high")),
        *("pixel_size_um", "capped", "seconds", "group", "well", "field"),
    )


def mark_results(out: Path) -> None:
    """Mark ``out`` as a folder of results, before the first picture is written into it.

    The pictures of a run that is stopped are then no images of the next one.
    """
    make_folder(out / PARTS)


def refuse_among_images(inputs: Sequence[Path], images: Iterable[Path], *, out: Path) -> None:
    """Refuse to write results between the images that they are of.

    A folder that holds them already, being that of an earlier run, is let be.

    Args:
        inputs: files and folders as they were given.
        images: what was found there.
        out: the folder of the results.

    Raises:
        ConfigError: ``out`` is one of the inputs, or an image lies in it.
    """
    place = out.resolve()
    taken = {path.resolve() for path in inputs} | {path.parent.resolve() for path in images}
    if place in taken and not (out / MANIFEST).is_file():
        raise ConfigError(
            "the results would be written among the images that they are of",
            where=out,
            remedy="name another output folder, for instance one in it",
        )


@dataclass(frozen=True)
class TableColumns:
    """Columns of ``cells.csv`` and ``summary.csv``."""

    cells: Sequence[str]
    summary: Sequence[str]


@dataclass(frozen=True)
class Part:
    """What one image gave: its row of ``summary.csv`` and its rows of ``cells.csv``."""

    summary: Row
    cells: Sequence[Row]


class RunFolder:
    """Parts, tables and pictures of one run.

    Attributes:
        out: the folder.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], existing: Existing) -> None:
        """Open ``out`` for a run with ``settings``.

        Args:
            out: made if missing.
            settings: what must be equal for parts to be used again; plain JSON values. Where
                they name a ``labels_dir``, a part belongs to the label image too.
            existing: continue what lies there, or replace it.

        Raises:
            ConfigError: it holds the results of another model or other settings.
        """
        self.out = out
        self._parts = out / PARTS
        self._manifest = out / MANIFEST
        labels = settings.get("labels_dir")
        self._labels_dir = None if labels is None else Path(labels)
        if existing == "replace":
            self._clear()
        text = json.dumps(dict(settings), indent=1, sort_keys=True) + "\n"
        if not self._manifest.exists():
            self._refuse_foreign_tables()
            mark_results(out)
            self._write(self._manifest, text)
        elif self._manifest.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"this folder holds the results of {self._difference(settings)}",
                where=out,
                remedy="choose another output folder, or replace the results (--existing replace)",
            )

    def load(self, image: NamedImage) -> Part | None:
        """What an earlier run left for this very file and its label image, or None.

        Where one of its pictures is gone, nothing is left.
        """
        try:
            held = json.loads(self._part_path(image).read_text(encoding="utf-8"))
            if held["file"] != self.fingerprint(image):
                return None
            if not all((self.out / name).is_file() for name in held["products"]):
                return None
            return Part(held["summary"], held["cells"])
        except (ImageError, OSError, ValueError, KeyError, TypeError):
            return None

    def save(
        self,
        image: NamedImage,
        part: Part,
        *,
        fingerprint: Fingerprint,
        products: Sequence[str] = (),
    ) -> None:
        """Keep what an image gave; from then on it is done.

        Args:
            image: which.
            part: its rows.
            fingerprint: of the image, from before it was opened.
            products: pictures that were written for it, by their path within the folder.
        """
        content = {
            "file": fingerprint,
            "summary": part.summary,
            "cells": part.cells,
            "products": list(products),
        }
        self._write(self._part_path(image), json.dumps(content))

    def write_tables(
        self,
        images: Sequence[NamedImage],
        errors: Mapping[str, CellwrightError],
        *,
        columns: TableColumns,
    ) -> None:
        """Put ``cells.csv``, ``summary.csv`` and ``errors.csv`` together from the parts.

        What an assay pooled from the tables before goes: it is no longer of them.
        """
        for name in POOLED:
            (self.out / name).unlink(missing_ok=True)
        file = columns.summary.index("file")
        summaries: list[Row] = []

        def cells() -> Iterator[Row]:
            for image in images:
                if image.id not in errors:
                    part = self._part(image)
                    # As this run calls it: an earlier one may have stood in another folder.
                    row = (*part.summary[:file], str(image.path), *part.summary[file + 1 :])
                    summaries.append(row)
                    yield from part.cells

        write_csv(self.out / "cells.csv", columns.cells, cells())
        write_csv(self.out / "summary.csv", columns.summary, summaries)
        write_csv(
            self.out / "errors.csv",
            ERROR_COLUMNS,
            (
                (image.id, str(image.path), errors[image.id].what, errors[image.id].remedy)
                for image in images
                if image.id in errors
            ),
        )

    def _part(self, image: NamedImage) -> Part:
        part = self.load(image)
        if part is None:
            raise CellwrightError(
                "the image, or what was kept of it, changed while the run was going on",
                where=image.path,
                remedy="run again: only this image is done anew",
            )
        return part

    def _part_path(self, image: NamedImage) -> Path:
        # By its id, as its pictures are: who writes over those writes over the part, too.
        name = image.id.casefold().encode("utf-8", "surrogatepass")
        return self._parts / f"{hashlib.sha256(name).hexdigest()[:24]}.json"

    def _clear(self) -> None:
        for product in self._products():
            (self.out / product).unlink(missing_ok=True)
        shutil.rmtree(self._parts, ignore_errors=True)
        for name in (MANIFEST, *POOLED, *_TABLES):
            (self.out / name).unlink(missing_ok=True)

    def _products(self) -> Iterator[PurePosixPath]:
        """Pictures that earlier runs wrote; nothing else in their folders is ours."""
        for path in self._parts.glob("*.json"):
            try:
                held = json.loads(path.read_text(encoding="utf-8"))
                found = [PurePosixPath(product) for product in held["products"]]
                found += [PurePosixPath("heat", f"{name}.png") for name in held["file"][:1]]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            for name in found:
                if len(name.parts) == 2 and name.parts[0] in RESULT_FOLDERS:
                    yield name

    def _refuse_foreign_tables(self) -> None:
        if (self.out / "cells.csv").exists():
            raise ConfigError(
                "this folder holds a cells.csv of something else",
                where=self.out,
                remedy="choose another output folder, or replace the results (--existing replace)",
            )

    def _difference(self, settings: Mapping[str, Any]) -> str:
        try:
            held = json.loads(self._manifest.read_text(encoding="utf-8"))
            changed = [name for name, value in settings.items() if held.get(name) != value]
        except (ValueError, AttributeError):
            return "an unreadable run"
        return "a run with another " + ", ".join(changed)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def fingerprint(self, image: NamedImage) -> Fingerprint:
        """Changes when the file or its label image does, or when it goes by another id.

        Raises:
            ImageError: there is no label image, and there should be one.
            OSError: the file is not there.
        """
        paths = [image.path]
        if self._labels_dir is not None:
            paths.append(label_file(self._labels_dir, image))
        states = [path.stat() for path in paths]
        sizes_and_times = (n for one in states for n in (one.st_size, one.st_mtime_ns))
        return [image.id, str(image.path.absolute()), *sizes_and_times]
