"""Write minimal Leica LIF files (version 2) for tests.

A LIF file is a header block with an XML description of all its images, followed by one memory
block for each element of the description. The numbers of an image lie in its block as the strides
(`BytesInc`) of its channels and dimensions say: here whole planes, channel after channel, then
focus, then time.

The layout follows "Leica Image File Formats - LIF, XLEF, XLLF, LOF" version 3.2 (Leica
Microsystems, 2016) as the reader `liffile` implements it (https://github.com/cgohlke/liffile).
Only what describes the pixels is written: no hardware settings, no time stamps, no tiles.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from numpy.typing import NDArray

BLOCK_MAGIC = 0x70
FIELD_MARK = 0x2A
DIMENSION_IDS = {"X": 1, "Y": 2, "Z": 3, "T": 4}
LUT_NAMES = ("Blue", "Green", "Red", "Magenta", "Cyan", "Yellow")
Z_STEP_M = 0.5e-6
PERIOD_S = 1.0


def write_lif(
    path: Path,
    images: Mapping[str, NDArray[Any]],
    *,
    pixel_size_um: float,
    channel_names: Sequence[str],
) -> None:
    """Write a LIF file that the `liffile` package reads back.

    Args:
        path: Where to write the file.
        images: The images by their names, each an array of shape (T, Z, C, H, W) and of type
            uint8 or uint16.
        pixel_size_um: Width and height of a pixel in micrometres.
        channel_names: One name for each channel. An image with fewer channels takes the first.

    Raises:
        ValueError: If an image has another shape or type, or too many channels.
    """
    root = Element("LMSDataContainerHeader", Version="2")
    project = _element(root, path.name, "MemBlock_0", 0)
    children = SubElement(project, "Children")
    blocks = {"MemBlock_0": b""}
    for number, (name, pixels) in enumerate(images.items(), start=1):
        _check(name, pixels, channel_names)
        block = f"MemBlock_{number}"
        element = _element(children, name, block, pixels.nbytes)
        _describe(element, pixels, pixel_size_um * 1e-6, channel_names)
        blocks[block] = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    with path.open("wb") as file:
        file.write(_header_block(tostring(root, encoding="unicode")))
        for block, content in blocks.items():
            file.write(_memory_block(block, content))


def _check(name: str, pixels: NDArray[Any], channel_names: Sequence[str]) -> None:
    """Raise an error if the image cannot be written."""
    if pixels.ndim != 5 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{name}: expected uint8 or uint16 (T, Z, C, H, W), got {pixels.dtype} {pixels.shape}"
        )
    if pixels.shape[2] > len(channel_names):
        raise ValueError(f"{name}: {len(channel_names)} names for {pixels.shape[2]} channels")


def _element(parent: Element, name: str, block: str, size: int) -> Element:
    """Add an element with an empty description and a reference to its memory block."""
    element = SubElement(parent, "Element", Name=name, Visibility="1", CopyOption="1")
    SubElement(element, "Data")
    SubElement(element, "Memory", Size=str(size), MemoryBlockID=block)
    return element


def _describe(
    element: Element, pixels: NDArray[Any], pixel_size_m: float, channel_names: Sequence[str]
) -> None:
    """Describe the channels and the dimensions of an image."""
    data = element.find("Data")
    if data is None:
        raise ValueError("the element has no Data child")
    description = SubElement(SubElement(data, "Image"), "ImageDescription")
    frames, planes, count, height, width = pixels.shape
    item = pixels.itemsize
    plane = item * height * width

    channels = SubElement(description, "Channels")
    for index, name in enumerate(channel_names[:count]):
        _channel(channels, name, index, item, index * plane)

    dimensions = SubElement(description, "Dimensions")
    _dimension(dimensions, "X", width, pixel_size_m, item)
    _dimension(dimensions, "Y", height, pixel_size_m, item * width)
    # Leica lists the other dimensions only where there is more than one of them
    if planes > 1:
        _dimension(dimensions, "Z", planes, Z_STEP_M, count * plane)
    if frames > 1:
        _dimension(dimensions, "T", frames, PERIOD_S, planes * count * plane)


def _channel(parent: Element, name: str, index: int, item: int, offset: int) -> None:
    """Add the description of one channel, `offset` bytes into the image."""
    channel = SubElement(
        parent,
        "ChannelDescription",
        DataType="0",
        ChannelTag="0",
        Resolution=str(8 * item),
        NameOfMeasuredQuantity="",
        Min="0",
        Max=str(256**item - 1),
        Unit="",
        LUTName=LUT_NAMES[index % len(LUT_NAMES)],
        IsLUTInverted="0",
        BytesInc=str(offset),
        BitInc="0",
    )
    # the look-up table is only a colour: what was stained is a property of the channel
    dye = SubElement(channel, "ChannelProperty")
    SubElement(dye, "Key").text = "DyeName"
    SubElement(dye, "Value").text = name


def _dimension(parent: Element, axis: str, count: int, step: float, stride: int) -> None:
    """Add the description of one dimension, whose elements are `step` apart."""
    SubElement(
        parent,
        "DimensionDescription",
        DimID=str(DIMENSION_IDS[axis]),
        NumberOfElements=str(count),
        Origin="0",
        # the length runs from the first element to the last, not over the last one's extent
        Length=repr(step * (count - 1)),
        Unit="s" if axis == "T" else "m",
        BytesInc=str(stride),
        BitInc="0",
    )


def _header_block(xml: str) -> bytes:
    """Return the first block of the file, which holds the description."""
    text = xml.encode("utf-16-le")
    content = struct.pack("<BI", FIELD_MARK, len(text) // 2) + text
    return struct.pack("<II", BLOCK_MAGIC, len(content)) + content


def _memory_block(name: str, content: bytes) -> bytes:
    """Return a block that holds the numbers of one image."""
    text = name.encode("utf-16-le")
    size = struct.pack("<BQ", FIELD_MARK, len(content))
    label = struct.pack("<BI", FIELD_MARK, len(text) // 2) + text
    return struct.pack("<II", BLOCK_MAGIC, len(size) + len(label)) + size + label + content
