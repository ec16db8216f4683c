"""Bytes of small image files, sound and otherwise, each made by a function of a generator.

Used by ``hostile_files``, whose tables say which file is which.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import tifffile
from PIL import Image

Maker = Callable[[np.random.Generator], bytes]
HEIGHT, WIDTH = 48, 64


def grey(rng: np.random.Generator, dtype: type = np.uint8) -> np.ndarray:
    top = {np.uint8: 255, np.uint16: 4095}[dtype]
    return rng.integers(0, top, (HEIGHT, WIDTH), dtype=dtype)


def colour(rng: np.random.Generator, dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    return np.dstack([grey(rng, dtype) for _ in range(channels)])


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    rows: np.ndarray,
    *,
    width: int,
    bits: int,
    kind: int,
    extra: bytes = b"",
    height: int | None = None,
) -> bytes:
    """A PNG of raw ``rows`` (H, bytes a row), with any header and any chunks before its data."""
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height or len(rows), bits, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def grey_png(rng: np.random.Generator, extra: bytes = b"") -> bytes:
    return png(grey(rng), width=WIDTH, bits=8, kind=0, extra=extra)


def palette_png(rng: np.random.Generator, alpha: bytes = b"") -> bytes:
    extra = chunk(b"PLTE", rng.bytes(768)) + (chunk(b"tRNS", alpha) if alpha else b"")
    return png(grey(rng), width=WIDTH, bits=8, kind=3, extra=extra)


def pil(mode: str, kind: str, **options: object) -> Maker:
    """A picture of ``mode`` saved by Pillow."""

    def make(rng: np.random.Generator) -> bytes:
        file = io.BytesIO()
        picture = Image.fromarray(colour(rng)).convert(mode)
        picture.save(file, kind, **options)
        return file.getvalue()

    return make


def tiff(pixels: Callable[[np.random.Generator], np.ndarray], **options: object) -> Maker:
    """An array saved by tifffile."""

    def make(rng: np.random.Generator) -> bytes:
        file = io.BytesIO()
        tifffile.imwrite(file, pixels(rng), **options)
        return file.getvalue()

    return make


def cv(extension: str, pixels: Callable[[np.random.Generator], np.ndarray]) -> Maker:
    return lambda rng: cv2.imencode(extension, pixels(rng))[1].tobytes()


def grey16(rng: np.random.Generator) -> np.ndarray:
    return grey(rng, np.uint16)


def colour16(rng: np.random.Generator) -> np.ndarray:
    return colour(rng, np.uint16)


def stack(rng: np.random.Generator) -> np.ndarray:
    return np.stack([grey16(rng) for _ in range(3)])


def hand_tiff(
    tags: dict[int, tuple[int, int, int]], data: bytes = b"", following: int = 0
) -> bytes:
    """A little-endian TIFF of one directory: tag -> (type, count, value or offset)."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following)
    assert len(head) == start
    return head + data


def plain_tags(
    height: int, width: int, *, counts: int | None = None
) -> dict[int, tuple[int, int, int]]:
    """The tags of an 8-bit grey picture in one strip that follows ten tags."""
    return {
        256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1),
        273: (4, 1, 8 + 2 + 12 * 10 + 4), 277: (3, 1, 1), 278: (4, 1, height),
        279: (4, 1, height * width % 2**32 if counts is None else counts), 339: (3, 1, 1),
    }  # fmt: skip


def tagged(
    height: int, width: int, data: bytes = bytes(HEIGHT * WIDTH), **changes: object
) -> Maker:
    """A TIFF written by hand with some tags (t256=…) and the next directory changed."""
    counts, following = changes.pop("counts", None), changes.pop("following", 0)

    def make(_: np.random.Generator) -> bytes:
        tags = plain_tags(height, width, counts=counts)
        tags |= {int(name[1:]): value for name, value in changes.items()}
        return hand_tiff(tags, data, following)

    return make


def jpeg_claiming(height: int, width: int) -> Maker:
    """A JPEG whose frame header lies about its size."""

    def make(rng: np.random.Generator) -> bytes:
        data = bytearray(pil("RGB", "JPEG")(rng))
        place = data.find(b"\xff\xc0") + 5
        data[place : place + 4] = struct.pack(">HH", height, width)
        return bytes(data)

    return make


def bmp_claiming(offset: int, code: str, value: int) -> Maker:
    """A BMP with one header field overwritten."""

    def make(rng: np.random.Generator) -> bytes:
        data = bytearray(pil("RGB", "BMP")(rng))
        struct.pack_into(code, data, offset, value)
        return bytes(data)

    return make


def bmp_upside_down(rng: np.random.Generator) -> bytes:
    return bmp_claiming(22, "<i", -HEIGHT)(rng)


def jpeg_tile_bomb(rng: np.random.Generator) -> bytes:
    """A TIFF of one small JPEG tile whose own header promises 65,000 x 65,000 pixels."""
    file = io.BytesIO()
    picture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    tifffile.imwrite(file, picture, tile=(64, 64), compression="jpeg", photometric="rgb")
    data = bytearray(file.getvalue())
    place = data.find(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


def two_images(rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(grey16(rng))
        writer.write(grey16(rng)[:20, :20])
    return file.getvalue()


def pyramid(rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    pixels = rng.integers(0, 4095, (256, 256), dtype=np.uint16)
    with tifffile.TiffWriter(file, ome=True) as writer:
        writer.write(pixels, subifds=1, tile=(64, 64))
        writer.write(pixels[::2, ::2], subfiletype=1, tile=(64, 64))
    return file.getvalue()


def entity_bomb(rng: np.random.Generator) -> bytes:
    """OME-XML whose entities grow to gigabytes."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY e0 "bomb">{levels}]><OME>&e9;</OME>'
    return tiff(grey16, description=text, metadata=None)(rng)


def missing_parts(rng: np.random.Generator) -> bytes:
    """An OME-TIFF that says its second channel lies in a file that is not there."""
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'UUID="urn:uuid:1"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        f'Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="2" SizeZ="1" SizeT="1">'
        '<Channel ID="C:0"/><Channel ID="C:1"/><TiffData IFD="0" FirstC="0" PlaneCount="1">'
        '<UUID FileName="here.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData IFD="0" FirstC="1" PlaneCount="1">'
        '<UUID FileName="../gone.ome.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    return tiff(grey16, description=text, metadata=None)(rng)


def many_directories(_: np.random.Generator) -> bytes:
    """A TIFF of 1,000 one-pixel pages."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _page in range(1000):
            writer.write(np.zeros((1, 1), np.uint8), contiguous=False, metadata=None)
    return file.getvalue()


def exif_rotated(rng: np.random.Generator) -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return pil("RGB", "JPEG", exif=exif)(rng)


def animated_gif(rng: np.random.Generator) -> bytes:
    frames = [Image.fromarray(grey(rng)) for _ in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def alpha_png(opaque: int) -> Maker:
    """RGBA with one pixel of this opacity, the others opaque."""

    def make(rng: np.random.Generator) -> bytes:
        pixels = np.dstack([colour(rng), np.full((HEIGHT, WIDTH), 255, np.uint8)])
        pixels[3, 4, 3] = opaque
        return png(pixels, width=WIDTH, bits=8, kind=6)

    return make


def bad_float(value: float) -> Maker:
    def pixels(rng: np.random.Generator) -> np.ndarray:
        values = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
        values[5, 6] = value
        return values

    return tiff(pixels)


def constant(data: bytes) -> Maker:
    return lambda _: data


def plus(maker: Maker, tail: bytes) -> Maker:
    return lambda rng: maker(rng) + tail
