"""What a network cuts out of a few test images, small enough to be kept with its figures."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.images.overlay import display
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.truth import LabelReader
from cellwright.studies.kept_pictures import as_text
from cellwright.types import Sample

SHOWN = 3
EDGE_PX = 192
GAP_PX = 4
WHITE = 255


def strips_of(bundle: Bundle, labelled: LabelledSet) -> dict[str, str]:
    """Image id -> image, labels and result side by side, a PNG in base64, of the first images."""
    segmenter, reader = Segmenter(bundle), LabelReader(bundle.card, labelled)
    strips = {}
    for record in islice(labelled, SHOWN):
        sample = record.load()
        if sample.annotation is not None:
            strips[sample.id] = as_text(_strip(segmenter, reader, sample))
    return strips


def _strip(segmenter: Segmenter, reader: LabelReader, sample: Sample) -> NDArray[np.uint8]:
    found = segmenter.segment_fully(sample.image, pixel_size_um=sample.pixel_size_um).mask
    masks = [
        np.where(mask.mask > 0, WHITE, 0).astype(np.uint8)[None]
        for mask in (reader.read(sample).mask, found)
    ]
    panels = [display(one, max_edge=EDGE_PX) for one in (sample.image, *masks)]
    gap = np.full((panels[0].shape[0], GAP_PX, 3), WHITE, np.uint8)
    return np.hstack([panels[0], gap, panels[1], gap, panels[2]])
