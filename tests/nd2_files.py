"""Write minimal Nikon ND2 files (version 3.0) for tests.

An ND2 file is a run of page-aligned, named chunks with a map of their places at its end. The
metadata chunks hold "CLX Lite" records: a type byte, a UTF-16 name and a value, which for a level
is a run of further records. An image chunk holds one frame, with the channels of a pixel side by
side, so frames run over time, stage position and focus only.

The layout follows what two public readers expect: `nd2` (https://github.com/tlambert03/nd2, its
`_parse` package) and Laboratory Imaging's own `limnd2`
(https://github.com/Laboratory-Imaging/limnd2). Only what they need in order to open a file is
written: no compression, no tiles, no events, no text description.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, product
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

LiteValue: TypeAlias = "bool | int | float | str | Mapping[str, LiteValue] | Sequence[LiteValue]"

FILE_NAME = b"ND2 FILE SIGNATURE CHUNK NAME01!"
MAP_NAME = b"ND2 FILEMAP SIGNATURE NAME 0001!"
MAP_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
CHUNK_MAGIC = 0x0ABECEDA
PAGE = 4096
NAME_RESERVE = 20
ROW_ALIGNMENT = 4

LITE_BOOL, LITE_UINT32, LITE_DOUBLE, LITE_STRING, LITE_LEVEL = 1, 3, 6, 8, 11
TIME_LOOP, POSITION_LOOP, Z_LOOP = 1, 2, 4
NO_COMPRESSION = 2

PERIOD_MS = 1000.0
POSITION_STEP_UM = 100.0
Z_STEP_UM = 0.5
JULIAN_DAY = 2460310.5  # 1 January 2024
COLORS_BGR = (0xFF0000, 0x00FF00, 0x0000FF, 0xFF00FF, 0xFFFF00, 0x00FFFF)


def write_nd2(
    path: Path,
    pixels: NDArray[np.uint16],
    *,
    pixel_size_um: float,
    channel_names: Sequence[str],
    loops: str = "",
) -> None:
    """Write an ND2 file that the `nd2` package reads back.

    Args:
        path: Where to write the file.
        pixels: Array of shape (T, P, Z, C, H, W), where P counts the stage positions.
        pixel_size_um: Width and height of a pixel in micrometres.
        channel_names: One name for each channel.
        loops: The loops of the experiment as letters out of T, P and Z, outermost first. By
            default those of T, P and Z that are longer than one, in that order.

    Raises:
        ValueError: If the arguments do not fit each other.
    """
    sizes = _loop_sizes(pixels, channel_names, loops)
    times = _frame_times(sizes)
    chunks = _metadata_chunks(pixels, sizes, pixel_size_um, channel_names)
    chunks[b"CustomData|AcqTimesCache!"] = times.astype("<f8").tobytes()
    places: dict[bytes, tuple[int, int]] = {}
    with path.open("wb") as file:
        file.write(_padded(_chunk_header(len(FILE_NAME), 64) + FILE_NAME + b"Ver3.0"))
        for name, content in chunks.items():
            places[name] = (file.tell(), len(content))
            file.write(_chunk(name, content))
        for index, (time, frame) in enumerate(zip(times, _frames(pixels, sizes), strict=True)):
            name = f"ImageDataSeq|{index}!".encode()
            stamp, rows = struct.pack("<d", time), _rows(frame)
            places[name] = (file.tell(), len(stamp) + len(rows))
            file.write(_chunk(name, stamp, rows))
        file.write(_chunk_map(places, file.tell()))


def _metadata_chunks(
    pixels: NDArray[np.uint16],
    sizes: Mapping[str, int],
    pixel_size_um: float,
    channel_names: Sequence[str],
) -> dict[bytes, bytes]:
    """Return the chunks that describe the frames, by their names."""
    picture = _picture(pixel_size_um, channel_names)
    chunks = {
        b"ImageAttributesLV!": _lite("SLxImageAttributes", _attributes(pixels)),
        b"ImageMetadataSeqLV|0!": _lite("SLxPictureMetadata", picture),
    }
    # a single frame was not taken by an experiment
    if sizes:
        chunks[b"ImageMetadataLV!"] = _lite("SLxExperiment", _experiment(sizes))
    return chunks


def _loop_sizes(
    pixels: NDArray[np.uint16], channel_names: Sequence[str], loops: str
) -> dict[str, int]:
    """Return the length of each loop, outermost first."""
    if pixels.ndim != 6 or pixels.dtype != np.uint16:
        raise ValueError(f"expected uint16 (T, P, Z, C, H, W), got {pixels.dtype} {pixels.shape}")
    if len(channel_names) != pixels.shape[3]:
        raise ValueError(f"{len(channel_names)} names for {pixels.shape[3]} channels")
    lengths = dict(zip("TPZ", pixels.shape[:3], strict=True))
    needed = [axis for axis, length in lengths.items() if length > 1]
    order = loops or "".join(needed)
    if len(set(order)) != len(order) or not set(needed) <= set(order) <= set(lengths):
        raise ValueError(f"loops {loops!r} do not cover the axes {needed} once each")
    return {axis: lengths[axis] for axis in order}


def _frames(pixels: NDArray[np.uint16], sizes: Mapping[str, int]) -> Iterator[NDArray[np.uint16]]:
    """Yield the frames (C, H, W) in the order in which the loops ran."""
    for position in product(*(range(length) for length in sizes.values())):
        at = dict(zip(sizes, position, strict=True))
        yield pixels[at.get("T", 0), at.get("P", 0), at.get("Z", 0)]


def _frame_times(sizes: Mapping[str, int]) -> NDArray[np.float64]:
    """Return when each frame was taken, in milliseconds since the start."""
    positions = product(*(range(length) for length in sizes.values()))
    steps = [dict(zip(sizes, position, strict=True)).get("T", 0) for position in positions]
    return np.asarray(steps, dtype=np.float64) * PERIOD_MS


def _rows(frame: NDArray[np.uint16]) -> bytes:
    """Return the bytes of a frame: rows of interleaved channels, each row aligned."""
    _, height, width = frame.shape
    interleaved = np.moveaxis(frame, 0, -1).reshape(height, -1)
    rows = np.zeros((height, _row_bytes(frame.shape[0], width) // 2), dtype="<u2")
    rows[:, : interleaved.shape[1]] = interleaved
    return rows.tobytes()


def _row_bytes(channels: int, width: int) -> int:
    """Return the length in bytes of one stored row of 16-bit pixels."""
    return -(-channels * width * 2 // ROW_ALIGNMENT) * ROW_ALIGNMENT


def _attributes(pixels: NDArray[np.uint16]) -> dict[str, LiteValue]:
    """Return how the frames are stored."""
    channels, height, width = pixels.shape[3:]
    return {
        "uiWidth": width,
        "uiWidthBytes": _row_bytes(channels, width),
        "uiHeight": height,
        "uiComp": channels,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": 16,
        "uiSequenceCount": int(np.prod(pixels.shape[:3])),
        "uiTileWidth": width,
        "uiTileHeight": height,
        "eCompression": NO_COMPRESSION,
        "dCompressionParam": 0.0,
        "uiVirtualComponents": channels,
    }


def _picture(pixel_size_um: float, channel_names: Sequence[str]) -> dict[str, LiteValue]:
    """Return the calibration and the channels."""
    planes = {f"a{index}": _plane(index, name) for index, name in enumerate(channel_names)}
    return {
        "dTimeAbsolute": JULIAN_DAY,
        "dTimeMSec": 0.0,
        "dXPos": 0.0,
        "dYPos": 0.0,
        "dZPos": 0.0,
        "bCalibrated": True,
        "dCalibration": float(pixel_size_um),
        "sPicturePlanes": {
            "uiCount": len(planes),
            "uiCompCount": len(planes),
            "uiSampleCount": 1,
            "sPlaneNew": planes,
        },
    }


def _plane(index: int, name: str) -> dict[str, LiteValue]:
    """Return the description of one channel."""
    color = COLORS_BGR[index % len(COLORS_BGR)]
    return {
        "uiCompCount": 1,
        "uiSampleIndex": 0,
        "sDescription": name,
        "uiColor": color,
        # nd2 fails on a channel without a probe
        "pFluorescentProbe": {"m_sName": name, "m_uiColor": color},
    }


def _experiment(sizes: Mapping[str, int]) -> dict[str, LiteValue]:
    """Return the outermost loop, with the loops inside it nested."""
    kinds = {"T": TIME_LOOP, "P": POSITION_LOOP, "Z": Z_LOOP}
    parameters = {"T": _time_loop, "P": _position_loop, "Z": _z_loop}
    inner: list[LiteValue] = []
    loop: dict[str, LiteValue] = {}
    for axis, length in reversed(list(sizes.items())):
        loop = {
            "eType": kinds[axis],
            "uLoopPars": parameters[axis](length),
            "uiNextLevelCount": len(inner),
        }
        if inner:
            loop["ppNextLevelEx"] = inner
        inner = [loop]
    return loop


def _time_loop(length: int) -> dict[str, LiteValue]:
    """Return the parameters of a time loop."""
    return {
        "uiCount": length,
        "dStart": 0.0,
        "dPeriod": PERIOD_MS,
        "dDuration": PERIOD_MS * (length - 1),
        "dMinPeriodDiff": PERIOD_MS,
        "dMaxPeriodDiff": PERIOD_MS,
        "dAvgPeriodDiff": PERIOD_MS,
    }


def _position_loop(length: int) -> dict[str, LiteValue]:
    """Return the parameters of a loop over stage positions."""
    points: list[LiteValue] = [
        {
            "dPosX": POSITION_STEP_UM * index,
            "dPosY": 0.0,
            "dPosZ": 0.0,
            "dPFSOffset": 0.0,
            "dPosName": f"Point {index + 1}",
        }
        for index in range(length)
    ]
    return {"uiCount": length, "bUseZ": False, "bRelativeXY": False, "Points": points}


def _z_loop(length: int) -> dict[str, LiteValue]:
    """Return the parameters of a focus loop that rises from its home position."""
    return {
        "uiCount": length,
        "iType": 2,
        "bZInverted": False,
        "dZLow": 0.0,
        "dZHigh": Z_STEP_UM * (length - 1),
        "dZHome": 0.0,
        "dZStep": Z_STEP_UM,
        "wsZDevice": "Z Drive",
    }


def _lite(name: str, value: LiteValue) -> bytes:
    """Return one CLX Lite record."""
    label = name.encode("utf-16-le") + bytes(2)
    if isinstance(value, str):
        return _lite_head(LITE_STRING, label) + value.encode("utf-16-le") + bytes(2)
    if isinstance(value, bool):
        return _lite_head(LITE_BOOL, label) + struct.pack("<?", value)
    if isinstance(value, int):
        return _lite_head(LITE_UINT32, label) + struct.pack("<I", value)
    if isinstance(value, float):
        return _lite_head(LITE_DOUBLE, label) + struct.pack("<d", value)
    if isinstance(value, Mapping):
        return _lite_level(label, list(value.items()))
    return _lite_level(label, [("", item) for item in value])


def _lite_head(kind: int, label: bytes) -> bytes:
    """Return the start of a record: its type, the length of its name, and the name."""
    return bytes([kind, len(label) // 2]) + label


def _lite_level(label: bytes, items: Sequence[tuple[str, LiteValue]]) -> bytes:
    """Return a record that holds further records, followed by the table of where they begin."""
    head = _lite_head(LITE_LEVEL, label)
    records = [_lite(name, value) for name, value in items]
    starts = list(accumulate(map(len, records), initial=len(head) + struct.calcsize("<IQ")))
    length = starts.pop()
    # the format looks records up by name, so its table is in the order of the names
    by_name = sorted(zip(items, starts, strict=True), key=lambda entry: entry[0][0])
    table = struct.pack(f"<{len(items)}Q", *(start for _, start in by_name))
    return head + struct.pack("<IQ", len(items), length) + b"".join(records) + table


def _chunk_header(name_length: int, content_length: int) -> bytes:
    """Return the fixed part in front of the name of a chunk."""
    return struct.pack("<IIQ", CHUNK_MAGIC, name_length, content_length)


def _chunk(name: bytes, content: bytes, body: bytes = b"") -> bytes:
    """Return a chunk: `content` ends on a page boundary, and `body` follows it from there on."""
    header_length = len(_chunk_header(0, 0))
    least = header_length + len(name) + NAME_RESERVE + len(content)
    name_length = _whole_pages(least) - header_length - len(content)
    header = _chunk_header(name_length, len(content) + len(body))
    return header + name.ljust(name_length, b"\0") + content + _padded(body)


def _chunk_map(places: Mapping[bytes, tuple[int, int]], start: int) -> bytes:
    """Return the last chunk, which says where each chunk begins and how much it holds."""
    entries = [name + struct.pack("<QQ", *place) for name, place in sorted(places.items())]
    content = b"".join(entries) + MAP_END + struct.pack("<Q", start)
    return _chunk_header(len(MAP_NAME), len(content)) + MAP_NAME + content


def _padded(content: bytes) -> bytes:
    """Return the content filled up with zeros to whole pages."""
    return content.ljust(_whole_pages(len(content)), b"\0")


def _whole_pages(length: int) -> int:
    """Return the length rounded up to whole pages."""
    return -(-length // PAGE) * PAGE
