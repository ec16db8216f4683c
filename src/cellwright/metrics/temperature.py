"""One number that makes a classifier's probabilities honest.

Temperature scaling (Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks,
ICML 2017): logits are divided by the T that gives held-out labels the largest likelihood. The
class with the largest probability stays the same, whatever T is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from cellwright.errors import ConfigError

RANGE = (0.2, 10.0)
"""Where a few labels are all right, the likelihood alone would want a temperature of 0."""


def fit_temperature(logits: NDArray[np.floating], class_ids: NDArray[np.integer]) -> float:
    """The temperature within 0.2..10 of the least negative log likelihood.

    Args:
        logits: ``(N, K)`` of images the network did not learn from, N >= 1.
        class_ids: ``(N,)`` true classes.

    Raises:
        ConfigError: no images, or other numbers of them.
    """
    if len(logits) == 0 or len(logits) != len(class_ids):
        raise ConfigError(f"no temperature from {len(logits)} logits and {len(class_ids)} classes")
    values = np.asarray(logits, np.float64)
    low, high = np.log(RANGE)
    found = minimize_scalar(
        lambda log_t: negative_log_likelihood(values / np.exp(log_t), class_ids),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def negative_log_likelihood(logits: NDArray[np.floating], class_ids: NDArray[np.integer]) -> float:
    """Mean of ``logsumexp(logits) - logit of the true class``, in nats."""
    true = logits[np.arange(len(logits)), class_ids]
    return float((logsumexp(logits, axis=1) - true).mean())
