import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles import zoo
from cellwright.bundles.bundle import graph_entry, open_bundle, write_bundle
from cellwright.errors import BundleError, UnknownNameError
from damage import with_flipped_bit


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_there_and_back(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    graphs = {entry.file: bundle.graph(entry) for entry in bundle.card.graphs}
    again = open_bundle(write_bundle(tmp_path / "x.cellwright", bundle.card, graphs, bundle.tests))
    assert again.card == bundle.card
    assert again.graph() == bundle.graph()
    assert again.tests.keys() == bundle.tests.keys() == {"input", "level_4"}
    np.testing.assert_array_equal(again.tests["level_4"], bundle.tests["level_4"])
    assert again.sha256 == bundle.sha256, "the same contents give the same bytes"


def test_a_zoo_name_opens_its_file(dot_bundle, tmp_path, monkeypatch):
    shutil.copy(dot_bundle, tmp_path / "some.cellwright")
    monkeypatch.setitem(zoo.ZOO, "some-cells", "some.cellwright")
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    assert open_bundle("some-cells").card.name == "dots"
    with pytest.raises(UnknownNameError, match="did you mean 'some-cells'"):
        open_bundle("some-cell")


def test_a_missing_path_is_said(tmp_path):
    with pytest.raises(BundleError, match="no such file"):
        open_bundle(tmp_path / "none.cellwright")


@pytest.mark.parametrize("keep", [0, 10, 200, -1, -30])
def test_a_truncated_file(dot_bundle, tmp_path, keep):
    broken = tmp_path / "x.cellwright"
    broken.write_bytes(dot_bundle.read_bytes()[:keep])
    with pytest.raises(BundleError, match="no readable bundle"):
        open_bundle(broken)


def test_a_file_that_is_gone_is_told_without_the_systems_numbers(dot_bundle, tmp_path):
    path = Path(shutil.copy(dot_bundle, tmp_path / "gone.cellwright"))
    bundle = open_bundle(path)
    path.unlink()
    with pytest.raises(BundleError, match=r"bundle \(no such file or directory\); get it again"):
        bundle.graph()


def test_a_flipped_byte_in_the_graph_is_noticed(dot_bundle, tmp_path):
    broken = with_flipped_bit(dot_bundle, "graphs/dots.onnx", tmp_path / "x.cellwright")
    with pytest.raises(BundleError, match=r"graphs/dots.onnx"):
        open_bundle(broken).graph()


def test_a_graph_exchanged_for_another_is_noticed(dot_bundle, tmp_path):
    entries = contents(dot_bundle) | {"graphs/dots.onnx": b"another"}
    with pytest.raises(BundleError, match="checksum differs"):
        open_bundle(rezipped(tmp_path / "x.cellwright", entries)).graph()


@pytest.mark.parametrize(
    "name", ["../evil.npy", "tests/../../evil.npy", "/etc/evil", "code.py", "tests/a.pkl"]
)
def test_an_entry_that_does_not_belong_is_refused(dot_bundle, tmp_path, name):
    entries = contents(dot_bundle) | {name: b"x"}
    with pytest.raises(BundleError, match="belongs in no bundle"):
        open_bundle(rezipped(tmp_path / "x.cellwright", entries))


def test_too_many_entries_and_no_card(dot_bundle, tmp_path):
    many = contents(dot_bundle) | {f"tests/t{i}.npy": b"" for i in range(80)}
    with pytest.raises(BundleError, match="too many"):
        open_bundle(rezipped(tmp_path / "many.cellwright", many))
    with pytest.raises(BundleError, match=r"no card\.json"):
        open_bundle(rezipped(tmp_path / "none.cellwright", {"tests/a.npy": b""}))


def test_a_zip_bomb_is_refused_by_its_header(dot_bundle, tmp_path):
    path = tmp_path / "bomb.cellwright"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", b" " * (5 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(BundleError, match="larger than"):
        open_bundle(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"task": "telepathy"}, "task"),
        ({"surprise": 1}, "surprise"),
        ({"graphs": []}, "graphs"),
        ({"decoding": None}, "not valid: as a whole: a detection bundle must say how"),
    ],
)
def test_a_card_that_is_not_valid_says_where(dot_bundle, tmp_path, change, message):
    entries = contents(dot_bundle)
    entries["card.json"] = json.dumps(json.loads(entries["card.json"]) | change).encode()
    with pytest.raises(BundleError, match=message):
        open_bundle(rezipped(tmp_path / "x.cellwright", entries))


def pickled() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def huge_header() -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000,), }"
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 16


@pytest.mark.parametrize("data", [pickled(), huge_header(), b"", b"\x93NUMPY\x01\x00\xff\xff"])
def test_hostile_test_tensors_are_refused(dot_bundle, tmp_path, data):
    entries = contents(dot_bundle) | {"tests/input.npy": data}
    bundle = open_bundle(rezipped(tmp_path / "x.cellwright", entries))
    with pytest.raises(BundleError, match="input"):
        _ = bundle.tests


def test_what_contradicts_the_card_is_not_written(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    target = tmp_path / "x.cellwright"
    with pytest.raises(BundleError, match="do not match"):
        write_bundle(target, bundle.card, {"graphs/dots.onnx": b"other"}, bundle.tests)
    graphs = {"graphs/dots.onnx": bundle.graph()}
    with pytest.raises(BundleError, match="test tensors"):
        write_bundle(target, bundle.card, graphs, {"input": np.zeros(1)})
    with pytest.raises(BundleError, match="must end in"):
        write_bundle(tmp_path / "x.zip", bundle.card, graphs, bundle.tests)
    assert not list(tmp_path.iterdir())


def test_a_graph_full_of_zeros_is_stored_deflated(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    entry = bundle.card.graphs[0]
    noise = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    sparse = np.where(np.arange(noise.size) % 10 == 0, noise, 0).astype(np.float32)
    sizes = {}
    for name, weights in (("dense", noise), ("sparse", sparse)):
        graph = weights.tobytes()
        card = bundle.card.model_copy(update={"graphs": (graph_entry(entry.file, graph),)})
        path = tmp_path / f"{name}.cellwright"
        write_bundle(path, card, {entry.file: graph}, bundle.tests)
        assert open_bundle(path).graph() == graph
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(entry.file)
        sizes[name] = (info.compress_type, info.compress_size)
    assert sizes["dense"] == (zipfile.ZIP_STORED, noise.nbytes)
    assert sizes["sparse"][0] == zipfile.ZIP_DEFLATED
    assert sizes["sparse"][1] < 0.3 * noise.nbytes
