"""Public data sets: one file a set, the table of them, and loading by name.

A set is looked for below the folder that ``CELLWRIGHT_DATA`` names, then in the
user's cache, where ``cellwright data fetch NAME`` puts it. Nothing is downloaded
unasked.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cellwright.data.cache import cache_folder
from cellwright.data.datasets import (
    all_pbs_leukemia,
    bbbc039_hoechst_nuclei,
    bccd_blood_cells,
    drosophila_vnc_sstem,
    dsb2018_fluo_nuclei,
    hela_dic,
    jurkat_cell_cycle,
    livedead_labelfree,
    wbc_segmentation,
)
from cellwright.data.datasets.public_set import PublicSet
from cellwright.data.formats import npz, read_labelled
from cellwright.data.formats.instances import UNNAMED
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError, UnknownNameError

_ROWS = (
    bccd_blood_cells.SET,
    livedead_labelfree.SET,
    bbbc039_hoechst_nuclei.SET,
    dsb2018_fluo_nuclei.SET,
    hela_dic.SET,
    drosophila_vnc_sstem.SET,
    jurkat_cell_cycle.SET,
    all_pbs_leukemia.SET,
    wbc_segmentation.SET,
)

DATASETS: dict[str, PublicSet] = {row.name: row for row in _ROWS}


def public_set(name: str) -> PublicSet:
    """The row of this name.

    Raises:
        UnknownNameError: no such set.
    """
    if name not in DATASETS:
        raise UnknownNameError("data set", name, DATASETS)
    return DATASETS[name]


def find_dataset(name: str) -> Path | None:
    """The set's folder on this computer, or None.

    Raises:
        UnknownNameError: no such set.
    """
    row = public_set(name)
    given = os.environ.get("CELLWRIGHT_DATA")
    places = [Path(given)] if given else []
    found = [place / row.name for place in (*places, cache_folder()) if (place / row.name).is_dir()]
    return found[0] if found else None


def find_here(name: str) -> Path:
    """The set's folder on this computer.

    Raises:
        UnknownNameError: no such set.
        DatasetError: it is not on this computer.
    """
    folder = find_dataset(name)
    if folder is None:
        raise DatasetError(
            f"the data set {name!r} is not on this computer",
            remedy=f"run `cellwright data fetch {name}`, or name a folder that holds it in "
            "CELLWRIGHT_DATA",
        )
    return folder


def load_dataset(name: str) -> LabelledSet:
    """A public set by name, with its licence and groups.

    Raises:
        UnknownNameError: no such set.
        DatasetError: it is not on this computer, or its classes are not those of the row.
        AnnotationError: damaged labels.
    """
    row = public_set(name)
    folder = find_here(name)
    found = row.read(folder) if row.read else read_labelled(folder, format=row.format)
    if found.classes == UNNAMED and len(row.classes) == 1:
        found = replace(found, classes=row.classes)
    if found.classes != row.classes:
        raise DatasetError(
            f"holds the classes {', '.join(found.classes)}, not {', '.join(row.classes)}",
            where=folder,
            remedy=f"fetch it again with `cellwright data fetch {name}`",
        )
    records = tuple(_described(record, row) for record in found)
    return replace(found, name=row.name, licence=row.licence, records=records)


def images_here(name: str) -> int:
    """How many images of the set are on this computer: it may hold fewer than were published.

    Raises as :func:`load_dataset`.
    """
    if public_set(name).format == "npz":
        return npz.count(find_here(name))
    return len(load_dataset(name))


def _described(record: Record, row: PublicSet) -> Record:
    size = record.pixel_size_um or row.pixel_size_um
    return replace(record, group=row.group_of(record.id), pixel_size_um=size)
