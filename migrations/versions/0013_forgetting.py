"""Members who had themselves forgotten: tombstones, the work of it, and what training learnt from."""

import sqlalchemy as sa
from alembic import op

import storage.tables.base

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("shop", sa.Column("secret", sa.String(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "tombstone",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_tombstone_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstone")),
        sa.UniqueConstraint("shop_id", "hash", name=op.f("uq_tombstone_shop_id_hash")),
    )
    op.create_table(
        "forgetting",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("cause", number, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_forgetting_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgetting")),
    )
    op.create_index("ix_forgetting_shop_id_state", "forgetting", ["shop_id", "state"])
    op.create_table(
        "training_export",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("at", storage.tables.base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_training_export_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_export")),
    )
    op.create_index(op.f("ix_training_export_shop_id"), "training_export", ["shop_id"])


def downgrade() -> None:
    op.drop_table("training_export")
    op.drop_index("ix_forgetting_shop_id_state", "forgetting")
    op.drop_table("forgetting")
    op.drop_table("tombstone")
    op.drop_column("shop", "secret")
