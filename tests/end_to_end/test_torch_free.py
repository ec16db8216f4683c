"""The half that uses models never imports the half that trains them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellwright.images.simulate.storage import write_fields
from cellwright.images.simulate.unstained import UnstainedScene, simulate_culture
from cellwright.images.write import write_png
from corner_model import corner_bundle
from ink_cells import write_ink_bundle
from patch_model import a_picture, patch_bundle

TRAINING_ONLY = ("torch", "torchvision", "lightning", "ultralytics", "albumentations")
NOT_FOR_A_JPEG = ("openvino", "matplotlib", "pyarrow", "scipy", "skimage", "tifffile", "rich")

WATCHED = """
import sys
from cellwright.cli import main
wanted = int(sys.argv[1])
sys.argv = ["cellwright", *sys.argv[2:]]
try:
    main.main()
except SystemExit as stopped:
    assert (stopped.code or 0) == wanted, stopped.code
print("LOADED", *sorted({name.partition(".")[0] for name in tuple(sys.modules)}))
"""


def loaded_by(*arguments: object, code: int = 0) -> set[str]:
    """Top-level modules in memory after a command has ended with this exit code."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.fixture
def commands(blob_bundle: Path, live_dead: Path, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    cells = write_ink_bundle(tmp_path / "cells.cellwright")
    fields = tmp_path / "fields"
    write_fields(fields, simulate_culture(2, UnstainedScene(height=96, width=96, n_cells=4)))
    corner = corner_bundle(tmp_path / "corner.cellwright").path
    for name in ("bright", "dark"):
        write_png(tmp_path / "crops" / name / f"{name}.png", np.eye(4, dtype=np.uint8)[None])
    patch = patch_bundle(tmp_path / "patch.cellwright").path
    write_png(tmp_path / "patch.png", a_picture(3, 8))
    return {
        "explain": ("explain", patch, tmp_path / "patch.png", "--out", tmp_path / "why.png"),
        "classify": ("predict", tmp_path / "crops", "-m", corner, "-o", tmp_path / "k"),
        "score": ("evaluate", corner, tmp_path / "crops"),
        "cell-cycle": (
            *("assay", "cell-cycle", tmp_path / "crops"),
            *("-m", corner, "-o", tmp_path / "y"),
        ),
        "segment": ("predict", fields / "images", "-m", cells, "-o", tmp_path / "s"),
        "judge": ("evaluate", cells, fields),
        "confluence": (
            *("assay", "confluence", fields / "images"),
            *("-m", cells, "-o", tmp_path / "c"),
        ),
        "predict": ("predict", live_dead / "images", "-m", blob_bundle, "-o", tmp_path / "p"),
        "evaluate": ("evaluate", blob_bundle, live_dead),
        "viability": (
            *("assay", "viability", live_dead / "images", "-m", blob_bundle),
            *("-o", tmp_path / "v", "--blue", "{name}_blue", "--red", "{name}_red"),
        ),
        "inspect": ("data", "inspect", live_dead, "--out", tmp_path / "report.html"),
        "audit": ("data", "audit", blob_bundle, live_dead, "--out", tmp_path / "a"),
        "verify": ("models", "verify", blob_bundle),
        "export": ("export", blob_bundle, "--to", "openvino", "--out", tmp_path / "e"),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("predict", "evaluate", "viability", "segment", "judge", "confluence"),
        *("inspect", "audit", "verify", "export"),
        *("classify", "score", "cell-cycle", "explain"),
    ],
)
def test_using_a_model_imports_no_training(
    name: str, commands: dict[str, tuple[object, ...]]
) -> None:
    loaded = loaded_by(*commands[name])
    assert "cellwright" in loaded
    assert loaded.isdisjoint(TRAINING_ONLY)


@pytest.mark.parametrize(
    "text", ["name: A b\ndata: {path: .}", "name: a\ndata: {path: nowhere}"], ids=["name", "path"]
)
@pytest.mark.parametrize("command", ["train", "tune"])
def test_what_is_wrong_with_a_config_is_told_before_the_seconds_of_torch(
    command: str, text: str, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(text)
    search = ("--search", "schedule.epochs=int:1:3") if command == "tune" else ()
    assert loaded_by(command, config, *search, code=2).isdisjoint(TRAINING_ONLY)


def test_predicting_a_small_image_imports_little(
    blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    """What is imported is waited for: a prediction should start in about a second."""
    image = live_dead / "images" / "control_001_blue.png"
    loaded = loaded_by("predict", image, "--model", blob_bundle, "--out", tmp_path)
    assert loaded.isdisjoint(NOT_FOR_A_JPEG)


@pytest.mark.parametrize(
    "room", ["assays", "data.inspection", "features", "inference.evaluation", "inference.run"]
)
def test_what_draws_and_fits_is_imported_when_it_is_used(room: str) -> None:
    """matplotlib and SciPy take longer to import than all else."""
    heavy = ("matplotlib", "scipy.ndimage", "scipy.optimize", "pooch")
    script = f"import sys, cellwright.{room}; print(*({set(heavy)!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == ""


def test_the_package_alone_loads_nothing_and_a_model_no_torch() -> None:
    code = """
import sys
import cellwright
print(*sorted({name.partition(".")[0] for name in sys.modules}))
cellwright.load_model("live-dead").find_cells([[0] * 40] * 40)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    before, after = (set(line.split()) for line in done.stdout.splitlines())
    assert not before & {"numpy", "cv2", *TRAINING_ONLY}
    assert not after & {*TRAINING_ONLY, "openvino", "matplotlib", "skimage"}
