"""Runtimes that are exact on the processor the tests run on."""

from __future__ import annotations

from cellwright.bundles.processor import this_processor


def exact_int8_runtimes() -> tuple[str, ...]:
    """Runtimes whose 8-bit arithmetic is exact here, as far as the processor says."""
    exact = this_processor().integer_dot_products
    return ("onnxruntime", "openvino") if exact else ("onnxruntime",)
