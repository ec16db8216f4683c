"""``cellwright data group``: what must stay on one side of a split, told by file names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellwright.cli.console import counted, print_table, say, write_json
from cellwright.cli.options import Format, Json
from cellwright.errors import ConfigError

if TYPE_CHECKING:
    from cellwright.assays.names import Template
    from cellwright.data.labelled_set import LabelledSet

EXAMPLES = """Examples:

cellwright data group labels/

cellwright data group labels/ --group '{group}_*'

cellwright data group labels/ --group 'patient{group}-*'"""

MOST_SHOWN = 20
"""Rows of the table on the terminal; ``--json`` gives all."""


def group(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of labelled images.", show_default=False)
    ],
    *,
    pattern: Annotated[
        str,
        typer.Option(
            "--group",
            metavar="PATTERN",
            help="Where the group stands in a name, as {group}_*; by default the well or series.",
        ),
    ] = "",
    format_name: Format = None,
    json: Json = None,
) -> None:
    """Say which images are of one well, slide or patient, by their names.

    Splits, training and the intervals of `evaluate` keep groups whole from then on. The groups
    are written into cellwright.csv in the folder; no image and no label is touched, and the
    command can be given again with another pattern.
    """
    from cellwright.assays.names import parse_group
    from cellwright.data.formats import read_labelled
    from cellwright.data.formats.sidecar import refuse_elsewhere, write_groups

    template = parse_group(pattern)
    # Names tell groups, whatever the labels say; images without a row are why it is given again.
    labelled = read_labelled(source, format=format_name, damaged="keep")
    root = source.parent if source.is_file() else source
    refuse_elsewhere(root, labelled)
    groups = _groups(labelled, template)
    if len(set(groups.values())) == 1 < len(labelled):
        raise ConfigError(
            f"all {len(labelled)} images would be one group, which no split can share out",
            where=source,
            remedy="say where the group stands in a name, for instance --group '{group}_*'",
        )
    changed = sum(groups[record.id] != record.group for record in labelled)
    file = write_groups(root, labelled, groups)
    sizes = sorted(Counter(groups.values()).items())
    rows = [{"group": name, "images": size} for name, size in sizes]
    if not write_json(rows, json):
        print_table(("group", "images"), sizes[:MOST_SHOWN])
        if len(sizes) > MOST_SHOWN:
            say(f"and {len(sizes) - MOST_SHOWN} more")
    say(
        f"{counted(len(sizes), 'group')} of {counted(len(labelled), 'image')}, "
        f"{changed} in another than before: {file}"
    )


def _groups(labelled: LabelledSet, template: Template | None) -> dict[str, str]:
    """Record id to group. Folders do not part groups here: train/ and val/ may share a well.

    Raises:
        ConfigError: the template does not match a name.
    """
    from cellwright.assays.names import group_of
    from cellwright.images.read import stem_of
    from cellwright.inference.well_names import place_in

    stems = {record.id: stem_of(record.image_path) for record in labelled}
    return {
        name: group_of(stem, well=place_in(stem).well, template=template)
        for name, stem in stems.items()
    }
