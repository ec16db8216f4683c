"""Every row of FORMATS: there and back gives the same set, and mistakes are told apart."""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellwright.data.formats import FORMATS, read_labelled
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError, UnknownNameError
from cellwright.images.write import write_tiff
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask

HEIGHT, WIDTH = 37, 53
CLASSES = ("zebra", "ant eater", "µ-cell")
BOX_FORMATS = sorted(name for name, row in FORMATS.items() if "detection" in row.tasks)

coordinate = st.floats(0, 1, width=32)
sides = st.tuples(coordinate, coordinate).filter(lambda pair: abs(pair[0] - pair[1]) > 1e-3)


@st.composite
def boxes(draw: st.DrawFn) -> Boxes:
    corners = draw(st.lists(st.tuples(sides, sides, st.integers(0, 2)), max_size=6))
    xyxy = [
        (min(xs) * WIDTH, min(ys) * HEIGHT, max(xs) * WIDTH, max(ys) * HEIGHT)
        for xs, ys, _ in corners
    ]
    return Boxes(np.array(xyxy, np.float32).reshape(-1, 4), np.array([c for *_, c in corners]))


@st.composite
def instances(draw: st.DrawFn) -> Instances:
    seed = draw(st.integers(0, 2**32 - 1))
    n_values = draw(st.integers(1, 6))
    blocks = np.random.default_rng(seed).integers(0, n_values, (5, 7))
    labels = Instances.from_labels(np.kron(blocks, np.ones((8, 8), int))[:HEIGHT, :WIDTH]).labels
    n = int(labels.max())
    classes = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    return Instances(labels, np.array(classes, np.int64))


@st.composite
def masks(draw: st.DrawFn) -> SemanticMask:
    seed = draw(st.integers(0, 2**32 - 1))
    return SemanticMask(np.random.default_rng(seed).integers(0, 3, (HEIGHT, WIDTH)))


ANNOTATIONS: dict[str, st.SearchStrategy[Annotation]] = {
    "detection": boxes(),
    "instances": instances(),
    "semantic": masks(),
    "classification": st.builds(Category, st.integers(0, 2)),
}

CASES = [(name, task) for name, row in FORMATS.items() for task in sorted(row.tasks)]


@st.composite
def described(draw: st.DrawFn, task: str) -> list[dict[str, object]]:
    """What a set's records say, without their files."""
    ids = draw(
        st.lists(
            st.text("abcXYZ01_-./ µ", min_size=1, max_size=8).filter(lambda text: text.strip()),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    # Folders a class have no place for an image without one.
    nothing = st.nothing() if task == "classification" else st.none()
    return [
        {
            "id": name,
            "annotation": draw(ANNOTATIONS[task] | nothing),
            "group": draw(st.sampled_from(["patient 1", "well,B02", "3"])),
            "split": draw(st.sampled_from([None, "train", "val", "test"])),
            "pixel_size_um": draw(st.none() | st.floats(1e-3, 10)),
        }
        for name in ids
    ]


def make_set(folder: Path, rows: list[dict[str, object]]) -> LabelledSet:
    records = []
    for number, row in enumerate(sorted(rows, key=lambda row: str(row["id"]))):
        path = folder / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
        cv2.imwrite(str(path), pixels)
        said = {key: value for key, value in row.items() if key != "annotation"}
        records.append(
            Record(image_path=path, load_annotation=Known(row["annotation"]), **said)  # type: ignore[arg-type]
        )
    return LabelledSet("set", CLASSES, tuple(records))


def assert_same_annotation(found: Annotation | None, expected: Annotation | None) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, Boxes):
        assert isinstance(found, Boxes)
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)
        np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    elif isinstance(expected, Instances):
        assert isinstance(found, Instances)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    elif isinstance(expected, SemanticMask):
        assert isinstance(found, SemanticMask)
        np.testing.assert_array_equal(found.mask, expected.mask)
    else:
        assert found == expected


def assert_same_set(found: LabelledSet, expected: LabelledSet) -> None:
    assert found.classes == expected.classes
    for key in ("id", "group", "split", "pixel_size_um"):
        assert [getattr(r, key) for r in found] == [getattr(r, key) for r in expected], key
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.load().image, theirs.load().image)
        assert_same_annotation(ours.load_annotation(), theirs.load_annotation())


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))


few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize(("name", "task"), CASES)
@few
@given(data=st.data())
def test_there_and_back_is_the_same_set(name: str, task: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        labelled = make_set(folder, data.draw(described(task)))
        FORMATS[name].write(labelled, folder / "out")
        assert_same_set(FORMATS[name].read(folder / "out"), labelled)
        for original, copy in zip(labelled, FORMATS[name].read(folder / "out"), strict=True):
            if name != "npz":  # unpacks to TIFF
                assert copy.image_path.read_bytes() == original.image_path.read_bytes()


@pytest.mark.parametrize("first", BOX_FORMATS)
@pytest.mark.parametrize("second", BOX_FORMATS)
@few
@given(data=st.data())
def test_boxes_pass_from_any_format_to_any(first: str, second: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        labelled = make_set(folder, data.draw(described("detection")))
        FORMATS[first].write(labelled, folder / "first")
        FORMATS[second].write(FORMATS[first].read(folder / "first"), folder / "second")
        assert_same_set(FORMATS[second].read(folder / "second"), labelled)


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, LabelledSet, Path]:
    """Two labelled images without a split, written in the format asked for."""
    name, task = request.param
    examples: dict[str, list[Annotation]] = {
        "detection": [Boxes(np.array([[1, 2, 9, 9]]), np.array([2])), Boxes.empty()],
        "instances": [Instances(np.eye(HEIGHT, WIDTH, dtype=int), np.array([1]))] * 2,
        "semantic": [SemanticMask(np.eye(HEIGHT, WIDTH, dtype=int))] * 2,
        "classification": [Category(0), Category(2)],
    }
    said = {"group": "g", "split": None, "pixel_size_um": None}
    rows = [
        {"id": f"image_{index}", "annotation": annotation, **said}
        for index, annotation in enumerate(examples[task])
    ]
    (tmp_path / "source").mkdir()
    labelled = make_set(tmp_path / "source", rows)
    FORMATS[name].write(labelled, tmp_path / "out")
    return name, labelled, tmp_path / "out"


@pytest.mark.parametrize("example", CASES, indirect=True)
def test_labels_of_ome_tiffs_find_their_images(
    example: tuple[str, LabelledSet, Path], tmp_path: Path
) -> None:
    name, labelled, _ = example
    records = []
    for record in labelled:
        path = tmp_path / f"{record.id}.ome.tif"
        write_tiff(path, record.load().image)
        records.append(replace(record, image_path=path))
    expected = replace(labelled, records=tuple(records))
    FORMATS[name].write(expected, tmp_path / "again")
    assert_same_set(FORMATS[name].read(tmp_path / "again"), expected)


@pytest.mark.parametrize("example", CASES, indirect=True)
def test_what_was_written_is_recognised_by_one_format_only(
    example: tuple[str, LabelledSet, Path],
) -> None:
    name, labelled, out = example
    assert [key for key, row in FORMATS.items() if row.recognises(out)] == [name]
    assert_same_set(read_labelled(out), labelled)


@pytest.mark.parametrize("example", CASES, indirect=True)
def test_records_pickle_for_loader_processes(example: tuple[str, LabelledSet, Path]) -> None:
    _, labelled, out = example
    assert_same_set(pickle.loads(pickle.dumps(read_labelled(out))), labelled)


@pytest.mark.parametrize("example", CASES, indirect=True)
def test_nothing_is_ever_written_over(example: tuple[str, LabelledSet, Path]) -> None:
    name, labelled, out = example
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(DatasetError, match="stands there already"):
        FORMATS[name].write(labelled, out)
    assert sorted(path.name for path in out.iterdir()) == before


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_folder_is_a_clear_error(name: str, tmp_path: Path) -> None:
    assert not FORMATS[name].recognises(tmp_path)
    with pytest.raises(DatasetError):
        read_labelled(tmp_path, format=name)


@pytest.mark.parametrize("name", FORMATS)
def test_annotations_a_format_cannot_hold_are_refused_and_leave_nothing(
    name: str, tmp_path: Path
) -> None:
    wrong = Category(0) if "semantic" in FORMATS[name].tasks else masks_of_ones()
    row = {"id": "a", "annotation": wrong, "group": "a", "split": None, "pixel_size_um": None}
    labelled = make_set(tmp_path, [row])
    with pytest.raises(DatasetError, match=r"'a' holds (the class of an image|a mask of classes),"):
        FORMATS[name].write(labelled, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def masks_of_ones() -> SemanticMask:
    return SemanticMask(np.ones((HEIGHT, WIDTH), np.uint8))


def test_unknown_ambiguous_and_missing_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'yolo'"):
        read_labelled(tmp_path, format="yoloo")
    with pytest.raises(DatasetError, match="is not there"):
        read_labelled(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"no format known here.*--format"):
        read_labelled(tmp_path)
    for folder in ("images", "masks", "instances"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DatasetError, match="any of instances, masks"):
        read_labelled(tmp_path)
