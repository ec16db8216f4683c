"""What of a classifier's card depends on its logits: temperature, and the threshold of likeness."""

from __future__ import annotations

import numpy as np

from cellwright.bundles.class_probabilities import ClassProbabilities, Unlike
from cellwright.inference.classifier import log_sum_exp
from cellwright.inference.evaluate_classification import LabelledClasses
from cellwright.metrics.temperature import fit_temperature


def settle(
    decoding: ClassProbabilities, val: LabelledClasses, *, quantile: float | None
) -> ClassProbabilities:
    """The decoding with the temperature and the threshold of likeness of a validation part.

    Args:
        decoding: its own temperature and threshold are not looked at.
        val: images with their classes.
        quantile: share of those images that are to count as like them; None marks nothing.
    """
    temperature = fit_temperature(val.logits, val.true_ids)
    unlike = None
    if quantile is not None:
        energies = -temperature * log_sum_exp(val.logits / temperature)
        unlike = Unlike(threshold=float(np.quantile(energies, quantile)), quantile=quantile)
    return decoding.model_copy(update={"temperature": temperature, "unlike": unlike})
