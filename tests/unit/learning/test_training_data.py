"""Parts that can be used, and windows that the network can halve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.card import InputSpec
from cellwright.errors import DatasetError
from cellwright.learning.config import DataConfig, InputConfig
from cellwright.learning.training_data import Survey, choose_window, load_parts
from tiny_masks import write_discs


def test_a_part_that_nobody_labelled_is_refused_by_its_name(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "set", n_images=4, edge=32) / "masks"
    split = tmp_path / "split.csv"
    parts = ("train", "train", "val", "test")
    rows = [f"discs{index:02d},discs{index:02d},{part}" for index, part in enumerate(parts)]
    split.write_text("\n".join(["id,group,part", *rows]))
    config = DataConfig(path=data, split_file=split)
    assert load_parts(config).test is not None
    (data / "masks" / "discs03.png").unlink()
    with pytest.raises(DatasetError, match=r"1 images of the test part is labelled.*needs labels"):
        load_parts(config)


@pytest.mark.parametrize(("multiple", "window"), [(16, (96, 64)), (32, (96, 64)), (64, (128, 64))])
def test_windows_are_multiples_of_what_the_network_divides_by(
    multiple: int, window: tuple[int, int]
) -> None:
    looks = Survey(((1, 90, 60),), (np.dtype(np.uint8),), (None,), 0.0)
    spec = InputSpec(channels=1, multiple=multiple)
    assert choose_window(looks, spec, InputConfig())[0] == window
