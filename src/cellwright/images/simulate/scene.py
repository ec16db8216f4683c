"""What a scene must satisfy before it is drawn, whatever it shows."""

from __future__ import annotations

from cellwright.errors import ConfigError


def check_frame(height: int, width: int, *counts: int, least_px: int = 32) -> None:
    """Refuse a frame that is too small for cells, and less than no cells.

    Raises:
        ConfigError: a side below ``least_px``, or a negative count.
    """
    if min(height, width) < least_px or min(counts) < 0:
        raise ConfigError(
            f"a scene needs at least {least_px} x {least_px} pixels and no negative cell count"
        )


def check_radii(radius_px: tuple[float, float], *, least_px: float, most_px: float) -> None:
    """Refuse a range of radii that is none, or that cannot be drawn.

    Raises:
        ConfigError: smallest and largest out of order or out of bounds.
    """
    smallest, largest = radius_px
    if not least_px <= smallest <= largest <= most_px:
        raise ConfigError(
            f"radii must satisfy {least_px:g} <= smallest <= largest <= {most_px:g}: {radius_px}"
        )


def check_shares(**shares: float) -> None:
    """Refuse what is no share.

    Raises:
        ConfigError: a value outside 0..1.
    """
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} must lie in 0..1, not {value}")


def check_pixel_size(pixel_size_um: float) -> None:
    """Refuse a pixel without an edge.

    Raises:
        ConfigError: not above 0.
    """
    if pixel_size_um <= 0:
        raise ConfigError("the pixel size must be > 0 µm")
