"""What is known about one public data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellwright.data.labelled_set import LabelledSet


@dataclass(frozen=True)
class PublicSet:
    """One public set: where it comes from, under which terms, and how its images belong together.

    Attributes:
        name: the set's word on the command line, and its folder's name.
        title: one line for listings.
        task: detection, instances, semantic or classification.
        format: a name out of :data:`cellwright.data.formats.FORMATS`.
        classes: class names in the order of their ids.
        n_images: images of the whole set as published.
        licence: SPDX identifier, or ``not stated``.
        citation: whom to name when the set is used.
        url: the archive of the pinned commit.
        sha256: the archive's checksum where a published one is known, else None: then the
            checksum seen at the first download is written beside the set and held to.
        arrange: turns the unpacked archive (first argument) into ``format`` inside an empty
            folder (second argument). None where nobody has said that the set may be copied: such
            a set is not downloaded, and ``url`` is the page where a person can ask for it.
        known_flaws: what a reader of results has to know.
        group_of: group of an image by its id: what must stay on one side of a split.
        pixel_size_um: edge length of a pixel in micrometres, None where not published.
        read: how the set's folder is read, None where ``format`` alone can tell.
    """

    name: str
    title: str
    task: str
    format: str
    classes: tuple[str, ...]
    n_images: int
    licence: str
    citation: str
    url: str
    sha256: str | None
    arrange: Callable[[Path, Path], None] | None
    known_flaws: tuple[str, ...]
    group_of: Callable[[str], str]
    pixel_size_um: float | None = None
    read: Callable[[Path], LabelledSet] | None = None


def own_group(image_id: str) -> str:
    """Each image a group of its own: nothing is known that ties images together."""
    return image_id
