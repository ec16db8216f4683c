"""Well and field of view in the name of an image, as microscopes and people write them.

Read are ``B07_s1_w2`` (MetaXpress), ``B7_1`` (IncuCyte: the well), ``r02c03f05p01`` (Opera,
Operetta), ``B07_f3`` and ``B07_C1``: plates of up to 384 wells, rows A to P, columns 1 to 24.
``F3`` may be a well or a field and ``C1`` a well or a channel: what stands behind a well is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WELL = re.compile(r"(?:^|(?<=[_\-\s./]))([A-P])(0?[1-9]|1[0-9]|2[0-4])(?=$|[_\-\s./])")
_FIELD = re.compile(
    r"(?:^|(?<=[_\-\s./]))(?:s|f|site|field)_?([0-9]{1,4})(?=$|[_\-\s./])", re.IGNORECASE
)
_OPERA = re.compile(r"(?:^|(?<=[_\-\s./]))(r(\d\d)c(\d\d))(?:f(\d+))?", re.IGNORECASE)
_ROWS = "ABCDEFGHIJKLMNOP"
_COLUMNS = 24
_CHANNELS = 9


@dataclass(frozen=True)
class Place:
    """What a name says.

    Attributes:
        well: as ``B07``; empty where the name holds none.
        field: number of the field of view in the well as written, else empty.
        well_end: where the well ends in the name; 0 where there is none.
    """

    well: str = ""
    field: str = ""
    well_end: int = 0


def place_in(name: str) -> Place:
    """Well and field in a name without its suffix.

    >>> place_in("plate2_B07_F3_C1")
    Place(well='B07', field='3', well_end=10)
    >>> place_in("r02c03f05p01-ch1sk1fk1fl1")
    Place(well='B03', field='05', well_end=6)
    """
    opera = _OPERA.search(name)
    if opera and 1 <= int(opera[2]) <= len(_ROWS) and 1 <= int(opera[3]) <= _COLUMNS:
        well = f"{_ROWS[int(opera[2]) - 1]}{opera[3]}"
        return Place(well, opera[4] or "", opera.end(1))
    fields = list(_FIELD.finditer(name))
    well_found = _the_well(list(_WELL.finditer(name)), fields)
    others = [one for one in fields if well_found is None or one.span() != well_found.span()]
    field = others[-1][1] if others else ""
    if well_found is None:
        return Place(field=field)
    return Place(f"{well_found[1]}{int(well_found[2]):02d}", field, well_found.end())


def up_to_well(name: str, well: str) -> str | None:
    """``name`` up to the end of its ``well`` (as ``B07``); None where it holds another or none.

    >>> up_to_well("LAB7_B07_s1", "B07"), up_to_well("LAB7", "B07")
    ('LAB7_B07', None)
    """
    place = place_in(name)
    return name[: place.well_end] if place.well == well else None


def _the_well(wells: list[re.Match[str]], fields: list[re.Match[str]]) -> re.Match[str] | None:
    """Of several that look like wells the last: what stands before it is of a plate or a day."""
    if any(one[2].startswith("0") for one in wells):
        # Whoever writes B07 writes F03 for a well, so that F3 is a field and P2 a plate.
        wells = [one for one in wells if len(one[2]) > 1]
    spans_of_field = [one.span() for one in fields[-1:]]
    for _ in range(2):  # a field and a channel
        if len(wells) > 1 and (wells[-1].span() in spans_of_field or _is_channel(wells)):
            wells = wells[:-1]
    return wells[-1] if wells else None


def _is_channel(wells: list[re.Match[str]]) -> bool:
    """Whether the last is ``C1`` to ``C9`` behind a well; ``P2`` in front is a plate."""
    last = wells[-1]
    only_plates = all(one[1] == "P" for one in wells[:-1])
    return last[1] == "C" and int(last[2]) <= _CHANNELS and not only_plates
