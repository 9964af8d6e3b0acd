"""What the shop knows: products with variants, articles, and the runs that imported them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Product(Base):
    """A catalogue row. Only `visible` ones are ever spoken of."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("shop_id", "handle"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    handle: Mapped[str]  # what the export identifies it by
    title: Mapped[str]
    brand: Mapped[str] = mapped_column(default="")
    category: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[Any]] = mapped_column(default=list)
    description: Mapped[str] = mapped_column(default="")  # plain text
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)  # label -> value, both text
    link: Mapped[str] = mapped_column(default="")
    image: Mapped[str] = mapped_column(default="")
    visible: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    digest: Mapped[str] = mapped_column(default="")  # of everything imported; tells changed from unchanged
    run_id: Mapped[int] = mapped_column(server_default="0")  # nobody sees a row before its import is current
    withdrawn: Mapped[datetime | None]
    added: Mapped[datetime]


class Variant(Base):
    """What is bought: one combination of options with a price and a stock."""

    __tablename__ = "variant"
    __table_args__ = (Index("ix_variant_product_id_position", "product_id", "position"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    product_id: Mapped[int] = references("product.id")
    position: Mapped[int]
    sku: Mapped[str] = mapped_column(default="")
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  # option name -> value, both text
    price: Mapped[Decimal | None]
    compare_at: Mapped[Decimal | None]  # the price before a reduction
    currency: Mapped[str]
    stock: Mapped[int | None] = mapped_column(Id)  # None: not counted
    available: Mapped[bool | None]  # what the export says where it gives no count


class Article(Base):
    """A piece of the merchant's knowledge: one FAQ entry or one section of a policy."""

    __tablename__ = "article"
    __table_args__ = (UniqueConstraint("shop_id", "handle"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    handle: Mapped[str]  # file name and heading path
    title: Mapped[str]
    body: Mapped[str]
    language: Mapped[str]
    source: Mapped[str]  # the file it came from
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    digest: Mapped[str] = mapped_column(default="")
    run_id: Mapped[int] = mapped_column(server_default="0")
    withdrawn: Mapped[datetime | None]


class ImportRun(Base):
    """One run of the importer. state: staging, current, failed."""

    __tablename__ = "import_run"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    state: Mapped[str] = mapped_column(default="staging")
    started: Mapped[datetime]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Staged(Base):
    """A row of a run that is not current yet: written in batches, made current by one short transaction."""

    __tablename__ = "staged"
    __table_args__ = (Index("ix_staged_run_id_kind_handle", "run_id", "kind", "handle"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    run_id: Mapped[int] = references("import_run.id")
    kind: Mapped[str]  # product, article
    handle: Mapped[str]
    digest: Mapped[str]
    row: Mapped[dict[str, Any]]
