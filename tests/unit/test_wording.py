"""Messages are for people who label images: they name no Python class of an annotation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cellwright
from cellwright.data.mask_pictures import Labelling
from cellwright.errors import AnnotationError
from cellwright.types import Boxes, Category, kind_in_words

SOURCES = sorted(Path(cellwright.__file__).parent.rglob("*.py"))


def class_names_in_messages(tree: ast.AST) -> Iterator[int]:
    """Lines of errors of ours whose text holds ``type(…annotation…).__name__``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        raised = ast.unparse(node.exc)
        expected = raised.startswith(("AnnotationError", "DatasetError", "ConfigError"))
        if expected and "__name__" in raised and "annotation" in raised.lower().split("(", 1)[1]:
            yield node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_message_names_the_class_of_an_annotation(path: Path) -> None:
    assert list(class_names_in_messages(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_search_finds_one() -> None:
    text = "raise DatasetError(f'not {type(annotation).__name__}')"
    assert list(class_names_in_messages(ast.parse(text))) == [1]


def test_what_an_image_is_labelled_with_is_said_in_words() -> None:
    with pytest.raises(AnnotationError, match=r"a\.png: .* with boxes; label the outlines"):
        Labelling("instances").read(Boxes.empty(), "a.png")
    assert kind_in_words(Boxes(np.zeros((1, 4)), np.zeros(1, int))) == "boxes"
    assert kind_in_words(Category(0)) == "the class of an image"
