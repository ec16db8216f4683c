"""Tokens are made and taken away without a service being started."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.cli.main import main

pytest.importorskip("alembic")


def say(monkeypatch: pytest.MonkeyPatch, data: Path, *words: str) -> int:
    """Exit code of ``cellwright serve``."""
    monkeypatch.setattr("sys.argv", ["cellwright", "serve", "--data", str(data), *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_a_token_is_made_and_revoked(tmp_path, monkeypatch, capsys):
    assert say(monkeypatch, tmp_path, "--create-token", "Ada") == 0
    assert say(monkeypatch, tmp_path, "--create-token", "Ada") == 2
    capsys.readouterr()
    assert say(monkeypatch, tmp_path, "--revoke-token", "ada") == 2
    assert "did you mean" in capsys.readouterr().err
    assert say(monkeypatch, tmp_path, "--revoke-token", "Ada") == 0
    said = capsys.readouterr()
    assert "refused" in said.err and said.out == ""
    assert say(monkeypatch, tmp_path, "--revoke-token", "Ada") == 2
    assert say(monkeypatch, tmp_path, "--create-token", "Ada") == 0
