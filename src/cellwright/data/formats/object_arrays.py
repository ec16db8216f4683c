"""What a ``.npy`` file of Python objects holds, without unpickling it.

NumPy stores objects as a pickle, a program that may call anything when it is run. Here it is never
run: :mod:`pickletools` of the standard library takes it apart, and the few instructions that put
together numbers, text, lists and dictionaries are followed. Where the program calls something, the
call is written down as an inert :class:`Call`; those that stand for arrays of numbers are turned
into arrays by :func:`numbers_in` on demand. Any other instruction is refused.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError, why_unreadable

MAX_BYTES = 2**30
"""Of a file; arrays are as large in it as in memory."""

_NUMBERS = {"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"}
_MARK = object()
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
    "MARK": lambda: _MARK,
}
_INTEGERS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_LITERALS = frozenset({*_INTEGERS, *_TEXTS, *_BYTES, "BINFLOAT"})
_NOTHING_TO_DO = frozenset({"PROTO", "FRAME", "STOP"})
_DAMAGED = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, EOFError)


@dataclass(eq=False)
class Call:
    """A call that the file asks for and that is not made.

    Attributes:
        callee: dotted name.
        arguments: positional ones.
        state: what the file wants the result filled with.
    """

    callee: str
    arguments: tuple[Any, ...] = ()
    state: Any = None


def read_object(path: Path) -> Any:
    """The one object of the file: numbers, text, lists, dictionaries, and inert :class:`Call` s.

    Raises:
        AnnotationError: too large, damaged, or not what NumPy stores of one object.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AnnotationError(f"is larger than {MAX_BYTES >> 30} GiB", where=path)
        program = _program(path.read_bytes())
        if program is None:
            raise AnnotationError("holds plain numbers, not the object expected", where=path)
        found = _followed(program)
        version, _, _, _, content = found.state
        if found.callee.rpartition(".")[2] != "_reconstruct" or version != 1:
            raise ValueError("no array of objects")
        return content[0]
    except OSError as error:
        raise AnnotationError(
            f"cannot be read ({why_unreadable(error)})",
            where=path,
            remedy="see that you may read it",
        ) from error
    except _DAMAGED as error:
        raise AnnotationError(
            "is damaged, or holds what NumPy does not store", where=path, remedy="save it again"
        ) from error


def numbers_in(call: Any) -> NDArray[Any] | None:
    """The array of numbers that a call stands for; None where it stands for something else.

    Raises:
        ValueError: not filled as NumPy fills arrays, or as many bytes as its shape does not need.
    """
    if not isinstance(call, Call) or call.callee.rpartition(".")[2] != "_reconstruct":
        return None
    try:
        _, shape, kind, by_columns, content = call.state
        code, order = str(kind.arguments[0]), str(kind.state[1])
        if code not in _NUMBERS or not isinstance(content, bytes):
            return None
        dtype = np.dtype(code).newbyteorder("=" if order == "|" else order)  # type: ignore[arg-type]
        fits = min(shape, default=0) >= 0 and math.prod(shape) * dtype.itemsize == len(content)
    except _DAMAGED as error:
        raise ValueError("is no array as NumPy stores it") from error
    if not fits:
        raise ValueError(f"{len(content)} bytes are no array of the shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")


def _program(content: bytes) -> bytes | None:
    """What follows the header of a file of one object; None for a file of numbers.

    The format's page of NumPy's manual (``numpy.lib.format``) lays the header out.
    """
    wide = content[6] > 1
    length = int.from_bytes(content[8 : 12 if wide else 10], "little")
    start = 12 if wide else 10
    header = content[start : start + length]
    if content[:6] != b"\x93NUMPY" or not header.endswith(b"\n"):
        raise ValueError("no .npy file")
    one_object = b"'|O'" in header and b"'shape': ()" in header
    return content[start + length :] if one_object else None


def _followed(program: bytes) -> Any:
    """What the program would leave, its calls written down."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(program):
        name = opcode.name
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in _LITERALS:
            stack.append(argument)
        elif name in {"MEMOIZE", "BINPUT", "LONG_BINPUT"}:
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET"}:
            stack.append(memo[argument])
        elif name == "GLOBAL":
            stack.append(Call(argument.replace(" ", ".")))
        elif name in _STEPS:
            _STEPS[name](stack)
        elif name not in _NOTHING_TO_DO:
            raise ValueError(f"the instruction {name} is not followed")
    (found,) = stack
    return found


def _above_mark(stack: list[Any]) -> list[Any]:
    """Everything above the uppermost mark, which is taken off as well."""
    at = max(index for index, item in enumerate(stack) if item is _MARK)
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _tuple_of(count: int) -> Callable[[list[Any]], None]:
    def step(stack: list[Any]) -> None:
        stack[-count:] = [tuple(stack[-count:])]

    return step


def _named(stack: list[Any]) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(Call(f"{module}.{name}"))


def _called(stack: list[Any]) -> None:
    arguments, callee = stack.pop(), stack.pop()
    stack.append(Call(callee.callee, tuple(arguments)))


def _built(stack: list[Any]) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], Call):
        raise ValueError("only what is called is filled")
    stack[-1].state = state


def _append(stack: list[Any]) -> None:
    _grow(stack, [stack.pop()])


def _grow(stack: list[Any], items: list[Any]) -> None:
    # Subclasses of list are calls here, whose items nobody asks for.
    if not isinstance(stack[-1], Call):
        stack[-1].extend(items)


def _set(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], Call):
        stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _set_one(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _set(stack, [key, value])


_STEPS: dict[str, Callable[[list[Any]], None]] = {
    "TUPLE": lambda stack: stack.append(tuple(_above_mark(stack))),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "LIST": lambda stack: stack.append(_above_mark(stack)),
    "STACK_GLOBAL": _named,
    "REDUCE": _called,
    "NEWOBJ": _called,
    "BUILD": _built,
    "APPEND": _append,
    "APPENDS": lambda stack: _grow(stack, _above_mark(stack)),
    "ADDITEMS": lambda stack: _grow(stack, _above_mark(stack)),
    "SETITEM": _set_one,
    "SETITEMS": lambda stack: _set(stack, _above_mark(stack)),
}
