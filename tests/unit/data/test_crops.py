from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.data.crops import cropped
from cellwright.data.formats import read_labelled
from cellwright.errors import AnnotationError
from cellwright.images.write import write_png
from cellwright.types import SemanticMask
from tiny_masks import write_discs


def test_squares_tile_the_image_and_carry_their_part_of_the_mask(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    values = np.arange(70 * 100, dtype=np.uint32).reshape(70, 100)
    write_png(tmp_path / "images/a.png", (values % 251).astype(np.uint8)[None])
    write_png(tmp_path / "masks/a.png", (values % 7 == 0).astype(np.uint8)[None])
    labelled = read_labelled(tmp_path)
    squares = cropped(labelled, 32)
    assert [one.id for one in squares] == ["a@0-0", "a@0-1", "a@0-2", "a@1-0", "a@1-1", "a@1-2"]
    assert {one.group for one in squares} == {labelled.records[0].group}
    sample = squares.records[5].load()
    inside = values[32:64, 64:96]
    assert (sample.image[0] == inside % 251).all()
    assert isinstance(sample.annotation, SemanticMask)
    assert (sample.annotation.mask == (inside % 7 == 0)).all()
    assert len(cropped(labelled, 128)) == 0


def test_cells_are_not_cut_apart(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "set", n_images=1)
    squares = cropped(read_labelled(data / "instances"), 32)
    with pytest.raises(AnnotationError, match="only masks are cut into squares"):
        squares.records[0].load()
