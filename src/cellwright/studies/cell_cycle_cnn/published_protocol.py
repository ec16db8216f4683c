"""The paper's protocol: generate from all cells, add, then divide. Under its own label only.

What this brings without any cell being told better: the network that makes a phase's cells has
seen the test cells, so that cells made from them are learned from; generated cells are judged
too; and the phases, once filled, weigh alike in the weighted mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import InputSpec
from cellwright.data.formats.npz import FILE
from cellwright.data.labelled_set import LabelledSet
from cellwright.images.write import atomic_path
from cellwright.learning.class_crops import LEVELS, CropSet, read_crops
from cellwright.learning.class_input import choose_class_input
from cellwright.learning.config import TrainConfig
from cellwright.learning.cross_validation import Prediction
from cellwright.learning.generated_crops import fill_rare
from cellwright.learning.generation_config import Generation

GENERATED = "generated-"
"""How the id of a cell begins that never was."""


def write_augmented(
    labelled: LabelledSet,
    config: TrainConfig,
    wanted: Generation,
    folder: Path,
    *,
    undersample: bool,
) -> Path:
    """Real and generated cells as one archive; written at the first call only.

    Args:
        labelled: all cells.
        config: how the network looks at them.
        wanted: how the rare phases are filled, from all cells.
        folder: of the archive and the GANs.
        undersample: the largest class is cut to the size of the second largest beforehand.
    """
    path = folder / FILE
    if path.exists():
        return folder
    spec, decoding = choose_class_input(labelled, config.input, config.classification)
    crops = read_crops(labelled, spec, decoding)
    kept = _kept(crops.class_ids, seed=config.seed) if undersample else np.arange(len(crops))
    ids = [labelled.records[index].id for index in kept.tolist()]
    crops = CropSet(crops.pixels[kept], crops.class_ids[kept])
    filled = fill_rare(crops, labelled.classes, wanted, folder, seed=config.seed)
    made = len(filled.crops) - filled.n_real
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            images=raw_values(filled.crops, spec),
            labels=filled.crops.class_ids.astype(np.int64),
            class_names=np.array(labelled.classes),
            channel_names=np.array(spec.channel_names),
            ids=np.array([*ids, *(f"{GENERATED}{number:05d}" for number in range(made))]),
        )
    return folder


def raw_values(crops: CropSet, spec: InputSpec) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """What the network sees as intensities again, ``(N, C, H, W)``.

    Limits that are the same for all images are undone, 16 bit; 8-bit pictures have none but their
    full range, and become 8-bit pictures.
    """
    limits = spec.normalisation.limits or ((0.0, 255.0),) * spec.channels
    low, high = np.array(limits, np.float64).T[:, None, :, None, None]
    raw = np.rint(low + crops.pixels / LEVELS * (high - low))
    if not spec.normalisation.limits:
        pictures: NDArray[np.uint8] = raw.astype(np.uint8)
        return pictures
    values: NDArray[np.uint16] = np.clip(raw, 0, 65535).astype(np.uint16)
    return values


def is_real(prediction: Prediction) -> bool:
    """Whether it is about a cell that was photographed."""
    return not prediction.id.startswith(GENERATED)


def _kept(class_ids: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Indices of all but the surplus of the largest class, in order."""
    counts = np.bincount(class_ids)
    largest, allowed = int(counts.argmax()), int(np.sort(counts)[-2])
    members = np.random.default_rng(seed).permutation(np.flatnonzero(class_ids == largest))
    kept: NDArray[np.int64] = np.setdiff1d(np.arange(len(class_ids)), members[allowed:])
    return kept
