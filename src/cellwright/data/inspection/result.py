"""What an inspection found, as plain values, as JSON and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.data.inspection.duplicates import DuplicatePair
from cellwright.data.inspection.findings import KINDS, Finding
from cellwright.data.inspection.looks import Looks, to_json

DAMAGE = ("unreadable_image", "unreadable_labels")

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Spread:
    """How values are spread: number, extremes and percentiles."""

    n: int
    minimum: float
    p5: float
    median: float
    p95: float
    maximum: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Spread | None:
        """The spread of ``(N,)`` values, None where there are none."""
        if len(values) == 0:
            return None
        low, p5, median, p95, high = np.percentile(values, [0, 5, 50, 95, 100]).round(4).tolist()
        return cls(len(values), low, p5, median, p95, high)


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs: boxes, cells, pixels or images, and in how many images."""

    name: str
    count: int
    n_images: int


@dataclass(frozen=True)
class PartCount:
    """One part of the split; ``counts`` in class order."""

    name: str
    n_images: int
    n_groups: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class ImageKind:
    """Images that share size, channels, pixel type and scale."""

    width_px: int
    height_px: int
    channels: int
    dtype: str
    pixel_size_um: float | None
    n_images: int


@dataclass(frozen=True)
class BoxSizes:
    """Box sizes of one class; ``side_um`` is the root of the area where the scale is known."""

    name: str
    width_px: Spread
    height_px: Spread
    side_um: Spread | None


@dataclass(frozen=True)
class ChannelIntensity:
    """Pixel values of one channel over all images.

    Attributes:
        name: the channel's name, or ``channel 1`` …
        values: spread of an even sample of all pixels.
        share_at_maximum: sampled pixels at the largest value of an integer type, in [0, 1].
    """

    name: str
    values: Spread
    share_at_maximum: float


@dataclass(frozen=True)
class Table:
    """Rows for the terminal or a page."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """A labelled set, looked through.

    Attributes:
        name: of the set.
        licence: as the set states it, empty when unknown.
        n_images: records.
        n_groups: different groups among them.
        unit: what is counted: ``boxes``, ``cells``, ``pixels`` or ``images``.
        classes: counts by class, in class order.
        parts: counts by part of the split; empty where the set has none.
        images: kinds of images, the most frequent first.
        boxes: box sizes by class, classes without a box left out.
        channels: intensities by channel.
        duplicates: pairs of records that show the same picture.
        leaks: those of them that stand in different parts of the split.
        findings: what is wrong, in order of :data:`KINDS`.
        examples: ids of images worth showing.
        objects_per_image: int64, boxes or cells of each labelled image.
        box_sides_px: class name -> root of the area of its boxes.
        intensities: channel name -> sampled pixel values.
        looks: images of one class each on a map of their colours; None for other tasks, and for
            few images.
        class_intensities: class name -> channel name -> sampled pixel values; empty for other
            tasks.
    """

    name: str
    licence: str
    n_images: int
    n_groups: int
    unit: str
    classes: tuple[ClassCount, ...]
    parts: tuple[PartCount, ...]
    images: tuple[ImageKind, ...]
    boxes: tuple[BoxSizes, ...]
    channels: tuple[ChannelIntensity, ...]
    duplicates: tuple[DuplicatePair, ...]
    leaks: tuple[DuplicatePair, ...]
    findings: tuple[Finding, ...]
    examples: tuple[str, ...]
    objects_per_image: NDArray[np.int64] = field(repr=False)
    box_sides_px: Mapping[str, NDArray[np.float32]] = field(repr=False)
    intensities: Mapping[str, NDArray[Any]] = field(repr=False)
    looks: Looks | None = field(default=None, repr=False)
    class_intensities: Mapping[str, Mapping[str, NDArray[Any]]] = field(
        default_factory=dict, repr=False
    )

    @property
    def n_objects(self) -> int:
        """Boxes, cells, pixels or images over all classes."""
        return sum(one.count for one in self.classes)

    def found(self) -> dict[str, int]:
        """How many findings there are of each kind that occurs, in order of :data:`KINDS`."""
        counted = Counter(one.kind for one in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def to_dict(self) -> dict[str, Any]:
        """Everything but the raw values behind the plots, ready for JSON.

        Keys: ``name``, ``licence``, ``n_images``, ``n_groups``, ``n_objects``, ``unit``;
        ``classes`` (name, count, n_images); ``parts`` (name, n_images, n_groups, counts);
        ``images`` (width_px, height_px, channels, dtype, pixel_size_um, n_images);
        ``objects_per_image`` (a spread: n, minimum, p5, median, p95, maximum, or null);
        ``boxes`` (name, width_px, height_px, side_um: spreads); ``channels`` (name, values: a
        spread, share_at_maximum); ``duplicates`` and ``leaks`` (first, second, kind,
        correlation, orientation); ``looks`` (explained, told_by_colour: value, low, high, n;
        chance; or null); ``found`` (kind -> number); ``findings`` (kind, severity,
        image_id, detail).
        """
        per_image = Spread.of(self.objects_per_image)
        return {
            "name": self.name,
            "licence": self.licence,
            "n_images": self.n_images,
            "n_groups": self.n_groups,
            "n_objects": self.n_objects,
            "unit": self.unit,
            "classes": [asdict(one) for one in self.classes],
            "parts": [asdict(one) for one in self.parts],
            "images": [asdict(one) for one in self.images],
            "objects_per_image": None if per_image is None else asdict(per_image),
            "boxes": [asdict(one) for one in self.boxes],
            "channels": [asdict(one) for one in self.channels],
            "duplicates": [asdict(one) for one in self.duplicates],
            "leaks": [asdict(one) for one in self.leaks],
            "looks": to_json(self.looks),
            "found": self.found(),
            "findings": [
                {"severity": KINDS[one.kind].severity, **asdict(one)} for one in self.findings
            ],
        }

    def tables(self) -> tuple[Table, ...]:
        """What is wrong first, then classes, parts, sizes and images; empty ones left out."""
        every = (
            self.findings_table(),
            self.damage_table(),
            self.class_table(),
            self.part_table(),
            self.box_table(),
            self.image_table(),
            self.channel_table(),
            self.look_table(),
        )
        return tuple(table for table in every if table.rows)

    def findings_table(self) -> Table:
        """A row a kind of finding: number, an example and the remedy."""
        example = {one.kind: one for one in reversed(self.findings)}
        return Table(
            "What needs attention",
            ("severity", "finding", "number", "for instance", "remedy"),
            tuple(
                (
                    KINDS[kind].severity,
                    KINDS[kind].title,
                    number,
                    f"{example[kind].image_id}: {example[kind].detail}",
                    KINDS[kind].remedy,
                )
                for kind, number in self.found().items()
            ),
        )

    def damage_table(self) -> Table:
        """A row an image or label file that cannot be read, and why: all of them."""
        return Table(
            "What cannot be read",
            ("image", "file and reason"),
            tuple((one.image_id, one.detail) for one in self.findings if one.kind in DAMAGE),
        )

    def class_table(self) -> Table:
        """A row a class."""
        total = max(1, self.n_objects)
        return Table(
            "Classes",
            ("class", self.unit, "share %", "images with it"),
            tuple(
                (one.name, one.count, round(100 * one.count / total, 1), one.n_images)
                for one in self.classes
            ),
        )

    def part_table(self) -> Table:
        """A row a part of the split."""
        names = tuple(one.name for one in self.classes)
        return Table(
            "Split",
            ("part", "images", "groups", *names),
            tuple((one.name, one.n_images, one.n_groups, *one.counts) for one in self.parts),
        )

    def box_table(self) -> Table:
        """A row a class: median box and the range that holds the middle 90 %."""
        return Table(
            "Box sizes",
            (
                "class",
                "median width px",
                "width 5–95 %",
                "median height px",
                "height 5–95 %",
                "median side µm",
            ),
            tuple(
                (
                    one.name,
                    one.width_px.median,
                    f"{one.width_px.p5:.4g}–{one.width_px.p95:.4g}",
                    one.height_px.median,
                    f"{one.height_px.p5:.4g}–{one.height_px.p95:.4g}",
                    None if one.side_um is None else one.side_um.median,
                )
                for one in self.boxes
            ),
        )

    def image_table(self) -> Table:
        """A row a kind of image."""
        return Table(
            "Images",
            ("width px", "height px", "channels", "type", "µm per px", "images"),
            tuple(
                (
                    one.width_px,
                    one.height_px,
                    one.channels,
                    one.dtype,
                    one.pixel_size_um,
                    one.n_images,
                )
                for one in self.images
            ),
        )

    def look_table(self) -> Table:
        """One row: how much of the class mean colours alone give away."""
        title = "Class of the nearest image of another group, by mean colours alone"
        columns = ("right %", "low", "high", "images", "% by chance")
        if self.looks is None or self.looks.told_by_colour.value is None:
            return Table(title, columns, ())
        told = self.looks.told_by_colour
        shares = (told.value, told.low, told.high)
        return Table(
            title,
            columns,
            (
                (
                    *(None if one is None else round(100 * one, 1) for one in shares),
                    told.n,
                    round(100 * self.looks.chance, 1),
                ),
            ),
        )

    def channel_table(self) -> Table:
        """A row a channel."""
        return Table(
            "Pixel values",
            ("channel", "minimum", "5 %", "median", "95 %", "maximum", "% at the limit"),
            tuple(
                (
                    one.name,
                    one.values.minimum,
                    one.values.p5,
                    one.values.median,
                    one.values.p95,
                    one.values.maximum,
                    round(100 * one.share_at_maximum, 2),
                )
                for one in self.channels
            ),
        )
