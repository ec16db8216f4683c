"""What the processor says of itself, as far as it decides which runtime is exact in 8 bits.

Networks in 8 bits multiply unsigned by signed bytes. x86 processors with integer dot products
(AVX-512 VNNI, AVX-VNNI; Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
``VPDPBUSD``) add four such products in 32 bits. Those without add two of them in 16 bits
(``VPMADDUBSW``), which saturates: 2 * 255 * 127 is more than 32,767.

Linux and macOS list the instructions of the processor. Windows has no documented call that says
whether there are integer dot products, and there the answer is that nobody knows.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

X86 = ("x86_64", "amd64", "i386", "i686")

DOT_PRODUCTS = ("avx512_vnni", "avx512vnni", "avx_vnni", "avxvnni")
"""The instructions as Linux and macOS spell them, in lower case."""


@dataclass(frozen=True)
class Processor:
    """One processor.

    Attributes:
        architecture: as Python names it, in lower case: ``x86_64``, ``amd64``, ``arm64`` …
        instructions: names of its instruction sets in lower case; None where the system does
            not say.
    """

    architecture: str
    instructions: frozenset[str] | None

    @property
    def integer_dot_products(self) -> bool | None:
        """Whether an x86 processor multiplies bytes exactly; None where that is not known.

        >>> Processor("x86_64", frozenset({"avx2"})).integer_dot_products
        False
        """
        if self.architecture not in X86 or self.instructions is None:
            return None
        return not self.instructions.isdisjoint(DOT_PRODUCTS)


@cache
def this_processor() -> Processor:
    """The processor that runs this program."""
    read = _READERS.get(platform.system())
    return Processor(platform.machine().lower(), None if read is None else read())


def linux_instructions(text: str) -> frozenset[str] | None:
    """The first processor's flags in a ``/proc/cpuinfo``; None where there are none."""
    lines = (line.partition(":") for line in text.lower().splitlines())
    return next((frozenset(said.split()) for key, _, said in lines if key.strip() == "flags"), None)


def macos_instructions(text: str) -> frozenset[str] | None:
    """What ``sysctl machdep.cpu`` says; None where it lists nothing, as on Apple silicon."""
    listed = [
        said.split()
        for key, _, said in (line.partition(":") for line in text.lower().splitlines())
        if key.endswith("features")
    ]
    return frozenset(name for names in listed for name in names) or None


def _of_linux() -> frozenset[str] | None:
    try:
        return linux_instructions(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        return None


def _of_macos() -> frozenset[str] | None:
    try:
        command = ["/usr/sbin/sysctl", "machdep.cpu"]
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return macos_instructions(done.stdout)


_READERS: dict[str, Callable[[], frozenset[str] | None]] = {
    "Linux": _of_linux,
    "Darwin": _of_macos,
}
