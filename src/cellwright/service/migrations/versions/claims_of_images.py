"""Processes that work, and which of them does an image."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make ``workers``; give ``job_images`` its claim and what a deletion looks for an index."""
    op.create_table(
        "workers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("seen", sa.DateTime, nullable=False),
    )
    op.add_column("job_images", sa.Column("claimed_by", sa.String(32)))
    op.create_index("ix_job_images_sha256", "job_images", ["sha256"])


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_job_images_sha256", "job_images")
    with op.batch_alter_table("job_images") as table:
        table.drop_column("claimed_by")
    op.drop_table("workers")
