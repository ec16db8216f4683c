import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.read import list_images
from cellwright.images.write import write_png, write_tiff
from cellwright.inference import one_image
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import RunOptions, load_model, predict_files
from cellwright.inference.run_folder import CELL_COLUMNS
from cellwright.inference.workers import plan_work
from cellwright.types import Boxes


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pictures(tmp_path, draw_dots, scatter_cells) -> Path:
    """Six images of 10, 20 … 60 cells."""
    folder = tmp_path / "plate"
    for number in range(1, 7):
        image = draw_dots(120, 160, scatter_cells(10 * number, 120, 160, seed=number))
        write_png(folder / f"day_B0{number}_s1.png", image)
    return folder


def test_tables_hold_every_cell_once(dot_bundle, draw_dots, tmp_path):
    truth = Boxes(np.array([[10, 20, 21, 31], [40, 50, 55, 65]]), np.array([0, 1]))
    write_tiff(tmp_path / "in" / "x.tif", draw_dots(90, 80, truth), pixel_size_um=0.5)
    summary = predict_files([tmp_path / "in"], bundle=open_bundle(dot_bundle), out=tmp_path / "o")
    assert summary.counts == {"live": 1, "dead": 1}
    rows = sorted(table(tmp_path / "o" / "cells.csv"), key=lambda row: row["class"])
    assert tuple(rows[0]) == CELL_COLUMNS
    # The dot says radius 7, so the box is 14 wide around (47.5, 57.5).
    dead = {name: rows[0][name] for name in CELL_COLUMNS[4:12]}
    assert [float(value) for value in dead.values()] == [
        50.5,
        40.5,
        64.5,
        54.5,
        57.5,
        47.5,
        196,
        49,
    ]
    (image,) = table(tmp_path / "o" / "summary.csv")
    assert (image["n_cells"], image["n_live"], image["n_dead"]) == ("2", "1", "1")
    assert (image["height"], image["width"], image["pixel_size_um"]) == ("90", "80", "0.5")
    assert image["group"] == "in"
    assert table(tmp_path / "o" / "errors.csv") == []
    assert (tmp_path / "o" / "overlays" / "x.png").exists()


def test_counts_wells_and_fields(dot_bundle, pictures, tmp_path):
    predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o")
    rows = table(tmp_path / "o" / "summary.csv")
    assert [row["n_cells"] for row in rows] == ["10", "20", "30", "40", "50", "60"]
    assert [row["well"] for row in rows] == [f"B0{n}" for n in range(1, 7)]
    assert {row["field"] for row in rows} == {"1"}


def test_true_counts_have_an_interval_where_the_card_is_calibrated(
    calibrated_dots, dot_bundle, pictures, tmp_path
):
    predict_files([pictures], bundle=calibrated_dots, out=tmp_path / "o")
    rows = table(tmp_path / "o" / "summary.csv")
    # Sure cells n, missed ones a tenth: mean 1.1 n, variance n / 10 + 1 / 4, normal quantile.
    for row, low, high in zip(rows, (10, 20, 30), (12, 24, 35), strict=False):
        assert (int(row["n_cells_low"]), int(row["n_cells_high"])) == (low, high)
        assert int(row["n_live_low"]) <= int(row["n_live"]) <= int(row["n_live_high"])
    predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "uncalibrated")
    unknown = table(tmp_path / "uncalibrated" / "summary.csv")
    assert {row[f"n_{name}_low"] for row in unknown for name in ("cells", "live")} == {""}


def test_counts_by_another_threshold_have_no_interval(calibrated_dots, pictures, tmp_path):
    options = RunOptions(score_threshold=0.2)
    predict_files([pictures], bundle=calibrated_dots, out=tmp_path / "o", options=options)
    assert {row["n_cells_high"] for row in table(tmp_path / "o" / "summary.csv")} == {""}


def test_a_bad_file_is_a_row_and_the_run_goes_on(dot_bundle, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    (pictures / "empty.tif").write_bytes(b"")
    summary = predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o")
    assert (summary.n_images, summary.n_done) == (8, 6)
    errors = table(tmp_path / "o" / "errors.csv")
    assert [row["image_id"] for row in errors] == ["broken", "empty"]
    assert all(row["error"] for row in errors)
    assert len(table(tmp_path / "o" / "summary.csv")) == 6


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_tables_do_not_depend_on_the_threads(dot_bundle, pictures, tmp_path, threads):
    (pictures / "day_B03_s0.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    told: list[tuple[int, int]] = []
    summary = predict_files(
        [pictures],
        bundle=open_bundle(dot_bundle),
        out=tmp_path / "o",
        threads=threads,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(n, 7) for n in range(1, 8)]
    assert list(summary.errors) == ["day_B03_s0"]
    rows = table(tmp_path / "o" / "summary.csv")
    assert [row["n_cells"] for row in rows] == ["10", "20", "30", "40", "50", "60"]
    cells = table(tmp_path / "o" / "cells.csv")
    assert [row["image_id"] for row in cells] == sorted(row["image_id"] for row in cells)
    assert sum(summary.counts.values()) == len(cells) == 210


def test_as_many_images_as_threads_are_in_work_at_once(dot_bundle, pictures, tmp_path, monkeypatch):
    now, most, lock = 0, 0, threading.Lock()
    both = threading.Event()
    real = Predictor.predict

    def watched(*arguments, **named):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == 2:
                both.set()
        both.wait(timeout=10)
        try:
            return real(*arguments, **named)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(Predictor, "predict", watched)
    predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o", threads=2)
    assert most == 2


def test_of_large_images_one_at_a_time_is_open(dot_bundle, pictures, tmp_path, monkeypatch):
    now, most, lock = 0, 0, threading.Lock()
    real = Predictor.predict

    def watched(*arguments, **named):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)  # long enough for another to come in, if it may
        try:
            return real(*arguments, **named)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(Predictor, "predict", watched)
    monkeypatch.setattr(one_image, "LARGE_VALUES", 120 * 160 - 1)
    predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o", threads=4)
    assert most == 1


def test_overlays_are_drawn_unless_they_are_not_wanted(dot_bundle, pictures, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    plain = RunOptions(overlays="none")
    predict_files([pictures], bundle=bundle, out=out, options=plain)
    assert not (out / "overlays").exists()
    predict_files([pictures], bundle=bundle, out=tmp_path / "drawn")
    assert len(list((tmp_path / "drawn" / "overlays").iterdir())) == 6
    for name in ("cells.csv", "errors.csv"):
        assert (out / name).read_text() == (tmp_path / "drawn" / name).read_text()
    # Parts without pictures must not pass for a finished run with pictures.
    with pytest.raises(ConfigError, match="another overlays"):
        predict_files([pictures], bundle=bundle, out=out)


def test_a_folder_that_cannot_be_written_ends_the_run(dot_bundle, pictures, tmp_path):
    out = tmp_path / "o"
    out.mkdir()
    (out / "overlays").write_text("a file where a folder must be")
    with pytest.raises(CellwrightError, match="cannot be written"):
        predict_files([pictures], bundle=open_bundle(dot_bundle), out=out)
    assert not (out / "summary.csv").exists()


def test_the_same_name_in_two_folders_gives_two_results(dot_bundle, draw_dots, tmp_path):
    cell = Boxes(np.array([[10, 20, 21, 31]]), np.array([0]))
    for folder, truth in (("a", cell), ("b", Boxes.empty())):
        write_png(tmp_path / "in" / folder / "1.png", draw_dots(64, 64, truth))
    out = tmp_path / "o"
    predict_files([tmp_path / "in"], bundle=open_bundle(dot_bundle), out=out)
    counts = {row["image_id"]: row["n_cells"] for row in table(out / "summary.csv")}
    assert counts == {"a__1.png": "1", "b__1.png": "0"}
    assert len(list((out / "overlays").iterdir())) == 2


def test_a_second_run_does_only_what_is_new(dot_bundle, pictures, tmp_path, monkeypatch):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    first = predict_files(sorted(pictures.iterdir())[:4], bundle=bundle, out=out)
    predicted = []
    real = Predictor.predict
    monkeypatch.setattr(Predictor, "predict", lambda *a, **k: predicted.append(1) or real(*a, **k))
    write_png(pictures / "day_B02_s1.png", np.zeros((1, 50, 50), np.uint8))
    second = predict_files([pictures], bundle=bundle, out=out)
    assert (first.n_resumed, second.n_resumed, len(predicted)) == (0, 3, 3)
    counts = [int(row["n_cells"]) for row in table(out / "summary.csv")]
    assert counts == [10, 0, 30, 40, 50, 60]
    assert sum(second.counts.values()) == len(table(out / "cells.csv")) == 190


KILLED_RUN = """
import sys, time
from pathlib import Path
from cellwright.bundles.bundle import open_bundle
from cellwright.inference.run import predict_files
predict_files([Path(sys.argv[2])], bundle=open_bundle(sys.argv[1]), out=Path(sys.argv[3]),
              threads=2, progress=lambda done, total: time.sleep(60 if done == 3 else 0))
"""


def test_a_killed_run_is_continued(dot_bundle, pictures, tmp_path):
    out = tmp_path / "o"
    command = [sys.executable, "-c", KILLED_RUN, str(dot_bundle), str(pictures), str(out)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while len(list((out / ".parts").glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "summary.csv").exists()
    parts = {path: path.stat().st_mtime_ns for path in (out / ".parts").glob("*.json")}
    assert 3 <= len(parts) < 6
    summary = predict_files([pictures], bundle=open_bundle(dot_bundle), out=out)
    assert summary.n_resumed == len(parts)
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
    clean = predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "clean")
    assert summary.counts == clean.counts
    assert (out / "cells.csv").read_text() == (tmp_path / "clean" / "cells.csv").read_text()


def test_results_of_other_settings_are_never_mixed(dot_bundle, pictures, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    predict_files([pictures], bundle=bundle, out=out)
    options = RunOptions(scale=2.0)
    with pytest.raises(ConfigError, match="another scale"):
        predict_files([pictures], bundle=bundle, out=out, options=options)
    again = predict_files([pictures], bundle=bundle, out=out, options=options, existing="replace")
    assert again.n_resumed == 0
    assert json.loads((out / "run.json").read_text())["scale"] == 2.0


def test_foreign_tables_are_not_overwritten(dot_bundle, pictures, tmp_path):
    (tmp_path / "cells.csv").write_text("mine")
    with pytest.raises(ConfigError, match="something else"):
        predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path)
    assert (tmp_path / "cells.csv").read_text() == "mine"


def test_a_damaged_part_is_done_again(dot_bundle, pictures, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    predict_files([pictures], bundle=bundle, out=out)
    next((out / ".parts").glob("*.json")).write_text('{"file": [')
    assert predict_files([pictures], bundle=bundle, out=out).n_resumed == 5


def test_a_picture_that_is_gone_is_drawn_again(dot_bundle, pictures, tmp_path):
    out, bundle = tmp_path / "o", open_bundle(dot_bundle)
    predict_files([pictures], bundle=bundle, out=out)
    (out / "overlays" / "day_B03_s1.png").unlink()
    assert predict_files([pictures], bundle=bundle, out=out).n_resumed == 5
    assert (out / "overlays" / "day_B03_s1.png").is_file()


def test_replacing_takes_the_pictures_away_and_nothing_else(dot_bundle, pictures, tmp_path):
    out, bundle = tmp_path / "o", open_bundle(dot_bundle)
    predict_files([pictures], bundle=bundle, out=out)
    (out / "overlays" / "mine.png").write_bytes(b"x")
    (tmp_path / "precious.png").write_bytes(b"x")
    forged = {"file": [], "summary": [], "cells": [], "products": ["../precious.png", "run.json"]}
    (out / ".parts" / "forged.json").write_text(json.dumps(forged))
    one = pictures / "day_B02_s1.png"
    predict_files([one], bundle=bundle, out=out, existing="replace")
    left = sorted(path.name for path in (out / "overlays").iterdir())
    assert left == ["day_B02_s1.png", "mine.png"]
    assert (tmp_path / "precious.png").is_file()


def test_results_are_not_written_among_the_images(dot_bundle, pictures, tmp_path):
    bundle, one = open_bundle(dot_bundle), pictures / "day_B02_s1.png"
    before = sorted(pictures.iterdir())
    for inputs, out in (([pictures], pictures), ([one], pictures), ([tmp_path], tmp_path)):
        with pytest.raises(ConfigError, match=r"among the images .*; name another output folder"):
            predict_files(inputs, bundle=bundle, out=out)
        with pytest.raises(ConfigError, match="among the images"):
            predict_files(inputs, bundle=bundle, out=out, existing="replace")
    assert sorted(pictures.iterdir()) == before


def test_a_run_that_lies_among_its_images_already_goes_on(dot_bundle, pictures):
    bundle, out = open_bundle(dot_bundle), pictures / "results"
    predict_files([pictures], bundle=bundle, out=out)
    for product in sorted(out.iterdir()):
        product.rename(pictures / product.name)
    assert predict_files([pictures], bundle=bundle, out=pictures).n_resumed == 6


def test_own_overlays_are_no_input(dot_bundle, pictures):
    bundle, out = open_bundle(dot_bundle), pictures / "results"
    predict_files([pictures], bundle=bundle, out=out)
    assert predict_files([pictures], bundle=bundle, out=out).n_images == 6


def test_a_chosen_threshold_replaces_the_cards(dot_bundle, pictures, tmp_path):
    strict = RunOptions(score_threshold=1.0)
    summary = predict_files(
        [pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o", options=strict
    )
    assert sum(summary.counts.values()) == 0


def test_bad_requests_are_refused_before_anything_is_written(dot_bundle, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    with pytest.raises(ImageError, match="does not exist"):
        predict_files([tmp_path / "nothing"], bundle=bundle, out=out)
    with pytest.raises(ConfigError, match="pixel size"):
        RunOptions(pixel_size_um=0)
    assert not out.exists()


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.1, 9.0, float("nan"), float("inf")])
def test_a_scale_that_no_image_can_be_drawn_at_is_refused_before_a_folder_is_claimed(scale):
    with pytest.raises(ConfigError, match=r"scale must lie between 0\.125 and 8, not"):
        RunOptions(scale=scale)
    with pytest.raises(ConfigError, match="pixel size"):
        RunOptions(pixel_size_um=float("inf"))


def test_a_loaded_model_predicts_one_folder_after_the_other(dot_bundle, pictures, tmp_path):
    bundle = open_bundle(dot_bundle)
    model = load_model(bundle, RunOptions(overlays="none"), plan=plan_work(2, threads=2))
    first, second = sorted(pictures.iterdir())[:2], sorted(pictures.iterdir())[2:]
    assert sum(model.predict(first, tmp_path / "a").counts.values()) == 30
    assert sum(model.predict(second, tmp_path / "b").counts.values()) == 180
    options = RunOptions(overlays="none")
    again = predict_files(first, bundle=bundle, out=tmp_path / "a", options=options)
    assert again.n_resumed == 2


def test_pictures_written_over_by_another_image_are_not_taken_for_its_own(
    dot_bundle, draw_dots, scatter_cells, tmp_path
):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    for plate, cells in (("one", 5), ("two", 20)):
        image = draw_dots(120, 160, scatter_cells(cells, 120, 160, seed=cells))
        write_png(tmp_path / plate / "B07_f1.png", image)
    predict_files([tmp_path / "one"], bundle=bundle, out=out)
    drawn = (out / "overlays" / "B07_f1.png").read_bytes()
    assert predict_files([tmp_path / "two"], bundle=bundle, out=out).n_resumed == 0
    assert (out / "overlays" / "B07_f1.png").read_bytes() != drawn
    assert predict_files([tmp_path / "one"], bundle=bundle, out=out).n_resumed == 0
    assert (out / "overlays" / "B07_f1.png").read_bytes() == drawn


def test_an_image_that_is_replaced_while_it_is_in_work_has_no_result(
    dot_bundle, pictures, tmp_path, monkeypatch
):
    bundle, one = open_bundle(dot_bundle), pictures / "day_B02_s1.png"
    real = Predictor.predict

    def replacing(*arguments, **named):
        found = real(*arguments, **named)
        one.write_bytes((pictures / "day_B05_s1.png").read_bytes())
        return found

    monkeypatch.setattr(Predictor, "predict", replacing)
    (error,) = predict_files([one], bundle=bundle, out=tmp_path / "o").errors.values()
    assert "changed while it was in work" in str(error)
    monkeypatch.setattr(Predictor, "predict", real)
    again = predict_files([one], bundle=bundle, out=tmp_path / "o")
    assert (again.n_resumed, sum(again.counts.values())) == (0, 50)


def test_a_run_from_another_folder_goes_on_and_names_files_from_there(
    dot_bundle, pictures, tmp_path, monkeypatch
):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    predict_files([pictures], bundle=bundle, out=out)
    monkeypatch.chdir(pictures)
    assert predict_files([Path("day_B01_s1.png")], bundle=bundle, out=out).n_resumed == 1
    assert [row["file"] for row in table(out / "summary.csv")] == ["day_B01_s1.png"]


def test_what_was_pooled_from_other_tables_does_not_stay(dot_bundle, pictures, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    predict_files([pictures], bundle=bundle, out=out)
    pooled = (out / "groups.csv", out / "report.html")
    for path in pooled:
        path.write_text("of all six images")
    predict_files([pictures / "day_B01_s1.png"], bundle=bundle, out=out)
    assert not any(path.exists() for path in pooled)


def test_replacing_takes_the_results_of_an_assay_away(dot_bundle, pictures, tmp_path):
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    predict_files([pictures], bundle=bundle, out=out)
    names = ("cells.parquet", "groups.csv", "report.html", "heat/day_B03_s1.png")
    for name in (*names, "heat/mine.png"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("x")
    one = pictures / "day_B02_s1.png"
    predict_files([one], bundle=bundle, out=out, existing="replace")
    assert [name for name in names if (out / name).exists()] == []
    assert (out / "heat" / "mine.png").is_file()


def test_pictures_are_marked_as_results_before_they_are_written(
    dot_bundle, pictures, tmp_path, monkeypatch
):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(one_image.RunFolder, "save", lambda *_, **__: stopped())
    out = pictures / "o"
    with pytest.raises(KeyboardInterrupt):
        predict_files([pictures], bundle=open_bundle(dot_bundle), out=out, threads=1)
    assert list((out / "overlays").iterdir())
    assert len(list_images([pictures])) == 6


def test_an_image_with_a_very_long_name_has_its_pictures(dot_bundle, draw_dots, tmp_path):
    cell = Boxes(np.array([[10, 20, 21, 31]]), np.array([0]))
    for folder in ("a" * 120, "b" * 120):
        write_png(tmp_path / "in" / folder / f"{'n' * 150}.png", draw_dots(64, 64, cell))
    options = RunOptions(outlines="geojson")
    bundle, out = open_bundle(dot_bundle), tmp_path / "o"
    summary = predict_files([tmp_path / "in"], bundle=bundle, out=out, options=options)
    assert (summary.n_done, len(list((out / "outlines").iterdir()))) == (2, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_name_that_is_no_text_is_a_row_and_the_run_goes_on(dot_bundle, pictures, tmp_path):
    first = sorted(pictures.iterdir())[0]
    first.rename(pictures / os.fsdecode(b"Zell\xe9_1.png"))
    summary = predict_files([pictures], bundle=open_bundle(dot_bundle), out=tmp_path / "o")
    assert (summary.n_images, summary.n_done) == (6, 5)
    (row,) = table(tmp_path / "o" / "errors.csv")
    assert (row["image_id"], row["remedy"]) == ("Zell\ufffd_1", "rename it")


def test_no_name_is_a_formula_in_the_tables(dot_bundle, draw_dots, tmp_path):
    cell = Boxes(np.array([[10, 20, 21, 31]]), np.array([0]))
    write_png(tmp_path / "in" / "=1+1.png", draw_dots(64, 64, cell))
    out = tmp_path / "o"
    predict_files([tmp_path / "in"], bundle=open_bundle(dot_bundle), out=out)
    for name in ("cells.csv", "summary.csv"):
        assert [row["image_id"] for row in table(out / name)] == ["'=1+1"]
