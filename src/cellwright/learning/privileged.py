r"""What only the training can see: a stain whose measurements an unstained network also learns.

Vapnik and Vashist, A new learning paradigm: learning using privileged information, Neural
Networks 22, 2009: a teacher knows more of each example than the pupil will be shown in use. Here
that is a stained channel. Beside its classes the network learns to say what is measured of the
stain, from the same features, as one task of two (Caruana, Multitask Learning, Machine Learning
28, 1997). Blasi et al. (Nature Communications 7:10256, 2016) read the DNA content itself off
unstained cells by regression.

With features :math:`f(x)`, logits :math:`W f`, measurements :math:`m` standardised over the
training part, and Huber's loss :math:`h`, the loss is

.. math:: L(W f(x), y) + \lambda\, \operatorname{mean}_j h\bigl((V f(x))_j - m_j\bigr).

:math:`V` is left behind when training ends: network, graph and cost in use stay what they were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.features.extractors import EXTRACTORS
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.class_crops import CropSet, read_crops
from cellwright.learning.class_input import choose_class_input
from cellwright.learning.config import InputConfig
from cellwright.learning.last_layer import last_dense, what_it_is_fed


def check_privileged(chosen: ClassificationConfig) -> None:
    """Refuse what can be refused before any image is read.

    Raises:
        UnknownNameError: no such measurements.
        ConfigError: the network is fed what it shall do without.
    """
    wanted = chosen.privileged
    if wanted is None:
        return
    if wanted.measurements not in EXTRACTORS:
        raise UnknownNameError("kind of measurements", wanted.measurements, EXTRACTORS)
    fed = [name for name in wanted.channels if name in chosen.channels]
    if fed or not chosen.channels:
        raise ConfigError(
            f"the network is fed {fed[0] if fed else 'all channels'}, so nothing is privileged",
            where="classification.privileged.channels",
            remedy="name in classification.channels the channels that will be there in use, and "
            "here the others",
        )


def with_measurements(
    crops: CropSet, train: LabelledSet, config: InputConfig, chosen: ClassificationConfig
) -> CropSet:
    """The crops of the training part with what is measured of their privileged channels.

    Args:
        crops: of ``train``, in its order.
        train: the training part; no other part may be among it.
        config: how pixels are scaled.
        chosen: which channels are privileged; None leaves the crops as they are.

    Raises:
        ConfigError: channels that the images do not name.
    """
    wanted = chosen.privileged
    if wanted is None:
        return crops
    stained = chosen.model_copy(update={"channels": wanted.channels})
    try:
        spec, decoding = choose_class_input(train, config, stained)
    except ConfigError as error:
        where = "classification.privileged.channels"
        raise ConfigError(error.what, where=where, remedy=error.remedy) from error
    hidden = read_crops(train, spec, decoding)
    measure = EXTRACTORS[wanted.measurements].measure
    rows = np.stack([measure(hidden.crop(index)) for index in range(len(hidden))])
    return replace(crops, measured=standardised(rows))


def standardised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns of ``(N, M)`` to mean 0 and standard deviation 1 over what is known of them.

    What is constant, or never known, becomes 0 or stays NaN: there is nothing to learn from it.
    """
    known = np.isfinite(rows)
    count = np.maximum(known.sum(axis=0), 1)
    apart = rows - np.where(known, rows, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, apart, 0) ** 2).sum(axis=0) / count)
    out: NDArray[np.float32] = (apart / np.where(spread > 1e-6, spread, 1)).astype(np.float32)
    return out


class PrivilegedHead(nn.Module):
    """Says, in training, what is measured of the channels that a network is not shown.

    Args:
        network: ends in a dense layer, whose input this one reads too.
        n_measurements: columns.

    Raises:
        ConfigError: the network has no dense layer.
    """

    def __init__(self, network: nn.Module, n_measurements: int) -> None:
        super().__init__()
        self.dense = nn.Linear(last_dense(network).in_features, n_measurements)

    def beside(self, network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(N, K)`` of the network and measurements ``(N, M)`` of one pass."""
        with what_it_is_fed(network) as seen:
            logits: Tensor = network(images)
        return logits, self.dense(seen[-1])
