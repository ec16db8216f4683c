"""Whether what a config names is there, told before anything slow is imported or begun."""

from __future__ import annotations

from cellwright.bundles.bundle import open_bundle
from cellwright.data.datasets import find_here
from cellwright.data.formats import LAYOUTS
from cellwright.data.splits import read_split
from cellwright.errors import DatasetError, UnknownNameError
from cellwright.learning.config import TrainConfig


def check_sources(config: TrainConfig) -> None:
    """Refuse a run whose labels, split or first weights are not there.

    Raises:
        UnknownNameError: no such public set, label format or model.
        DatasetError: a set, a folder or a split file that is not there.
        BundleError: a bundle to start from that is not there, or damaged.
    """
    data = config.data
    for name in (*([] if data.dataset is None else [data.dataset]), *data.datasets):
        find_here(name)
    if data.format is not None and data.format not in LAYOUTS:
        raise UnknownNameError("format", data.format, LAYOUTS)
    if data.path is not None and not data.path.exists():
        raise DatasetError("is not there", where=data.path, remedy="check data.path in the config")
    if data.split_file is not None:
        read_split(data.split_file)
    if config.start_from is not None:
        open_bundle(config.start_from)
