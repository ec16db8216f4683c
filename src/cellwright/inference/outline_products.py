"""Cells as files for other programs: GeoJSON for QuPath, a zip of regions for Fiji."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cellwright.images.geojson import write_geojson
from cellwright.images.imagej_roi import check_size, write_roi_zip
from cellwright.images.outlines import Outline
from cellwright.inference.work import Outlines, Product


def outline_products(
    wanted: Outlines,
    outlines: Callable[[], Iterable[Outline]],
    classes: tuple[str, ...],
    *,
    image_id: str,
    size: tuple[int, int],
) -> tuple[Product, ...]:
    """The files that are wanted of one image.

    Args:
        wanted: which programs.
        outlines: the cells; called once a file.
        classes: of the model.
        image_id: of the image.
        size: height and width of the image.

    Raises:
        ImageError: the image is larger than ImageJ's regions reach.
    """
    products = []
    if wanted in ("imagej", "both"):
        check_size(*size)
        products.append(Product("outlines", ".zip", lambda path: write_roi_zip(path, outlines())))
    if wanted in ("geojson", "both"):
        products.append(
            Product(
                "outlines",
                ".geojson",
                lambda path: write_geojson(path, outlines(), classes, image_id=image_id),
            )
        )
    return tuple(products)
