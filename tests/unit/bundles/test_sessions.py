from __future__ import annotations

import pytest

from cellwright.bundles import sessions
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.processor import Processor
from cellwright.bundles.sessions import OnnxRuntimeSession, open_session

ENTRY = "session.x64quantprecision"


def entry_on(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What ONNX Runtime was told of 8-bit kernels on such a processor."""
    monkeypatch.setattr(sessions, "this_processor", lambda: processor)
    graph = open_bundle("cell-cycle-unstained-int8").graph()
    session = open_session(graph, runtime="onnxruntime")
    assert isinstance(session, OnnxRuntimeSession)
    try:
        told: str = session._session.get_session_options().get_session_config_entry(ENTRY)
    except RuntimeError:
        return None
    return told


@pytest.mark.parametrize(
    ("instructions", "told"),
    [(frozenset({"avx2"}), "1"), (None, "1"), (frozenset({"avx2", "avx512_vnni"}), None)],
)
def test_slow_exact_kernels_are_asked_for_only_where_the_fast_ones_overflow(
    instructions, told, monkeypatch
):
    assert entry_on(Processor("x86_64", instructions), monkeypatch) == told
