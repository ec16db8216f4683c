"""Whole runs with a real bundle that reads cells drawn as dots: files in, tables out."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from cellwright.assays import ASSAYS
from cellwright.assays.viability import Pairs, Singles, ViabilitySettings, run_viability
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.errors import ConfigError, ImageError
from cellwright.images.write import write_png, write_tiff
from cellwright.inference.run import RunOptions
from cellwright.types import Boxes

RADIUS = 4


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grid(count: int, *, first: int = 0, class_id: int = 0) -> Boxes:
    """Cells ``first`` … of a grid 16 pixels wide, each 9 pixels across."""
    index = np.arange(first, first + count)
    centre = np.stack([index % 10, index // 10], axis=1) * 16 + 8.5
    half = RADIUS + 0.5
    return Boxes(np.concatenate([centre - half, centre + half], 1), np.full(count, class_id))


@pytest.fixture
def live_dead(dot_bundle: Path) -> Bundle:
    return open_bundle(dot_bundle)


@pytest.fixture
def nuclei(dot_bundle: Path) -> Bundle:
    """The same graph as a model of stained nuclei."""
    bundle = open_bundle(dot_bundle)
    return Bundle(bundle.path, bundle.card.model_copy(update={"classes": ("nucleus", "blot")}))


@pytest.fixture
def draw(draw_dots: Callable, tmp_path: Path) -> Callable[..., Path]:
    """Write an image with these cells under ``in/``."""

    def write(name: str, *parts: Boxes, height: int = 160) -> Path:
        path = tmp_path / "in" / name
        write_png(path, draw_dots(height, 192, Boxes.concatenate(list(parts))))
        return path

    return write


def test_single_images(draw: Callable, live_dead: Bundle, tmp_path: Path) -> None:
    draw("control_1.png", grid(18), grid(2, first=18, class_id=1))
    draw("control_2.png", grid(30))
    draw("drug_1.png", grid(5), grid(15, first=5, class_id=1))
    draw("drug_2.png", grid(0))
    out = tmp_path / "out"
    steps: list[tuple[int, int]] = []
    report = run_viability(
        [tmp_path / "in"],
        bundle=live_dead,
        out=out,
        settings=ViabilitySettings(options=RunOptions(pixel_size_um=0.5)),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert report.overall.viability.value == pytest.approx(53 / 70)
    summary = {row["image_id"]: row for row in rows(out / "summary.csv")}
    assert summary["control_1"]["viability"] == "0.9"
    assert (summary["drug_1"]["n_live"], summary["drug_1"]["n_dead"]) == ("5", "15")
    assert summary["drug_2"]["viability"] == ""
    assert summary["drug_2"]["notes"] == "no cells found"
    groups = {row["group"]: row for row in rows(out / "groups.csv")}
    assert list(groups) == ["control", "drug", "(all images)"]
    assert groups["drug"]["viability"] == "0.25"
    cells = rows(out / "cells.csv")
    assert len(cells) == 70
    assert [cell["label"] for cell in cells[:20]] == [str(number) for number in range(1, 21)]
    area = float(cells[0]["area_bbox"])
    assert float(cells[0]["area_bbox_um2"]) == pytest.approx(0.25 * area)
    assert parquet.read_table(out / "cells.parquet").num_rows == 70
    assert rows(out / "errors.csv") == []
    assert "75.7 %" in (out / "report.html").read_text("utf-8")


def test_how_far_counts_may_be_off(draw: Callable, calibrated_dots: Bundle, tmp_path: Path) -> None:
    draw("well_1.png", grid(30), grid(10, first=30, class_id=1))
    draw("well_2.png", grid(30), grid(10, first=30, class_id=1))
    report = run_viability([tmp_path / "in"], bundle=calibrated_dots, out=tmp_path / "singles")
    row = rows(tmp_path / "singles" / "summary.csv")[0]
    # Mean 44, variance 4.25, normal quantile; live 33 and 3.25, dead 11 and 1.25.
    assert (row["n_cells_low"], row["n_cells_high"]) == ("40", "47")
    assert (row["n_live_low"], row["n_live_high"]) == ("30", "35")
    assert (row["n_dead_low"], row["n_dead_high"]) == ("10", "12")
    assert float(row["by_count_low"]) < 0.75 < float(row["by_count_high"])
    both = report.overall.by_count
    assert both.cells is not None
    assert both.viability is not None
    assert 80 <= both.cells.low < 88 < both.cells.high
    assert "true cells, 90 %" in (tmp_path / "singles" / "report.html").read_text("utf-8")
    assert report.to_json()["overall"]["by_count"]["cells"] == list(both.cells)


def test_pairs_with_every_kind_of_trouble(draw: Callable, nuclei: Bundle, tmp_path: Path) -> None:
    draw("a_1_blue.png", grid(20))
    draw("a_1_red.png", grid(5))
    draw("b_1_blue.png", grid(10))
    draw("b_1_red.png", grid(4, first=8))
    draw("alone_blue.png", grid(3))
    draw("size_blue.png", grid(3))
    draw("size_red.png", grid(3), height=320)
    draw("broken_blue.png", grid(3))
    draw("broken_red.png").write_bytes(b"")
    draw("other.png", grid(3))
    out = tmp_path / "out"
    report = run_viability([tmp_path / "in"], bundle=nuclei, out=out)
    by_name = {field.image.id: field.cells for field in report.fields}
    assert (by_name["a_1"].n_live, by_name["a_1"].n_dead) == (15, 5)
    assert (by_name["b_1"].n_live, by_name["b_1"].n_dead) == (8, 4)
    assert by_name["b_1"].n_red_only == 2
    errors = {Path(row["file"]).name: row for row in rows(out / "errors.csv")}
    assert set(errors) == {"alone_blue.png", "size_blue.png", "broken_red.png", "other.png"}
    assert errors["alone_blue.png"]["error"] == "its red partner is missing"
    assert "red is 192 x 320" in errors["size_blue.png"]["error"]
    assert "empty" in errors["broken_red.png"]["error"]
    assert all(row["remedy"] for row in errors.values())
    seen = [row["seen_in"] for row in rows(out / "cells.csv") if row["image_id"] == "b_1"]
    assert sorted(seen) == ["blue"] * 8 + ["blue+red"] * 2 + ["red"] * 2
    assert sorted(path.name for path in (out / "overlays").iterdir()) == ["a_1.png", "b_1.png"]
    page = (out / "report.html").read_text("utf-8")
    assert "4 files left out" in page
    assert "alone_blue.png" in page


def test_what_red_alone_knows_of_its_scale_is_the_fields(
    draw_dots: Callable, nuclei: Bundle, tmp_path: Path
) -> None:
    for dye, size in (("blue", None), ("red", 0.7)):
        pixels = draw_dots(160, 192, grid(20))
        write_tiff(tmp_path / "in" / f"a_1_{dye}.tif", pixels, pixel_size_um=size)
    run_viability([tmp_path / "in"], bundle=nuclei, out=tmp_path / "out")
    [summary] = rows(tmp_path / "out" / "summary.csv")
    assert summary["pixel_size_um"] == "0.7"
    assert summary["notes"] == "only red says its pixel size; its 0.7 µm were used for both"
    assert all(cell["area_bbox_um2"] for cell in rows(tmp_path / "out" / "cells.csv"))


def test_nothing_that_can_be_counted_is_said_and_not_crashed(
    draw: Callable, nuclei: Bundle, tmp_path: Path
) -> None:
    draw("a.png", grid(3))
    report = run_viability([tmp_path / "in"], bundle=nuclei, out=tmp_path / "out")
    assert report.fields == ()
    assert report.overall.viability.value is None
    assert "No field of view could be counted" in (tmp_path / "out/report.html").read_text("utf-8")


def test_images_without_cells_give_a_report_that_says_so(
    draw: Callable, live_dead: Bundle, tmp_path: Path
) -> None:
    draw("a.png", grid(0))
    run_viability([tmp_path / "in"], bundle=live_dead, out=tmp_path / "out")
    assert "No cells were found" in (tmp_path / "out/report.html").read_text("utf-8")


def test_a_second_run_counts_the_same_and_not_its_own_pictures(
    draw: Callable, live_dead: Bundle, tmp_path: Path
) -> None:
    path = draw("a.png", grid(4))
    out = path.parent / "out"
    first = run_viability([path.parent], bundle=live_dead, out=out)
    again = run_viability([path.parent, path], bundle=live_dead, out=out)
    assert again.to_json() == first.to_json()


def test_a_cell_found_as_live_and_dead_is_one_cell(
    draw: Callable, live_dead: Bundle, tmp_path: Path
) -> None:
    both = grid(1).shifted(4, 0)  # in the next 4 x 4 pixels: a second dot on the same cell
    path = draw("a.png", grid(1), Boxes(both.xyxy, [1]))
    loose = live_dead.card.decoding.model_copy(update={"nms_iou": 0.3})
    bundle = Bundle(live_dead.path, live_dead.card.model_copy(update={"decoding": loose}))
    report = run_viability([path], bundle=bundle, out=tmp_path / "out")
    assert len(report.fields[0].cells.boxes) == 1


def test_a_score_threshold_of_ones_own(draw: Callable, live_dead: Bundle, tmp_path: Path) -> None:
    path = draw("a.png", grid(4))
    settings = ViabilitySettings(options=RunOptions(score_threshold=1.0))
    report = run_viability([path], bundle=live_dead, out=tmp_path / "out", settings=settings)
    assert len(report.fields[0].cells.boxes) == 0
    assert "live 1.00" in (tmp_path / "out/report.html").read_text("utf-8")


def test_a_group_pattern(draw: Callable, live_dead: Bundle, tmp_path: Path) -> None:
    draw("m1-a.png", grid(4))
    draw("m1-b.png", grid(4))
    settings = ViabilitySettings(group="{group}-*")
    report = run_viability(
        [tmp_path / "in"], bundle=live_dead, out=tmp_path / "out", settings=settings
    )
    assert [(group.name, group.n_images) for group in report.groups] == [("m1", 2)]


def test_what_is_refused(draw: Callable, live_dead: Bundle, nuclei: Bundle, tmp_path: Path) -> None:
    path = draw("a.png", grid(1))
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="not for pairs"):
        run_viability(
            [path], bundle=live_dead, out=out, settings=ViabilitySettings(counting=Pairs())
        )
    with pytest.raises(ImageError, match="does not exist"):
        run_viability([tmp_path / "no"], bundle=nuclei, out=out)
    with pytest.raises(ConfigError, match="exactly once"):
        run_viability([path], bundle=nuclei, out=out, settings=ViabilitySettings(group="x"))
    out.mkdir()
    (out / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="results of cellwright predict"):
        run_viability([path], bundle=live_dead, out=out)


def test_pairs_are_no_single_images_unless_it_is_said(
    draw: Callable, live_dead: Bundle, tmp_path: Path
) -> None:
    draw("a_1_blue.png", grid(4))
    draw("a_1_red.png", grid(2))
    draw("b.png", grid(2))
    with pytest.raises(ConfigError, match=r"a_1_blue.png and a_1_red.png look like .*--live live"):
        run_viability([tmp_path / "in"], bundle=live_dead, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    meant = ViabilitySettings(counting=Singles())
    report = run_viability(
        [tmp_path / "in"], bundle=live_dead, out=tmp_path / "out", settings=meant
    )
    assert len(report.fields) == 3


def test_a_run_that_is_stopped_at_its_report_leaves_no_tables(
    draw: Callable, live_dead: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.png", grid(4))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cellwright.assays.viability.run.write_report", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_viability([path], bundle=live_dead, out=tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [".parts", "overlays"]


def test_the_table_names_the_assay() -> None:
    assert ASSAYS["viability"] is run_viability
