"""The part of ``cellwright explain`` that looks at a labelled set: permutation importance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cellwright.cli.console import print_table, progress_bar, write_json

if TYPE_CHECKING:
    from cellwright.bundles.bundle import Bundle
    from cellwright.data.labelled_set import LabelledSet
    from cellwright.explain.importance import Importance

PRINTED = 15


def explain_data(
    bundle: Bundle, labelled: LabelledSet, out: Path, *, threads: int | None, json: Path | None
) -> None:
    """Importance of every input of a classifier on a labelled set, into ``out``."""
    from cellwright.explain.importance import measure_importance
    from cellwright.inference.classifier import Classifier
    from cellwright.inference.evaluate_classification import prepare_labelled

    classifier = Classifier(bundle, threads=threads)
    given = prepare_labelled(classifier, labelled)
    with progress_bar("mixing up") as progress:
        found = measure_importance(classifier, given, progress=progress)
    _write(out, found, f"{bundle.card.name} on {labelled.name}")
    if write_json(_as_json(found, out), json):
        return
    for name, rows in (("family", found.families), ("input", found.lost)):
        if rows:
            print_table(
                (name, "points lost", "low", "high"),
                [(key, one.value, one.low, one.high) for key, one in list(rows.items())[:PRINTED]],
                title=f"balanced accuracy {found.before:.3f} on {found.n_images:,} images",
            )
    typer.echo(out)


def _write(out: Path, found: Importance, title: str) -> None:
    from cellwright.explain.importance import (
        add_importance_section,
        importance_bars,
        write_importance,
    )
    from cellwright.images.write import atomic_path
    from cellwright.reports.page import Page

    suffix = out.suffix.lower()
    if suffix == ".csv":
        write_importance(out, found)
    elif suffix == ".html":
        page = Page("What it goes by", title)
        add_importance_section(page, found)
        page.save(out)
    else:
        with atomic_path(out) as temporary:
            importance_bars(found.families or found.lost).savefig(temporary, dpi=160)


def _as_json(found: Importance, out: Path) -> dict[str, Any]:
    return {
        "task": "classification",
        "method": "permutation-importance",
        "metric": "balanced_accuracy",
        "before": found.before,
        "n_images": found.n_images,
        "repeats": found.repeats,
        "lost": {name: one.to_json() for name, one in found.lost.items()},
        "families": {name: one.to_json() for name, one in found.families.items()},
        "out": str(out),
    }
