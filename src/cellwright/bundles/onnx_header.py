"""The operator set of an ONNX file, read without the package ``onnx``.

A base install runs graphs and never parses them; whoever passes one on must say which operator
set it speaks. An ONNX file is a protocol buffer, a list of (field number, wire type, value);
field 8 of the model are its operator sets: a domain (field 1) and a version (field 2).
"""

from __future__ import annotations

from collections.abc import Iterator

from cellwright.errors import BundleError

_OPSET_IMPORT, _DOMAIN, _VERSION = 8, 1, 2
_VARINT, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_DEFAULT_DOMAINS = (b"", b"ai.onnx")


def opset_version(graph: bytes) -> int:
    """Version of the default operator set that ``graph`` (ONNX bytes) uses.

    Raises:
        BundleError: the bytes are no ONNX file, or name no operator set.
    """
    try:
        for number, value in _fields(graph):
            if number == _OPSET_IMPORT and isinstance(value, bytes):
                opset = dict(_fields(value))
                version = opset.get(_VERSION)
                if opset.get(_DOMAIN, b"") in _DEFAULT_DOMAINS and isinstance(version, int):
                    return version
    except (IndexError, ValueError) as error:
        raise BundleError("a graph is no readable ONNX file") from error
    raise BundleError("a graph names no operator set")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of one message: an integer, or the bytes of what it holds."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _DELIMITED:
            length, at = _varint(data, at)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(data):
            raise ValueError("truncated")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
