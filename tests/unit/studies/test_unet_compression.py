"""Paper 2's grid: which cells there are, what a row is trained with, sizes and seeds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cellwright.data.formats import read_labelled
from cellwright.data.splits import read_split
from cellwright.reports.page import Page
from cellwright.studies.study import Figure, Outcome, Record, Request
from cellwright.studies.unet_compression.drawing import heat_map
from cellwright.studies.unet_compression.networks import Setting, train_config
from cellwright.studies.unet_compression.presets import PRESETS, REPEATED, Simulation
from cellwright.studies.unet_compression.rows import zero_share
from cellwright.studies.unet_compression.simulated import simulated_config
from cellwright.studies.unet_compression.study import STUDY, collect, plan

TINY = Simulation(cultures=(2, 1, 1), images=2, edge_px=64, n_cells=3, radius_px=(6, 9))


def test_the_grid_has_the_papers_32_rows_and_bases_come_first(tmp_path: Path) -> None:
    cells = plan(Request("paper", None, tmp_path))
    rows = {place[1] for cell in cells for place in cell.places if place[0] == "3"}
    assert len(rows) == 32
    names = [cell.name for cell in cells]
    quantized = [names.index(name) for name in names if name.startswith("postq")]
    bases = [names.index(name) for name in names if name.startswith("base") and "seed" not in name]
    assert max(bases) < min(quantized)
    assert sum("-seed" in name for name in names) == 2 * len(REPEATED)


def test_published_rates_are_shares_and_f1_fits_jaccard() -> None:
    """F1 = 2 J / (1 + J) of one image; means over images may stray from it a little."""
    with (STUDY.folder / "published.csv").open(newline="") as file:
        printed = {(r["row"], r["metric"]): float(r["value"]) for r in csv.DictReader(file)}
    strayed = []
    for (row, metric), value in printed.items():
        if metric in ("F1", "Jaccard", "accuracy", "recall", "precision"):
            assert 0 < value < 1
        if metric == "F1":
            jaccard = printed[row, "Jaccard"]
            if abs(value - 2 * jaccard / (1 + jaccard)) > 0.02:
                strayed.append(row)
    # The paper's last block prints an F1 beside a Jaccard that cannot belong to it.
    assert strayed in ([], ["JaccardBCE-RMSprop, Base"])


def test_a_culture_lies_in_one_part(tmp_path: Path) -> None:
    config = simulated_config(tmp_path / "data", TINY)
    labelled = read_labelled(tmp_path / "data", format="instances")
    assert config.split_file is not None
    part_of = read_split(config.split_file)
    parts: dict[str, set[str]] = {}
    for record in labelled:
        parts.setdefault(record.group, set()).add(part_of[record.id])
    assert len(parts) == 4 and all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"train", "val", "test"}


def test_treatments_differ_in_their_own_sections_only(tmp_path: Path) -> None:
    setting = Setting(PRESETS["quick"], None, tmp_path)
    base, pruned = (
        train_config(setting, "jaccard-bce-rmsprop", treatment, 0)
        for treatment in ("base", "pruned")
    )
    ours, theirs = base.model_dump(), pruned.model_dump()
    assert {key for key in ours if ours[key] != theirs[key]} == {"description", "pruning"}


def graph_of(weight: np.ndarray) -> bytes:
    """One convolution."""
    node = helper.make_node("Conv", ["image", "weight"], ["logits"])
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "one",
        [value("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [value("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "weight")],
    )
    return bytes(helper.make_model(graph).SerializeToString())


def test_zeros_are_counted_among_the_weights_of_layers() -> None:
    weight = np.ones((2, 1, 3, 3), np.float32)
    weight[0] = 0
    weight[1, 0, 0, :] = 0
    assert zero_share(graph_of(weight)) == pytest.approx(12 / 18)


def record(name: str, jaccard: float, seed: int) -> Record:
    combination, treatment = REPEATED[0]
    details = {
        "combination": combination,
        "treatment": treatment,
        "seed": seed,
        "jaccard": jaccard,
        "curves": {},
        "pictures": {},
    }
    figure = Figure("3", "BCE-Adam, Base", "Jaccard", jaccard)
    return Record(name, "done", Outcome((figure,), seed, details=details))


def test_seeds_are_pooled_and_the_first_fills_the_table() -> None:
    values = (0.8, 0.9, 0.85)
    names = ("base-bce-adam", "base-bce-adam-seed1", "base-bce-adam-seed2")
    records = {n: record(n, v, s) for s, (n, v) in enumerate(zip(names, values, strict=True))}
    figures = {(f.table, f.metric): f for f in collect(records)}
    assert figures["3", "Jaccard"].value == 0.8
    mean = figures["seeds", "Jaccard, mean of the seeds"]
    # Student's t for two degrees of freedom is 4.303; the standard deviation is 0.05.
    assert (mean.value, mean.n) == (pytest.approx(0.85), 3)
    assert mean.low == pytest.approx(0.85 - 4.3027 * 0.05 / 3**0.5, abs=1e-4)
    assert figures["seeds", "largest less smallest"].value == pytest.approx(0.1)


def test_the_heat_map_writes_every_number() -> None:
    plot = heat_map({("a", "accuracy"): 0.9, ("a", "F1"): 0.8, ("b", "accuracy"): 0.25})
    written = {text.get_text() for text in plot.axes[0].texts}
    assert {"0.900", "0.800", "0.250"} <= written


def test_a_run_with_nothing_done_still_has_a_page(tmp_path: Path) -> None:
    page = Page("empty")
    STUDY.draw(page, {})
    assert page.save(tmp_path / "page.html").exists()
