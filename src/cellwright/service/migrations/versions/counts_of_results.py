"""Counts of results beside their cells; ids of a job's images that are never given twice."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AFTER_CLASSES = ("n_cells_low", "n_unlike")
"""Counts that follow those of the classes in the summaries of the tasks that have them."""


def upgrade() -> None:
    """Give ``results`` counts, areas and whether it is corrected, ``job_images`` its sequence."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        op.add_column("results", _corrected())
        for name in ("counts", "areas"):
            op.add_column("results", sa.Column(name, sa.JSON))
        op.execute("UPDATE results SET corrected = (corrections IS NOT NULL)")
    _count()


def _make_anew() -> None:
    """Both tables, which SQLite cannot change so; ``results``, which needs the other, first."""
    op.execute("CREATE TABLE results_before AS SELECT * FROM results")
    op.drop_table("results")
    with op.batch_alter_table(
        "job_images", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ):
        pass
    op.create_table(
        "results",
        sa.Column("job_image_id", sa.Integer, sa.ForeignKey("job_images.id"), primary_key=True),
        sa.Column("finished", sa.DateTime, nullable=False),
        _corrected(),
        *(
            sa.Column(name, sa.JSON)
            for name in ("counts", "problem", "summary", "cells", "corrections", "areas")
        ),
    )
    op.execute(
        "INSERT INTO results"
        " (job_image_id, finished, corrected, problem, summary, cells, corrections)"
        " SELECT job_image_id, finished, corrections IS NOT NULL, problem, summary, cells,"
        " corrections FROM results_before"
    )
    op.drop_table("results_before")


def _corrected() -> sa.Column[bool]:
    return sa.Column("corrected", sa.Boolean, nullable=False, server_default=sa.false())


def _count() -> None:
    """Fill ``counts`` in."""
    results = sa.table(
        "results",
        sa.column("job_image_id", sa.Integer),
        *(sa.column(name, sa.JSON) for name in ("summary", "corrections", "counts")),
    )
    connection = op.get_bind()
    done = sa.select(results.c.job_image_id).where(results.c.summary.is_not(sa.null()))
    for job_image_id in connection.scalars(done).all():
        this = results.c.job_image_id == job_image_id
        summary, corrections = connection.execute(
            sa.select(results.c.summary, results.c.corrections).where(this)
        ).one()
        counts = counts_before(summary, corrections)
        connection.execute(sa.update(results).where(this).values(counts=counts))


def counts_before(summary: dict[str, Any], corrections: list[Any] | None) -> dict[str, int]:
    """Cells of each class, whose names only the columns of the summary tell.

    >>> summary = {"n_cells": 3, "n_live": 1, "n_dead": 2, "n_cells_low": 2.5, "n_live_low": 1}
    >>> counts_before(summary, None), counts_before(summary, [{"class": "live"}])
    ({'live': 1, 'dead': 2}, {'live': 1, 'dead': 0})
    """
    columns = list(summary)
    first = columns.index("n_cells") + 1 if "n_cells" in columns else len(columns)
    counts: dict[str, int] = {}
    for column in columns[first:]:
        if not column.startswith("n_") or column in AFTER_CLASSES:
            break
        counts[column.removeprefix("n_")] = int(summary[column])
    if corrections is None:
        return counts
    named = [cell["class"] for cell in corrections]
    return {name: named.count(name) for name in counts}


def downgrade() -> None:
    """Take the columns away; ids that were given stay as they are."""
    with op.batch_alter_table("results") as table:
        for name in ("counts", "areas", "corrected"):
            table.drop_column(name)
