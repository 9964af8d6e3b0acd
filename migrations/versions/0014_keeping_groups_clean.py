"""Moderation: groups that are watched, what was decided about members, and what is to be done on platforms."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = storage.tables.base.Instant()
    op.create_table(
        "guard",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("state", sa.String(), nullable=False, server_default=sa.text("'off'")),
        sa.Column("button", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("slow", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("exempt", sa.JSON(), nullable=False),
        sa.Column("raid_until", instant, nullable=True),
        sa.Column("since", instant, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_guard_shop_id_shop")),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_guard_chat_id_chat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard")),
        sa.UniqueConstraint("shop_id", "chat_id", name=op.f("uq_guard_shop_id_chat_id")),
    )
    op.create_table(
        "sanction",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("member_id", number, nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("appeal", sa.String(), nullable=False),
        sa.Column("appealed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("until", instant, nullable=True),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_sanction_shop_id_shop")),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_sanction_chat_id_chat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction")),
        sa.UniqueConstraint("shop_id", "cause", name=op.f("uq_sanction_shop_id_cause")),
    )
    op.create_index("ix_sanction_shop_id_person", "sanction", ["shop_id", "person"])
    op.create_index("ix_sanction_chat_id_at", "sanction", ["chat_id", "at"])
    op.create_index(op.f("ix_sanction_member_id"), "sanction", ["member_id"])
    op.create_table(
        "moderation_action",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("sanction_id", number, nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("until", instant, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("due", instant, nullable=False),
        sa.Column("done", instant, nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_moderation_action_shop_id_shop")),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_moderation_action_chat_id_chat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moderation_action")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_moderation_action_shop_id_key")),
    )
    op.create_index("ix_moderation_action_state_due", "moderation_action", ["state", "due"])
    op.create_index(op.f("ix_moderation_action_sanction_id"), "moderation_action", ["sanction_id"])


def downgrade() -> None:
    for name in ("moderation_action", "sanction", "guard"):
        op.drop_table(name)
