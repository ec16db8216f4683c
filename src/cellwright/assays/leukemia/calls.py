"""What a model is asked: each white cell or the whole field, and which classes are leukemic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cellwright.bundles.bundle import Bundle
from cellwright.errors import ConfigError
from cellwright.images.montage import centred
from cellwright.inference.classifier import Classified, Classifier
from cellwright.inference.crops import extent
from cellwright.types import Image, Instances

NOTE = "research use only, not a diagnosis"
"""Stands on every output."""

Asked = Literal["cells", "fields"]

LEUKEMIC = frozenset(
    {"blast", "blasts", "lymphoblast", "leukemic", "leukemia", "malignant", "all", "early", "pre"}
    | {"pro"}
)
"""Names of classes that are blasts, or fields of a leukemic patient, in lower case."""
HARMLESS = frozenset({"benign", "normal", "healthy", "hem", "negative"})


def leukemic_classes(classes: Sequence[str], named: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes that count as blasts: those named, else those whose name says it.

    Raises:
        ConfigError: a named class that the model does not have, or names that say nothing.

    >>> leukemic_classes(("benign", "early", "pre", "pro"))
    ('early', 'pre', 'pro')
    """
    unknown = [name for name in named if name not in classes]
    if unknown:
        raise ConfigError(
            f"the model has no class {unknown[0]!r}",
            where="--blast",
            remedy=f"choose out of: {', '.join(classes)}",
        )
    found = tuple(named) or tuple(name for name in classes if name.lower() in LEUKEMIC)
    if not found and any(name.lower() in HARMLESS for name in classes):
        found = tuple(name for name in classes if name.lower() not in HARMLESS)
    if not found or len(found) == len(classes):
        raise ConfigError(
            f"the names of the classes ({', '.join(classes)}) do not say which are blasts",
            where="--blast",
            remedy="name them with --blast CLASS, once a class",
        )
    return found


class Caller:
    """A classification bundle that is asked about smears.

    Attributes:
        classes: of the model.
        leukemic: those that are blasts, or leukemic fields.
        asked: ``cells`` where the model was trained on single cells, else ``fields``.
        runtime: in use.
    """

    def __init__(
        self, bundle: Bundle, *, named: Sequence[str] = (), runtime: str, threads: int | None
    ) -> None:
        """Load the bundle.

        Raises:
            BundleError: it does not classify.
            ConfigError: its classes do not say which are blasts.
        """
        if bundle.card.classification is None:
            raise bundle.of_another_task(
                "classifies",
                remedy="give a model that tells blasts from normal cells, or leukemic fields",
            )
        self.classes = bundle.card.classes
        self.leukemic = leukemic_classes(self.classes, named)
        self.asked: Asked = "cells" if bundle.card.classification.fit == "centre" else "fields"
        self._classifier = Classifier(bundle, runtime=runtime, threads=threads)
        self.runtime = self._classifier.runtime

    def chance(self, found: Classified) -> list[float]:
        """Probability of the leukemic classes together, one a row."""
        index = [self.classes.index(name) for name in self.leukemic]
        return [float(value) for value in found.probabilities[:, index].sum(axis=1)]

    def call(self, image: Image, white: Instances, pixel_size_um: float | None) -> Classified:
        """One row a white cell, or one row for the field."""
        crops = self.crops(image, white, pixel_size_um)
        return self._classifier.classify(crops, pixel_size_um=pixel_size_um)

    def crops(self, image: Image, white: Instances, pixel_size_um: float | None) -> list[Image]:
        """What the model is shown of a picture."""
        if self.asked == "fields":
            return [image]
        size = extent(self._classifier.card.input, self._classifier.decoding, pixel_size_um)
        boxes = white.boxes().xyxy
        middles = np.stack([boxes[:, [1, 3]].mean(axis=1), boxes[:, [0, 2]].mean(axis=1)], axis=1)
        return [centred(image, (float(y), float(x)), size) for y, x in middles]
