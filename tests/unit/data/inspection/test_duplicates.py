from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cellwright.data.inspection import duplicates
from cellwright.data.inspection.duplicates import (
    ORIENTATIONS,
    DuplicatePair,
    crossing,
    families,
    find_duplicates,
    fingerprint,
    leaks,
    near_duplicates,
)

from .conftest import MakeSet, field

Change = Callable[[NDArray[np.uint8]], np.ndarray]


def through_jpeg(image: NDArray[np.uint8]) -> np.ndarray:
    _, data = cv2.imencode(".jpg", image[0], [cv2.IMWRITE_JPEG_QUALITY, 40])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)[None]


def noisy(image: NDArray[np.uint8]) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 10, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "darker, less contrast": lambda image: (image * 0.4 + 12).astype(np.uint8),
    "as 12-bit counts": lambda image: image.astype(np.uint16) * 16,
    "strongly compressed": through_jpeg,
    "noise": noisy,
    "three equal channels": lambda image: np.repeat(image, 3, axis=0),
    "another size": lambda image: cv2.resize(image[0], (200, 150))[None],
    "two rows cut off": lambda image: image[:, 1:-1, 1:-1],
}


def pairs_of(images: dict[str, np.ndarray]) -> tuple[DuplicatePair, ...]:
    return find_duplicates({name: fingerprint(image) for name, image in images.items()})


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_copy_is_found_among_others(change: Change) -> None:
    images = {f"field{seed}": field(seed) for seed in range(12)}
    images["copy"] = change(field(7))
    (pair,) = pairs_of(images)
    assert (pair.first, pair.second, pair.kind) == ("field7", "copy", "near")
    assert pair.orientation == "as it is"


@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
def test_a_turned_copy_is_found_and_the_way_back_is_named(orientation: str) -> None:
    image = field(3, height=96, width=96)
    turned = np.ascontiguousarray(ORIENTATIONS[orientation](image))
    (pair,) = pairs_of({"image": image, "other": field(4), "turned": turned})
    assert (pair.first, pair.second) == ("image", "turned")
    assert np.array_equal(ORIENTATIONS[pair.orientation](turned), image)
    assert pair.kind == ("identical" if orientation == "as it is" else "near")


def test_every_orientation_is_another() -> None:
    image = np.arange(9).reshape(3, 3)
    assert len({ORIENTATIONS[name](image).tobytes() for name in ORIENTATIONS}) == 8


def test_shared_lighting_makes_no_copies() -> None:
    """A strong vignette: the thumbnails as they are correlate above 0.95."""
    down, across = np.mgrid[-1:1:96j, -1:1:128j]
    light = np.exp(-(down**2 + across**2))
    images = {
        str(seed): (field(seed, n_cells=6) * 0.25 + 180 * light).astype(np.uint8)
        for seed in range(8)
    }
    thumbs = [
        cv2.resize(image[0].astype(np.float32), (32, 32)).ravel() for image in images.values()
    ]
    assert np.corrcoef(thumbs)[np.triu_indices(8, 1)].min() > 0.95
    assert pairs_of(images) == ()


def test_single_cells_cut_out_around_their_centre_are_no_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    images = {}
    for index in range(20):
        image = rng.normal(40, 5, (80, 80)).astype(np.float32)
        cv2.circle(image, (40, 40), int(rng.integers(22, 25)), 160.0, -1)
        texture = cv2.GaussianBlur(rng.normal(0, 1, (80, 80)).astype(np.float32), (0, 0), 1)
        image = cv2.GaussianBlur(image, (0, 0), 5) + 6 * texture / texture.std()
        images[str(index)] = image.clip(0, 255).astype(np.uint8)[None]
    assert pairs_of(images) == ()
    monkeypatch.setattr(duplicates, "FINE_CORRELATION", -1)
    assert len(pairs_of(images)) > 10  # the first look alone would be fooled


def test_blank_images_are_left_out() -> None:
    blank = np.full((1, 40, 40), 255, np.uint8)
    assert fingerprint(blank).thumbnail is None
    assert pairs_of({"a": blank, "b": blank, "c": field(0)}) == ()


def test_type_and_shape_belong_to_the_checksum() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    others = [image.reshape(1, 2, 8), image.astype(np.uint16), image.astype(np.float32), image + 1]
    assert fingerprint(image).digest not in {fingerprint(other).digest for other in others}
    assert fingerprint(image).digest == fingerprint(np.asfortranarray(image)).digest


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    images = {str(seed): field(seed % 5) for seed in range(12)}
    whole = pairs_of(images)
    assert len(whole) == 3 + 3 + 1 + 1 + 1  # fields 0 and 1 three times, 2 to 4 twice
    monkeypatch.setattr(duplicates, "_BLOCK", 4)
    assert pairs_of(images) == whole


def test_families() -> None:
    def pair(first: str, second: str) -> DuplicatePair:
        return DuplicatePair(first, second, "near", 0.99, "as it is")

    found = families([pair("a", "b"), pair("c", "d"), pair("b", "e"), pair("a", "e")])
    assert [sorted(names) for names in found] == [["a", "b", "e"], ["c", "d"]]
    assert [sorted(n) for n in families([pair("a", "b"), pair("c", "d"), pair("d", "a")])] == [
        ["a", "b", "c", "d"]
    ]


def test_leaks_are_pairs_across_parts(make_set: MakeSet) -> None:
    images = {"a": field(0), "b": field(1), "a2": field(0), "b2": field(1), "c": field(2)}
    labelled = make_set(images, {})
    assert [(pair.first, pair.second) for pair in near_duplicates(labelled)] == [
        ("a", "a2"),
        ("b", "b2"),
    ]
    part_of = {"a": "train", "a2": "test", "b": "train", "b2": "train", "c": "val"}
    (leak,) = leaks(labelled, part_of)
    assert (leak.first, leak.second, leak.kind) == ("a", "a2", "identical")
    assert crossing(near_duplicates(labelled), {"a": "train"}) == ()


def test_leaks_read_only_records_that_have_a_part(make_set: MakeSet) -> None:
    labelled = make_set({"a": field(0), "b": field(0), "spoilt": field(1)}, {})
    labelled.records[2].image_path.write_bytes(b"no image")
    steps: list[tuple[int, int]] = []
    found = leaks(labelled, {"a": "train", "b": "test"}, progress=lambda *step: steps.append(step))
    assert len(found) == 1
    assert steps == [(1, 2), (2, 2)]


def test_crops_too_small_for_detail_are_judged_by_their_pixels():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40]
    cell = 200 * np.exp(-((rows - 20) ** 2 + (columns - 20) ** 2) / 60)
    crops = {
        str(i): (cell + rng.normal(0, 4, (40, 40))).clip(0).astype(np.uint16)[None]
        for i in range(20)
    }
    crops["turned"] = np.rot90(crops["3"], axes=(1, 2))
    pairs = find_duplicates({name: fingerprint(crop) for name, crop in crops.items()})
    assert [(pair.first, pair.second, pair.kind) for pair in pairs] == [
        ("3", "turned", "identical")
    ]
