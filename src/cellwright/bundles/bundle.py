"""One file that ships a model: a zip of ``card.json``, ``graphs/*.onnx`` and ``tests/*.npy``.

Nothing in it is code and nothing is unpickled, so a bundle from a stranger can be
opened safely: names, sizes and checksums are checked before a byte is used. The
test tensors (``tests/input.npy`` and one file an output of the first graph) let
:mod:`cellwright.bundles.verify` replay the model on the user's own machine.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cellwright.bundles.card import Card, GraphEntry, Precision
from cellwright.bundles.zoo import ZOO, zoo_path
from cellwright.errors import BundleError, UnknownNameError, why_unreadable
from cellwright.images.write import atomic_path

SUFFIX = ".cellwright"
CARD_FILE = "card.json"
TEST_INPUT = "input"
MAX_ENTRIES = 64
MAX_BYTES = {"card.json": 4 << 20, "graphs": 2 << 30, "tests": 256 << 20}
"""Largest uncompressed size of an entry, by its folder; 2 GiB is what an ONNX file may hold."""

_ENTRY_NAME = re.compile(r"card\.json|graphs/[a-z0-9_]+\.onnx|tests/[A-Za-z0-9_]+\.npy")
_READ_FAULTS = (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError)


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle; graphs and test tensors are read when first asked for.

    Attributes:
        path: the file it was opened from.
        card: its checked card.
    """

    path: Path
    card: Card

    @cached_property
    def sha256(self) -> str:
        """Checksum of the whole file: two bundles are the same model if it is the same."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def graph(self, entry: GraphEntry | None = None) -> bytes:
        """The ONNX bytes of ``entry``, by default of the first graph.

        Raises:
            BundleError: the graph is missing or its checksum is not the card's.
        """
        entry = entry or self.card.graphs[0]
        with _opened(self.path) as archive:
            data = _read(archive, entry.file, self.path)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BundleError(
                f"{entry.file} is not the graph the card was made for (checksum differs)",
                where=self.path,
                remedy="get the bundle again from where it came",
            )
        return data

    def of_another_task(self, wanted: str, *, remedy: str = "") -> BundleError:
        """The error of who needs a model that does something else.

        Args:
            wanted: what the model should do, such as ``segments``.
            remedy: what to do instead.
        """
        return BundleError(
            f"this is a model for {self.card.task}, not one that {wanted}",
            where=self.path,
            remedy=remedy or "`cellwright models list` says what each model does",
        )

    def require_pixels(self, purpose: str) -> None:
        """Refuse a model on measurements where only a network will do.

        Args:
            purpose: what needs the network, for the message.

        Raises:
            BundleError: the graph is fed measurements.
        """
        if not self.card.takes_pixels:
            raise BundleError(
                f"{purpose} needs a network, but this model is fed measurements of the picture",
                where=self.path,
                remedy="use runtime onnxruntime, or train a network",
            )

    @cached_property
    def tests(self) -> dict[str, NDArray[Any]]:
        """Test tensors: ``input`` float32 and each output of the first graph.

        The input is ``(N, C, H, W)``, or ``(N, columns)`` of a model on measurements.
        """
        with _opened(self.path) as archive:
            names = [name for name in archive.namelist() if name.startswith("tests/")]
            return {
                Path(name).stem: _load_npy(_read(archive, name, self.path), f"{self.path}:{name}")
                for name in names
            }


def open_bundle(reference: str | Path) -> Bundle:
    """Open a bundle by its path or by its name in the zoo.

    Raises:
        UnknownNameError: neither a file nor a row of the zoo.
        BundleError: the file is damaged, of another version, or no bundle at all.
    """
    path = _locate(reference)
    with _opened(path) as archive:
        _check_entries(archive, path)
        text = _read(archive, CARD_FILE, path)
        present = set(archive.namelist())
    card = _parse_card(text, path)
    missing = [entry.file for entry in card.graphs if entry.file not in present]
    if missing:
        raise BundleError(f"the graph {missing[0]} is missing", where=path)
    return Bundle(path, card)


def write_bundle(
    path: Path,
    card: Card,
    graphs: Mapping[str, bytes],
    tests: Mapping[str, NDArray[Any]],
) -> Path:
    """Write a bundle in one step; the same arguments give the same bytes.

    Args:
        path: where to; must end in ``.cellwright``.
        card: its graph entries must name exactly ``graphs`` (see :func:`graph_entry`).
        graphs: ``graphs/NAME.onnx`` -> ONNX bytes.
        tests: ``input`` and each output of the first graph.

    Raises:
        BundleError: card and contents contradict each other.
    """
    if path.suffix != SUFFIX:
        raise BundleError("a bundle's file name must end in .cellwright", where=path)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in graphs.items()}
    if sums != {entry.file: entry.sha256 for entry in card.graphs}:
        raise BundleError("the card's graph entries do not match the graphs given", where=path)
    if TEST_INPUT not in tests or len(tests) < 2:
        raise BundleError("test tensors must hold 'input' and the outputs", where=path)
    entries = {CARD_FILE: (card.model_dump_json(indent=1) + "\n").encode()}
    entries |= dict(sorted(graphs.items()))
    entries |= {f"tests/{name}.npy": _save_npy(tests[name]) for name in sorted(tests)}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            shrinks = not name.startswith("graphs/") or _shrinks(data)
            info.compress_type = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return path


def _shrinks(graph: bytes) -> bool:
    """Whether a graph gets a quarter smaller when deflated, as one full of zeros does.

    Other weights hardly shrink, and stored ones open faster.
    """
    return len(zlib.compress(graph, 1)) < 0.75 * len(graph)


def graph_entry(file: str, data: bytes, precision: Precision = "fp32") -> GraphEntry:
    """The card's entry for the ONNX bytes ``data`` stored as ``file``."""
    return GraphEntry(file=file, sha256=hashlib.sha256(data).hexdigest(), precision=precision)


def _locate(reference: str | Path) -> Path:
    path = Path(reference)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if not path.is_file():
            raise BundleError(
                "no such file", where=path, remedy="give the path of a .cellwright file"
            )
        return path
    if str(reference) in ZOO:
        return zoo_path(str(reference))
    if path.is_file():
        return path
    raise UnknownNameError("model (and no .cellwright file of that name)", str(reference), ZOO)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _READ_FAULTS as error:
        denied = isinstance(error, PermissionError)
        raise BundleError(
            f"this is no readable bundle ({why_unreadable(error)})",
            where=path,
            remedy="see that you may read it" if denied else "get it again from where it came",
        ) from error


def _check_entries(archive: zipfile.ZipFile, path: Path) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(infos) > MAX_ENTRIES or len(set(names)) != len(names):
        raise BundleError(f"{len(infos)} entries, doubled or too many", where=path)
    if CARD_FILE not in names:
        raise BundleError("there is no card.json in it", where=path)
    for info in infos:
        if not _ENTRY_NAME.fullmatch(info.filename):
            raise BundleError(f"an entry that belongs in no bundle: {info.filename!r}", where=path)
        limit = MAX_BYTES[info.filename.split("/", maxsplit=1)[0]]
        if info.file_size > limit:
            raise BundleError(f"{info.filename} is larger than {limit} bytes", where=path)


def _read(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        return archive.read(name)
    except (*_READ_FAULTS, KeyError, zlib.error) as error:
        raise BundleError(
            f"{name} cannot be read ({why_unreadable(error)})",
            where=path,
            remedy="get the bundle again from where it came",
        ) from error


def _parse_card(text: bytes, path: Path) -> Card:
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise BundleError(
            f"its card is not valid: {place}: {first['msg'].removeprefix('Value error, ')}",
            where=path,
            remedy="it may be of a newer Cellwright: update, or get the bundle again",
        ) from error


def _save_npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _load_npy(data: bytes, where: str) -> NDArray[Any]:
    """Read an array whose header promises exactly the bytes that are there."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"npy version {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except ValueError as error:
        raise BundleError(f"not a NumPy array ({error})", where=where) from error
    held = len(data) - stream.tell()
    if dtype.hasobject or fortran or prod(shape) * dtype.itemsize != held:
        raise BundleError(f"an array {shape} of {dtype} does not fit its {held} bytes", where=where)
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)
