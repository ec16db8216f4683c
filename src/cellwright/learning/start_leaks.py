"""Whether weights that a training begins with already know images that it is judged on."""

from __future__ import annotations

import logging
from dataclasses import replace

from cellwright.learning.config import DataConfig
from cellwright.learning.starting_weights import Start
from cellwright.learning.training_data import Parts

_log = logging.getLogger(__name__)


def with_leaks_of(start: Start | None, parts: Parts, data: DataConfig) -> Parts:
    """The parts, with a sentence where ``start`` learned from another part of these very images.

    Such weights may still be wanted, so nothing is refused; a warning comes before the training.
    """
    if start is None or start.training is None:
        return parts
    learned = start.training
    if learned.data_checksum != parts.data_checksum or learned.learned_from == parts.learned_from:
        return parts
    if learned.learned_from:
        leak = (
            f"the weights that it began with, {start.source}, learned from another training part "
            "of the same images, so some that judge it were learned from"
        )
        _log.warning("%s; give the split of their training as data.split_file (--split)", leak)
        return replace(parts, leaks=(*parts.leaks, leak))
    if data.split_file is None:
        _log.warning(
            "%s learned from images of this very set, and its card does not say from which: "
            "whether some that judge the new model are among them cannot be known; give the "
            "split of its training as data.split_file (--split)",
            start.source,
        )
    return parts
