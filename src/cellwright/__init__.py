"""Cellwright turns microscope images into numbers a lab can defend.

>>> import cellwright
>>> cellwright.load_model("nuclei")
<nuclei: instances of nucleus>
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_OFFERED = {
    "Cells": "cellwright.inference.cells",
    "CellwrightError": "cellwright.errors",
    "Model": "cellwright.inference.model",
    "load_model": "cellwright.inference.model",
    "read_image": "cellwright.images.read",
}
"""What the package itself offers, and where it lives; ``__init__.pyi`` says the same to typing."""


def __getattr__(name: str) -> Any:
    # Looked up when first asked for: the command line imports this package too, and the rooms
    # take half a second that many a command does not need.
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_OFFERED[name]), name)


def __dir__() -> list[str]:
    return sorted(["__version__", *_OFFERED])
