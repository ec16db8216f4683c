"""Nuclei and whole white cells: fuzzy segmentation beside Otsu's threshold and k-means.

    python benchmarks/smear_segmentation.py

On `wbc_segmentation`, one centred cell a picture. The settings of the fuzzy segmentation were
chosen on every fourth picture of each of its two parts; the others judge. The split is drawn
from seed 5 and written into the results. Every method gets the same picture, and the same rule
of which region is the cell: the large one nearest to the middle, holes filled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from skimage.filters import threshold_otsu
from sklearn.cluster import KMeans

from cellwright.data.datasets import load_dataset
from cellwright.data.labelled_set import Record
from cellwright.features import segment_crop
from cellwright.features.smear import centred
from cellwright.features.stain import lab_of, purple
from cellwright.features.touching import labelled, opened
from cellwright.metrics.intervals import Resampling, intervals_of, with_resamples
from cellwright.types import Image, SemanticMask
from record import write_results

SEED = 5
RESAMPLES = 2000
Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Whole cell and nucleus."""


def fuzzy(image: Image) -> Masks:
    """Ours."""
    found = segment_crop(image)
    return found.white > 0, found.nuclei > 0


def otsu(image: Image) -> Masks:
    """Otsu 1979, on green, which nuclei absorb; a second threshold inside the first for nuclei."""
    green = cv2.GaussianBlur(image[1].astype(np.float32), (0, 0), 1)
    cell = one_region(green < threshold_otsu(green))
    dark = green < threshold_otsu(green[cell]) if cell.any() else cell
    return cell, cell & dark


def k_means(image: Image) -> Masks:
    """Three hard clusters of L*a*b*: the brightest is background, the most purple nucleus."""
    lab = lab_of(image)
    found = KMeans(3, n_init=4, random_state=0).fit(lab.reshape(-1, 3)[::3])
    kind = found.predict(lab.reshape(-1, 3)).reshape(lab.shape[:2])
    centres = found.cluster_centers_
    background = int(centres[:, 0].argmax())
    nucleus = max({0, 1, 2} - {background}, key=lambda index: purple(centres[index]))
    cell = one_region(kind != background)
    return cell, cell & (kind == nucleus)


def one_region(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region that all methods are judged by."""
    regions, _ = labelled(opened(mask, 0.03 * min(mask.shape)))
    label = centred(regions)
    return np.asarray(binary_fill_holes(regions == label) if label else mask & False, bool)


METHODS: dict[str, Callable[[Image], Masks]] = {
    "Otsu, green": otsu,
    "k-means, L\\*a\\*b\\*": k_means,
    "fuzzy, two stages": fuzzy,
}


def chosen_on(ids: list[str]) -> set[str]:
    """The pictures that settings were chosen on: a quarter of each part."""
    rng = np.random.default_rng(SEED)
    chosen: set[str] = set()
    for part in ("ds1", "ds2"):
        names = sorted(name for name in ids if name.startswith(part))
        chosen |= set(rng.permutation(names)[: len(names) // 4].tolist())
    return chosen


def counts(record: Record, method: Callable[[Image], Masks]) -> NDArray[np.int64]:
    """Pixels in both, in the truth, in the prediction: of the cell, then of the nucleus."""
    sample = record.load()
    if not isinstance(sample.annotation, SemanticMask):
        raise TypeError(f"{record.id} has no mask")
    truth = (sample.annotation.mask > 0, sample.annotation.mask == 2)
    rows = [
        (int((true & guess).sum()), int(true.sum()), int(guess.sum()))
        for true, guess in zip(truth, method(sample.image[:3]), strict=True)
    ]
    return np.array(rows, np.int64)


def figures(table: NDArray[np.int64]) -> dict[str, Any]:
    """Dice of ``(N, 2, 3)`` counts: mean over pictures and pooled, with bootstrap intervals."""
    weights = with_resamples(len(table), Resampling(n=RESAMPLES, seed=0))
    values = {}
    for index, name in enumerate(("cell", "nucleus")):
        both, true, guess = table[:, index].astype(np.float64).T
        values[f"{name}_dice"] = weights @ (2 * both / (true + guess)) / weights.sum(axis=1)
        values[f"{name}_dice_pooled"] = 2 * (weights @ both) / (weights @ (true + guess))
    found = intervals_of(values, dict.fromkeys(values, len(table)))
    return {name: interval.to_json() for name, interval in found.items()}


def main() -> None:
    """Measure all methods and write the results file."""
    labelled_set = load_dataset("wbc_segmentation")
    chosen = chosen_on([record.id for record in labelled_set])
    judged = [record for record in labelled_set if record.id not in chosen]
    checksum = hashlib.sha256()
    for record in labelled_set:
        checksum.update(record.image_path.read_bytes())
    result: dict[str, Any] = {}
    for name, method in METHODS.items():
        table = {record.id: counts(record, method) for record in labelled_set}
        parts = {
            "judged": [record.id for record in judged],
            "judged, part 1": [record.id for record in judged if record.id.startswith("ds1")],
            "judged, part 2": [record.id for record in judged if record.id.startswith("ds2")],
            "settings": sorted(chosen),
        }
        result[name] = {
            part: figures(np.stack([table[one] for one in ids])) for part, ids in parts.items()
        }
        print(
            name, {part: round(one["cell_dice"]["value"], 4) for part, one in result[name].items()}
        )
    path = write_results(
        "smear_segmentation",
        {
            "data": "wbc_segmentation",
            "images_sha256": checksum.hexdigest(),
            "seed": SEED,
            "n_judged": len(judged),
            "settings_chosen_on": sorted(chosen),
            "methods": result,
        },
    )
    print(path)


if __name__ == "__main__":
    main()
