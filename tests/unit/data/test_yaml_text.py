"""A mistake in YAML is one sentence that names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.data.yaml_text import parse_yaml, read_yaml
from cellwright.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: c: d\n", "line 2, column 5: is no YAML (mapping values are not allowed here)"),
        ("a:\n\t- b\n", "line 2, column 1: is no YAML (found character"),
        ("a: [1,\n", "line 2, column 1: is no YAML"),
        ("a: 'x\n", "is no YAML (found unexpected end of stream)"),
        ("!!python/name:os.system ''", "line 1, column 1: is no YAML (could not determine"),
        ("a: 1\nbc: \x00", "line 2, column 5: holds a character that YAML does not allow"),
        ("day: 2026-02-30", "is no YAML (day is out of range for month)"),
        ("[" * 5000, "is no YAML (is nested too deeply)"),
    ],
)
def test_one_sentence_with_file_line_and_column(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, where="train.yaml")
    message = str(caught.value)
    assert message.startswith("train.yaml: ")
    assert said in message
    assert "\n" not in message
    assert caught.value.remedy


def test_files_are_read_with_and_without_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: caf\xc3\xa9\n")
    assert read_yaml(path) == {"name": "caf\u00e9"}
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"no text in UTF-8; save it as UTF-8"):
        read_yaml(path)
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\)"):
        read_yaml(tmp_path / "none.yaml")
