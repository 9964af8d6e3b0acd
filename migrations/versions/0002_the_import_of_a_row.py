"""The import that brought a row."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("product", "article"):
        op.add_column(table, sa.Column("run_id", sa.Integer(), nullable=False, server_default="0"))
        last = "(SELECT max(id) FROM import_run WHERE state = 'current')"
        op.execute(f"UPDATE {table} SET run_id = coalesce({last}, 0)")  # nosec B608  # both are ours


def downgrade() -> None:
    for table in ("article", "product"):
        op.drop_column(table, "run_id")
