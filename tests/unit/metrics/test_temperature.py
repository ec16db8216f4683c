from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from cellwright.errors import ConfigError
from cellwright.metrics.temperature import fit_temperature, negative_log_likelihood


def test_a_planted_temperature_is_found():
    """Labels drawn from softmax(logits); the network claims logits three times as sure."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row) for row in shares])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.08)


def test_the_likelihood_is_scikit_learns():
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 3, (50, 4)), rng.integers(0, 4, 50)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = log_loss(labels, shares, labels=range(4))
    assert negative_log_likelihood(logits, labels) == pytest.approx(expected)


def test_without_labels_there_is_no_temperature():
    with pytest.raises(ConfigError):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
