"""How good the generated cells are, by a network that has seen none of them: ours, same fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright.data.checksum import checksum
from cellwright.errors import DatasetError
from cellwright.learning.class_crops import read_crops
from cellwright.learning.class_input import choose_class_input
from cellwright.learning.classification import build_classifier
from cellwright.learning.cross_validation import folds_of
from cellwright.learning.generated_crops import fill_rare
from cellwright.learning.generation_quality import Quality, quality_of
from cellwright.learning.starting_weights import read_start, take_over
from cellwright.learning.training_data import load_set
from cellwright.studies.cell_cycle_cnn.methods import AUGMENTED, Variant
from cellwright.studies.cell_cycle_cnn.setting import Setting, generation_of, train_config
from cellwright.studies.study import Figure, NotAttempted, Outcome

GAN = "generated cells"
DISTANCE, YARDSTICK, COPIES = "distance", "distance of real halves", "copies"
METRICS = (DISTANCE, YARDSTICK, COPIES)


def gan_row(variant: Variant, phase: str) -> str:
    """Row of the table.

    >>> gan_row(Variant("cnn", "label-free", "gp"), "Anaphase")
    'WGAN-GP, label-free: Anaphase'
    """
    return f"{AUGMENTED[variant.augmented]}, {variant.channels}: {phase}"


def measure(setting: Setting, _folder: Path, *, variant: Variant) -> Outcome:
    """Distance and copies of the first judged fold's generated cells, phase by phase.

    Raises:
        NotAttempted: the GANs, or the network whose features are compared, were not trained.
    """
    labelled = load_set(setting.source)
    ours = Variant("ours", variant.channels)
    fold = (setting.folds(variant).only or (0,))[0]
    bundle = setting.work(ours) / f"fold-{fold}" / "ours.cellwright"
    run_dir = setting.work(variant) / f"fold-{fold}"
    if not bundle.exists() or not run_dir.exists():
        raise NotAttempted(f"{variant.row}, or ours beside it, was not trained")
    parts = dict(folds_of(labelled, setting.folds(ours)))[fold]
    config = train_config(setting, ours, setting.source)
    spec, decoding = choose_class_input(parts.train, config.input, config.classification)
    train = read_crops(parts.train, spec, decoding)
    wanted = generation_of(setting, variant)
    filled = fill_rare(train, labelled.classes, wanted, run_dir, seed=setting.preset.seed)
    network = build_classifier(
        config.classification,
        len(labelled.classes),
        n_channels=spec.channels,
        crop_px=decoding.crop_px,
    ).eval()
    take_over(network, read_start(str(bundle)))
    rows = quality_of(network, train, filled.only_generated, labelled.classes)
    figures = [figure for row in rows for figure in _figures(row, variant)]
    if not figures:
        raise DatasetError("no phase was filled", where=labelled.name)
    words = f"{labelled.name}, training part of fold {fold}"
    return Outcome(tuple(figures), setting.preset.seed, words, checksum(labelled))


def _figures(row: Quality, variant: Variant) -> list[Figure]:
    name = gan_row(variant, row.name)
    values = (row.distance, row.yardstick, row.memorised)
    return [
        Figure(GAN, name, metric, float(np.round(value, 4)), n=row.n_generated)
        for metric, value in zip(METRICS, values, strict=True)
        if value is not None
    ]
