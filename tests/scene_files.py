"""Stacks of known pixels in every kind of file that :mod:`cellwright.images.scenes` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from pylibCZIrw import czi

from lif_files import write_lif
from nd2_files import write_nd2

PIXEL_SIZE_UM = 0.325
NAMES = ("DAPI", "PI")


def a_stack(seed: int = 0) -> NDArray[np.uint16]:
    """``(T, Z, C, H, W)``: two times, three depths, two channels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 60000, (2, 3, 2, 20, 30), dtype=np.uint16)


def czi_file(path: Path, stack: NDArray[np.uint16]) -> None:
    """By ZEISS' own writer."""
    with czi.create_czi(str(path), exist_ok=True) as document:
        for time, depths in enumerate(stack):
            for depth, channels in enumerate(depths):
                for channel, plane in enumerate(channels):
                    place = {"T": time, "Z": depth, "C": channel}
                    document.write(plane, plane=place, scene=0)
        document.write_metadata(
            document_name="a stack",
            channel_names=dict(enumerate(NAMES)),
            scale_x=PIXEL_SIZE_UM * 1e-6,
            scale_y=PIXEL_SIZE_UM * 1e-6,
        )


def lif_file(path: Path, stack: NDArray[np.uint16]) -> None:
    """One image."""
    write_lif(path, {"one": stack}, pixel_size_um=PIXEL_SIZE_UM, channel_names=NAMES)


def nd2_file(path: Path, stack: NDArray[np.uint16]) -> None:
    """One stage position."""
    write_nd2(path, stack[:, None], pixel_size_um=PIXEL_SIZE_UM, channel_names=NAMES)


def tiff_file(path: Path, stack: NDArray[np.uint16]) -> None:
    """OME-TIFF, compressed."""
    metadata = {"axes": "TZCYX", "Channel": {"Name": list(NAMES)}}
    for axis in "XY":
        metadata |= {f"PhysicalSize{axis}": PIXEL_SIZE_UM, f"PhysicalSize{axis}Unit": "µm"}
    tifffile.imwrite(path, stack, ome=True, compression="zlib", metadata=metadata)


def zarr_image(group: zarr.Group, stack: NDArray[np.uint16], *, version: str = "0.4") -> None:
    """An image of OME-Zarr into ``group``: axes and scale in the attributes."""
    array = group.create_array("0", shape=stack.shape, chunks=(1, 1, 1, 16, 16), dtype=stack.dtype)
    array[:] = stack
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": name, "type": kinds.get(name, "space")} for name in "tzcyx"]
    for axis in axes[-2:]:
        axis["unit"] = "micrometer"
    scale = [1, 1, 1, PIXEL_SIZE_UM, PIXEL_SIZE_UM]
    about = {
        "multiscales": [
            {
                "axes": axes,
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [{"type": "scale", "scale": scale}],
                    }
                ],
            }
        ],
        "omero": {"channels": [{"label": name} for name in NAMES]},
    }
    if version == "0.5":
        group.attrs["ome"] = {"version": version, **about}
    else:
        group.attrs.update(about)


def zarr_folder(path: Path, stack: NDArray[np.uint16]) -> None:
    """Version 0.4, which most files are of."""
    zarr_image(zarr.open_group(path, mode="w", zarr_format=2), stack)


def zarr_plate(path: Path, stacks: dict[str, NDArray[np.uint16]]) -> None:
    """A plate of version 0.4: ``row/column/field`` to a stack."""
    top = zarr.open_group(path, mode="w", zarr_format=2)
    wells: dict[str, list[str]] = {}
    for place, stack in stacks.items():
        well, _, field = place.rpartition("/")
        wells.setdefault(well, []).append(field)
        zarr_image(top.require_group(place), stack)
    for well, fields in wells.items():
        top[well].attrs["well"] = {"images": [{"path": field} for field in fields]}
    top.attrs["plate"] = {"wells": [{"path": well} for well in wells]}


WRITERS: dict[str, tuple[str, Callable[[Path, NDArray[np.uint16]], None]]] = {
    "CZI": ("stack.czi", czi_file),
    "LIF": ("stack.lif", lif_file),
    "ND2": ("stack.nd2", nd2_file),
    "OME-Zarr": ("stack.zarr", zarr_folder),
    "TIFF": ("stack.ome.tif", tiff_file),
}
"""Kind -> file name, and what writes a stack ``(T, Z, C, H, W)``."""
