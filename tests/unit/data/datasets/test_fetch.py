"""Fetching, against a local server that holds archives laid out as the published ones."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from cellwright.data.datasets import DATASETS, load_dataset
from cellwright.data.datasets import fetch as fetching
from cellwright.data.datasets.fetch import fetch, unpack
from cellwright.data.datasets.jurkat_cell_cycle import CHANNELS, FOLDERS
from cellwright.errors import AnnotationError, DatasetError, UnknownNameError
from cellwright.types import Boxes, Category, Instances, SemanticMask

VOC = (
    "<annotation><object><name>{0}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax>"
    "<ymax>6</ymax></bndbox></object></annotation>"
)


def png(pixels: object) -> bytes:
    return bytes(cv2.imencode(".png", np.asarray(pixels))[1])


def tiff(pixels: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.asarray(pixels))
    return buffer.getvalue()


GREY = np.full((8, 9), 9, np.uint8)


def bccd() -> dict[str, bytes]:
    files = {
        "BCCD/ImageSets/Main/train.txt": b"B_0\n",
        "BCCD/ImageSets/Main/test.txt": b"B_1\nB_2\n",
    }
    for number, name in enumerate(("RBC", "WBC", "Platelets")):
        files[f"BCCD/JPEGImages/B_{number}.jpg"] = bytes(cv2.imencode(".jpg", GREY)[1])
        files[f"BCCD/Annotations/B_{number}.xml"] = VOC.format(name).encode()
    return files


def livedead() -> dict[str, bytes]:
    place = "Original Dataset"
    return {
        f"{place}/b (12).png": png(GREY),
        f"{place}/b (12).xml": VOC.format("Living Cell").encode(),
        f"{place}/image7.png": png(GREY),
        f"{place}/image7.xml": VOC.format("Dead Cell").encode(),
        f"{place}/b (13).png": png(GREY),
        f"{place}/b (13).xml": b"<annotation></annotation>",
    }


def bbbc039() -> dict[str, bytes]:
    # Two touching nuclei have two colours; one colour is used twice.
    colours = np.zeros((8, 9), np.uint8)
    colours[0:3, 0:2], colours[0:3, 2:4], colours[6:8, 6:9] = 1, 2, 1
    stem = "IXMtest_A09_s1_w1CE70AD49-1234-4AAA-9BBB-0123456789AB"
    mask = np.dstack([0 * colours, 0 * colours, colours])
    return {
        f"images/{stem}.tif": tiff(np.arange(72, dtype=np.uint16).reshape(8, 9)),
        f"labels/{stem}.png": png(mask),
    }


def dsb2018() -> dict[str, bytes]:
    first, second = np.zeros((8, 9), np.uint8), np.zeros((8, 9), np.uint8)
    first[0:3, 0:3], second[2:5, 2:5] = 255, 255
    pictures = {
        "0" * 64: np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)]),
        "1" * 64: np.dstack([GREY, GREY + 90, GREY, np.full_like(GREY, 255)]),  # stained
        "2" * 64: np.full((8, 9), 200, np.uint8),  # bright field
        "3" * 64: np.full((520, 696), 9, np.uint8),  # in BBBC039 too
    }
    files = {}
    for name, pixels in pictures.items():
        files[f"stage1_train/{name}/images/{name}.png"] = png(pixels)
        files[f"stage1_train/{name}/masks/a.png"] = png(first)
        files[f"stage1_train/{name}/masks/b.png"] = png(second)
    return files


def hela() -> dict[str, bytes]:
    # Cells are 0 in the published masks; frames are numbered without leading zeros.
    mask = np.full((8, 9), 65535, np.uint16)
    mask[2:5, 2:6] = 0
    return {
        f"data/train/{folder}/{number}.png": png(pixels)
        for number in (3, 25)
        for folder, pixels in (("images", GREY + number), ("labels", mask))
    }


def drosophila() -> dict[str, bytes]:
    values = np.array([[0, 32, 64, 96, 128], [159, 191, 223, 255, 255]], np.uint8)
    files = {f"stack1/labels/labels{n:08d}.png": png(values) for n in (3, 12)}
    raw = np.full(values.shape, 9, np.uint8)
    return files | {f"stack1/raw/{n:02d}.tif": tiff(raw + n) for n in (3, 12)}


def jurkat() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    return {
        f"images/Experiment_1/{folder}/{channel}_CP0001.tif": tiff(
            rng.integers(20, 900, (80, 80)).astype(np.uint16)
        )
        for folder in FOLDERS.values()
        for channel in CHANNELS
    }


def wbc() -> dict[str, bytes]:
    # One stray level between two classes, as a few published masks have.
    mask = np.zeros((8, 9), np.uint8)
    mask[2:6, 2:7], mask[3:5, 3:6], mask[2, 2] = 128, 255, 126
    colour = np.dstack([GREY, GREY, GREY])
    picture = cv2.imencode(".bmp", colour)[1].tobytes()
    return {
        f"{part}/001.{suffix}": content
        for part in ("Dataset 1", "Dataset 2")
        for suffix, content in (("bmp", picture), ("png", png(mask)))
    }


PUBLISHED: dict[str, Callable[[], dict[str, bytes]]] = {
    "bccd_blood_cells": bccd,
    "livedead_labelfree": livedead,
    "bbbc039_hoechst_nuclei": bbbc039,
    "dsb2018_fluo_nuclei": dsb2018,
    "hela_dic": hela,
    "drosophila_vnc_sstem": drosophila,
    "jurkat_cell_cycle": jurkat,
    "wbc_segmentation": wbc,
}


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"repository-1234/{name}", content)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which its files can be fetched."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CELLWRIGHT_DATA", raising=False)
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", [name for name, row in DATASETS.items() if row.arrange])
def test_every_set_is_fetched_arranged_and_loaded(
    name: str, served: tuple[Path, str], home: Path
) -> None:
    folder, url = served
    write_zip(folder / f"{name}.zip", PUBLISHED[name]())
    assert fetch(name, base_url=url) == home / name
    assert sorted(path.name for path in home.iterdir()) == [name, f"{name}.sha256"]
    labelled = load_dataset(name)
    assert len(labelled) > 0
    for record in labelled:
        annotation = record.load().annotation
        if isinstance(annotation, SemanticMask):
            assert annotation.mask.any()
        elif isinstance(annotation, Category):
            assert 0 <= annotation.class_id < len(labelled.classes)
        else:
            assert isinstance(annotation, Boxes | Instances)
            assert len(annotation) > 0
    said = (home / name / "SOURCE.txt").read_text()
    assert DATASETS[name].licence in said
    digest = hashlib.sha256((folder / f"{name}.zip").read_bytes()).hexdigest()
    assert digest in said
    assert (home / f"{name}.sha256").read_text().split()[0] == digest


def test_livedead_drops_images_without_boxes_and_cleans_names(served: tuple[Path, str]) -> None:
    folder, url = served
    write_zip(folder / "livedead_labelfree.zip", livedead())
    fetch("livedead_labelfree", base_url=url)
    found = {
        record.id: (record.group, record.load_annotation())
        for record in load_dataset("livedead_labelfree")
    }
    assert {name: group for name, (group, _) in found.items()} == {"b_12": "b_", "image7": "image"}
    dead = found["image7"][1]
    assert isinstance(dead, Boxes)
    assert dead.class_ids.tolist() == [1]
    assert dead.xyxy.tolist() == [[1, 2, 5, 6]]


def test_bbbc039_touching_nuclei_stay_apart(served: tuple[Path, str]) -> None:
    folder, url = served
    write_zip(folder / "bbbc039_hoechst_nuclei.zip", bbbc039())
    fetch("bbbc039_hoechst_nuclei", base_url=url)
    (record,) = load_dataset("bbbc039_hoechst_nuclei")
    annotation = record.load_annotation()
    assert (record.id, record.group) == ("A09_s1_CE70AD49", "A09")
    assert isinstance(annotation, Instances)
    assert np.bincount(annotation.labels.ravel())[1:].tolist() == [6, 6, 6]


def test_dsb2018_keeps_fluorescence_only_and_the_first_mask_wins(served: tuple[Path, str]) -> None:
    folder, url = served
    write_zip(folder / "dsb2018_fluo_nuclei.zip", dsb2018())
    fetch("dsb2018_fluo_nuclei", base_url=url)
    (record,) = load_dataset("dsb2018_fluo_nuclei")
    sample = record.load()
    assert record.id == "0" * 16
    assert sample.image.shape == (1, 8, 9)
    assert isinstance(sample.annotation, Instances)
    assert np.bincount(sample.annotation.labels.ravel())[1:].tolist() == [9, 8]


def test_hela_frames_are_numbered_cells_are_one_and_blocks_of_time_stay_together(
    served: tuple[Path, str],
) -> None:
    folder, url = served
    write_zip(folder / "hela_dic.zip", hela())
    fetch("hela_dic", base_url=url)
    first, second = load_dataset("hela_dic")
    assert [first.id, second.id] == ["003", "025"]
    assert [first.group, second.group] == ["frames000-011", "frames024-035"]
    annotation = first.load_annotation()
    assert isinstance(annotation, SemanticMask)
    assert annotation.mask[2:5, 2:6].tolist() == [[1] * 4] * 3
    assert annotation.mask.sum() == 12


def test_drosophila_directions_of_membrane_are_one_class_and_runs_of_sections_stay_together(
    served: tuple[Path, str], home: Path
) -> None:
    folder, url = served
    write_zip(folder / "drosophila_vnc_sstem.zip", drosophila())
    fetch("drosophila_vnc_sstem", base_url=url)
    first, second = load_dataset("drosophila_vnc_sstem")
    assert [first.id, second.id] == ["03", "12"]
    assert [first.group, second.group] == ["sections00-03", "sections12-15"]
    sample = second.load()
    assert isinstance(sample.annotation, SemanticMask)
    assert sample.annotation.mask.tolist() == [[1, 1, 1, 1, 1], [0, 2, 3, 0, 0]]
    assert sample.image.ravel()[0] == 21
    assert sample.pixel_size_um == pytest.approx(0.0046)

    # The same labels as they lie where they were prepared by hand: no names, another folder.
    (home / "drosophila_vnc_sstem/masks").rename(home / "drosophila_vnc_sstem/semantic")
    (home / "drosophila_vnc_sstem/classes.txt").unlink()
    by_hand = load_dataset("drosophila_vnc_sstem")
    assert by_hand.classes == ("other", "membrane", "mitochondria", "synapse")
    annotation = by_hand.records[1].load_annotation()
    assert isinstance(annotation, SemanticMask)
    assert (annotation.mask == sample.annotation.mask).all()


def test_a_value_that_stands_for_no_class_is_refused(served: tuple[Path, str]) -> None:
    folder, url = served
    files = drosophila()
    files["stack1/labels/labels00000012.png"] = png(np.full((2, 5), 33, np.uint8))
    write_zip(folder / "drosophila_vnc_sstem.zip", files)
    with pytest.raises(AnnotationError, match="stands for no class"):
        fetch("drosophila_vnc_sstem", base_url=url)


class Counted:
    """A progress that only counts."""

    total = 0
    seen = 0
    closed = False

    def update(self, n_bytes: int) -> None:
        self.seen += n_bytes

    def reset(self) -> None:
        self.seen = 0

    def close(self) -> None:
        self.closed = True


def test_progress_is_told_every_byte_and_a_second_fetch_downloads_nothing(
    served: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = served
    write_zip(folder / "bccd_blood_cells.zip", bccd())
    progress = Counted()
    target = fetch("bccd_blood_cells", to=tmp_path / "to", base_url=url, progress=progress)
    assert target == tmp_path / "to/bccd_blood_cells"
    assert progress.closed
    assert progress.seen == progress.total == (folder / "bccd_blood_cells.zip").stat().st_size
    (folder / "bccd_blood_cells.zip").unlink()
    assert fetch("bccd_blood_cells", to=tmp_path / "to", base_url=url) == target


def test_of_two_that_fetch_at_once_the_folder_of_the_first_stays(
    served: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    write_zip(folder / "bccd_blood_cells.zip", bccd())
    first: list[Path] = []

    def other_comes_first(archive: Path, target: Path) -> Path:
        if not first:
            first.append(target)
            first.append(fetch("bccd_blood_cells", base_url=url))
            (first[1] / "who").write_text("first")
        return unpack(archive, target)

    monkeypatch.setattr(fetching, "unpack", other_comes_first)
    assert fetch("bccd_blood_cells", base_url=url) == first[1]
    assert (home / "bccd_blood_cells" / "who").read_text() == "first"
    assert sorted(path.name for path in home.iterdir()) == [
        "bccd_blood_cells",
        "bccd_blood_cells.sha256",
    ]


def test_another_archive_than_the_first_is_refused(served: tuple[Path, str], home: Path) -> None:
    folder, url = served
    write_zip(folder / "bccd_blood_cells.zip", bccd())
    target = fetch("bccd_blood_cells", base_url=url)
    target.rename(home / "moved")
    write_zip(folder / "bccd_blood_cells.zip", bccd() | {"more": b"x"})
    with pytest.raises(DatasetError, match="the archive's SHA-256 is"):
        fetch("bccd_blood_cells", base_url=url)
    assert not target.exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": b"x"}, "the archive lacks what this set should hold"),
        ({"../../evil": b"x"}, "leads out of it"),
    ],
)
def test_wrong_archives_leave_nothing(
    served: tuple[Path, str], home: Path, files: dict[str, bytes], message: str
) -> None:
    folder, url = served
    write_zip(folder / "bccd_blood_cells.zip", files)
    with pytest.raises(DatasetError, match=message):
        fetch("bccd_blood_cells", base_url=url)
    assert list(home.iterdir()) == []


def test_no_server_and_no_file_are_clear(served: tuple[Path, str]) -> None:
    _, url = served
    with pytest.raises(DatasetError, match="404"):
        fetch("bccd_blood_cells", base_url=url)
    with pytest.raises(DatasetError, match=r"could not be downloaded.*check the connection"):
        fetch("bccd_blood_cells", base_url="http://127.0.0.1:9")
    with pytest.raises(UnknownNameError, match="did you mean 'bccd_blood_cells'"):
        fetch("bccd_blood_cell")


def test_archives_too_large_with_links_or_damaged_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    write_zip(path, {"x": b"0" * 100})
    monkeypatch.setattr(fetching, "MAX_UNPACKED_BYTES", 99)
    with pytest.raises(DatasetError, match="too large"):
        unpack(path, tmp_path / "out")
    monkeypatch.undo()

    link = zipfile.ZipInfo("top/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DatasetError, match="is a link"):
        unpack(path, tmp_path / "out")

    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(DatasetError, match="not a readable zip"):
        unpack(path, tmp_path / "out")

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one/x", b"")
        archive.writestr("two/x", b"")
    with pytest.raises(DatasetError, match="2 top folders"):
        unpack(path, tmp_path / "out")


def test_a_set_whose_licence_is_not_known_is_not_downloaded(home: Path) -> None:
    with pytest.raises(DatasetError) as refused:
        fetch("all_pbs_leukemia")
    said = str(refused.value)
    assert "licence is not stated" in said
    assert DATASETS["all_pbs_leukemia"].url in said
    assert str(home / "all_pbs_leukemia") in said
    assert not (home / "all_pbs_leukemia").exists()
