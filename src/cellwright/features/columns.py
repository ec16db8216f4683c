"""What is measured of a white cell: every column with its unit, its equation and its source.

Lengths are in pixels here; the tables of the assay hold them in µm beside, where the pixel size
is known. ``A`` is an area, ``P`` a perimeter, ``p(i, j)`` the co-occurrence of grey levels.
"""

from __future__ import annotations

from dataclasses import dataclass

SKIMAGE = "scikit-image, regionprops"
HARALICK = "Haralick et al. 1973, IEEE Trans. SMC 3:610"
OJALA = "Ojala et al. 2002, IEEE Trans. PAMI 24:971"
MOHAPATRA = "Mohapatra et al. 2014, Neural Comput. Appl. 24:1887; paper 5"

LBP_BINS = 10


@dataclass(frozen=True)
class Feature:
    """One column of the table.

    Attributes:
        name: of the column.
        unit: ``px``, ``px2``, ``1`` for a pure number.
        equation: what it is.
        source: where that is defined.
    """

    name: str
    unit: str
    equation: str
    source: str


def _shape(prefix: str) -> tuple[Feature, ...]:
    rows = (
        ("area", "px2", "A, number of pixels", SKIMAGE),
        ("perimeter", "px", "P, length of the line through the border pixels' centres", SKIMAGE),
        ("equivalent_diameter_area", "px", "sqrt(4 A / pi)", SKIMAGE),
        ("axis_major_length", "px", "4 sqrt(l1), l1 >= l2 of the inertia tensor", SKIMAGE),
        ("axis_minor_length", "px", "4 sqrt(l2)", SKIMAGE),
        ("eccentricity", "1", "sqrt(1 - l2 / l1)", SKIMAGE),
        ("elongation", "1", "1 - axis_minor_length / axis_major_length", MOHAPATRA),
        ("solidity", "1", "A / area of the convex hull", SKIMAGE),
        ("form_factor", "1", "4 pi A / P^2, 1 for a circle", MOHAPATRA),
    )
    return tuple(Feature(f"{prefix}{name}", *rest) for name, *rest in rows)


def _colour(part: str) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{part}_{channel}_{kind}", "1", f"{kind} of {symbol} over the {part}", "CIE 1976")
        for channel, symbol in (("lightness", "L*"), ("a", "a*"), ("b", "b*"))
        for kind in ("mean", "std")
    )


SHAPE = _shape("")
NUCLEUS_SHAPE = _shape("nucleus_")
PARTS = (
    Feature("nucleus_cell_ratio", "1", "A of the nucleus / A of the cell", MOHAPATRA),
    Feature("nucleus_lobes", "1", "connected regions of the nucleus", MOHAPATRA),
)
CONTOUR = (
    Feature(
        "nucleus_fractal_dimension",
        "1",
        "slope of log N(s) over log 1/s, N boxes of edge s that the contour meets",
        MOHAPATRA,
    ),
    Feature("signature_std", "1", "standard deviation of r(t) / mean r", MOHAPATRA),
    Feature("signature_skewness", "1", "third standardised moment of r(t)", MOHAPATRA),
    Feature(
        "signature_kurtosis", "1", "fourth standardised moment of r(t), 3 if normal", MOHAPATRA
    ),
    Feature("signature_range", "1", "(max r - min r) / mean r", MOHAPATRA),
)
"""``r(t)``: distance of the nucleus's contour from its centroid, once around."""
TEXTURE = (
    Feature("texture_energy", "1", "sum p^2, mean of four directions", HARALICK),
    Feature("texture_contrast", "1", "sum (i - j)^2 p", HARALICK),
    Feature("texture_correlation", "1", "sum (i - m)(j - m) p / s^2", HARALICK),
    Feature("texture_homogeneity", "1", "sum p / (1 + (i - j)^2)", HARALICK),
    Feature("texture_entropy", "bit", "-sum p log2 p", HARALICK),
    *(
        Feature(f"lbp_{index}", "1", f"share of pixels with uniform pattern {index}", OJALA)
        for index in range(LBP_BINS)
    ),
)
"""Of the nucleus: pairs of neighbouring pixels in 32 levels of L*, patterns in 256."""
COLOUR = (*_colour("nucleus"), *_colour("cytoplasm"))

FEATURES: tuple[Feature, ...] = (
    *SHAPE,
    *NUCLEUS_SHAPE,
    *PARTS,
    *CONTOUR,
    *TEXTURE,
    *COLOUR,
)
"""Every column, in the order of a row."""

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
"""Names of the columns, in the order of a row."""
