"""Formats whose labels are images or folders: instances, masks, folders, npz."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from cellwright.data.formats import folders, instances, masks, npz
from cellwright.errors import AnnotationError, DatasetError, ImageError
from cellwright.images.write import write_tiff
from cellwright.types import Category, Instances, SemanticMask

SHAPE = (6, 9)
LABELS = np.eye(*SHAPE, dtype=np.uint8)


def save(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def with_labels(root: Path, folder: str, labels: np.ndarray[Any, Any]) -> Path:
    save(root / "images/a.png", np.zeros(SHAPE, np.uint16))
    save(root / folder / "a.png", labels)
    return root


def test_gaps_in_instance_labels_are_closed_and_classes_follow(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 0], labels[2, 2:4], labels[5, 5] = 900, 4, 17
    with_labels(tmp_path, "instances", labels)
    (record,) = instances.read(tmp_path)
    found = record.load_annotation()
    assert isinstance(found, Instances)
    assert (found.labels[0, 0], found.labels[2, 2], found.labels[5, 5]) == (3, 1, 2)

    (tmp_path / "classes.txt").write_text("live\ndead\n")
    with pytest.raises(DatasetError, match=r"2 classes but has no objects\.csv"):
        instances.read(tmp_path)
    table = "image,label,class\na.png,900,dead\na.png,4,live\na.png,17,dead\n"
    (tmp_path / "objects.csv").write_text(table)
    found = instances.read(tmp_path).records[0].load_annotation()
    assert isinstance(found, Instances)
    assert found.class_ids is not None
    assert found.class_ids.tolist() == [0, 1, 1]

    (tmp_path / "objects.csv").write_text("image,label,class\na.png,4,live\n")
    with pytest.raises(AnnotationError, match=r"object 17 has no row in objects\.csv"):
        instances.read(tmp_path).records[0].load_annotation()
    (tmp_path / "objects.csv").write_text("image;label;class\na.png;4;dead\n")
    with pytest.raises(AnnotationError, match=r"separated by ';'.* must name image, label"):
        instances.read(tmp_path)
    (tmp_path / "objects.csv").write_text("image,label,class\na.png,4,alive\n")
    with pytest.raises(AnnotationError, match=r"objects\.csv:2: label '4' or class 'alive'"):
        instances.read(tmp_path)


def test_tiff_labels_beyond_16_bits(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint32)
    labels[1, 1], labels[2, 2] = 70_000, 70_001
    save(tmp_path / "images/a.png", np.zeros(SHAPE, np.uint8))
    (tmp_path / "instances").mkdir()
    tifffile.imwrite(tmp_path / "instances/a.tif", labels)
    found = instances.read(tmp_path).records[0].load_annotation()
    assert isinstance(found, Instances)
    assert (len(found), found.labels[2, 2]) == (2, 2)


@pytest.mark.parametrize("module", [instances, masks])
def test_labels_that_do_not_fit_their_image(module: Any, tmp_path: Path) -> None:
    folder = module.__name__.rpartition(".")[2]
    with_labels(tmp_path, folder, np.zeros((6, 8), np.uint8))
    with pytest.raises(AnnotationError, match="has 8 x 6 px, but its image has 9 x 6"):
        module.read(tmp_path).records[0].load_annotation()
    save(
        tmp_path / folder / "a.png",
        np.dstack([np.eye(*SHAPE, dtype=np.uint8)] * 2 + [np.zeros(SHAPE, np.uint8)]),
    )
    with pytest.raises(AnnotationError, match="has 3 channels"):
        module.read(tmp_path).records[0].load_annotation()
    (tmp_path / folder / "a.png").write_bytes(b"")
    with pytest.raises(ImageError):
        module.read(tmp_path).records[0].load_annotation()
    save(tmp_path / folder / "b.png", np.zeros(SHAPE, np.uint8))
    with pytest.raises(DatasetError, match="1 label files have no image, for instance 'b'"):
        module.read(tmp_path)


@pytest.mark.parametrize("module", [instances, masks])
def test_an_image_without_label_image_is_unlabelled(module: Any, tmp_path: Path) -> None:
    folder = module.__name__.rpartition(".")[2]
    with_labels(tmp_path, folder, np.zeros(SHAPE, np.uint8))
    save(tmp_path / "images/b.png", np.zeros(SHAPE, np.uint8))
    _, unlabelled = module.read(tmp_path)
    assert unlabelled.load_annotation() is None
    assert "treated as unlabelled" in unlabelled.problems[0]


@pytest.mark.parametrize("module", [instances, masks])
def test_values_below_0_are_refused_with_their_file(module: Any, tmp_path: Path) -> None:
    folder = module.__name__.rpartition(".")[2]
    labels = np.zeros(SHAPE, np.int16)
    labels[1, 1], labels[2, 2] = -1, 1
    save(tmp_path / "images/a.png", np.zeros(SHAPE, np.uint8))
    (tmp_path / folder).mkdir()
    tifffile.imwrite(tmp_path / folder / "a.tif", labels)
    with pytest.raises(AnnotationError, match=r"a\.tif: holds the value -1"):
        module.read(tmp_path).records[0].load_annotation()


def test_binary_masks_may_be_255(tmp_path: Path) -> None:
    mask = np.eye(*SHAPE, dtype=np.uint8)
    with_labels(tmp_path, "masks", mask * 255)
    labelled = masks.read(tmp_path)
    found = labelled.records[0].load_annotation()
    assert labelled.classes == ("background", "foreground")
    assert isinstance(found, SemanticMask)
    np.testing.assert_array_equal(found.mask, mask)


def test_mask_values_must_be_classes(tmp_path: Path) -> None:
    with_labels(tmp_path, "masks", np.eye(*SHAPE, dtype=np.uint8) * 128)
    with pytest.raises(AnnotationError, match="holds the value 128, but there are 2 classes"):
        masks.read(tmp_path).records[0].load_annotation()


def test_class_folders_with_and_without_split(tmp_path: Path) -> None:
    for place in (
        "plain/b/x.png",
        "plain/a/deep/y.png",
        "split/train/a/x.png",
        "split/test/b/x.png",
    ):
        save(tmp_path / place, np.zeros(SHAPE, np.uint8))
    plain = folders.read(tmp_path / "plain")
    assert plain.classes == ("a", "b")
    assert {r.id: r.load_annotation() for r in plain} == {"y": Category(0), "x": Category(1)}
    parted = folders.read(tmp_path / "split")
    assert [(r.split, r.load_annotation()) for r in parted] == [
        ("test", Category(1)),
        ("train", Category(0)),
    ]
    assert folders.recognises(tmp_path / "split")
    (tmp_path / "plain/classes.txt").write_text("b\n")
    with pytest.raises(AnnotationError, match=r"'a' is not in classes\.txt"):
        folders.read(tmp_path / "plain")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def arrays(**changes: Any) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 2**12, (3, 2, *SHAPE)).astype(np.uint16)
    base = {"images": pixels, "labels": np.array([1, 0, -1]), "class_names": ["G1", "S"]}
    return base | {"channel_names": ["brightfield", "DNA"]} | changes


def test_archives_unpack_once_and_keep_their_pixels(tmp_path: Path, own_cache: Path) -> None:
    np.savez(tmp_path / "cells.npz", **arrays())
    labelled = npz.read(tmp_path)
    stamps = [record.image_path.stat().st_mtime_ns for record in labelled]
    again = npz.read(tmp_path / "cells.npz")
    assert [record.image_path.stat().st_mtime_ns for record in again] == stamps
    sample = labelled.records[1].load()
    np.testing.assert_array_equal(sample.image, arrays()["images"][1])
    assert sample.channel_names == ("brightfield", "DNA")
    assert [record.load_annotation() for record in labelled] == [Category(1), Category(0), None]
    assert labelled.records[0].image_path.is_relative_to(own_cache)


def test_two_processes_may_unpack_one_archive_at_once(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "cells.npz", **arrays())
    write_tiff = npz.write_tiff

    def meanwhile(*args: Any, **names: Any) -> None:
        monkeypatch.setattr(npz, "write_tiff", write_tiff)
        npz.read(tmp_path)  # the other process, from beginning to end
        write_tiff(*args, **names)

    monkeypatch.setattr(npz, "write_tiff", meanwhile)
    labelled = npz.read(tmp_path)
    np.testing.assert_array_equal(labelled.records[1].load().image, arrays()["images"][1])
    assert len(list((own_cache / "unpacked").iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array([1, 0, 2])}, "label 2 of image 2 is not one of 2 classes"),
        ({"labels": np.array([1, 0])}, "labels must be 3 whole numbers"),
        ({"labels": np.array([1.0, 0, 1])}, "labels must be 3 whole numbers"),
        ({"images": np.zeros((3, 6))}, "images must be"),
        ({"images": np.zeros((3, 6, 9), np.float64)}, "images must be"),
        ({"ids": np.array(["a"])}, "ids must hold one value an image"),
        ({"splits": np.array(["a", "b", "c"])}, "unknown split 'a'"),
        ({"class_names": ["a", "a"]}, "named twice"),
        ({"labels": np.array([{}], object)}, "not a readable archive"),
    ],
)
def test_wrong_archives(
    tmp_path: Path, own_cache: Path, changes: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "cells.npz", **arrays(**changes))
    with pytest.raises((AnnotationError, DatasetError), match=message):
        npz.read(tmp_path)


def test_damaged_and_incomplete_archives(tmp_path: Path, own_cache: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.zeros((1, 2, 2), np.uint8))
    (tmp_path / "cells.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DatasetError, match="the array 'labels' is missing"):
        npz.read(tmp_path)
    (tmp_path / "cells.npz").write_bytes(buffer.getvalue()[:100])
    with pytest.raises(DatasetError, match="not a readable archive"):
        npz.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": np.array("G1")}, "class_names is no list of values"),
        ({"class_names": ["", "G1", "S"]}, "class 0 has no name"),
        ({"channel_names": np.array("DNA")}, "channel_names is no list of values"),
        ({"pixel_size_um": np.array(["a", "b", "c"])}, "pixel_size_um must hold numbers"),
    ],
)
def test_arrays_of_another_kind_are_refused(
    tmp_path: Path, own_cache: Path, changes: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "cells.npz", **arrays(**changes))
    with pytest.raises((AnnotationError, DatasetError), match=message):
        npz.read(tmp_path)


def test_an_archive_with_a_flipped_byte_or_a_stray_file(tmp_path: Path, own_cache: Path) -> None:
    file = tmp_path / "cells.npz"
    np.savez_compressed(file, **arrays())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels", "no array")
        archive.writestr("notes.txt", "no array")
    with pytest.raises(DatasetError, match="labels is no list of values"):
        npz.read(tmp_path)
    np.savez_compressed(file, **arrays())
    content = bytearray(file.read_bytes())
    content[200:260] = bytes(60)
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="not a readable archive"):
        npz.read(tmp_path)


def test_an_archive_keeps_the_pixel_size_of_the_image_files(
    tmp_path: Path, own_cache: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        pixels = np.zeros((1, *SHAPE), np.uint8)
        write_tiff(tmp_path / "in" / name / f"{name}1.ome.tif", pixels, pixel_size_um=0.325)
    npz.write(folders.read(tmp_path / "in"), tmp_path / "out")
    assert [record.pixel_size_um for record in npz.read(tmp_path / "out")] == [0.325, 0.325]


def test_a_sidecar_that_an_archive_would_not_heed_is_refused(
    tmp_path: Path, own_cache: Path
) -> None:
    np.savez(tmp_path / "cells.npz", **arrays())
    (tmp_path / "cellwright.csv").write_text("image,id,group,split,pixel_size_um\n")
    with pytest.raises(DatasetError, match=r"cellwright\.csv has no effect .* layout npz"):
        npz.read(tmp_path)


@pytest.mark.parametrize("module", [instances, masks])
def test_images_in_folders_within_are_refused(module: Any, tmp_path: Path) -> None:
    with_labels(tmp_path, module.FOLDERS[module is instances], LABELS)
    save(tmp_path / "images/.ipynb_checkpoints/a-checkpoint.png", np.zeros(SHAPE, np.uint8))
    assert len(module.read(tmp_path)) == 1
    save(tmp_path / "images/plate2/b.png", np.zeros(SHAPE, np.uint8))
    with pytest.raises(DatasetError, match=r"1 images lie in folders within.*plate2/b\.png"):
        module.read(tmp_path)


def test_tables_of_objects_that_are_damaged_are_refused(tmp_path: Path) -> None:
    with_labels(tmp_path, "instances", LABELS)
    (tmp_path / "classes.txt").write_text("live\ndead\n")
    head = "image,label,class\n"
    for text, message in (
        ('a.png,1,"live\n' + "a.png,2,dead\n" * 20_000, r"csv:2: is no table from here on"),
        ("a.png,1" + "0" * 5000 + ",live\n", "is not known"),
    ):
        (tmp_path / "objects.csv").write_text(head + text)
        with pytest.raises(AnnotationError, match=message):
            instances.read(tmp_path)


def test_folders_without_images_and_hidden_copies_are_no_classes_and_no_images(
    tmp_path: Path,
) -> None:
    for place in ("b/x.png", "a/y.png", "a/.ipynb_checkpoints/y-checkpoint.png"):
        save(tmp_path / place, np.zeros(SHAPE, np.uint8))
    (tmp_path / "notes").mkdir()
    found = folders.read(tmp_path)
    assert found.classes == ("a", "b")
    assert [record.id for record in found] == ["x", "y"]
    assert [one for record in found for one in record.problems] == [
        "folders without images are no classes: notes"
    ]
    (tmp_path / "classes.txt").write_text("notes\nb\na\n\n")
    assert folders.read(tmp_path).classes == ("notes", "b", "a")
    (tmp_path / "classes.txt").write_text("b\n\na\n")
    with pytest.raises(AnnotationError, match="class 1 has no name"):
        folders.read(tmp_path)
