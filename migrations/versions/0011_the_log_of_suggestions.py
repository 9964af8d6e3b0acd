"""The log of suggestions: candidates, chances, and who was held out."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "suggestion_log",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("member_id", number, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("holdout", sa.Boolean(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("propensities", sa.JSON(), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=True),
        sa.Column("stopped", storage.tables.base.Instant(), nullable=True),
        sa.Column("past", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_suggestion_log_member_id_member")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_suggestion_log_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion_log")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_suggestion_log_shop_id_key")),
    )
    op.create_index("ix_suggestion_log_shop_id_at", "suggestion_log", ["shop_id", "at"])
    op.create_index("ix_suggestion_log_member_id_at", "suggestion_log", ["member_id", "at"])


def downgrade() -> None:
    op.drop_index("ix_suggestion_log_member_id_at", "suggestion_log")
    op.drop_index("ix_suggestion_log_shop_id_at", "suggestion_log")
    op.drop_table("suggestion_log")
