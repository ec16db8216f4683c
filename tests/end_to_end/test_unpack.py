"""``cellwright data unpack`` as it is typed, and what comes out of it counted."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from cellwright.images.read import list_images, read_image
from cellwright.images.write import write_png
from lif_files import write_lif
from scene_files import zarr_plate

from .conftest import Run, Say


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_plate_is_unpacked_and_counted_well_by_well(
    cellwright: Run, live_dead: Path, blob_bundle: Path, tmp_path: Path
) -> None:
    fields = [read_image(path).pixels for path in list_images([live_dead])[:3]]
    stacks = {
        place: np.stack([np.zeros_like(field), field]).astype(np.uint16)[None]
        for place, field in zip(("A/1/0", "A/1/1", "C/10/0"), fields, strict=True)
    }
    zarr_plate(tmp_path / "plate.zarr", {k: v[:, :, :1] for k, v in stacks.items()})
    out = tmp_path / "pictures"
    done = cellwright("data", "unpack", tmp_path / "plate.zarr", "--z", "max", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "3 pictures" in done.stdout
    again = cellwright("data", "unpack", tmp_path / "plate.zarr", "--z", "max", "-o", out)
    assert "3 of them from before" in again.stdout

    plain = tmp_path / "plain"
    for number, field in enumerate(fields):
        write_png(plain / f"{number}.png", field[:1].astype(np.uint16))
    for images, results in ((out, "a"), (plain, "b")):
        done = cellwright("predict", images, "--model", blob_bundle, "--out", tmp_path / results)
        assert done.returncode == 0, done.stderr
    unpacked, direct = (rows(tmp_path / name / "summary.csv") for name in "ab")
    assert [row["well"] for row in unpacked] == ["A01", "A01", "C10"]
    assert [row["n_cells"] for row in unpacked] == [row["n_cells"] for row in direct]
    assert sum(int(row["n_cells"]) for row in unpacked) > 0


def test_a_stack_without_a_choice_says_which_there_are(say: Say, tmp_path: Path) -> None:
    stack = np.zeros((1, 3, 1, 20, 30), np.uint8)
    write_lif(tmp_path / "a.lif", {"a": stack}, pixel_size_um=0.5, channel_names=["DAPI"])
    code, said = say("data", "unpack", tmp_path / "a.lif", "--out", tmp_path / "out")
    assert code == 2
    assert "3 planes in depth" in said
    assert "--z: each, max, mean, sharpest, or a number" in said
    code, said = say("data", "unpack", tmp_path / "a.lif", "--z", "median", "-o", tmp_path / "out")
    assert (code, "choose each, max, mean, sharpest or a number" in said) == (2, True)


def test_json_names_every_picture(cellwright: Run, tmp_path: Path) -> None:
    stack = np.arange(3 * 600, dtype=np.uint16).reshape(3, 1, 1, 20, 30)
    write_lif(tmp_path / "a.lif", {"a": stack}, pixel_size_um=0.5, channel_names=["DAPI"])
    done = cellwright("data", "unpack", tmp_path, "--out", tmp_path / "out", "--json", "-")
    told = json.loads(done.stdout)
    assert [row["time"] for row in told["images"]] == ["1", "2", "3"]
    assert told["errors"] == {}
    assert all((tmp_path / "out" / row["image"]).is_file() for row in told["images"])


def test_a_run_over_a_folder_with_stacks_says_what_to_do(
    cellwright: Run, live_dead: Path, blob_bundle: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    write_png(images / "a.png", read_image(list_images([live_dead])[0]).pixels[:1])
    stack = np.zeros((1, 3, 1, 20, 30), np.uint8)
    write_lif(images / "b.lif", {"b": stack}, pixel_size_um=0.5, channel_names=["DAPI"])
    zarr_plate(images / "c.zarr", {"A/1/0": stack.astype(np.uint16)})
    done = cellwright("predict", images, "--model", blob_bundle, "--out", tmp_path / "out")
    assert done.returncode == 0
    errors = rows(tmp_path / "out" / "errors.csv")
    assert [row["image_id"] for row in errors] == ["b", "c"]
    assert all("cellwright data unpack" in " ".join(row.values()) for row in errors)
