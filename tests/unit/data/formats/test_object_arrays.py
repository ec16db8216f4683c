"""NumPy's files of objects are read without running what they hold."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy

from cellwright.data.formats.object_arrays import Call, numbers_in, read_object
from cellwright.errors import AnnotationError


def saved(path, content, protocol=4):
    """The file that ``numpy.save`` writes, by any protocol."""
    array = np.empty((), object)
    array[()] = content
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
        pickle.dump(array, file, protocol=protocol)
    return path


CONTENT = {
    "whole": np.arange(12, dtype=np.uint16).reshape(3, 4),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "swapped": np.arange(5, dtype=">i4"),
    "none": np.zeros((0, 4), bool),
}


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("name", sorted(CONTENT))
def test_arrays_come_back(name, protocol, tmp_path):
    found = numbers_in(read_object(saved(tmp_path / "a.npy", CONTENT, protocol))[name])
    assert np.array_equal(found, CONTENT[name])
    assert (
        found.dtype == CONTENT[name].dtype.newbyteorder("=") or found.dtype == CONTENT[name].dtype
    )


def test_it_reads_what_numpy_writes(tmp_path):
    np.save(tmp_path / "a.npy", CONTENT, allow_pickle=True)
    found = read_object(tmp_path / "a.npy")
    assert np.array_equal(numbers_in(found["whole"]), CONTENT["whole"])


def test_plain_values_are_themselves(tmp_path):
    content = {"text": "ä", "big": 10**30, "list": [1, (2.5, None), True], "many": list(range(300))}
    assert read_object(saved(tmp_path / "a.npy", content)) == content


def test_what_is_no_array_of_numbers_stays_an_unmade_call(tmp_path):
    content = {"ordered": OrderedDict(a=1), "path": Path("x"), "words": np.array(["a", "bc"])}
    found = read_object(saved(tmp_path / "a.npy", content))
    assert all(isinstance(value, Call) for value in found.values())
    assert all(numbers_in(value) is None for value in found.values())


class Hostile:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_in_the_file_is_run(tmp_path):
    trap = tmp_path / "sprung"
    file = saved(tmp_path / "a.npy", {"masks": Hostile(trap), "whole": CONTENT["whole"]})
    found = read_object(file)
    assert found["masks"].callee.endswith("mkdir")
    assert numbers_in(found["masks"]) is None
    assert not trap.exists()
    np.load(file, allow_pickle=True)
    assert trap.exists(), "the file was no trap"


def test_a_shape_that_its_bytes_do_not_fill_is_refused(tmp_path):
    found = read_object(saved(tmp_path / "a.npy", CONTENT))["whole"]
    version, _, kind, by_columns, content = found.state
    found.state = (version, (10**9, 10**9), kind, by_columns, content)
    with pytest.raises(ValueError, match="no array of the shape"):
        numbers_in(found)


def test_plain_numbers_are_not_what_was_expected(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(AnnotationError, match="plain numbers"):
        read_object(tmp_path / "a.npy")
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_object(tmp_path / "nowhere.npy")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_is_one_clear_error(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "a.npy"
    whole = saved(path, CONTENT | {"list": [1, "b"]}).read_bytes()
    if data.draw(st.booleans()):
        content = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        content = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    path.write_bytes(content)
    try:
        read_object(path)
    except AnnotationError as error:
        assert str(path) in str(error)


def test_instructions_that_numpy_does_not_use_are_refused(tmp_path):
    file = io.BytesIO()
    npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(np.empty((), object)))
    (tmp_path / "a.npy").write_bytes(file.getvalue() + b"(cos\nmkdir\nS'x'\no.")
    with pytest.raises(AnnotationError, match="damaged, or holds what NumPy does not store"):
        read_object(tmp_path / "a.npy")
