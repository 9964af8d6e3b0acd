"""Humans' turns with members, and what each message rests on."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "handoff",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("member_id", number, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("until", storage.tables.base.Instant(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_handoff_chat_id_chat")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_handoff_member_id_member")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_handoff_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff")),
    )
    op.create_index("ix_handoff_chat_id_until", "handoff", ["chat_id", "until"])
    op.create_index(op.f("ix_handoff_member_id"), "handoff", ["member_id"])
    op.create_index(op.f("ix_handoff_shop_id"), "handoff", ["shop_id"])
    op.add_column("outbox", sa.Column("rests", sa.JSON(), nullable=True))
    op.add_column("outbox", sa.Column("checked", sa.Integer(), nullable=True))
    op.create_index("ix_outbox_shop_id_checked", "outbox", ["shop_id", "checked"])


def downgrade() -> None:
    op.drop_index("ix_outbox_shop_id_checked", "outbox")
    op.drop_column("outbox", "checked")
    op.drop_column("outbox", "rests")
    op.drop_index(op.f("ix_handoff_shop_id"), "handoff")
    op.drop_index(op.f("ix_handoff_member_id"), "handoff")
    op.drop_index("ix_handoff_chat_id_until", "handoff")
    op.drop_table("handoff")
