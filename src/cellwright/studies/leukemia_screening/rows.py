"""The cells of the study: a row is trained, or fitted, and judged on the test part, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import open_bundle
from cellwright.data.altered import Alter, altered
from cellwright.data.checksum import checksum
from cellwright.data.datasets import find_dataset, load_dataset
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import write_split
from cellwright.data.stain_shift import SHIFTS, shifted
from cellwright.errors import ConfigError, DatasetError
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import classify_labelled
from cellwright.learning.config import DataConfig
from cellwright.learning.train import train_on
from cellwright.learning.training_data import Parts, load_parts
from cellwright.models.imagenet import cached
from cellwright.studies.labels import labels_config
from cellwright.studies.leukemia_screening.blocks import split_in_order
from cellwright.studies.leukemia_screening.classical import (
    CLASSICAL,
    Probabilities,
    described,
    field_features,
    learned,
    true_ids,
)
from cellwright.studies.leukemia_screening.controls import CONTROLS
from cellwright.studies.leukemia_screening.judged import CLEAN, Scored, figures_of
from cellwright.studies.leukemia_screening.presets import PRESETS, Preset
from cellwright.studies.leukemia_screening.simulated import drawn_set
from cellwright.studies.leukemia_screening.variants import VARIANTS, config_of
from cellwright.studies.study import NotAttempted, Outcome, Request

OWN_SET = "all_pbs_leukemia"


@dataclass(frozen=True)
class Setting:
    """What all cells of a run share."""

    request: Request

    @property
    def preset(self) -> Preset:
        """Its size."""
        return PRESETS[self.request.preset]

    def data(self) -> DataConfig:
        """Where the images come from, with a split in the order of their numbers.

        Raises:
            NotAttempted: none are given, and the public set is not on this computer.
        """
        if self.request.data is not None:
            return labels_config(self.request.data, ratios={"train": 80, "val": 10, "test": 10})
        out = self.request.out
        if self.preset.simulated:
            path = drawn_set(out / "fields", fields=self.preset.simulated, seed=self.preset.seed)
            labelled, source = read_labelled(path), DataConfig(path=path.resolve())
        elif find_dataset(OWN_SET) is None:
            raise NotAttempted(f"{OWN_SET} is not on this computer; give images with --data")
        else:
            labelled, source = load_dataset(OWN_SET), DataConfig(dataset=OWN_SET)
        split = (out / "split.csv").resolve()
        write_split(split, labelled, split_in_order(labelled))
        return source.model_copy(update={"split_file": split})

    def parts(self) -> tuple[DataConfig, Parts, LabelledSet]:
        """Data section, parts, and the test part, which must be there.

        Raises:
            DatasetError: the split has no test part.
        """
        data = self.data()
        parts = load_parts(data)
        if parts.test is None:
            raise DatasetError("the split has no test part", where=parts.whole.name)
        return data, parts, parts.test


def measure_control(setting: Setting, name: str, folder: Path) -> Outcome:  # noqa: ARG001
    """A classifier of colours alone."""
    row, describe = CONTROLS[name]
    _, parts, _ = setting.parts()
    see = partial(described, describe=describe)
    forest = learned(parts, see, "random-forest", seed=setting.preset.seed)
    return _judge(setting, row, parts, forest)


def measure_classical(setting: Setting, name: str, folder: Path) -> Outcome:  # noqa: ARG001
    """A classifier of hand-made features."""
    _, parts, _ = setting.parts()
    store = setting.request.out / "features"
    see = partial(field_features, edge_px=setting.preset.features_px, store=store)
    model = learned(parts, see, name, seed=setting.preset.seed)
    return _judge(setting, CLASSICAL[name], parts, model)


def measure_network(setting: Setting, name: str, folder: Path) -> Outcome:
    """Train a row of :data:`VARIANTS`, or go on with what lies in ``folder``, and judge it.

    Raises:
        NotAttempted: it begins with weights that are not on this computer.
    """
    variant = VARIANTS[name]
    if variant.architecture != "small":
        try:
            cached(variant.architecture)
        except ConfigError as missing:
            raise NotAttempted(missing.what) from missing
    data, parts, _ = setting.parts()
    learnt = replace(parts, test=None)  # looked at once, below
    if variant.alter is not None:
        learnt = _altered(learnt, variant.alter)
    bundle = train_on(learnt, config_of(name, setting.preset, data), folder).bundle
    classifier = Classifier(open_bundle(bundle), threads=setting.preset.threads)

    def probabilities(labelled: LabelledSet) -> NDArray[np.float64]:
        return classify_labelled(classifier, labelled).found.probabilities

    return _judge(setting, variant.row, parts, probabilities, alter=variant.alter)


def _altered(parts: Parts, alter: Alter) -> Parts:
    train, val = (altered(one, alter, called="altered") for one in (parts.train, parts.val))
    return replace(parts, train=train, val=val)


def _judge(
    setting: Setting,
    row: str,
    parts: Parts,
    probabilities: Probabilities,
    *,
    alter: Alter | None = None,
) -> Outcome:
    """Figures of the test part as it is and under every shift; shifts come before ``alter``."""
    if parts.test is None:
        raise DatasetError("the split has no test part", where=parts.whole.name)
    sets = {CLEAN: parts.test, **{name: shifted(parts.test, name) for name in SHIFTS}}
    if alter is not None:
        sets = {name: altered(one, alter, called=row) for name, one in sets.items()}
    scored = {name: _scored(one, probabilities) for name, one in sets.items()}
    val = _scored(
        parts.val if alter is None else altered(parts.val, alter, called=row), probabilities
    )
    return Outcome(
        figures_of(row, val, scored, parts.whole.classes),
        seed=setting.preset.seed,
        data=parts.called("test part"),
        data_checksum=checksum(parts.whole),
    )


def _scored(labelled: LabelledSet, probabilities: Probabilities) -> Scored:
    groups = tuple(record.group for record in labelled)
    return Scored(probabilities(labelled), true_ids(labelled), groups)
