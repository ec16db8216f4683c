"""What an audit writes: the table of suspects, a page with pictures, a summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellwright import __version__
from cellwright.audit.audit import Audit, AuditSettings
from cellwright.audit.judged import sides_of
from cellwright.audit.pictures import side_by_side
from cellwright.audit.suspects import KINDS, Suspect, count_kinds
from cellwright.audit.tables import TABLE
from cellwright.data.labelled_set import LabelledSet
from cellwright.images.write import atomic_path
from cellwright.metrics.report import Report
from cellwright.reports.page import Page

SUMMARY, PAGE = "summary.json", "report.html"

MAIN_FIGURES = {
    "detection": ("ap50", "ap50_95", "precision", "recall", "f1", "count_mae"),
    "semantic": ("f1", "jaccard", "precision", "recall", "f1_per_image", "jaccard_per_image"),
    "instances": (
        *("matched50", "pq", "f1", "pixel_f1", "pixel_jaccard"),
        *("pixel_f1_per_image", "pixel_jaccard_per_image"),
    ),
}
"""Figures that the page and the terminal show; ``summary.json`` holds all of them."""

_MEANING = {
    "missing": "a cell that nobody labelled",
    "doubled": "two labels on one cell",
    "misplaced": "a label beside or around its cell",
    "wrong class": "a label of another class",
    "spurious": "a label where no cell is",
}


class Compared:
    """The model's figures over the same images, three ways.

    Attributes:
        every: with all labels.
        without_missing: without the cells that lack a label.
        without: without any of the suspects.
        decided: whether the suspects left out were accepted by a person.
    """

    def __init__(self, audit: Audit, accepted: Sequence[Suspect] | None) -> None:
        left_out = audit.suspects if accepted is None else accepted
        self.decided = accepted is not None
        self.every = audit.report()
        self.without_missing = audit.report(
            without=[one for one in left_out if one.kind == "missing"]
        )
        self.without = audit.report(without=left_out)

    @property
    def columns(self) -> dict[str, Report]:
        """The three by name."""
        return {
            "all labels": self.every,
            "without missing": self.without_missing,
            "without suspects": self.without,
        }

    @property
    def caution(self) -> str:
        """How figures without suspects are to be read."""
        if self.decided:
            return "Left out are the suspects that a person accepted."
        return (
            "The model itself chose the suspects and nobody has confirmed them: figures without "
            "them are an upper bound."
        )


def summary_of(audit: Audit, compared: Compared, settings: AuditSettings) -> dict[str, Any]:
    """The audit as plain values: counts, limits, figures with intervals."""
    seen = [one.origin.seen for one in audit.judged]
    return {
        "audit": __version__,
        "task": audit.card.task,
        "models": list(audit.models),
        "runtime": audit.runtime,
        "n_images": len(audit.judged),
        "n_labels": sum(one.n_labels for one in audit.judged),
        "seen_in_training": {word: seen.count(word) for word in ("no", "validation", "training")},
        "left_out_as_seen": list(audit.left_out),
        "unlabelled": list(audit.unlabelled),
        "suspects": count_kinds(audit.suspects),
        "scores": audit.scores,
        "confidence": settings.confidence,
        "limits": _limits(audit),
        "left_out_of_figures": "accepted suspects" if compared.decided else "all suspects",
        "figures": {
            "all_labels": compared.every.to_json(),
            "without_missing": compared.without_missing.to_json(),
            "without_suspects": compared.without.to_json(),
        },
    }


def _limits(audit: Audit) -> dict[str, Any] | None:
    """What was learned; None where only masks were judged, which need no limits."""
    if all(one.compared is None for one in audit.judged):
        return None
    cell = dict(zip(audit.card.classes, audit.limits.cell, strict=True))
    return {"cell": cell, "none": audit.limits.none}


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """JSON, complete or not at all."""
    with atomic_path(path) as temporary:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_page(
    path: Path, audit: Audit, labelled: LabelledSet, compared: Compared, *, top: int
) -> None:
    """One page that stands alone, with pictures of the ``top`` suspects.

    Args:
        path: the HTML file.
        audit: what was found.
        labelled: the set, for the pictures.
        compared: figures with and without suspects.
        top: how many suspects are shown.
    """
    page = Page(labelled.name, f"Label audit by {', '.join(audit.models)}")
    counts = count_kinds(audit.suspects)
    n_labels = sum(one.n_labels for one in audit.judged)
    page.headline(f"{len(audit.suspects):,}", "suspects", detail=f"beside {n_labels:,} labels")
    page.headline(f"{len(audit.judged):,}", "images", detail=_seen_words(audit))
    if any(one.origin.seen == "training" for one in audit.judged):
        page.note(
            "Some images were learned from by the model that judges them: it repeats their "
            "labels, wrong ones included, and finds less.",
            tone="warning",
        )
    page.table(
        ("kind", "meaning", "suspects"), [(kind, _MEANING[kind], counts[kind]) for kind in KINDS]
    )
    page.section("The model's figures with and without the suspects")
    page.note(compared.caution)
    page.table(*figure_table(compared, audit.card.task), caption="Values with 95 % intervals.")
    _pictures(page, audit, labelled, top)
    page.section("All suspects")
    page.links([(TABLE, "the table: write yes or no into its column accept")])
    page.save(path)


def figure_table(compared: Compared, task: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the main figures, each with its interval."""
    reports = compared.columns
    rows = [
        (name, *(_shown(report, name) for report in reports.values()))
        for name in MAIN_FIGURES[task]
    ]
    return ("figure", *reports), rows


def _shown(report: Report, name: str) -> str:
    one = report.metrics[name]
    if one.value is None:
        return "–"
    if one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


def _seen_words(audit: Audit) -> str:
    words = {
        "no": "not seen in training",
        "validation": "seen for thresholds only",
        "training": "seen in training",
    }
    seen = [one.origin.seen for one in audit.judged]
    return ", ".join(f"{seen.count(key):,} {text}" for key, text in words.items() if key in seen)


def _pictures(page: Page, audit: Audit, labelled: LabelledSet, top: int) -> None:
    """The most certain suspects, labels on the left, the model on the right."""
    shown = audit.suspects[:top]
    if not shown:
        return
    page.section(f"The {len(shown)} most certain")
    page.text("Left: as labelled. Right: as the model sees it. In doubt: orange.")
    judged = {one.origin.image: one for one in audit.judged}
    records = {record.id: record for record in labelled}
    pictures = {}
    # Image by image, so that each is read once; shown in order of rank.
    for image in dict.fromkeys(one.image for one in shown):
        pixels, sides = records[image].load().image, sides_of(judged[image])
        for one in shown:
            if one.image == image:
                pictures[one.rank] = side_by_side(pixels, sides, one)
    for one in shown:
        seen = "" if one.seen == "no" else f" (seen: {one.seen})"
        caption = (
            f"{one.rank}. {one.kind}: {one.class_name}, {one.score:.2f}. {one.image}{seen}: "
            f"{one.reason}"
        )
        page.picture(pictures[one.rank], caption=caption)
