"""``cellwright export``: a bundle's graph in the form that another program loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellwright.cli.console import say
from cellwright.cli.options import BundleName

EXAMPLES = """Examples:

cellwright export blood-cells --to openvino --out exported

cellwright export nuclei --to bioimageio --out exported"""

FILES = (".onnx", ".xml", ".bin", ".zip", ".json")
"""Endings of files: who gives a folder such a name meant the file itself."""


def export(
    bundle: BundleName,
    *,
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="onnx, openvino or bioimageio.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files.")],
) -> None:
    """Write a bundle's graph, with its card beside it, for use without Cellwright."""
    from cellwright.bundles.bundle import open_bundle
    from cellwright.bundles.interchange import INTERCHANGE
    from cellwright.errors import ConfigError, UnknownNameError

    if to not in INTERCHANGE:
        raise UnknownNameError("form", to, INTERCHANGE)
    if out.suffix.lower() in FILES and not out.is_dir():
        raise ConfigError(
            "--out is the folder that the files are written into, not a file",
            where=out,
            remedy=f"leave {out.suffix} out: --out {out.with_suffix('')}",
        )
    for path in INTERCHANGE[to](open_bundle(bundle), out):
        say(f"wrote {path}")
