"""Two hundred image files such as a lab's disk holds after ten years, and worse.

``write_hostile_files(folder, seed=0)`` writes valid, odd, damaged and malicious files and
says of each what a reader must do. ``python tests/hostile_files.py FOLDER`` does the same by
hand. Nothing here is copied from anywhere: every byte is made from the seed.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hostile_makers import (
    HEIGHT,
    WIDTH,
    Maker,
    alpha_png,
    animated_gif,
    bad_float,
    bmp_claiming,
    bmp_upside_down,
    chunk,
    colour,
    colour16,
    constant,
    cv,
    entity_bomb,
    exif_rotated,
    grey,
    grey16,
    grey_png,
    jpeg_claiming,
    jpeg_tile_bomb,
    many_directories,
    missing_parts,
    palette_png,
    pil,
    plus,
    png,
    pyramid,
    stack,
    tagged,
    tiff,
    two_images,
)

Outcome = Literal["reads", "refused", "either"]


@dataclass(frozen=True)
class HostileFile:
    """A file, and whether a reader must read it, refuse it, or may do either."""

    path: Path
    outcome: Outcome


SOUND: dict[str, Maker] = {
    "grey.png": grey_png,
    "grey16.png": cv(".png", grey16),
    "rgb.png": cv(".png", colour),
    "rgb16.png": cv(".png", colour16),
    "palette.png": palette_png,
    "rgb.jpg": pil("RGB", "JPEG"),
    "grey.jpeg": pil("L", "JPEG"),
    "progressive.jpg": pil("RGB", "JPEG", progressive=True),
    "rgb.bmp": pil("RGB", "BMP"),
    "grey.bmp": pil("L", "BMP"),
    "plain.tif": tiff(grey16),
    "tiled.tiff": tiff(colour, tile=(16, 16), compression="zlib", photometric="rgb"),
    "strips.tif": tiff(grey16, rowsperstrip=5, compression="lzw", predictor=True),
    "channels.ome.tif": tiff(stack, ome=True, photometric="minisblack", metadata={"axes": "CYX"}),
    "jpeg.tif": tiff(colour, tile=(16, 16), compression="jpeg", photometric="rgb"),
}
"""Files without fault; each is also cut short and has bytes flipped."""

ODD: dict[str, Maker] = {
    "1bit.png": lambda rng: png(grey(rng)[:, :8], width=WIDTH, bits=1, kind=0),
    "2bit.png": lambda rng: png(grey(rng)[:, :16], width=WIDTH, bits=2, kind=0),
    "4bit.png": lambda rng: png(grey(rng)[:, :32], width=WIDTH, bits=4, kind=0),
    "opaque.png": alpha_png(255),
    "opaque palette.png": lambda rng: palette_png(rng, alpha=b"\xff\xff"),
    "bad profile.png": lambda rng: grey_png(rng, chunk(b"iCCP", b"x\0\0rubbish")),
    "metadata bomb.png": lambda rng: grey_png(
        rng, chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(60_000_000), 9))
    ),
    "long text.png": lambda rng: grey_png(rng, chunk(b"tEXt", b"k\0" + b"x" * 5_000_000)),
    "text after.png": plus(grey_png, b"trailing rubbish"),
    "rows after.jpg": plus(pil("RGB", "JPEG"), b"trailing rubbish"),
    "rotated.jpg": exif_rotated,
    "1bit.bmp": pil("1", "BMP"),
    "palette.bmp": pil("P", "BMP"),
    "rgba.bmp": pil("RGBA", "BMP"),
    "upside down.bmp": bmp_upside_down,
    "UPPER.PNG": grey_png,
    "no suffix": grey_png,
    "two.dots.v1.tif": tiff(grey16),
    "Zellen µm 细胞 🧫.png": grey_png,
    "comma, \"quoted\" and 'single'.png": grey_png,
    "new\nline\tand tab.png": grey_png,
    "-starts-with-dash.png": grey_png,
    "<script>alert(1)<!-- .png": grey_png,
    "1bit.tif": tiff(lambda rng: grey(rng) > 127),
    "int32.tif": tiff(lambda rng: grey16(rng).astype(np.int32)),
    "negative int16.tif": tiff(lambda rng: grey16(rng).astype(np.int16) - 100),
    "uint32.tif": tiff(lambda rng: grey16(rng).astype(np.uint32)),
    "float16.tif": tiff(lambda rng: rng.random((HEIGHT, WIDTH)).astype(np.float16)),
    "float32.tif": tiff(lambda rng: rng.random((HEIGHT, WIDTH)).astype(np.float32)),
    "float64.tif": tiff(lambda rng: rng.normal(size=(HEIGHT, WIDTH))),
    "big endian.tif": tiff(grey16, byteorder=">"),
    "bigtiff.tif": tiff(grey16, bigtiff=True),
    "white is zero.tif": tiff(grey16, photometric="miniswhite"),
    "palette.tif": tiff(
        grey, photometric="palette", colormap=np.arange(768, dtype=np.uint16).reshape(3, 256)
    ),
    "planar.tif": tiff(
        lambda rng: colour(rng).transpose(2, 0, 1), photometric="rgb", planarconfig="separate"
    ),
    "imagej.tif": tiff(stack, imagej=True, metadata={"axes": "CYX"}),
    "pyramid.ome.tif": pyramid,
    "by hand.tif": tagged(HEIGHT, WIDTH),
    "one pixel.tif": tiff(lambda _: np.zeros((1, 1), np.uint8)),
    "one pixel.png": lambda rng: png(grey(rng)[:1, :1], width=1, bits=8, kind=0),
}
"""Files that must read although something about them is unusual."""

WRONG: dict[str, Maker] = {
    "empty.png": constant(b""),
    "empty.tif": constant(b""),
    "text.png": constant(b"cell,area\n1,20\n"),
    "page.jpg": constant(b"<!DOCTYPE html><html><body>404</body></html>"),
    "zeros.tif": constant(bytes(5000)),
    "magic only.png": constant(b"\x89PNG\r\n\x1a\n"),
    "magic only.jpg": constant(b"\xff\xd8\xff"),
    "magic only.bmp": constant(b"BM"),
    "magic only.tif": constant(b"II*\0"),
    "huge.png": lambda rng: png(grey(rng), width=60_000, height=60_000, bits=8, kind=0),
    "large.png": lambda rng: png(grey(rng), width=30_000, height=30_000, bits=8, kind=0),
    "no width.png": lambda rng: png(grey(rng), width=0, bits=8, kind=0),
    "odd depth.png": lambda rng: png(grey(rng), width=WIDTH, bits=7, kind=0),
    "odd kind.png": lambda rng: png(grey(rng), width=WIDTH, bits=8, kind=5),
    "fewer rows.png": lambda rng: png(grey(rng), width=WIDTH, height=99, bits=8, kind=0),
    "no palette.png": lambda rng: png(grey(rng), width=WIDTH, bits=8, kind=3),
    "transparent.png": alpha_png(0),
    "see-through palette.png": lambda rng: palette_png(rng, alpha=bytes(256)),
    "grey alpha.png": lambda rng: png(grey(rng).repeat(2, 1), width=WIDTH, bits=8, kind=4),
    "huge.jpg": jpeg_claiming(65_000, 65_000),
    "large.jpg": jpeg_claiming(30_000, 30_000),
    "no height.jpg": jpeg_claiming(0, WIDTH),
    "printing.jpg": pil("CMYK", "JPEG"),
    "huge.bmp": bmp_claiming(18, "<i", 60_000),
    "negative.bmp": bmp_claiming(18, "<i", -60_000),
    "odd depth.bmp": bmp_claiming(28, "<H", 13),
    "compressed.bmp": bmp_claiming(30, "<I", 1),
    "moving.gif": animated_gif,
    "moving.png": animated_gif,
    "web.webp": pil("RGB", "WEBP"),
    "archive.tif": constant(b"PK\x03\x04" + bytes(400)),
    "zeiss.czi": constant(b"ZISRAWFILE" + bytes(400)),
    "really a jpeg.png": pil("RGB", "JPEG"),
    "really a png.tif": grey_png,
    "huge.tif": tagged(60_000, 60_000),
    "absurd.tif": tagged(2**31, 2**31),
    "larger than its data.tif": tagged(20_000, 20_000),
    "no width.tif": tagged(HEIGHT, 0),
    "past the end.tif": tagged(HEIGHT, WIDTH, t273=(4, 1, 2**31)),
    "no strip.tif": tagged(HEIGHT, WIDTH, counts=0),
    "loop.tif": tagged(HEIGHT, WIDTH, following=8),
    "odd codec.tif": tagged(HEIGHT, WIDTH, t259=(3, 1, 34887)),
    "odd colours.tif": tagged(HEIGHT, WIDTH, t262=(3, 1, 8)),
    "no directory.tif": constant(b"II*\0" + struct.pack("<IH", 8, 0) + bytes(4)),
    "directory past the end.tif": constant(b"II*\0" + struct.pack("<I", 2**31) + bytes(99)),
    "jpeg tile bomb.tif": jpeg_tile_bomb,
    "entity bomb.ome.tif": entity_bomb,
    "missing parts.ome.tif": missing_parts,
    "nan.tif": bad_float(np.nan),
    "infinite.tif": bad_float(np.inf),
    "enormous.tif": tiff(lambda _: np.full((HEIGHT, WIDTH), 1e300)),
    "complex.tif": tiff(lambda rng: rng.normal(size=(HEIGHT, WIDTH)).astype(np.complex64)),
    "wide uint32.tif": tiff(lambda rng: rng.integers(0, 2**32, (HEIGHT, WIDTH), dtype=np.uint32)),
    "pages.tif": tiff(stack, photometric="minisblack"),
    "focus.ome.tif": tiff(stack, ome=True, photometric="minisblack", metadata={"axes": "ZYX"}),
    "time.tif": tiff(stack, imagej=True, metadata={"axes": "TYX"}),
    "two.tif": two_images,
    "many pages.tif": many_directories,
    "printing.tif": pil("CMYK", "TIFF"),
    "transparent.tif": tiff(
        lambda rng: colour(rng, channels=4), photometric="rgb", extrasamples=["unassalpha"]
    ),
    "flat pixels.ome.tif": tiff(
        grey16, ome=True, metadata={"PhysicalSizeX": 1.0, "PhysicalSizeY": 2.0}
    ),
}
"""Files that no honest reader can turn into one image."""


def damaged(
    name: str, data: bytes, rng: np.random.Generator
) -> Iterator[tuple[str, bytes, Outcome]]:
    """The file cut at three places and with bytes flipped in three ways."""
    for cut in rng.integers(1, int(len(data) * 0.95), 3):
        yield f"cut at {cut} {name}", data[:cut], "refused"
    for n_flips in (1, 5, 20):
        flipped = np.frombuffer(data, np.uint8).copy()
        flipped[rng.integers(0, len(data), n_flips)] ^= rng.integers(
            1, 256, n_flips, dtype=np.uint8
        )
        yield f"{n_flips} flips {name}", flipped.tobytes(), "either"


def not_files(folder: Path) -> Iterator[HostileFile]:
    """Names of images behind which no file lies."""
    (folder / "folder.png").mkdir()
    (folder / "link to nowhere.png").symlink_to("nowhere.png")
    (folder / "link to itself.tif").symlink_to("link to itself.tif")
    names = ["folder.png", "link to nowhere.png", "link to itself.tif", "x" * 300 + ".png"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")
        names.append("pipe.png")
    for name in names:
        yield HostileFile(folder / name, "refused")


def write_hostile_files(folder: Path, *, seed: int = 0) -> list[HostileFile]:
    """Write all files into ``folder``, which is made; the same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, bytes, Outcome]] = []
    for name, maker in SOUND.items():
        data = maker(rng)
        rows += [(name, data, "reads"), *damaged(name, data, rng)]
    rows += [(name, maker(rng), "reads") for name, maker in ODD.items()]
    rows += [(name, maker(rng), "refused") for name, maker in WRONG.items()]
    rows.append(("lies about its size.jpg", jpeg_claiming(96, 128)(rng), "either"))
    for name, data, _ in rows:
        (folder / name).write_bytes(data)
    written = [HostileFile(folder / name, outcome) for name, _, outcome in rows]
    return [*written, *not_files(folder)]


if __name__ == "__main__":
    files = write_hostile_files(Path(sys.argv[1]))
    print(f"{len(files)} files in {sys.argv[1]}")
