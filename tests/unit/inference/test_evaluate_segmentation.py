"""Evaluation of a network that reads what was drawn: perfect, or wrong by a known amount."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import InputSpec
from cellwright.data.formats import read_labelled
from cellwright.errors import AnnotationError, DatasetError, ImageError
from cellwright.images.write import write_labels, write_png
from cellwright.inference.evaluate_segmentation import (
    BESIDE_CELLS,
    BESIDE_MASKS,
    evaluate_segmentation,
)
from cellwright.metrics.instances import METRICS as CELL_METRICS
from cellwright.metrics.semantic import METRICS as PIXEL_METRICS
from cellwright.types import Instances
from ink_cells import discs, draw_ink, scattered_discs, write_ink_bundle

SIZE = (60, 80)


def bundle(folder: Path, network: str = "cells") -> Bundle:
    return open_bundle(write_ink_bundle(folder / f"{network}.cellwright", network))


def write_set(folder: Path, fields: list[Instances], *, kind: str = "instances") -> Path:
    """``images/`` as the networks read them, and their labels."""
    for index, cells in enumerate(fields):
        write_png(folder / "images" / f"{index}.png", draw_ink(cells))
        if kind == "instances":
            write_labels(folder / "instances" / f"{index}.png", cells.labels)
        else:
            mask = (cells.labels > 0).astype(np.uint8) * np.uint8(255)
            write_png(folder / "masks" / f"{index}.png", mask[None])
    return folder


def fields(n: int = 4) -> list[Instances]:
    return [scattered_discs(6 + index, SIZE, seed=index) for index in range(n)]


def values(report) -> dict[str, float | None]:
    return {name: one.value for name, one in report.metrics.items()}


@pytest.mark.parametrize("kind", ["instances", "masks"])
def test_a_network_that_reads_masks_is_perfect_in_pixels(kind: str, tmp_path: Path) -> None:
    labelled = read_labelled(write_set(tmp_path / "set", fields(), kind=kind))
    report = evaluate_segmentation(bundle(tmp_path, "mask"), labelled)
    assert report.task == "semantic"
    assert set(PIXEL_METRICS) | set(BESIDE_MASKS) <= set(report.metrics)
    found = values(report)
    assert all(found[name] == 1.0 for name in PIXEL_METRICS)
    assert report.to_json()["per_class"]["cell"]["jaccard"]["value"] == 1.0
    if kind == "masks":
        assert found["matched50"] == 1.0 and found["count_mae"] == 0.0
        assert report.settings["true_cells"] == "connected regions of the masks"
    else:
        # Its regions do not part the touching cells that the labels tell apart.
        assert found["matched50"] < 1.0 and found["count_mae"] > 0
        assert report.settings["true_cells"] == "as labelled"


def test_a_network_that_separates_cells_is_judged_by_cells(tmp_path: Path) -> None:
    labelled = read_labelled(write_set(tmp_path / "set", fields()))
    report = evaluate_segmentation(bundle(tmp_path), labelled)
    assert report.task == "instances"
    assert set(CELL_METRICS) | {f"pixel_{name}" for name in BESIDE_CELLS} <= set(report.metrics)
    found = values(report)
    assert found["matched50"] == found["f1"] == found["pixel_f1"] == 1.0
    assert found["pq"] > 0.95
    assert report.metrics["matched50"].n == sum(len(one) for one in fields())


def test_touching_cells_of_masks_are_cut_at_their_necks(tmp_path: Path) -> None:
    touching = [discs((30, 25, 12), (30, 47, 12), size=SIZE)]
    labelled = read_labelled(write_set(tmp_path / "set", touching, kind="masks"))
    report = evaluate_segmentation(bundle(tmp_path), labelled)
    assert report.metrics["matched50"].n == 2
    assert values(report)["matched50"] == 1.0
    assert "necks" in report.settings["true_cells"]
    assert report.metrics["matched50"].low is None  # one image: no interval


def test_missing_cells_cost_what_they_should(tmp_path: Path) -> None:
    truth = discs((15, 15, 8), (15, 60, 8), (45, 30, 8), size=SIZE)
    folder = write_set(tmp_path / "set", [truth])
    seen = Instances.from_labels(np.where(truth.labels == 2, 0, truth.labels))
    write_png(folder / "images" / "0.png", draw_ink(seen))
    report = evaluate_segmentation(bundle(tmp_path), read_labelled(folder))
    found = values(report)
    assert found["matched50"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(4 / 5)
    assert found["count_mae"] == 1.0
    area = (truth.labels > 0).sum()
    assert found["pixel_recall"] == pytest.approx((area - (truth.labels == 2).sum()) / area)


def test_images_without_cells_are_defined(tmp_path: Path) -> None:
    nothing = Instances(np.zeros(SIZE, int))
    folder = write_set(tmp_path / "set", [nothing, nothing], kind="masks")
    for network in ("cells", "mask"):
        report = evaluate_segmentation(bundle(tmp_path, network), read_labelled(folder))
        found = values(report)
        assert found["matched50"] is None and found["count_mae"] == 0.0
        assert report.to_json()["n_images"] == 2
        if network == "mask":
            assert found["accuracy"] == 1.0 and found["f1"] is None
            assert report.metrics["f1_per_image"].n == 0


def test_classes_go_by_name(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", fields(2))
    two = bundle(tmp_path, "two_masks")
    (folder / "classes.txt").write_text("bright\ndim\n")
    rows = [f"{index}.png,{label},{'dim' if label % 2 else 'bright'}"
            for index, one in enumerate(fields(2)) for label in range(1, len(one) + 1)]  # fmt: skip
    (folder / "objects.csv").write_text("\n".join(["image,label,class", *rows]) + "\n")
    report = evaluate_segmentation(two, read_labelled(folder))
    assert list(report.per_class) == ["background", "dim", "bright"]
    (folder / "classes.txt").write_text("bright\nround\n")
    text = (folder / "objects.csv").read_text().replace(",dim", ",round")
    (folder / "objects.csv").write_text(text)
    with pytest.raises(DatasetError, match="class 'round', which the model does not know"):
        evaluate_segmentation(two, read_labelled(folder))


def test_a_mask_of_several_classes(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    image = np.zeros((1, 40, 40), np.uint8)
    image[0, 5:15, 5:15], image[0, 20:30, 20:30] = 100, 220
    write_png(folder / "images" / "a.png", image)
    write_png(folder / "masks" / "a.png", np.digitize(image, (50, 150)).astype(np.uint8))
    (folder / "classes.txt").write_text("nothing\ndim\nbright\n")
    for network in ("two_masks", "softmax"):
        report = evaluate_segmentation(bundle(tmp_path, network), read_labelled(folder))
        assert values(report)["miou"] == values(report)["matched50"] == 1.0
    (folder / "classes.txt").write_text("nothing\ndim\nglow\n")
    with pytest.raises(DatasetError, match="class 'glow', which the model does not know"):
        evaluate_segmentation(bundle(tmp_path, "two_masks"), read_labelled(folder))


def test_labels_of_another_size_or_with_stray_values(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", fields(1), kind="masks")
    write_png(folder / "masks" / "0.png", np.zeros((1, 60, 81), np.uint8))
    with pytest.raises(AnnotationError, match="81 x 60"):
        evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))
    stray = np.zeros((1, *SIZE), np.uint8)
    stray[0, :5, :5], stray[0, 10, 10] = 255, 7
    write_png(folder / "masks" / "0.png", stray)
    with pytest.raises(AnnotationError, match="value 7"):
        evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))


def test_labels_that_belong_to_no_image_or_are_missing(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", fields(2), kind="masks")
    (folder / "masks" / "1.png").rename(folder / "masks" / "one.png")
    with pytest.raises(DatasetError, match="one"):
        read_labelled(folder)
    (folder / "masks" / "one.png").unlink()
    report = evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))
    assert report.settings["unlabelled_images"] == 1
    shutil.rmtree(folder / "masks")
    (folder / "masks").mkdir()
    with pytest.raises(DatasetError, match="none of the images is labelled"):
        evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))


def test_images_of_another_kind(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", fields(1), kind="masks")
    colours = np.random.default_rng(0).integers(0, 255, (3, *SIZE), dtype=np.uint8)
    write_png(folder / "images" / "0.png", colours)
    with pytest.raises(ImageError, match="3 channels"):
        evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))


def test_boxes_are_no_truth_for_a_segmenter(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write_png(folder / "images" / "0.png", draw_ink(fields(1)[0]))
    (folder / "boxes.csv").write_text(
        "image,class,xmin,ymin,xmax,ymax\n0.png,cell,1,1,9,9\n", encoding="utf-8"
    )
    with pytest.raises(AnnotationError, match=r"masks or single cells, .* labelled with boxes"):
        evaluate_segmentation(bundle(tmp_path, "mask"), read_labelled(folder))


def test_small_images_are_padded(tmp_path: Path) -> None:
    spec = InputSpec(channels=1, multiple=32, tile_px=64, overlap_px=16)
    made = open_bundle(write_ink_bundle(tmp_path / "m.cellwright", "mask", spec=spec))
    tiny = [discs((4, 5, 3), size=(9, 11))]
    report = evaluate_segmentation(made, read_labelled(write_set(tmp_path / "set", tiny)))
    assert values(report)["jaccard"] == 1.0
