"""What this processor does exactly: 8-bit products need integer dot products in OpenVINO."""

from __future__ import annotations

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def exact_int8_runtimes() -> tuple[str, ...]:
    """Runtimes whose 8-bit arithmetic is exact here.

    Without VNNI (Linux says so in the processor's flags) OpenVINO adds products of bytes in
    16 bits, where they may overflow; ONNX Runtime is told to use other kernels there.
    """
    known = _CPUINFO.read_text() if _CPUINFO.exists() else "vnni"
    plain_x86 = "avx2" in known and "vnni" not in known
    return ("onnxruntime",) if plain_x86 else ("onnxruntime", "openvino")
