"""Several processes on one database: who runs, what each has claimed, who has the lease. Amounts of stock of any size."""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("shop_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_process_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
        sa.UniqueConstraint("name", name=op.f("uq_process_name")),
    )
    op.create_table(
        "lease",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("shop_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_lease_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
        sa.UniqueConstraint("shop_id", "name", name=op.f("uq_lease_shop_id_name")),
    )
    for table in ("chat", "inbox"):
        op.add_column(table, sa.Column("claimed_by", sa.String(), nullable=True))
    if op.get_bind().dialect.name != "sqlite":  # whose integers have any size already
        op.alter_column("variant", "stock", type_=sa.BigInteger())


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("variant", "stock", type_=sa.Integer())
    for table in ("inbox", "chat"):
        op.drop_column(table, "claimed_by")
    op.drop_table("lease")
    op.drop_table("process")
