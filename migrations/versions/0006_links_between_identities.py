"""Links between a member's identities, and where a member went that was merged into another."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "link",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("member_id", number, nullable=False),
        sa.Column("chat_id", number, nullable=False),
        sa.Column("other_id", number, nullable=True),
        sa.Column("other_chat_id", number, nullable=True),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("other_agreed", sa.Boolean(), nullable=False),
        sa.Column("expires", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_link_chat_id_chat")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_link_member_id_member")),
        sa.ForeignKeyConstraint(["other_chat_id"], ["chat.id"], name=op.f("fk_link_other_chat_id_chat")),
        sa.ForeignKeyConstraint(["other_id"], ["member.id"], name=op.f("fk_link_other_id_member")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_link_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
    )
    op.create_index(op.f("ix_link_hash"), "link", ["hash"])
    op.create_index(op.f("ix_link_member_id"), "link", ["member_id"])
    op.add_column("member", sa.Column("merged_into", number, nullable=True))


def downgrade() -> None:
    op.drop_column("member", "merged_into")
    op.drop_index(op.f("ix_link_member_id"), "link")
    op.drop_index(op.f("ix_link_hash"), "link")
    op.drop_table("link")
