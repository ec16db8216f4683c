"""Labels of an image as a segmentation bundle would have given them: mask and cells.

Where a mask must serve as cells, they are told apart in it: for a bundle that gives masks,
as connected regions, the way its own cells are; for one that separates touching cells, at
their necks (:mod:`cellwright.data.touching_cells`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import Card
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.touching_cells import cells_of
from cellwright.errors import AnnotationError, DatasetError
from cellwright.inference.regions import label_regions, lookup
from cellwright.inference.segmenter import Segmented
from cellwright.types import Instances, Sample, SemanticMask, kind_in_words


class LabelReader:
    """Reads the labels of one set in the classes of one model, matched by name.

    With one class on both sides the names need not agree: what a set calls ``foreground``, a
    model may call ``cell``. The first class of masks is the background.

    Attributes:
        true_cells: how the cells of masks are told apart.
    """

    def __init__(self, card: Card, labelled: LabelledSet) -> None:
        self._classes, self._labelled = card.classes, labelled
        self._separates = card.task == "instances"
        self.true_cells = (
            "parts of the masks, cut at their necks"
            if self._separates
            else "connected regions of the masks"
        )

    def read(self, sample: Sample) -> Segmented:
        """Mask and cells of one labelled image.

        Raises:
            AnnotationError: neither mask nor instances, or of another size than the image.
            DatasetError: a class that the model does not know.
        """
        annotation, where = sample.annotation, f"{self._labelled.name}/{sample.id}"
        if isinstance(annotation, SemanticMask):
            check_size(annotation.mask, sample, where)
            return self._from_mask(annotation, where)
        if isinstance(annotation, Instances) and annotation.class_ids is not None:
            check_size(annotation.labels, sample, where)
            return self._from_instances(annotation, annotation.class_ids, where)
        raise AnnotationError(
            "a model that segments is judged by masks or single cells, and this image is "
            f"labelled with {kind_in_words(annotation)}",
            where=where,
            remedy="label the outlines of cells, or evaluate a model for such labels",
        )

    def _from_mask(self, annotation: SemanticMask, where: str) -> Segmented:
        table = np.concatenate([[0], self._table(self._labelled.classes[1:]) + 1])
        self._refuse_unknown(annotation.mask, table == 0, offset=0, where=where)
        mask = SemanticMask(table.astype(np.uint8)[annotation.mask])
        # Necks are found in masks of one class only.
        apart = self._separates and len(self._classes) == 1
        return Segmented(mask, cells_of(mask) if apart else label_regions(mask))

    def _from_instances(
        self, annotation: Instances, class_ids: NDArray[np.int64], where: str
    ) -> Segmented:
        table = self._table(self._labelled.classes)
        self._refuse_unknown(class_ids + 1, np.append(False, table < 0), offset=-1, where=where)
        cells = Instances(annotation.labels, table[class_ids])
        of_label = np.append(0, table[class_ids] + 1).astype(np.uint8)
        return Segmented(SemanticMask(lookup(of_label, cells.labels)), cells)

    def _table(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """For each class of the set the model's, -1 where the model does not know it."""
        if len(names) == len(self._classes) == 1:
            return np.zeros(1, np.int64)
        place = {name: index for index, name in enumerate(self._classes)}
        return np.array([place.get(name, -1) for name in names], np.int64)

    def _refuse_unknown(
        self, values: NDArray[np.integer], unknown: NDArray[np.bool_], *, offset: int, where: str
    ) -> None:
        """Values index ``unknown``, in which 0 is the background."""
        counts = np.bincount(values.ravel(), minlength=len(unknown))
        wrong = np.flatnonzero(counts[1 : len(unknown)] * unknown[1:]) + 1
        if len(counts) > len(unknown) or len(wrong):
            index = int(wrong[0]) + offset if len(wrong) else len(counts) - 1 + offset
            names = self._labelled.classes
            name = repr(names[index]) if index < len(names) else f"number {index}"
            raise DatasetError(
                f"the labels hold the class {name}, which the model does not know",
                where=where,
                remedy=f"the model's classes are: {', '.join(self._classes)}; "
                "rename or drop the class",
            )


def check_size(labels: NDArray[np.integer], sample: Sample, where: str) -> None:
    """Refuse labels of another size than their image.

    Raises:
        AnnotationError: as said.
    """
    if labels.shape != sample.image.shape[1:]:
        height, width = labels.shape
        raise AnnotationError(
            f"the labels are {width} x {height} pixels, but the image is "
            f"{sample.image.shape[2]} x {sample.image.shape[1]}",
            where=where,
            remedy="save labels and image at one size",
        )
