"""What is wrong with a training config, in words: which setting, and what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cellwright.bundles.card import NAME_IN_WORDS
from cellwright.errors import UnknownNameError

Sections = list[type[BaseModel]]


def in_words(error: ValidationError, config: type[BaseModel]) -> str:
    """All faults that were found in a config of the type ``config``."""
    return "; ".join(_fault(item, [config]) for item in error.errors())


def _fault(item: Any, sections: Sections) -> str:
    """One fault.

    Args:
        item: pydantic's account of it.
        sections: types of the whole config.
    """
    *folders, last = item["loc"] or ("the file",)
    place = ".".join(map(str, item["loc"])) or "the file"
    if item["type"] == "extra_forbidden":
        unknown = str(UnknownNameError("setting", str(last), _settings(_below(sections, folders))))
        return f"{place}: {unknown}" if folders else unknown
    if item["type"] in ("model_type", "model_attributes_type"):
        example, *_ = known = _settings(_below(sections, item["loc"])) or ["KEY"]
        return (
            f"{place}: this is a section, not the value {item['input']!r}; write "
            f"{place}: {{{example}: VALUE}}, with settings out of: {', '.join(known)}"
        )
    return f"{place}: {_sentence(item)}"


def _sentence(item: Any) -> str:
    """What is wrong with one value; in our own words where pydantic's are of its insides."""
    match item["type"]:
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":  # of all settings the name alone has a pattern
            return f"{item['input']!r} is no name that a bundle can have; write {NAME_IN_WORDS}"
        case "union_tag_not_found":
            return "its kind is missing"
        case "union_tag_invalid":
            return f"its kind must be one of {item['ctx']['expected_tags']}"
        case "value_error":
            return str(item["ctx"]["error"])
    # What pydantic could not do with the value says less than the value.
    wrong = re.sub(", (got|unable) .*", "", item["msg"]).replace("Input should be", "must be")
    return f"{wrong}, not {item['input']!r}"


def _below(sections: Sections, folders: Sequence[Any]) -> Sections:
    """Types of the section that lies at ``folders``; more than one where it comes in kinds."""
    for folder in folders:
        held = [one.model_fields[folder] for one in sections if folder in one.model_fields]
        # Between a section that comes in kinds and its settings stands which kind it is.
        kinds = [one for one in sections if _kind(one) == folder]
        sections = [found for field in held for found in _sections_in(field.annotation)] or kinds
    return sections


def _kind(section: type[BaseModel]) -> object:
    return section.model_fields["kind"].default if "kind" in section.model_fields else None


def _sections_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _sections_in(part)]


def _settings(sections: Sections) -> list[str]:
    return [name for section in sections for name in section.model_fields]
