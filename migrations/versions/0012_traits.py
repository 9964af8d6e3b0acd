"""Traits, segments, and purchases that wait for their buyer."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant, amount = storage.tables.base.Instant(), storage.tables.base.Amount()
    op.create_table(
        "trait",
        sa.Column("member_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("last_id", number, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_trait_member_id_member")),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_trait_chat_id_chat")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_trait_shop_id_shop")),
        sa.PrimaryKeyConstraint("member_id", "chat_id", "name", name=op.f("pk_trait")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "segment",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("created", instant, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_segment_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("shop_id", "name", name=op.f("uq_segment_shop_id_name")),
    )
    op.create_table(
        "purchase",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("order_name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("product_id", number, nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", amount, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("member_id", number, nullable=True),
        sa.Column("chat_id", number, nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_purchase_chat_id_chat")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_purchase_member_id_member")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_purchase_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase")),
        sa.UniqueConstraint("shop_id", "order_name", "position", name=op.f("uq_purchase_shop_id_order_name_position")),
    )
    op.create_index(op.f("ix_purchase_hash"), "purchase", ["hash"])
    op.create_index(op.f("ix_purchase_member_id"), "purchase", ["member_id"])


def downgrade() -> None:
    op.drop_table("purchase")
    op.drop_table("segment")
    op.drop_table("trait")
