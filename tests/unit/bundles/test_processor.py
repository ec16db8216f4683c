"""What systems say of their processors, as they say it."""

from __future__ import annotations

import platform

import pytest

from cellwright.bundles.processor import (
    Processor,
    linux_instructions,
    macos_instructions,
    this_processor,
)

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
flags\t\t: fpu sse4_2 avx2{more}
vmx flags\t: vnmi ept
bugs\t\t: spectre_v1

processor\t: 1
flags\t\t: fpu
"""

SYSCTL = """machdep.cpu.brand_string: Intel(R) Core(TM) i7
machdep.cpu.features: FPU SSE4.2 AVX1.0
machdep.cpu.leaf7_features: AVX2 AVX512F{more}
machdep.cpu.core_count: 4
"""


@pytest.mark.parametrize(
    ("more", "exact"), [("", False), (" avx512_vnni", True), (" avx_vnni", True)]
)
def test_linux(more, exact):
    found = linux_instructions(CPUINFO.format(more=more))
    assert {"fpu", "avx2"} <= found
    assert "ept" not in found
    assert Processor("x86_64", found).integer_dot_products is exact


@pytest.mark.parametrize(("more", "exact"), [("", False), (" AVX512VNNI", True)])
def test_macos(more, exact):
    found = macos_instructions(SYSCTL.format(more=more))
    assert "avx1.0" in found
    assert "4" not in found
    assert Processor("x86_64", found).integer_dot_products is exact


def test_what_says_nothing_is_not_known():
    assert linux_instructions("processor : 0\nFeatures : asimddp\n") is None
    assert macos_instructions("machdep.cpu.brand_string: Apple M1\n") is None
    assert Processor("amd64", None).integer_dot_products is None
    assert Processor("arm64", frozenset({"avx512_vnni"})).integer_dot_products is None


def test_this_one():
    here = this_processor()
    assert here.architecture == platform.machine().lower()
    if platform.system() == "Linux" and here.architecture == "x86_64":
        assert "sse2" in here.instructions
