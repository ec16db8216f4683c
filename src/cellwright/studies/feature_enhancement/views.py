"""Test-time mirror images: a trained network judged again, each answer the mean of four."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from cellwright.bundles.bundle import Bundle
from cellwright.inference.segmenter import Segmenter
from cellwright.studies.feature_enhancement.judged import judge
from cellwright.studies.feature_enhancement.training import (
    Setting,
    figures_of,
    trained_bundle,
    words,
)
from cellwright.studies.feature_enhancement.variants import PRINTED
from cellwright.studies.study import Outcome

VIEWS: Literal[4] = 4
JUDGED_AGAIN = ("weighted", "long")


def row_of(variant: str) -> str:
    """Row of the table."""
    return f"{PRINTED[variant]}, mean of {VIEWS} mirror images"


def measure(setting: Setting, variant: str, folder: Path, *, seed: int) -> Outcome:  # noqa: ARG001
    """The bundle of a training, its card asking for mirror images.

    Raises:
        NotAttempted: the variant was not trained.
    """
    bundle = trained_bundle(setting, f"{variant}-seed{seed}")
    parts = setting.parts()
    test = parts.test if parts.test is not None else parts.val
    judged = judge(Segmenter(averaging(bundle)), test, units=setting.units)
    figures = figures_of(judged, row_of(variant), setting, seed=seed)
    return Outcome(figures, seed, words(parts.whole, test))


def averaging(bundle: Bundle) -> Bundle:
    """The same network, asked :data:`VIEWS` times."""
    spec = bundle.card.segmentation
    if spec is None:
        raise TypeError("a segmenter's card says how its maps are read")
    update = {"segmentation": spec.model_copy(update={"views": VIEWS})}
    return replace(bundle, card=bundle.card.model_copy(update=update))
