"""Schedules of every kind, their runs' wall times, chats' own zones and quiet hours, and what the catalogue was."""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import Amount, Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_SCHEDULE = {"name": "", "jitter": 0, "lead": 0, "approve": "auto", "unanswered": "post"}


def upgrade() -> None:
    with op.batch_alter_table("schedule") as table:
        table.alter_column("cron", new_column_name="rule")
        table.alter_column("next_due", existing_type=Instant(), nullable=True)
        for name, default in OF_SCHEDULE.items():
            form = sa.Integer() if default == 0 else sa.String()
            table.add_column(
                sa.Column(name, form, nullable=False, server_default=sa.text("''") if default == "" else str(default))
            )
        table.add_column(sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("begins", Instant(), nullable=True))
    op.execute("UPDATE schedule SET begins = next_due")
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("local", sa.String(), nullable=True))
        table.add_column(sa.Column("post_at", Instant(), nullable=True))
        table.add_column(sa.Column("about", sa.JSON(), nullable=True))
        table.add_column(sa.Column("asked", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.create_unique_constraint(op.f("uq_run_schedule_id_local"), ["schedule_id", "local"])
    op.execute("UPDATE run SET post_at = due, about = '[]', told = (1 = 1)")  # what was missed before is no news
    with op.batch_alter_table("run") as table:
        table.alter_column("post_at", existing_type=Instant(), nullable=False)
        table.alter_column("about", existing_type=sa.JSON(), nullable=False)
    for name in ("timezone", "quiet_hours"):
        op.add_column("chat", sa.Column(name, sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("shop", sa.Column("watched_version", sa.Integer(), nullable=True))
    op.create_table(
        "watched",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("shop_id", NUMBER, nullable=False),
        sa.Column("product_id", NUMBER, nullable=False),
        sa.Column("variant_id", NUMBER, nullable=False),
        sa.Column("price", Amount(), nullable=True),
        sa.Column("stock", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_watched_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watched")),
    )
    op.create_index(op.f("ix_watched_shop_id"), "watched", ["shop_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_watched_shop_id"), "watched")
    op.drop_table("watched")
    op.drop_column("shop", "watched_version")
    for name in ("timezone", "quiet_hours"):
        op.drop_column("chat", name)
    with op.batch_alter_table("run") as table:
        table.drop_constraint(op.f("uq_run_schedule_id_local"), type_="unique")
        for name in ("told", "asked", "about", "post_at", "local"):
            table.drop_column(name)
    op.execute("DELETE FROM run WHERE schedule_id IN (SELECT id FROM schedule WHERE next_due IS NULL)")
    op.execute("DELETE FROM schedule WHERE next_due IS NULL")
    with op.batch_alter_table("schedule") as table:
        for name in (*OF_SCHEDULE, "paused", "begins"):
            table.drop_column(name)
        table.alter_column("next_due", existing_type=Instant(), nullable=False)
        table.alter_column("rule", new_column_name="cron")
