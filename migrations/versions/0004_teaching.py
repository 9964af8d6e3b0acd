"""What a shop teaches its bot: wordings learnt, thumbs, questions without an answer, drafts of articles."""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT, WHOLE = sa.String(), sa.Integer()


def upgrade() -> None:
    op.add_column("shop", sa.Column("taught_version", sa.Integer(), nullable=False, server_default=sa.text("0")))
    made(
        "alias",
        *columns(TEXT, "row", "text", "language", "origin"),
        *columns(WHOLE, "outbox_id", "member_id", nullable=True),
        sa.UniqueConstraint("shop_id", "row", "text", name=op.f("uq_alias_shop_id_row_text")),
    )
    made(
        "rating",
        *columns(NUMBER, "outbox_id", "member_id"),
        *columns(WHOLE, "value"),
        *(references("rating", table) for table in ("outbox", "member")),
        sa.UniqueConstraint("outbox_id", "member_id", name=op.f("uq_rating_outbox_id_member_id")),
    )
    made(
        "question",
        *columns(NUMBER, "chat_id", "member_id"),
        *columns(TEXT, "message_id", "text", "language", "cause", "state"),
        *columns(WHOLE, "topic", "settled_by", nullable=True),
        *(references("question", table) for table in ("chat", "member")),
        sa.UniqueConstraint("shop_id", "chat_id", "message_id", name=op.f("uq_question_shop_id_chat_id_message_id")),
    )
    op.create_index(op.f("ix_question_shop_id_state"), "question", ["shop_id", "state"])
    made(
        "lesson",
        *columns(TEXT, "question", "answer", "language", "state"),
        *columns(WHOLE, "outbox_id", "cause"),
    )
    op.create_index(op.f("ix_lesson_shop_id"), "lesson", ["shop_id"])


def made(table: str, *parts: sa.Column[object] | sa.Constraint) -> None:
    """A table of a shop's with these parts besides its key, its shop and a moment."""
    op.create_table(
        table,
        sa.Column("id", NUMBER, nullable=False),
        *columns(NUMBER, "shop_id"),
        *parts,
        *columns(Instant(), "at"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        references(table, "shop"),
    )


def columns(form: object, *names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, form, nullable=nullable) for name in names]  # type: ignore[arg-type]


def references(table: str, other: str) -> sa.ForeignKeyConstraint:
    column = f"{other}_id"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))


def downgrade() -> None:
    op.drop_index(op.f("ix_lesson_shop_id"), "lesson")
    op.drop_index(op.f("ix_question_shop_id_state"), "question")
    for table in ("lesson", "question", "rating", "alias"):
        op.drop_table(table)
    op.drop_column("shop", "taught_version")
