"""Campaigns with their targets, short links and the clicks on them."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = storage.tables.base.Instant()
    op.create_table(
        "campaign",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("cause", number, nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("bodies", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", instant, nullable=False),
        sa.Column("started", instant, nullable=True),
        sa.Column("ended", instant, nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_campaign_chat_id_chat")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_campaign_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("shop_id", "cause", name=op.f("uq_campaign_shop_id_cause")),
    )
    op.create_index("ix_campaign_shop_id_state", "campaign", ["shop_id", "state"])
    op.create_table(
        "campaign_target",
        sa.Column("id", number, nullable=False),
        sa.Column("campaign_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("member_id", number, nullable=True),
        sa.Column("outbox_id", number, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("due", instant, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_target_campaign_id_campaign")),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_campaign_target_chat_id_chat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_target")),
        sa.UniqueConstraint("campaign_id", "chat_id", name=op.f("uq_campaign_target_campaign_id_chat_id")),
    )
    op.create_index("ix_campaign_target_campaign_id_state", "campaign_target", ["campaign_id", "state"])
    op.create_index(op.f("ix_campaign_target_outbox_id"), "campaign_target", ["outbox_id"])
    op.create_table(
        "short_link",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("member_id", number, nullable=True),
        sa.Column("created", instant, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_short_link_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_short_link")),
        sa.UniqueConstraint("code", name=op.f("uq_short_link_code")),
    )
    op.create_index("ix_short_link_shop_id_post", "short_link", ["shop_id", "post"])
    op.create_table(
        "click",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("short_link_id", number, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_click_shop_id_shop")),
        sa.ForeignKeyConstraint(["short_link_id"], ["short_link.id"], name=op.f("fk_click_short_link_id_short_link")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click")),
    )
    op.create_index(op.f("ix_click_short_link_id"), "click", ["short_link_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_click_short_link_id"), "click")
    op.drop_table("click")
    op.drop_index("ix_short_link_shop_id_post", "short_link")
    op.drop_table("short_link")
    op.drop_index(op.f("ix_campaign_target_outbox_id"), "campaign_target")
    op.drop_index("ix_campaign_target_campaign_id_state", "campaign_target")
    op.drop_table("campaign_target")
    op.drop_index("ix_campaign_shop_id_state", "campaign")
    op.drop_table("campaign")
