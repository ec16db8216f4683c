"""Rare classes of a training part filled with crops of a GAN that has seen that part alone.

Paper 4, section 2.4: a network a class, its crops added until the phases are of like number,
and, with WGAN-div, half of them mixed (Zhang et al., mixup, equation 1). Which crops are mixed
with which the paper does not say; here two generated crops of one class, so that the label stays.

    RUN/gan/CLASS/gan.pt      a network's checkpoint, from which a killed run goes on
    RUN/gan/CLASS.png         a sheet of its crops
    RUN/gan/quality.json      how many, and how good; see generation_quality
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellwright.errors import ConfigError, DatasetError, UnknownNameError
from cellwright.images.resize import resize
from cellwright.images.write import atomic_path
from cellwright.learning.class_crops import LEVELS, CropSet
from cellwright.learning.generation import (
    PAPER4,
    GanSettings,
    contact_sheet,
    generate,
    train_gan,
)
from cellwright.learning.generation_config import Generation
from cellwright.learning.generation_quality import quality_of

FOLDER, QUALITY = "gan", "quality.json"
SHEET = 64
"""Crops on a contact sheet."""

_OTHERS = "Metaphase"
"""The class of the paper whose settings serve classes that it does not have."""


@dataclass(frozen=True, eq=False)
class Filled:
    """A training part with its generated crops.

    Attributes:
        crops: real crops first, then the generated ones, class by class.
        generated: number of generated crops by class id.
        n_real: real crops.
    """

    crops: CropSet
    generated: Mapping[int, int]
    n_real: int

    def sentences(self, classes: Sequence[str]) -> tuple[str, ...]:
        """For the card: which classes were learned from generated crops too."""
        return tuple(
            f"the class {classes[class_id]} was learned from {number} generated crops beside the "
            "real ones"
            for class_id, number in self.generated.items()
        )

    @property
    def only_generated(self) -> CropSet:
        """The generated crops alone."""
        return CropSet(self.crops.pixels[self.n_real :], self.crops.class_ids[self.n_real :])


def fill_rare(
    train: CropSet, classes: Sequence[str], wanted: Generation | None, run_dir: Path, *, seed: int
) -> Filled:
    """Train a GAN for each class to fill, and add its crops; nothing is added without ``wanted``.

    Args:
        train: crops of the training part; no other part may be among them.
        classes: class names.
        wanted: which classes, how many crops, how they are made.
        run_dir: holds the checkpoints and sheets; a killed run goes on there.
        seed: of weights, order and noise; every class has a seed of its own.

    Raises:
        ConfigError: settings that no GAN has.
        DatasetError: a class with fewer than two crops to learn from.
        UnknownNameError: a class that the set lacks.
    """
    if wanted is None:
        return Filled(train, {}, len(train))
    counts = np.bincount(train.class_ids, minlength=len(classes))
    missing = missing_crops(counts, classes, wanted)
    made = [train]
    for class_id, number in missing.items():
        settings = settings_for(wanted, classes[class_id], seed=seed + class_id)
        crops = _crops_of(train, class_id, classes, edge=wanted.edge_px)
        generator = train_gan(crops, settings, run_dir / FOLDER / classes[class_id])
        fresh = mixed(generate(generator, number, seed=settings.seed), wanted, seed=settings.seed)
        contact_sheet(fresh[:SHEET], run_dir / FOLDER / f"{classes[class_id]}.png")
        made.append(_as_set(fresh, class_id, edges=train.pixels.shape[2:]))
    whole = CropSet(
        np.concatenate([one.pixels for one in made]),
        np.concatenate([one.class_ids for one in made]),
        _with_unknown(train.measured, sum(missing.values())),
    )
    return Filled(whole, missing, len(train))


def note_quality(
    filled: Filled, train: CropSet, network: nn.Module, classes: Sequence[str], run_dir: Path
) -> None:
    """Write ``gan/quality.json`` where crops were generated; features are the network's own."""
    if not filled.generated:
        return
    rows = quality_of(network, train, filled.only_generated, classes)
    with atomic_path(run_dir / FOLDER / QUALITY) as temporary:
        text = json.dumps([row.to_json() for row in rows], indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def missing_crops(
    counts: NDArray[np.int64], classes: Sequence[str], wanted: Generation
) -> dict[int, int]:
    """How many crops each class to fill lacks, by class id.

    >>> missing_crops(np.array([90, 60, 8]), ("G1", "S", "M"), Generation())
    {2: 52}

    Raises:
        UnknownNameError: a class that the set lacks.
    """
    for name in wanted.classes:
        if name not in classes:
            raise UnknownNameError("class to fill with generated crops", name, classes)
    up_to = wanted.up_to or int(np.sort(counts)[-2:][0])
    chosen = wanted.classes or tuple(classes)
    lacking = {classes.index(name): up_to - int(counts[classes.index(name)]) for name in chosen}
    return {class_id: number for class_id, number in sorted(lacking.items()) if number > 0}


def settings_for(wanted: Generation, class_name: str, *, seed: int) -> GanSettings:
    """The paper's settings for this class, or for its rare ones, with what the config replaces.

    Raises:
        ConfigError: a field that no GAN has, or a value out of range.
    """
    rows = PAPER4[wanted.method]
    try:
        settings = replace(rows.get(class_name, rows[_OTHERS]), **wanted.settings, seed=seed)
        _check_range(settings)
        return settings
    except TypeError as error:
        raise ConfigError(
            f"a GAN does not take these settings ({error})",
            where="classification.generation.settings",
        ) from error


def _check_range(settings: GanSettings) -> None:
    whole = ("batch_size", "critic_steps", "epochs", "width", "latent", "keep_every")
    said = {
        name: "must be a whole number, 1 or more"
        for name in whole
        if not isinstance(getattr(settings, name), int) or getattr(settings, name) < 1
    }
    if not 0 < settings.learning_rate < float("inf"):
        said["learning_rate"] = "must be finite and above 0"
    for name, what in said.items():
        raise ConfigError(
            f"{what}, not {getattr(settings, name)!r}",
            where=f"classification.generation.settings.{name}",
        )


def mixed(crops: NDArray[np.float32], wanted: Generation, *, seed: int) -> NDArray[np.float32]:
    """Crops ``(N, C, H, W)`` of one class of which a share is mixed with another of them."""
    number = round(wanted.mixup_share * len(crops))
    if not number:
        return crops
    rng = np.random.default_rng(seed)
    share = rng.beta(wanted.mixup_alpha, wanted.mixup_alpha, (number, 1, 1, 1)).astype(np.float32)
    partners = crops[rng.integers(len(crops), size=number)]
    out = crops.copy()
    out[:number] = share * crops[:number] + (1 - share) * partners
    return out


def _crops_of(train: CropSet, class_id: int, classes: Sequence[str], *, edge: int) -> torch.Tensor:
    members = np.flatnonzero(train.class_ids == class_id).tolist()
    if len(members) < 2:
        raise DatasetError(
            f"the training part holds {len(members)} images of the class {classes[class_id]!r}: "
            "too few to learn to generate others",
            remedy="leave the class out of classification.generation.classes, or label more",
        )
    return torch.from_numpy(np.stack([resize(train.crop(one), edge, edge) for one in members]))


def _with_unknown(
    measured: NDArray[np.float32] | None, generated: int
) -> NDArray[np.float32] | None:
    """Measurements of real crops, and rows of NaN for generated ones: nobody stained those."""
    if measured is None:
        return None
    unknown = np.full((generated, measured.shape[1]), np.nan, np.float32)
    return np.concatenate([measured, unknown])


def _as_set(crops: NDArray[np.float32], class_id: int, *, edges: tuple[int, ...]) -> CropSet:
    sized = np.stack([resize(crop, *edges) for crop in crops])
    pixels = np.rint(np.clip(sized, 0, 1) * LEVELS).astype(np.uint16)
    return CropSet(pixels, np.full(len(crops), class_id, np.int64))
