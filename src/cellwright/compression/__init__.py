"""Smaller and faster bundles, each with a measured verdict.

Everything here reads ONNX graphs, so the whole room needs the package ``onnx``, which comes
with the extra ``train``; without it, importing the room says so in a sentence.
"""

from importlib.util import find_spec

from cellwright.errors import MissingExtraError

if find_spec("onnx") is None:
    raise MissingExtraError("onnx", "train")

from cellwright.compression.half import halve
from cellwright.compression.keep import keep
from cellwright.compression.method import Method
from cellwright.compression.ptq import quantize
from cellwright.compression.trained import trained

TRAINED: dict[str, Method] = {
    "magnitude": trained,
    "prune": trained,
    "qat": trained,
}
"""Ways that need a training, which comes before (:mod:`cellwright.learning.fine_tuning`); here
what it left is judged."""

METHODS: dict[str, Method] = {
    "half": halve,
    "keep": keep,
    "ptq": quantize,
    **TRAINED,
}
"""Ways to make a bundle smaller; the command line and its help read this table."""

TAKE_CHANNELS = ("prune",)
"""Those that leave channels out."""

LEARN_RANGES = ("ptq",)
"""Those that look at images for the ranges of activations."""
