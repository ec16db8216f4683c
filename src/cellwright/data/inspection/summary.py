"""Scans of all records put together: counts, sizes, intensities, copies and findings."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.inspection.duplicates import (
    DuplicatePair,
    Progress,
    crossing,
    families,
    find_duplicates,
)
from cellwright.data.inspection.findings import KINDS, Finding
from cellwright.data.inspection.looks import map_looks, odd_ones
from cellwright.data.inspection.result import (
    BoxSizes,
    ChannelIntensity,
    ClassCount,
    ImageKind,
    Inspection,
    PartCount,
    Spread,
)
from cellwright.data.inspection.scan import Scan, scan
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import PARTS

UNITS = {"Boxes": "boxes", "Instances": "cells", "SemanticMask": "pixels", "Category": "images"}

_SAMPLED_VALUES = 2_000_000
"""Pixel values a channel kept over all images for the intensity histogram (16 MB)."""

N_EXAMPLES = 8

_READERS = min(4, os.cpu_count() or 1)


def inspect(labelled: LabelledSet, *, progress: Progress | None = None) -> Inspection:
    """Look through a labelled set; every image is read once.

    What is damaged or odd becomes a finding, never an exception.

    Args:
        labelled: the set.
        progress: called with (done, total) after every image.
    """
    scans = _scan_all(labelled, progress)
    prints = {one.record.id: one.fingerprint for one in scans if one.fingerprint is not None}
    pairs = find_duplicates(prints)
    part_of = {record.id: record.split for record in labelled if record.split is not None}
    leaks = crossing(pairs, part_of)
    sampled = _intensities(scans)
    has_objects = [one for one in scans if one.annotation_type in ("Boxes", "Instances")]
    looks = [one.look for one in scans if one.look is not None]
    return Inspection(
        name=labelled.name,
        licence=labelled.licence,
        n_images=len(labelled),
        n_groups=len({record.group for record in labelled}),
        unit=_unit(scans),
        classes=_class_counts(scans, labelled.classes),
        parts=_parts(scans),
        images=_image_kinds(scans),
        boxes=_box_sizes(scans, labelled.classes),
        channels=_channels(scans, sampled),
        duplicates=pairs,
        leaks=leaks,
        findings=_findings(scans, pairs, labelled.classes),
        examples=_examples(scans),
        objects_per_image=np.array([len(one.boxes) for one in has_objects], np.int64),
        box_sides_px={
            name: np.sqrt(_of_class(scans, index)[:, :2].prod(axis=1))
            for index, name in enumerate(labelled.classes)
        },
        intensities=sampled,
        looks=map_looks(looks),
        class_intensities={
            name: _intensities([one for one in scans if one.look and one.look.class_id == index])
            for index, name in enumerate(labelled.classes)
            if looks
        },
    )


def _scan_all(labelled: LabelledSet, progress: Progress | None) -> list[Scan]:
    """Every image read once, in the order of the set."""
    per_image = int(np.clip(_SAMPLED_VALUES // max(1, len(labelled)), 50, 20_000))
    scans: list[Scan] = []
    # Decoding images releases the interpreter lock, so threads do read side by side.
    with ThreadPoolExecutor(_READERS) as readers:
        for one in readers.map(
            lambda record: scan(record, labelled, values_per_image=per_image), labelled
        ):
            scans.append(one)
            if progress is not None:
                progress(len(scans), len(labelled))
    return scans


def _unit(scans: Sequence[Scan]) -> str:
    kinds = Counter(one.annotation_type for one in scans if one.annotation_type)
    return UNITS[kinds.most_common(1)[0][0]] if kinds else "boxes"


def _class_counts(scans: Sequence[Scan], classes: Sequence[str]) -> tuple[ClassCount, ...]:
    return tuple(
        ClassCount(
            name,
            sum(int(one.counts[index]) for one in scans),
            sum(1 for one in scans if one.counts[index]),
        )
        for index, name in enumerate(classes)
    )


def _parts(scans: Sequence[Scan]) -> tuple[PartCount, ...]:
    members: dict[str, list[Scan]] = {name: [] for name in (*PARTS, "(no part)")}
    for one in scans:
        members[one.record.split or "(no part)"].append(one)
    if len(members["(no part)"]) == len(scans):
        return ()
    return tuple(
        PartCount(
            name,
            len(inside),
            len({one.record.group for one in inside}),
            tuple(np.sum([one.counts for one in inside], axis=0).tolist()),
        )
        for name, inside in members.items()
        if inside
    )


def _image_kinds(scans: Sequence[Scan]) -> tuple[ImageKind, ...]:
    kinds = Counter(
        (one.shape, one.dtype, one.pixel_size_um) for one in scans if one.shape is not None
    )
    return tuple(
        ImageKind(shape[2], shape[1], shape[0], dtype, pixel_size, number)
        for (shape, dtype, pixel_size), number in kinds.most_common()
    )


def _of_class(scans: Sequence[Scan], class_id: int) -> NDArray[np.float32]:
    """``(N, 3)`` width and height in pixels, and side in µm (NaN where the scale is unknown)."""
    rows = [np.zeros((0, 3), np.float32)]
    for one in scans:
        boxes = one.boxes.select(one.boxes.class_ids == class_id)
        scale = np.nan if one.pixel_size_um is None else one.pixel_size_um
        sides = np.sqrt(boxes.areas_px2) * scale
        rows.append(np.stack([boxes.widths_px, boxes.heights_px, sides], axis=1))
    return np.concatenate(rows)


def _box_sizes(scans: Sequence[Scan], classes: Sequence[str]) -> tuple[BoxSizes, ...]:
    sizes = []
    for index, name in enumerate(classes):
        rows = _of_class(scans, index)
        width, height = Spread.of(rows[:, 0]), Spread.of(rows[:, 1])
        if width is not None and height is not None:
            in_um = rows[:, 2]
            sizes.append(BoxSizes(name, width, height, Spread.of(in_um[~np.isnan(in_um)])))
    return tuple(sizes)


def _intensities(scans: Sequence[Scan]) -> dict[str, NDArray[Any]]:
    """Channel name -> sampled values of all images that have it."""
    gathered: dict[str, list[NDArray[Any]]] = defaultdict(list)
    for one in scans:
        for index, values in enumerate(one.intensities):
            gathered[_channel_name(one, index)].append(values)
    return {name: np.concatenate(parts) for name, parts in gathered.items()}


def _channel_name(one: Scan, index: int) -> str:
    if one.channel_names:
        return one.channel_names[index]
    colour = len(one.intensities) == 3 and one.dtype == "uint8"
    return ("red", "green", "blue")[index] if colour else f"channel {index + 1}"


def _channels(
    scans: Sequence[Scan], sampled: dict[str, NDArray[Any]]
) -> tuple[ChannelIntensity, ...]:
    at_limit: Counter[str] = Counter()
    for one in scans:
        if one.dtype in ("uint8", "uint16"):
            limit = np.iinfo(one.dtype).max
            for index, values in enumerate(one.intensities):
                at_limit[_channel_name(one, index)] += int((values == limit).sum())
    return tuple(
        ChannelIntensity(name, spread, at_limit[name] / spread.n)
        for name, values in sampled.items()
        if (spread := Spread.of(values)) is not None
    )


def _examples(scans: Sequence[Scan]) -> tuple[str, ...]:
    """The image richest in each class, then the ones at even steps from crowded to empty."""
    shown = [one for one in scans if one.visible and one.annotation_type]
    if not shown:
        return ()
    counts = np.stack([one.counts for one in shown])
    richest = [int(column.argmax()) for column in counts.T if column.any()]
    crowded = np.argsort(-counts.sum(axis=1), kind="stable")
    steps = crowded[np.linspace(0, len(shown) - 1, min(N_EXAMPLES, len(shown))).astype(int)]
    chosen = dict.fromkeys([*richest, *steps.tolist()])
    return tuple(shown[index].record.id for index in list(chosen)[:N_EXAMPLES])


def _findings(
    scans: Sequence[Scan], pairs: Sequence[DuplicatePair], classes: Sequence[str]
) -> tuple[Finding, ...]:
    findings = [finding for one in scans for finding in one.findings]
    findings += odd_ones([one.look for one in scans if one.look is not None], classes)
    findings += _nothing_labelled(scans)
    by_id = {one.record.id: one for one in scans}
    for family in families(pairs):
        findings += _family_findings([by_id[name] for name in family])
    identical = [pair for pair in pairs if pair.kind == "identical"]
    for family in families(identical):
        findings += _contradiction([by_id[name] for name in family])
    findings += _torn_groups(scans)
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda finding: order[finding.kind]))


def _nothing_labelled(scans: Sequence[Scan]) -> list[Finding]:
    """One finding where labels of boxes or cells are there, but every one is empty."""
    has_objects = [one for one in scans if one.annotation_type in ("Boxes", "Instances")]
    if not has_objects or any(len(one.boxes) for one in has_objects):
        return []
    detail = f"is labelled as empty, like all {len(has_objects)} that have labels"
    return [Finding("nothing_labelled", has_objects[0].record.id, detail)]


def _family_findings(family: Sequence[Scan]) -> list[Finding]:
    """A leak where copies stand in several parts; else a remark if their groups differ."""
    first, others = family[0].record, [one.record for one in family[1:]]
    parts = {one.record.split for one in family if one.record.split is not None}
    if len(parts) > 1:
        places = ", ".join(f"{record.id} ({record.split})" for record in others)
        return [Finding("leak", first.id, f"({first.split}) is the same picture as {places}")]
    if len({one.record.group for one in family}) > 1:
        names = ", ".join(record.id for record in others)
        return [Finding("copies", first.id, f"is the same picture as {names}")]
    return []


def _contradiction(family: Sequence[Scan]) -> list[Finding]:
    first = family[0]
    for other in family[1:]:
        if not _same_labels(first, other):
            detail = (
                f"{int(first.counts.sum())} labels here, "
                f"{int(other.counts.sum())} in its copy {other.record.id}"
            )
            return [Finding("contradiction", first.record.id, detail)]
    return []


def _same_labels(one: Scan, other: Scan) -> bool:
    """Same counts, and the same boxes in any order."""
    if one.annotation_type != other.annotation_type or len(one.boxes) != len(other.boxes):
        return False
    rows = [
        sorted(np.column_stack([scanned.boxes.class_ids, scanned.boxes.xyxy]).tolist())
        for scanned in (one, other)
    ]
    return bool((one.counts == other.counts).all() and np.allclose(rows[0], rows[1], atol=0.5))


def _torn_groups(scans: Sequence[Scan]) -> list[Finding]:
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    for one in scans:
        if one.record.split is not None:
            parts[one.record.group].setdefault(one.record.split, one.record.id)
    return [
        Finding(
            "torn_group",
            next(iter(where.values())),
            f"group {group!r} stands in {' and '.join(sorted(where))}",
        )
        for group, where in parts.items()
        if len(where) > 1
    ]
