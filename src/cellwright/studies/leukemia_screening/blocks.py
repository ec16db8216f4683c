"""80:10:10 in the order of the file numbers: the first blocks of each class are learned from.

Patients are not told; fields of one patient likely have neighbouring numbers. Blocks drawn at
random would leave most test blocks between two that were learned from. Runs of blocks meet at two
places a class only, and the test part lies furthest from what was learned.
"""

from __future__ import annotations

from collections import defaultdict

from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import class_counts

VAL_FROM, TEST_FROM = 0.8, 0.9


def split_in_order(labelled: LabelledSet) -> dict[str, str]:
    """Part by record id: whole groups, class by class, in the order of the groups' names.

    A group goes where its middle image lies. A group of several classes has that of its first.
    """
    members: dict[str, list[str]] = defaultdict(list)
    groups_of: dict[int, list[str]] = defaultdict(list)
    for record in sorted(labelled, key=lambda one: (one.group, one.id)):
        if record.group not in members:
            class_id = int(class_counts(record, len(labelled.classes)).argmax())
            groups_of[class_id].append(record.group)
        members[record.group].append(record.id)
    part_of: dict[str, str] = {}
    for groups in groups_of.values():
        total = sum(len(members[group]) for group in groups)
        before = 0
        for group in groups:
            place = (before + len(members[group]) / 2) / total
            part = "train" if place < VAL_FROM else "val" if place < TEST_FROM else "test"
            part_of |= dict.fromkeys(members[group], part)
            before += len(members[group])
    return {record.id: part_of[record.id] for record in labelled}
