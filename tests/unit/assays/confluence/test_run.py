"""The whole assay on drawn cells: figures, tables, pictures, page, and what goes wrong."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from cellwright.assays import ASSAYS
from cellwright.assays.confluence import ConfluenceSettings, run_confluence
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.errors import BundleError, ConfigError, ImageError
from cellwright.images.read import read_image
from cellwright.images.write import write_png, write_tiff
from cellwright.inference.run import RunOptions
from cellwright.types import Instances
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

SIZE = (100, 120)
NAMES = ("low_1", "low_2", "high_1", "high_2")


@pytest.fixture(scope="module")
def truth() -> dict[str, Instances]:
    return {
        name: scattered_discs(8 if name.startswith("low") else 20, SIZE, seed=index)
        for index, name in enumerate(NAMES)
    }


@pytest.fixture
def images(truth: dict[str, Instances], tmp_path: Path) -> Path:
    for name, cells in truth.items():
        write_tiff(tmp_path / "in" / f"{name}.tif", draw_ink(cells), pixel_size_um=0.5)
    return tmp_path / "in"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(write_ink_bundle(tmp_path / "ink.cellwright"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_figures_tables_and_pictures(
    truth: dict[str, Instances], images: Path, bundle: Bundle, tmp_path: Path
) -> None:
    steps: list[int] = []
    out = tmp_path / "out"
    report = run_confluence(
        [images], bundle=bundle, out=out, progress=lambda done, _: steps.append(done)
    )
    assert ASSAYS["confluence"] is run_confluence
    assert steps == [1, 2, 3, 4]
    covered = {name: (cells.labels > 0).sum() for name, cells in truth.items()}
    overall = report.overall
    assert overall.confluence.value == pytest.approx(sum(covered.values()) / 48_000, rel=0.02)
    assert overall.n_cells == sum(map(len, truth.values()))
    assert overall.confluence.low is not None and overall.confluence.high is not None
    assert [group.name for group in report.groups] == ["high", "low"]
    assert report.groups[0].confluence.value > report.groups[1].confluence.value

    summary = {row["image_id"]: row for row in rows(out / "summary.csv")}
    assert summary.keys() == truth.keys()
    for name, row in summary.items():
        assert float(row["confluence"]) == pytest.approx(covered[name] / 12_000, rel=0.02)
        assert float(row["area_mean_um2"]) == pytest.approx(float(row["area_mean"]) / 4, rel=1e-4)
        assert read_image(out / "labels" / f"{name}.tif").pixels.max() == len(truth[name])
    cells = rows(out / "cells.csv")
    assert len(cells) == overall.n_cells
    assert parquet.read_table(out / "cells.parquet").num_rows == len(cells)
    assert {row["group"] for row in cells} == {"low", "high"}
    assert rows(out / "groups.csv")[-1]["group"] == "(all images)"
    assert rows(out / "errors.csv") == []
    page = (out / "report.html").read_text()
    assert "Confluence" in page and "high_2" in page and "watershed" in page


def test_files_that_cannot_be_used_are_said_and_the_rest_is_done(
    images: Path, bundle: Bundle, tmp_path: Path
) -> None:
    (images / "broken.png").write_bytes(b"no picture")
    colours = np.random.default_rng(0).integers(0, 255, (3, *SIZE), dtype=np.uint8)
    write_png(images / "colour.png", colours)
    report = run_confluence([images], bundle=bundle, out=tmp_path / "out")
    assert {Path(item.file).name for item in report.left_out} == {"broken.png", "colour.png"}
    assert len(report.fields) == 4
    assert len(rows(tmp_path / "out" / "errors.csv")) == 2
    assert "2 files left out" in (tmp_path / "out" / "report.html").read_text()


def test_one_field_without_cells(bundle: Bundle, tmp_path: Path) -> None:
    write_png(tmp_path / "dark.png", np.zeros((1, 40, 50), np.uint8))
    report = run_confluence([tmp_path / "dark.png"], bundle=bundle, out=tmp_path / "out")
    assert report.overall.confluence.value == 0.0
    assert report.overall.confluence.low is None
    assert report.overall.area_mean_px.value is None
    assert "No cells were found" in (tmp_path / "out" / "report.html").read_text()


def test_settings_are_used(images: Path, bundle: Bundle, tmp_path: Path) -> None:
    settings = ConfluenceSettings(
        group="{group}ow_*", options=RunOptions(pixel_size_um=2.0, overlays="none")
    )
    with pytest.raises(ConfigError, match="does not match"):
        run_confluence([images], bundle=bundle, out=tmp_path / "out", settings=settings)
    settings = ConfluenceSettings(group="{group}_*", options=settings.options)
    report = run_confluence([images], bundle=bundle, out=tmp_path / "out", settings=settings)
    area, area_um2 = report.overall.area_mean_px.value, report.overall.area_mean_um2.value
    assert area_um2 == pytest.approx(4 * area)
    assert not (tmp_path / "out" / "overlays").exists()


def test_a_second_run_does_not_segment_what_the_first_wrote(
    images: Path, bundle: Bundle, tmp_path: Path
) -> None:
    out = images / "results"
    run_confluence([images], bundle=bundle, out=out)
    again = run_confluence([images], bundle=bundle, out=out)
    assert len(again.fields) == 4


def test_what_cannot_be_run(images: Path, bundle: Bundle, dot_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not one that segments"):
        run_confluence([images], bundle=open_bundle(dot_bundle), out=tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no images"):
        run_confluence([tmp_path / "empty"], bundle=bundle, out=tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="results of cellwright predict"):
        run_confluence([images], bundle=bundle, out=tmp_path / "other")


def test_masks_count_connected_regions_and_the_page_says_so(images: Path, tmp_path: Path) -> None:
    masks = open_bundle(write_ink_bundle(tmp_path / "mask.cellwright", "mask"))
    report = run_confluence([images], bundle=masks, out=tmp_path / "out")
    assert (tmp_path / "out" / "masks" / "low_1.png").is_file()
    assert "lower bound" in (tmp_path / "out" / "report.html").read_text()
    assert report.overall.n_cells > 0


def test_a_run_that_is_stopped_at_its_report_leaves_no_tables(
    images: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cellwright.assays.confluence.run.write_report", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_confluence([images], bundle=bundle, out=tmp_path / "out")
    assert {one.name for one in (tmp_path / "out").iterdir()} == {".parts", "overlays", "labels"}


def test_what_a_stopped_run_drew_is_no_field_of_the_next(
    images: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_confluence([images], bundle=bundle, out=images / "v1", progress=stopped)
    assert list((images / "v1" / "labels").iterdir())
    report = run_confluence([images], bundle=bundle, out=images / "v2")
    assert len(report.fields) == 4 and not report.left_out


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_name_that_is_no_text_is_said_and_the_rest_is_done(
    images: Path, bundle: Bundle, tmp_path: Path
) -> None:
    (images / "low_1.tif").rename(images / os.fsdecode(b"low\xe9_1.tif"))
    report = run_confluence([images], bundle=bundle, out=tmp_path / "out")
    assert len(report.fields) == 3
    (row,) = rows(tmp_path / "out" / "errors.csv")
    assert row["file"].endswith("low\ufffd_1.tif") and row["remedy"] == "rename it"
