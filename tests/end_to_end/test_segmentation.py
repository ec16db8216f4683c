"""Segmentation as it is typed: predict, evaluate, confluence and models, on drawn cells."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.images.read import read_image
from cellwright.images.write import write_labels, write_png, write_tiff
from cellwright.inference.region_table import region_columns
from cellwright.types import Instances
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

from .conftest import Run, Say

SIZE = (200, 260)


@pytest.fixture(scope="module")
def cells_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ink_bundle(tmp_path_factory.mktemp("model") / "cells.cellwright")


@pytest.fixture(scope="module")
def mask_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ink_bundle(tmp_path_factory.mktemp("model") / "mask.cellwright", "mask")


@pytest.fixture(scope="module")
def truth() -> dict[str, Instances]:
    return {f"plate_B0{n}_f1": scattered_discs(20 * n, SIZE, seed=n) for n in (1, 2, 3)}


@pytest.fixture(scope="module")
def drawn(truth: dict[str, Instances], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set in the format ``instances``; the first image knows its pixel size."""
    folder = tmp_path_factory.mktemp("drawn")
    for index, (name, cells) in enumerate(truth.items()):
        image = draw_ink(cells)
        if index:
            write_png(folder / "images" / f"{name}.png", image)
        else:
            write_tiff(folder / "images" / f"{name}.tif", image, pixel_size_um=0.5)
        write_labels(folder / "instances" / f"{name}.png", cells.labels)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predict_writes_tables_labels_and_outlines(
    cellwright: Run, cells_bundle: Path, drawn: Path, truth: dict[str, Instances], tmp_path: Path
) -> None:
    command = ("predict", drawn / "images", "--model", cells_bundle, "--out", tmp_path)
    done = cellwright(*command, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {"cell": sum(map(len, truth.values()))}
    summary = {row["image_id"]: row for row in rows(tmp_path / "summary.csv")}
    cells = rows(tmp_path / "cells.csv")
    assert tuple(cells[0]) == region_columns(1)
    for index, (name, expected) in enumerate(truth.items()):
        labels = read_image(tmp_path / "labels" / f"{name}.tif").pixels[0]
        assert len(np.unique(labels)) - 1 == len(expected) == int(summary[name]["n_cells"])
        mine = [row for row in cells if row["image_id"] == name]
        areas = np.bincount(labels.ravel())[1:]
        assert [float(row["area"]) for row in mine] == areas.tolist()
        covered = float(summary[name]["covered_fraction"])
        assert covered == pytest.approx((labels > 0).mean(), abs=1e-6)
        assert bool(mine[0]["area_um2"]) == (index == 0)
        assert summary[name]["well"] == name.split("_")[1]
        overlay = read_image(tmp_path / "overlays" / f"{name}.png").pixels
        assert overlay.shape == (3, *SIZE)
    again = cellwright(*command, "--json", "-")
    assert json.loads(again.stdout)["n_resumed"] == 3
    assert rows(tmp_path / "cells.csv") == cells


def test_predict_writes_masks_that_are_labels_again(
    cellwright: Run, mask_bundle: Path, drawn: Path, truth: dict[str, Instances], tmp_path: Path
) -> None:
    done = cellwright("predict", drawn / "images", "-m", mask_bundle, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "images").symlink_to(drawn / "images")
    labelled = read_labelled(tmp_path, format="masks")
    for record in labelled:
        mask = record.load_annotation()
        assert mask is not None
        expected = truth[record.id].labels > 0
        assert ((mask.mask == 1) == expected).all()  # type: ignore[union-attr]


def test_damaged_files_become_rows(
    cellwright: Run, cells_bundle: Path, drawn: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    [first, *_] = sorted((drawn / "images").glob("*.png"))
    (images / "good.png").write_bytes(first.read_bytes())
    (images / "cut.png").write_bytes(first.read_bytes()[:300])
    write_png(images / "tiny.png", np.zeros((1, 1, 1), np.uint8))
    out = tmp_path / "out"
    done = cellwright("predict", images, "-m", cells_bundle, "-o", out, "--overlays", "none")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert {row["image_id"] for row in rows(out / "summary.csv")} == {"good", "tiny"}
    assert [Path(row["file"]).name for row in rows(out / "errors.csv")] == ["cut.png"]
    assert not (out / "overlays").exists()


def test_evaluate_says_how_good_masks_and_cells_are(
    cellwright: Run, cells_bundle: Path, mask_bundle: Path, drawn: Path
) -> None:
    done = cellwright("evaluate", cells_bundle, drawn, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["task"], report["n_images"]) == ("instances", 3)
    for name in ("matched50", "matched50_95", "pq", "f1", "count_mae", "pixel_jaccard"):
        assert set(report["metrics"][name]) == {"value", "low", "high", "n"}
    assert report["metrics"]["matched50"]["value"] > 0.99
    assert report["metrics"]["count_mae"]["value"] == 0
    table = cellwright("evaluate", mask_bundle, drawn)
    assert table.returncode == 0, table.stderr
    for name in ("accuracy", "jaccard", "miou", "f1_per_image", "matched50"):
        assert name in table.stdout
    assert "true cells: as labelled" in table.stderr
    as_masks = cellwright("evaluate", mask_bundle, drawn, "--format", "masks")
    assert as_masks.returncode == 2
    assert "masks" in as_masks.stderr and "Traceback" not in as_masks.stderr


def test_confluence_of_a_folder(
    cellwright: Run, cells_bundle: Path, drawn: Path, truth: dict[str, Instances], tmp_path: Path
) -> None:
    command = ("assay", "confluence", drawn / "images", "--out", tmp_path)
    done = cellwright(*command, "--model", cells_bundle, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for name, image in report["images"].items():
        assert image["confluence"] == pytest.approx((truth[name].labels > 0).mean(), rel=0.02)
    overall = report["overall"]["confluence"]
    assert overall["low"] < overall["value"] < overall["high"]
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_model_that_is_not_there_or_does_not_segment(
    say: Say, blob_bundle: Path, drawn: Path, tmp_path: Path
) -> None:
    command = ("assay", "confluence", drawn / "images", "--out", tmp_path)
    for model, words in (("no-such", "choose one of: "), (blob_bundle, "not one that segments")):
        code, said = say(*command, "--model", model)
        assert code == 2
        assert words in said


def test_models_show_and_verify(cellwright: Run, cells_bundle: Path, mask_bundle: Path) -> None:
    for bundle, words in ((cells_bundle, "separated"), (mask_bundle, "connected regions")):
        shown = cellwright("models", "show", bundle)
        assert shown.returncode == 0 and words in shown.stdout
        verified = cellwright("models", "verify", bundle)
        assert verified.returncode == 0, verified.stdout
    card = json.loads(cellwright("models", "show", cells_bundle, "--json", "-").stdout)
    assert card["segmentation"]["kind"] == "distance_instances"
