"""Parts that can be used, and windows that the network can halve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.card import InputSpec
from cellwright.errors import DatasetError, LeakError
from cellwright.images.read import read_image
from cellwright.images.write import write_png
from cellwright.learning.config import DataConfig, InputConfig
from cellwright.learning.training_data import ONLY_EQUAL, Survey, choose_window, load_parts
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


def test_pictures_that_are_alike_across_parts_stop_training_unless_the_split_says_they_differ(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_discs(tmp_path / "set", n_images=4, edge=96) / "masks"
    images = sorted((data / "images").iterdir())
    parts = ("train", "train", "val", "test")
    rows = [f"discs{index:02d},,{part}" for index, part in enumerate(parts)]
    split = tmp_path / "split.csv"
    brighter = read_image(images[0]).pixels // 2 + 90
    write_png(images[3], brighter)
    config = DataConfig(path=data, split_file=split)
    split.write_text("\n".join(["id,group,part", *rows]))
    with pytest.raises(LeakError, match="1 near-duplicate pairs") as caught:
        load_parts(config)
    assert "--copies equal" in caught.value.remedy
    split.write_text("\n".join(["id,group,part,copies", *(f"{row},equal" for row in rows)]))
    loaded = load_parts(config)
    assert (loaded.leaks, loaded.limits) == ((), (ONLY_EQUAL,))
    assert "'discs00' and 'discs03': copies are of equal pixels only" in caplog.text
    split.write_text("\n".join(["id,group,part", *rows]))
    assert load_parts(config.model_copy(update={"copies": "equal"})).copies == "equal"
    images[3].write_bytes(images[0].read_bytes())
    with pytest.raises(LeakError, match="1 near-duplicate pairs"):
        load_parts(config.model_copy(update={"copies": "equal"}))


def test_a_split_of_its_own_takes_what_is_said_of_copies(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "set", n_images=3, edge=96) / "masks"
    first, *others = sorted((data / "images").iterdir())
    for number, image in enumerate(others, start=1):
        write_png(image, read_image(first).pixels // 2 + 40 * number)
    with pytest.raises(DatasetError, match=r"data\.copies=equal") as caught:
        load_parts(DataConfig(path=data))
    assert "3 images that resemble one another" in str(caught.value)
    assert len(load_parts(DataConfig(path=data, copies="equal")).train) == 1
