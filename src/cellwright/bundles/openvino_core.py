"""The one OpenVINO core of a process.

OpenVINO's CPU plugin gives the thread that makes a core a signal stack and, when the core
goes, puts back the one that was there before. Of two cores that go in the order in which they
came, the second puts back the stack that the first has unmapped; the next signal that has a
handler then kills the process, and a process that has trained handles the end of its children.
So one core is made and lives as long as the process.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cellwright.errors import BundleError


@cache
def openvino_core() -> Any:
    """``openvino.Core``, always the same one.

    Raises:
        BundleError: OpenVINO is not installed, or cannot be loaded.
    """
    try:
        import openvino as ov  # noqa: PLC0415  half a second that other runtimes need not pay
    except ImportError as error:
        raise BundleError(
            f"the runtime openvino cannot be imported ({error})",
            remedy="run: pip install openvino, or choose the runtime onnxruntime",
        ) from error
    return ov.Core()
