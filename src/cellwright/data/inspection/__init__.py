"""Inspection: what is in a labelled set, and what is wrong with it.

``inspect`` reads every image once and counts; ``write_report`` makes one page to look at;
``near_duplicates`` and ``leaks`` find pictures that occur twice. A new kind of finding is
one row in ``findings.KINDS`` and the code that notices it.
"""

from cellwright.data.inspection.duplicates import DuplicatePair, leaks, near_duplicates
from cellwright.data.inspection.findings import KINDS, Finding
from cellwright.data.inspection.page import write_report
from cellwright.data.inspection.result import Inspection, Table
from cellwright.data.inspection.summary import inspect

__all__ = [
    "KINDS",
    "DuplicatePair",
    "Finding",
    "Inspection",
    "Table",
    "inspect",
    "leaks",
    "near_duplicates",
    "write_report",
]
