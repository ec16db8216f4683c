"""The whole assay on simulated smears: tables, calls, pictures, page, and what goes wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.measure import regionprops
from typer.testing import CliRunner

from cellwright.assays import ASSAYS
from cellwright.assays.leukemia import LeukemiaSettings, run_leukemia
from cellwright.assays.leukemia.calls import NOTE
from cellwright.assays.sections import figure_and_span
from cellwright.bundles.bundle import open_bundle
from cellwright.cli.main import app
from cellwright.errors import BundleError, ConfigError
from cellwright.features import FEATURE_NAMES
from cellwright.images.simulate.smear import SmearScene, simulate_slide
from cellwright.images.write import write_png
from dark_model import dark_bundle
from ink_cells import write_ink_bundle

SCENE = SmearScene(
    height=130, width=170, n_red=6, n_white=3, radius_px=10, clump_fraction=0, n_platelets=0
)


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smears")
    for seed, name in enumerate(("first", "second")):
        for field in simulate_slide(2, SCENE, name=name, seed=seed):
            write_png(folder / f"{field.name}.png", field.image)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def counted(smears: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("counted")
    return run_leukemia([smears], out=out, settings=LeukemiaSettings(pixel_size_um=0.5))


def test_without_a_model_there_are_counts_and_no_call(counted) -> None:
    assert ASSAYS["leukemia"] is run_leukemia
    assert counted.asked is None and counted.overall.n_images == 4
    assert abs(counted.overall.n_white - 12) <= 1
    assert [group.name for group in counted.groups] == ["first", "second"]
    assert counted.overall.verdict == "no call"
    plain = counted.to_json()
    assert plain["use"] == NOTE and "blast_fraction" not in plain["overall"]
    page = (counted.out / "report.html").read_text(encoding="utf-8")
    assert "nothing is called" in page and NOTE in page.lower()
    ratio = counted.groups[0].white_per_red
    assert figure_and_span(ratio.value, ratio.low, ratio.high)[1] in page


def test_a_row_a_white_cell_with_every_measure(counted) -> None:
    cells = rows(counted.out / "cells.csv")
    assert len(cells) == counted.overall.n_white
    assert set(FEATURE_NAMES) <= set(cells[0])
    assert float(cells[0]["area_um2"]) == pytest.approx(float(cells[0]["area"]) / 4, rel=1e-3)
    assert float(cells[0]["perimeter_um"]) == pytest.approx(
        float(cells[0]["perimeter"]) / 2, rel=1e-3
    )


def test_tables_name_the_group_that_was_pooled(counted) -> None:
    for name in ("cells.csv", "summary.csv"):
        groups = {row["image_id"]: row["group"] for row in rows(counted.out / name)}
        assert set(groups.values()) == {"first", "second"}
        assert all(image.startswith(group) for image, group in groups.items())


def test_a_white_cell_lies_at_the_mean_of_its_pixels(counted) -> None:
    cells = rows(counted.out / "cells.csv")
    name = cells[0]["image_id"]
    regions = regionprops(cv2.imread(str(counted.out / "labels" / f"{name}.png"), -1))
    found = [
        (float(row["centroid-0"]), float(row["centroid-1"]))
        for row in cells
        if row["image_id"] == name
    ]
    expected = [region.centroid for region in regions]
    assert np.array(found) == pytest.approx(np.array(expected), abs=1e-4)


def test_every_output_says_what_it_is_not(counted) -> None:
    for name in ("cells.csv", "summary.csv", "groups.csv"):
        assert {row["note"] for row in rows(counted.out / name)} == {NOTE}


def test_cells_are_called(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    report = run_leukemia([smears], out=tmp_path / "out", bundle=bundle)
    assert report.asked == "cells" and report.leukemic == ("blast",)
    cells = rows(tmp_path / "out" / "cells.csv")
    assert report.overall.n_called == len(cells) == report.overall.n_white
    blasts = sum(row["class"] == "blast" for row in cells)
    assert report.overall.n_leukemic == blasts
    assert all((float(row["p_blast"]) > 0.5) == (row["class"] == "blast") for row in cells)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Where the model looked" in page and "20 %" in page
    assert len(list((tmp_path / "out" / "heat").glob("*.png"))) == 4
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 4


def test_a_model_of_whole_fields_calls_fields(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(
        tmp_path / "dark.cellwright", classes=("benign", "early"), fit="resize", threshold=0.001
    )
    settings = LeukemiaSettings(overlays="none")
    report = run_leukemia([smears], out=tmp_path / "out", bundle=bundle, settings=settings)
    assert report.asked == "fields"
    assert report.overall.n_called == report.overall.n_leukemic == 4
    assert all(one.probability is not None and one.probability > 0.5 for one in report.images)
    plain = report.to_json()
    assert plain["overall"]["leukemic_fields"]["n"] == 4
    assert "against_marks" not in plain["overall"]
    assert not (tmp_path / "out" / "overlays").exists()
    assert {row["against_marks"] for row in rows(tmp_path / "out" / "groups.csv")} == {""}


def test_a_class_called_leukemic_has_a_column_of_its_own(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(
        tmp_path / "dark.cellwright", classes=("normal", "leukemic"), fit="resize", threshold=0.001
    )
    settings = LeukemiaSettings(overlays="none")
    report = run_leukemia([smears], out=tmp_path / "out", bundle=bundle, settings=settings)
    header = (
        (tmp_path / "out" / "summary.csv").read_text(encoding="utf-8").split("\n")[0].split(",")
    )
    assert len(set(header)) == len(header) and {"p_leukemic", "p_leukemic_sum"} <= set(header)
    assert all(one.probability is not None and one.probability > 0.5 for one in report.images)


def test_pictures_unlike_the_training_get_no_call(smears: Path, tmp_path: Path) -> None:
    unlike = {"threshold": -1e6, "quantile": 0.95}
    bundle = dark_bundle(tmp_path / "dark.cellwright", unlike=unlike)
    settings = LeukemiaSettings(overlays="none")
    report = run_leukemia([smears], out=tmp_path / "out", bundle=bundle, settings=settings)
    assert report.overall.n_called == 0 and report.overall.leukemic.value is None
    assert report.overall.verdict == "abstained"
    assert "no call is made" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_where_most_is_unlike_no_share_is_shown(
    smears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellwright.assays.leukemia.counts.MOST_UNLIKE", -1.0)
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    settings = LeukemiaSettings(overlays="none")
    report = run_leukemia([smears], out=tmp_path / "out", bundle=bundle, settings=settings)
    assert report.overall.n_called and report.overall.verdict == "abstained"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "no call is made" in page and "called; 95 % interval" not in page
    for row in rows(tmp_path / "out" / "groups.csv"):
        assert row["against_marks"] == "abstained"
        assert row["leukemic_share"] == row["leukemic_share_low"] == ""


def test_a_wrong_pattern_is_told_before_the_work_and_leaves_results_alone(
    smears: Path, tmp_path: Path
) -> None:
    one = sorted(smears.glob("*.png"))[0]
    run_leukemia([one], out=tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("[a-z]*.*")}
    done: list[int] = []
    with pytest.raises(ConfigError, match=r"pattern 'x\{group\}' does not match"):
        run_leukemia(
            [smears],
            out=tmp_path / "out",
            settings=LeukemiaSettings(group="x{group}"),
            progress=lambda n, _: done.append(n),
        )
    assert done == []
    assert {path: path.read_bytes() for path in (tmp_path / "out").glob("[a-z]*.*")} == before


def test_a_run_that_goes_on_from_another_folder_pools_by_its_own_paths(
    smears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    first, second = sorted(smears.glob("first*.png"))
    day = tmp_path / "up" / "day1"
    day.mkdir(parents=True)
    (day / first.name).write_bytes(first.read_bytes())
    monkeypatch.chdir(tmp_path / "up")
    run_leukemia([Path("day1")], out=tmp_path / "out", bundle=bundle)
    (day / second.name).write_bytes(second.read_bytes())
    monkeypatch.chdir(tmp_path)
    report = run_leukemia([Path("up/day1")], out=tmp_path / "out", bundle=bundle)
    assert [(group.name, group.n_images) for group in report.groups] == [("first", 2)]
    assert (tmp_path / "out" / "report.html").is_file()


def test_the_page_shows_maps_of_its_own_images_only(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    first, *_, last = sorted(smears.glob("*.png"))
    run_leukemia([first], out=tmp_path / "out", bundle=bundle)
    run_leukemia([last], out=tmp_path / "out", bundle=bundle)
    assert (tmp_path / "out" / "heat" / f"{first.stem}.png").is_file()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert f"heat/{last.stem}.png" in page and first.stem not in page


def test_groups_that_are_not_drawn_are_said(
    smears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellwright.assays.leukemia.report.MOST_BARS", 2)
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    settings = LeukemiaSettings(overlays="none")
    run_leukemia([smears], out=tmp_path / "out", bundle=bundle, settings=settings)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The 2 groups are too many to draw" in page


def test_what_cannot_be_used_is_said_and_the_rest_is_counted(smears: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    good = next(smears.glob("*.png"))
    folder.mkdir()
    (folder / "good.png").write_bytes(good.read_bytes())
    write_png(folder / "grey.png", np.zeros((1, 64, 64), np.uint8))
    write_png(folder / "empty.png", np.full((3, 64, 64), 230, np.uint8))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    report = run_leukemia([folder], out=tmp_path / "out")
    assert [one.image_id for one in report.images] == ["good"]
    said = {one.image_id: one.error for one in report.left_out}
    assert set(said) == {"grey", "empty", "broken"}
    assert "three colour channels" in said["grey"] and "grey" in said["empty"]
    nothing = run_leukemia([folder / "grey.png"], out=tmp_path / "nothing")
    assert nothing.images == ()
    page = (tmp_path / "nothing" / "report.html").read_text(encoding="utf-8")
    assert "No image could be counted" in page


def test_a_run_that_is_stopped_at_its_report_goes_on(
    smears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sorted(smears.glob("*.png"))[0]

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("cellwright.assays.leukemia.run.write_report", stopped)
        run_leukemia([one], out=tmp_path / "out")
    assert not {"groups.csv", "report.html"} & {path.name for path in (tmp_path / "out").iterdir()}
    run_leukemia([one], out=tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


def test_models_and_settings_that_do_not_fit_are_refused(smears: Path, tmp_path: Path) -> None:
    masks = open_bundle(write_ink_bundle(tmp_path / "masks.cellwright"))
    with pytest.raises(BundleError, match="not one that classifies"):
        run_leukemia([smears], out=tmp_path / "a", bundle=masks)
    bundle = dark_bundle(tmp_path / "dark.cellwright", classes=("a", "b"))
    with pytest.raises(ConfigError, match="do not say which are blasts"):
        run_leukemia([smears], out=tmp_path / "b", bundle=bundle)


def test_the_command(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    one = sorted(smears.glob("*.png"))[0]
    command = ["assay", "leukemia", str(one), "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, [*command, "--model", str(bundle.path), "--json", "-"])
    assert run.exit_code == 0, run.output
    plain = json.loads(run.stdout)
    table = CliRunner().invoke(app, [*command, "--model", str(bundle.path)])
    ratio = plain["overall"]["white_per_red"]
    assert all(f"{ratio[end]:.4g}" in table.stdout for end in ("value", "low", "high"))
    assert plain["called"] == "cells" and plain["overall"]["blast_fraction"]["n"] > 0
    with pytest.raises(ConfigError, match="no model whose classes"):
        CliRunner().invoke(app, [*command, "--blast", "x"], catch_exceptions=False)


def test_maps_of_an_earlier_run_are_no_smears(smears: Path, tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright")
    for path in smears.glob("*.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "in" / "results"
    for _ in range(2):
        report = run_leukemia([tmp_path / "in"], out=out, bundle=bundle)
        assert report.overall.n_images == 4
    assert list((out / "heat").iterdir())


def test_results_without_a_model_can_be_replaced(smears: Path, tmp_path: Path) -> None:
    model = tmp_path / "dark.cellwright"
    dark_bundle(model)
    typed = ["assay", "leukemia", str(smears / "first_001.png"), "--out", str(tmp_path / "o")]
    assert CliRunner().invoke(app, typed).exit_code == 0
    refused = CliRunner().invoke(app, [*typed, "--model", str(model)])
    assert isinstance(refused.exception, ConfigError) and "--existing" in str(refused.exception)
    again = CliRunner().invoke(app, [*typed, "--model", str(model), "--existing", "replace"])
    assert again.exit_code == 0


def test_a_smear_that_is_called_as_a_formula_keeps_its_name_on_the_page(
    smears: Path, tmp_path: Path
) -> None:
    (tmp_path / "=a_1.png").write_bytes((smears / "first_001.png").read_bytes())
    report = run_leukemia([tmp_path / "=a_1.png"], out=tmp_path / "o")
    assert [(one.image_id, one.group) for one in report.images] == [("=a_1", "=a")]
    assert {row["group"] for row in rows(tmp_path / "o" / "cells.csv")} == {"'=a"}
