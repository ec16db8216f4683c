"""An inspection as one HTML page: what needs attention, pictures with labels, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.inspection.duplicates import ORIENTATIONS, DuplicatePair, families
from cellwright.data.inspection.findings import KINDS, Severity
from cellwright.data.inspection.looks import Looks
from cellwright.data.inspection.result import Inspection, Table
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.images.overlay import PALETTE, display, draw_boxes, draw_labels
from cellwright.images.read import read_image
from cellwright.images.resize import resize, resize_labels
from cellwright.reports.page import Page, Tone
from cellwright.reports.plots import Estimate, Labels, histogram, interval_bars, scatter
from cellwright.types import Boxes, Category, Instances, Sample, SemanticMask

N_PAIRS = 6
N_LISTED = 200
PICTURE_PX = 900
GAP_PX = 8

_TONES: dict[Severity, Tone] = {"error": "warning", "warning": "warning", "note": "plain"}


def write_report(inspection: Inspection, labelled: LabelledSet, path: Path) -> None:
    """One self-contained page about ``labelled``.

    Args:
        inspection: of this very set.
        labelled: the set, from which a few images are shown.
        path: the HTML file; missing folders are made.
    """
    subtitle = "Inspection of labelled images"
    if inspection.licence:
        subtitle += f" · licence: {inspection.licence}"
    page = Page(inspection.name, subtitle)
    _headlines(page, inspection)
    _attention(page, inspection)
    _examples(page, inspection, labelled)
    _copies(page, inspection, labelled)
    _classes(page, inspection)
    _sizes(page, inspection)
    _pixels(page, inspection)
    _looks(page, inspection)
    _listing(page, inspection)
    page.save(path)


def _headlines(page: Page, inspection: Inspection) -> None:
    page.headline(f"{inspection.n_images:,}", "images", detail=f"in {inspection.n_groups:,} groups")
    if inspection.unit in ("boxes", "cells"):
        per_image = inspection.objects_per_image
        detail = f"median {np.median(per_image):.4g} an image" if len(per_image) else ""
        page.headline(f"{inspection.n_objects:,}", inspection.unit, detail=detail)
    page.headline(
        f"{len(inspection.classes)}",
        "classes",
        detail=", ".join(c.name for c in inspection.classes),
    )
    serious = sum(1 for one in inspection.findings if KINDS[one.kind].severity != "note")
    page.headline(f"{serious:,}", "findings", detail="to look at before training")


def _attention(page: Page, inspection: Inspection) -> None:
    page.section("What needs attention")
    found = inspection.found()
    if not found:
        page.note(
            "Nothing: all images and labels can be read, boxes lie inside their images, and no "
            "picture occurs twice.",
            tone="good",
        )
    first = {one.kind: one for one in reversed(inspection.findings)}
    for kind, number in found.items():
        row, example = KINDS[kind], first[kind]
        page.note(
            f"{row.title}: {number:,}. {row.remedy} For instance {example.image_id}: "
            f"{example.detail}",
            tone=_TONES[row.severity],
        )


def _examples(page: Page, inspection: Inspection, labelled: LabelledSet) -> None:
    if not inspection.examples:
        return
    page.section("Examples")
    page.text("The image with most of each class, then images from crowded to empty.")
    for record in labelled.subset(inspection.examples):
        sample = record.load()
        page.picture(
            _labelled_picture(sample, labelled.classes),
            caption=_caption(sample, labelled.classes),
            alt=f"image {record.id} with its labels",
        )


def _labelled_picture(sample: Sample, classes: Sequence[str]) -> NDArray[np.uint8]:
    annotation = sample.annotation
    if isinstance(annotation, Boxes):
        return draw_boxes(sample.image, annotation, classes, max_edge=PICTURE_PX)
    if isinstance(annotation, Instances) and annotation.labels.shape == sample.image.shape[1:]:
        return draw_labels(sample.image, annotation, classes, max_edge=PICTURE_PX)
    picture = display(sample.image, max_edge=PICTURE_PX)
    if isinstance(annotation, SemanticMask):
        return _tinted(picture, annotation)
    return picture


def _tinted(picture: NDArray[np.uint8], annotation: SemanticMask) -> NDArray[np.uint8]:
    """The picture with every class but the first (background) laid over in its colour."""
    mask = resize_labels(annotation.mask, *picture.shape[:2])
    colours = np.array(PALETTE, np.uint8)[mask % len(PALETTE)]
    blended: NDArray[np.uint8] = np.where(
        mask[..., None] > 0, picture // 2 + colours // 2, picture
    ).astype(np.uint8)
    return blended


def _caption(sample: Sample, classes: Sequence[str]) -> str:
    annotation = sample.annotation
    if isinstance(annotation, Boxes | Instances):
        return f"{sample.id}: {len(annotation):,} labels"
    if isinstance(annotation, Category):
        return f"{sample.id}: {classes[annotation.class_id]}"
    return sample.id


def _copies(page: Page, inspection: Inspection, labelled: LabelledSet) -> None:
    if not inspection.duplicates:
        return
    groups = families(inspection.duplicates)
    page.section("The same picture more than once")
    page.text(
        f"Pairs: {len(inspection.duplicates):,}, in families: {len(groups):,}, across parts of "
        f"the split: {len(inspection.leaks):,}. Pixels and thumbnails were compared, mirrored "
        "and turned too. Below is one pair a family; labels are drawn where neither is turned."
    )
    by_id = {record.id: record for record in labelled}
    damaged = {one.image_id for one in inspection.findings if one.kind == "unreadable_labels"}
    for pair in _shown_pairs(inspection, groups):
        records = (by_id[pair.first], by_id[pair.second])
        upright = pair.orientation == "as it is" and damaged.isdisjoint((pair.first, pair.second))
        page.picture(
            _labelled_pair(records, labelled.classes) if upright else _turned_pair(records, pair),
            caption=_pair_caption(pair, by_id),
            alt=f"{pair.first} beside {pair.second}",
            max_edge=2 * PICTURE_PX,
        )


def _shown_pairs(inspection: Inspection, groups: Sequence[tuple[str, ...]]) -> list[DuplicatePair]:
    """One pair a family, leaks before the others."""
    family_of = {name: index for index, names in enumerate(groups) for name in names}
    first: dict[int, DuplicatePair] = {}
    for pair in (*inspection.leaks, *inspection.duplicates):
        first.setdefault(family_of[pair.first], pair)
    return list(first.values())[:N_PAIRS]


def _pair_caption(pair: DuplicatePair, by_id: Mapping[str, Record]) -> str:
    names = " | ".join(
        f"{name} ({part})" if (part := by_id[name].split) else name
        for name in (pair.first, pair.second)
    )
    how = "equal pixels" if pair.kind == "identical" else f"correlation {pair.correlation:.3f}"
    turned = "" if pair.orientation == "as it is" else f", the right one {pair.orientation}"
    return f"{names}: {how}{turned}"


def _labelled_pair(records: tuple[Record, Record], classes: Sequence[str]) -> NDArray[np.uint8]:
    left, right = (_labelled_picture(record.load(), classes) for record in records)
    return _side_by_side(left, right)


def _turned_pair(records: tuple[Record, Record], pair: DuplicatePair) -> NDArray[np.uint8]:
    """Without labels, the second turned so that it looks like the first."""
    left, right = (
        display(read_image(record.image_path).pixels, max_edge=PICTURE_PX) for record in records
    )
    turned = ORIENTATIONS[pair.orientation](right.transpose(2, 0, 1)).transpose(1, 2, 0)
    return _side_by_side(left, turned)


def _side_by_side(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = max(left.shape[0], right.shape[0])
    gap = np.full((height, GAP_PX, 3), 255, np.uint8)
    return np.hstack([_to_height(left, height), gap, _to_height(right, height)])


def _to_height(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return resize(picture.transpose(2, 0, 1), height, width).transpose(1, 2, 0)


def _classes(page: Page, inspection: Inspection) -> None:
    page.section("Classes")
    if len(inspection.classes) > 1 and inspection.n_objects:
        bars = [Estimate(one.name, one.count) for one in inspection.classes]
        page.figure(
            interval_bars(bars, labels=Labels(x=inspection.unit)),
            alt=f"number of {inspection.unit} a class",
        )
    _table(page, inspection.class_table())
    _table(page, inspection.part_table(), caption="Parts of the split the set comes with.")


def _sizes(page: Page, inspection: Inspection) -> None:
    if not inspection.boxes:
        return
    page.section("Cells")
    none = int((inspection.objects_per_image == 0).sum())
    page.figure(
        histogram(
            {"images": inspection.objects_per_image},
            labels=Labels(x=f"{inspection.unit} in an image", y="images"),
            bins=_whole_number_bins(inspection.objects_per_image),
        ),
        caption=f"How crowded the images are; {none:,} hold none.",
    )
    page.figure(
        histogram(
            inspection.box_sides_px, labels=Labels(x="box side (root of area), px", y="boxes")
        ),
        caption="How large the boxes are. A second hump far from the first is worth a look.",
    )
    _table(page, inspection.box_table())


def _whole_number_bins(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """At most 40 bins of equal width, each centred on whole numbers."""
    low, high = int(counts.min(initial=0)), int(counts.max(initial=0))
    width = max(1, -(-(high - low + 1) // 40))
    return np.arange(low, high + width + 1, width, dtype=np.float64) - 0.5


def _pixels(page: Page, inspection: Inspection) -> None:
    if not inspection.channels:
        return
    page.section("Images")
    _table(page, inspection.image_table(), caption="A model is trained on one kind of image best.")
    page.figure(
        histogram(
            inspection.intensities,
            labels=Labels(x="pixel value", y="sampled pixels"),
            bins=64,
        ),
        caption="Pixel values over all images; a wall at the right end means overexposure.",
    )
    _table(page, inspection.channel_table())


def _looks(page: Page, inspection: Inspection) -> None:
    """How the classes differ before any cell is looked at."""
    looks = inspection.looks
    if looks is None:
        return
    page.section("How the classes look")
    told = looks.told_by_colour
    if told.value is not None:
        page.note(
            f"The nearest image of another group by its mean colours alone has the same class in "
            f"{told.value:.0%} of the images ({told.low or 0:.0%} to {told.high or 1:.0%}); by "
            f"chance {looks.chance:.0%}. The further apart these are, the more a model can read "
            "from stain and camera without seeing a cell: test it with `cellwright evaluate "
            "--shift`.",
            tone="warning" if (told.low or 0) > looks.chance else "good",
        )
    _channels_by_class(page, inspection)
    _image_map(page, inspection, looks)
    _table(page, inspection.look_table())


def _channels_by_class(page: Page, inspection: Inspection) -> None:
    """A histogram of each channel, a line a class."""
    channels = dict.fromkeys(
        channel for found in inspection.class_intensities.values() for channel in found
    )
    for channel in channels:
        values = {
            name: found[channel]
            for name, found in inspection.class_intensities.items()
            if channel in found
        }
        page.figure(
            histogram(values, labels=Labels(x=channel, y="sampled pixels"), bins=64),
            caption=f"Pixel values of {channel} by class.",
        )


def _image_map(page: Page, inspection: Inspection, looks: Looks) -> None:
    """Images as points by colour and sharpness, a cloud a class."""
    clouds = {
        one.name: (
            looks.places[looks.class_ids == index, 0],
            looks.places[looks.class_ids == index, 1],
        )
        for index, one in enumerate(inspection.classes)
    }
    first, second = looks.explained
    page.figure(
        scatter(
            clouds,
            labels=Labels(
                x=f"first component ({first:.0%} of the variance)",
                y=f"second component ({second:.0%})",
            ),
        ),
        caption="Images by colour and sharpness (principal components), a point each. Classes in "
        "clouds of their own come from slides of their own.",
    )


def _listing(page: Page, inspection: Inspection) -> None:
    if not inspection.findings:
        return
    page.section("All findings")
    rows = [
        (KINDS[one.kind].severity, KINDS[one.kind].title, one.image_id, one.detail)
        for one in inspection.findings[:N_LISTED]
    ]
    left_out = len(inspection.findings) - len(rows)
    caption = f"{left_out:,} more are in the JSON output." if left_out else ""
    page.table(("severity", "finding", "image", "detail"), rows, caption=caption)


def _table(page: Page, table: Table, *, caption: str = "") -> None:
    if table.rows:
        page.table(table.columns, table.rows, caption=caption)
