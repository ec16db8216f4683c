"""Live/dead fluorescence pairs with known truth, as paper 1 describes them.

A pair is two grey pictures of one field: *blue*, a dye that enters every nucleus,
and *red*, a dye that only enters dead cells. Nuclei are round and differ in size
and brightness, from bright with a clear border to weak ones that nearly merge with
the background; some lie in clumps and overlap. The background is uneven in one
picture and differs between pictures. A series is a run of fields from one
experiment in which background, focus and the registration of the two colours
drift slowly.

Trykin, Krivonosov, Kalinina: Cell Localization with YOLO-based Models in Live-Dead
Cell Viability Assay, 2025, doi:10.25686/978-5-8158-2474-4-2025-844-851.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError
from cellwright.images.simulate.camera import Camera, expose, haze, smooth_field
from cellwright.images.simulate.nuclei import Nuclei, draw, draw_lobes, draw_radii, place
from cellwright.images.simulate.scene import (
    check_frame,
    check_pixel_size,
    check_radii,
    check_shares,
)
from cellwright.images.simulate.series import wandering
from cellwright.types import Boxes, Image, Instances

LIVE, DEAD = 0, 1
CLASSES = ("live", "dead")
HAZE_SHARE = 0.10
BLEED_THROUGH = 0.015


@dataclass(frozen=True)
class LiveDeadScene:
    """What one field looks like; all chance comes from ``seed``.

    Attributes:
        height: pixels.
        width: pixels.
        n_cells: nuclei with their centre inside the frame, exactly.
        viability: share of live cells aimed at; the pair says the exact one.
        radius_px: smallest and largest nuclear radius.
        clump_fraction: share of nuclei that touch or overlap others.
        weak_fraction: share of nuclei with weak light and a vague border.
        background: light of the empty field; 1 is a bright nucleus.
        unevenness: how far the background falls across the frame, 0 to 1.
        registration_px: how far red is shifted against blue, (x, y).
        camera: optics and noise, alike for both colours.
        pixel_size_um: edge length of a pixel in the sample, micrometres.
        seed: the same seed gives the same pixels.
    """

    height: int = 1920
    width: int = 2560
    n_cells: int = 400
    viability: float = 0.8
    radius_px: tuple[float, float] = (11.0, 24.0)
    clump_fraction: float = 0.35
    weak_fraction: float = 0.15
    background: float = 0.12
    unevenness: float = 0.6
    registration_px: tuple[float, float] = (0.0, 0.0)
    camera: Camera = field(default_factory=Camera)
    pixel_size_um: float = 0.35
    seed: int = 0

    def __post_init__(self) -> None:
        check_radii(self.radius_px, least_px=2, most_px=100)
        check_frame(self.height, self.width, self.n_cells)
        check_shares(
            viability=self.viability,
            clump_fraction=self.clump_fraction,
            weak_fraction=self.weak_fraction,
            unevenness=self.unevenness,
        )
        check_pixel_size(self.pixel_size_um)
        if self.background < 0:
            raise ConfigError("background must be >= 0")

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width


@dataclass(frozen=True, eq=False)
class LiveDeadPair:
    """A simulated field with its truth.

    Attributes:
        name: unique in its series.
        group: the series.
        blue: ``(1, H, W)``, every nucleus.
        red: ``(1, H, W)``, nuclei of dead cells.
        instances: all nuclei, class 0 live, 1 dead; a shared pixel belongs to one of them.
        boxes: whole outlines in the same order, class 0 live, 1 dead, as blue shows them.
        red_boxes: outlines of the dead nuclei, in the same order, where red shows them: moved
            by the registration, as someone who labels the red picture would draw them.
        pixel_size_um: micrometres.
    """

    name: str
    group: str
    blue: Image
    red: Image
    instances: Instances
    boxes: Boxes
    red_boxes: Boxes
    pixel_size_um: float

    @property
    def dead(self) -> NDArray[np.bool_]:
        """``(n,)``: which nuclei belong to dead cells."""
        return np.asarray(self.boxes.class_ids == DEAD)

    @property
    def viability(self) -> float | None:
        """Live cells over all cells; None in an empty field."""
        return float(1 - self.dead.mean()) if len(self.boxes) else None


def simulate_pair(
    scene: LiveDeadScene, *, name: str = "field", group: str = "series"
) -> LiveDeadPair:
    """One field of ``scene``.

    Raises:
        ConfigError: the nuclei do not fit into the frame.
    """
    rng = np.random.default_rng(scene.seed)
    nuclei = _nuclei(scene, rng)
    dead = _dead(scene, rng)
    drawing = draw(nuclei, frame=scene.frame, rng=rng)
    red_drawing = draw(_stained_red(nuclei, dead, scene, rng), frame=scene.frame, rng=rng)
    class_ids = np.where(dead, DEAD, LIVE)
    return LiveDeadPair(
        name=name,
        group=group,
        blue=expose(_on_background(drawing.light, scene, rng), scene.camera, rng),
        red=expose(
            _on_background(red_drawing.light + BLEED_THROUGH * drawing.light, scene, rng),
            scene.camera,
            rng,
        ),
        instances=Instances(drawing.labels, class_ids),
        boxes=Boxes(drawing.xyxy, class_ids),
        red_boxes=Boxes(red_drawing.xyxy, class_ids[dead]),
        pixel_size_um=scene.pixel_size_um,
    )


def simulate_series(
    n_images: int,
    scene: LiveDeadScene | None = None,
    *,
    name: str = "series",
    seed: int = 0,
) -> Iterator[LiveDeadPair]:
    """Fields ``name_001`` … of one experiment, made one at a time.

    Every field has its own nuclei; cell number, background, focus and registration
    wander from the values in ``scene`` (whose own seed is not used).

    >>> small = LiveDeadScene(height=64, width=64, n_cells=3, radius_px=(4, 6))
    >>> [pair.name for pair in simulate_series(2, small, name="a")]
    ['a_001', 'a_002']
    """
    scene = scene or LiveDeadScene()
    for number, (walk, own_seed) in enumerate(wandering(n_images, 5, seed=seed), start=1):
        drifted = replace(
            scene,
            n_cells=round(scene.n_cells * float(np.exp(0.08 * walk[0]))),
            background=scene.background * float(np.exp(0.15 * walk[1])),
            registration_px=(
                scene.registration_px[0] + 0.4 * float(walk[2]),
                scene.registration_px[1] + 0.4 * float(walk[3]),
            ),
            camera=replace(
                scene.camera,
                psf_sigma_px=scene.camera.psf_sigma_px * float(np.exp(0.1 * walk[4])),
            ),
            seed=own_seed,
        )
        yield simulate_pair(drifted, name=f"{name}_{number:03d}", group=name)


def _nuclei(scene: LiveDeadScene, rng: np.random.Generator) -> Nuclei:
    count = scene.n_cells
    radii = draw_radii(scene.radius_px, count, rng)
    centres = place(radii, frame=scene.frame, clump_fraction=scene.clump_fraction, rng=rng)
    weak = rng.uniform(0, 1, count) < scene.weak_fraction
    brightness = np.where(weak, rng.uniform(0.10, 0.22, count), rng.uniform(0.4, 1.0, count))
    softness = np.where(weak, rng.uniform(0.25, 0.45, count), rng.uniform(0.05, 0.15, count))
    lobes = draw_lobes((0.0, 0.10), (0.0, 0.03), count, rng)
    return Nuclei(centres, radii, brightness, softness, lobes)


def _dead(scene: LiveDeadScene, rng: np.random.Generator) -> NDArray[np.bool_]:
    """As many dead cells as the viability asks for, spread by chance."""
    dead = np.zeros(scene.n_cells, bool)
    dead[: round((1 - scene.viability) * scene.n_cells)] = True
    return rng.permutation(dead)


def _stained_red(
    nuclei: Nuclei, dead: NDArray[np.bool_], scene: LiveDeadScene, rng: np.random.Generator
) -> Nuclei:
    """Dead nuclei as the red dye shows them: own brightness, shifted by the registration."""
    count = int(dead.sum())
    weak = rng.uniform(0, 1, count) < scene.weak_fraction
    return Nuclei(
        nuclei.centres_xy[dead] + scene.registration_px,
        nuclei.radii_px[dead],
        np.where(weak, rng.uniform(0.12, 0.25, count), rng.uniform(0.4, 1.0, count)),
        np.where(weak, 0.35, nuclei.softness[dead]),
        nuclei.lobes[dead],
    )


def _on_background(
    light: NDArray[np.float32], scene: LiveDeadScene, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Light with an uneven background and the haze of what is bright around."""
    fall = 1 - scene.unevenness * smooth_field(scene.frame, rng)
    glow = haze(light, sigma_px=4 * scene.radius_px[1])
    mottle = 0.15 * scene.background * smooth_field(scene.frame, rng, knots=24)
    total = light + scene.background * fall + HAZE_SHARE * glow + mottle
    return np.asarray(total, dtype=np.float32)
