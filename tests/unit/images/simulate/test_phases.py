"""Simulated cells of seven phases: DNA that doubles and parts, channels as an instrument gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from cellwright.data.formats.bbbc048 import CHANNELS as CHANNELS_OF_THE_SET
from cellwright.data.formats.bbbc048 import CLASSES
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.images.simulate import SIMULATORS
from cellwright.images.simulate.phases import (
    CHANNELS,
    PHASES,
    PhasedCell,
    PhaseScene,
    simulate_cell,
    simulate_sample,
)

EVEN = PhaseScene(stain_spread=0, size_spread=0)


def cells_in(phase: str, scene: PhaseScene = EVEN, *, count: int = 12) -> list[PhasedCell]:
    return [simulate_cell(phase, replace(scene, seed=seed)) for seed in range(count)]


def stain(cell: PhasedCell) -> float:
    """Light of the stain that the instrument would add up, background taken off."""
    plane = cell.image[1].astype(float)
    return float((plane - np.median(plane[[0, -1]])).sum())


def parts(light: NDArray[np.float32]) -> list[float]:
    """Shares of the light in each body that stands apart."""
    labels, count = ndimage.label(light > 0)
    sums = ndimage.sum_labels(light, labels, range(1, count + 1))
    return [float(one / light.sum()) for one in sums]


def test_it_stands_in_the_table_and_speaks_the_words_of_the_public_set() -> None:
    assert SIMULATORS["phases"] is simulate_sample
    assert tuple(CLASSES) == PHASES
    assert tuple(CHANNELS_OF_THE_SET.values()) == CHANNELS


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, again = (simulate_cell("S", replace(EVEN, seed=3)) for _ in range(2))
    assert (first.image == again.image).all()
    assert (simulate_cell("S", replace(EVEN, seed=4)).image != first.image).any()


@pytest.mark.parametrize("phase", PHASES)
def test_the_light_of_the_stain_is_the_content(phase: str) -> None:
    for cell in cells_in(phase, count=4):
        assert cell.image.shape == (3, 40, 40) and cell.image.dtype == np.uint16
        assert cell.dna_light.sum() == pytest.approx(cell.dna_content * EVEN.dna_signal, rel=1e-4)
        assert cell.dna_content == 1 if phase == "G1" else 1 < cell.dna_content <= 2


def test_g2_holds_twice_the_dna_of_g1_and_s_lies_between() -> None:
    means = {phase: np.mean([stain(cell) for cell in cells_in(phase)]) for phase in PHASES}
    assert means["G2"] / means["G1"] == pytest.approx(2, rel=0.04)
    assert 1.2 < means["S"] / means["G1"] < 1.7
    for phase in ("Prophase", "Metaphase"):
        assert means[phase] / means["G1"] == pytest.approx(2, rel=0.04)


@pytest.mark.parametrize(("phase", "expected"), [("G1", 1), ("Metaphase", 1), ("Telophase", 2)])
def test_the_dna_lies_in_as_many_bodies(phase: str, expected: int) -> None:
    assert all(len(parts(cell.dna_light)) == expected for cell in cells_in(phase))


@pytest.mark.parametrize("phase", ["Anaphase", "Telophase"])
def test_both_daughters_get_half_the_dna(phase: str) -> None:
    parted = [parts(cell.dna_light) for cell in cells_in(phase, count=30)]
    apart = [shares for shares in parted if len(shares) == 2]
    assert len(apart) > 25
    assert np.array(apart) == pytest.approx(0.5, abs=0.01)


def test_a_plate_is_longer_than_wide_and_a_nucleus_is_round() -> None:
    def elongation(cell: PhasedCell) -> float:
        rows, columns = np.nonzero(cell.dna_light)
        moments = np.linalg.eigvalsh(np.cov(rows, columns))
        return float(np.sqrt(moments[1] / moments[0]))

    assert min(elongation(cell) for cell in cells_in("Metaphase")) > 1.3
    assert max(elongation(cell) for cell in cells_in("G2")) < 1.3


def test_condensed_dna_is_denser() -> None:
    def density(phase: str) -> float:
        return float(
            np.mean([cell.dna_light[cell.dna_light > 0].mean() for cell in cells_in(phase)])
        )

    assert density("Metaphase") > density("Prophase") > density("G2")


def test_a_cell_in_telophase_is_two_cells_one_above_the_other() -> None:
    for cell in cells_in("Telophase"):
        labels, _ = ndimage.label(cell.dna_light > 0)
        (top, left), (bottom, right) = ndimage.center_of_mass(cell.dna_light > 0, labels, (1, 2))
        assert abs(bottom - top) > 3 * abs(right - left)


def test_channels_look_like_a_cell_on_its_background() -> None:
    scene = replace(EVEN, noise=(0, 0, 0), granules=0)
    image = simulate_cell("G1", scene).image.astype(float)
    bright, dna, dark = image
    assert bright[0, 0] == pytest.approx(677, abs=2) and bright.min() < 620
    assert dna[0, 0] < 50 and dna[20, 20] > 500
    assert dark[0, 0] == pytest.approx(27, abs=1) and dark[20, 20] == 0  # the spill is taken off


def test_granules_scatter_light() -> None:
    few, many = (
        np.mean([cell.image[2].sum() for cell in cells_in("G1", replace(EVEN, granules=n))])
        for n in (2.0, 40.0)
    )
    assert many > 1.02 * few


def test_a_sample_has_the_phases_asked_for() -> None:
    cells = list(simulate_sample({"G1": 3, "Anaphase": 2}, name="mock", seed=1))
    assert [cell.name for cell in cells] == [f"mock_{n:04d}" for n in range(1, 6)]
    assert sorted(cell.phase for cell in cells) == ["Anaphase"] * 2 + ["G1"] * 3
    assert {cell.group for cell in cells} == {"mock"}
    again = list(simulate_sample({"G1": 3, "Anaphase": 2}, name="mock", seed=1))
    assert all((a.image == b.image).all() for a, b in zip(cells, again, strict=True))


def test_an_unknown_phase_lists_the_choices() -> None:
    with pytest.raises(UnknownNameError, match="Telophase"):
        simulate_cell("G0")


@pytest.mark.parametrize(
    "wrong",
    [{"radius_px": 2}, {"edge_px": 20}, {"focus_px": (3, 1)}, {"light": 0}, {"granules": -1}],
)
def test_a_scene_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        replace(EVEN, **wrong)
