"""Drafts of posts, and what imports changed that is worth one."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "draft",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("run_id", number, nullable=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("plain", sa.JSON(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("decided_by", number, nullable=True),
        sa.Column("due", storage.tables.base.Instant(), nullable=True),
        sa.Column("created", storage.tables.base.Instant(), nullable=False),
        sa.Column("decided", storage.tables.base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_draft_chat_id_chat")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_draft_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_draft_shop_id_key")),
    )
    op.create_index("ix_draft_shop_id_state", "draft", ["shop_id", "state"])
    op.create_table(
        "change",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("run_id", number, nullable=False),
        sa.Column("product_id", number, nullable=False),
        sa.Column("variant_id", number, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", storage.tables.base.Amount(), nullable=True),
        sa.Column("after", storage.tables.base.Amount(), nullable=True),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_change_product_id_product")),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name=op.f("fk_change_run_id_import_run")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_change_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_shop_id_kind_at", "change", ["shop_id", "kind", "at"])


def downgrade() -> None:
    op.drop_index("ix_change_shop_id_kind_at", "change")
    op.drop_table("change")
    op.drop_index("ix_draft_shop_id_state", "draft")
    op.drop_table("draft")
