"""Imports: rows are staged under a run in short transactions, and one short transaction makes the run current.

A product or article is known by its handle, and its digest tells changed from unchanged. What is staged, by kind (of
articles alike): `new product`, whose row is written already, but seen by nobody before its run is current; `product`,
a changed one with all its columns, and `variant` beside it; `same product`, the handle alone.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, delete, exists, func, insert, literal, not_, select, update

from storage import aliases, changes, shops
from storage.database import Transaction
from storage.tables import Article, ImportRun, Product, Shop, Staged, Variant
from storage.tables.base import Amount

IN_ONE = 500  # ids in one statement
TAUGHT = "/teach"  # the source of articles that admins taught: no file is called so, and no import withdraws them
SLICE = 2_000  # staged rows that one clearing job takes
TEXT, NUMBER, YES_NO, NESTED = "text", "number", "yes or no", "nested"
PRODUCT_COLUMNS = {
    "title": TEXT, "brand": TEXT, "category": TEXT, "tags": NESTED, "description": TEXT, "attributes": NESTED,
    "link": TEXT, "image": TEXT, "visible": YES_NO,
}  # fmt: skip
VARIANT_COLUMNS = {
    "sku": TEXT, "options": NESTED, "price": NUMBER, "compare_at": NUMBER, "currency": TEXT, "stock": NUMBER,
    "available": YES_NO,
}  # fmt: skip
ARTICLE_COLUMNS = {"title": TEXT, "body": TEXT, "language": TEXT, "source": TEXT, "position": NUMBER}
COLUMNS = {"product": PRODUCT_COLUMNS, "article": ARTICLE_COLUMNS}
Noun = type[Product] | type[Article]
TABLES: dict[str, Noun] = {"product": Product, "article": Article}


class Superseded(Exception):
    """Another import was started while this one ran, and took over."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A product or article to be staged. `row` are its columns, `variants` a product's variants in order."""

    kind: str
    handle: str
    digest: str
    row: dict[str, Any]
    variants: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What one import did to one kind of row."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0

    def touched(self) -> int:
        return self.added + self.changed + self.withdrawn


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows of a kind are new and unchanged, the ids of those that leave, and what is worth telling."""

    added: int
    unchanged: int
    gone: list[int]
    better: list[dict[str, Any]] = field(default_factory=list)


def is_current(table: Noun) -> ColumnElement[bool]:
    """The row's run has become current: rows of a run that is being staged, or failed, are seen by nobody."""
    return table.run_id.in_(select(ImportRun.id).where(ImportRun.state == "current"))


def entry(kind: str, handle: str, row: dict[str, Any], variants: Sequence[dict[str, Any]] = ()) -> Entry:
    """An entry with its digest. Decimal amounts become what `Amount` keeps."""
    listed = [{name: _kept(value) for name, value in variant.items()} for variant in variants]
    canonical = json.dumps([row, listed], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Entry(kind, handle, hashlib.sha256(canonical.encode()).hexdigest(), row, listed)


def _amounts(variant: dict[str, Any]) -> dict[str, Any]:
    """Kept amounts as Decimal again, for statements that bind them."""
    amounts = {
        name: Decimal(variant[name]) / Amount.SCALE for name in ("price", "compare_at") if variant[name] is not None
    }
    return {**variant, **amounts}


def _kept(value: Any) -> Any:
    return int((value * Amount.SCALE).to_integral_value()) if isinstance(value, Decimal) else value


async def begin(tx: Transaction, shop_id: int, now: datetime) -> int:
    """Start a run and return its id. Runs that were never finished are given up."""
    unfinished = and_(ImportRun.shop_id == shop_id, ImportRun.state == "staging")
    await tx.execute(update(ImportRun).where(unfinished).values(state="failed"))
    values = {"shop_id": shop_id, "state": "staging", "started": now, "counts": {}}
    return int((await tx.execute(insert(ImportRun).values(**values).returning(ImportRun.id))).scalar_one())


async def stage(tx: Transaction, shop_id: int, run_id: int, entries: Sequence[Entry], now: datetime) -> None:
    """Add a batch to the run. Raises Superseded."""
    await _still_staging(tx, run_id)
    rows: list[dict[str, Any]] = []
    for kind, table in TABLES.items():
        batch = [item for item in entries if item.kind == kind]
        handles = [item.handle for item in batch]
        columns = select(table.handle, table.digest, table.withdrawn).where(
            table.shop_id == shop_id, table.handle.in_(handles)
        )
        known = (
            {handle: (digest, withdrawn) for handle, digest, withdrawn in await tx.execute(columns)} if batch else {}
        )
        for item in batch:
            base = {"shop_id": shop_id, "run_id": run_id, "handle": item.handle, "digest": item.digest, "row": {}}
            if item.handle not in known:
                rows.append({**base, "kind": f"new {kind}"})
            elif known[item.handle] == (item.digest, None):
                rows.append({**base, "kind": f"same {kind}"})
            else:
                rows.append({**base, "kind": kind, "row": item.row})
                listed = ({**variant, "position": position} for position, variant in enumerate(item.variants))
                rows += [{**base, "kind": "variant", "row": variant} for variant in listed]
        if fresh := [item for item in batch if item.handle not in known]:
            await _prepare(tx, shop_id, run_id, table, fresh, now)
    if rows:
        await tx.execute(insert(Staged), rows)


async def _prepare(
    tx: Transaction, shop_id: int, run_id: int, table: Noun, entries: list[Entry], now: datetime
) -> None:
    """Write new rows, which nobody sees before their run is current."""
    base = {"shop_id": shop_id, "run_id": run_id, "version": 1, "withdrawn": None} | (
        {"added": now} if table is Product else {}
    )
    await tx.execute(
        insert(table), [{**base, "handle": item.handle, "digest": item.digest, **item.row} for item in entries]
    )
    if table is not Product:
        return
    named = Product.handle.in_([item.handle for item in entries])
    ids = dict((await tx.execute(select(Product.handle, Product.id).where(Product.shop_id == shop_id, named))).all())
    variants = [
        {**_amounts(variant), "shop_id": shop_id, "product_id": ids[item.handle], "position": position}
        for item in entries
        for position, variant in enumerate(item.variants)
    ]
    if variants:
        await tx.execute(insert(Variant), variants)


async def give_up(tx: Transaction, run_id: int) -> None:
    """The run will not become current."""
    await tx.execute(update(ImportRun).where(ImportRun.id == run_id).values(state="failed"))


async def clear(tx: Transaction, shop_id: int) -> bool:
    """Delete a slice of what finished or failed runs left, and say whether there may be more."""
    states = select(ImportRun.id, ImportRun.state).where(ImportRun.shop_id == shop_id, ImportRun.state != "staging")
    over = states.subquery()
    columns = select(Staged.id, Staged.kind, Staged.handle, over.c.state).join(over, over.c.id == Staged.run_id)
    rows = (await tx.execute(columns.limit(SLICE))).all()
    for kind, table in TABLES.items():
        unseen = [row.handle for row in rows if row.state == "failed" and row.kind == f"new {kind}"]
        never = and_(table.shop_id == shop_id, table.handle.in_(unseen), not_(is_current(table)))
        if unseen and table is Product:
            await tx.execute(delete(Variant).where(Variant.product_id.in_(select(Product.id).where(never))))
        if unseen:
            await tx.execute(delete(table).where(never))
    if rows:
        await tx.execute(delete(Staged).where(Staged.id.in_([row.id for row in rows])))
    return len(rows) == SLICE


async def compare(
    tx: Transaction, shop_id: int, run_id: int, *, products: bool, sources: Sequence[str], demo: bool = False
) -> dict[str, Difference]:
    """What the run will do to the catalogue, found before the transaction that does it. By kind.

    products: the run holds the whole catalogue, so that products which it lacks are withdrawn. sources: article files
    that the run holds whole; articles of other files stay. demo: what is imported is the demo shop's own; everything
    else makes a demo shop's rows leave.
    """
    leaving = not demo and await _is_demo(tx, shop_id)
    staged = select(Staged.kind, func.count()).where(Staged.run_id == run_id).group_by(Staged.kind)
    counts = {kind: int(count) for kind, count in await tx.execute(staged)}
    product_gone: ColumnElement[bool] = literal(products or leaving)
    article_gone: ColumnElement[bool] = Article.source != TAUGHT if leaving else Article.source.in_(sources)
    found: dict[str, Difference] = {}
    for kind, gone in (("product", product_gone), ("article", article_gone)):
        table = TABLES[kind]
        held = exists().where(
            Staged.run_id == run_id, Staged.kind.in_((kind, f"same {kind}")), Staged.handle == table.handle
        )
        missing = and_(table.shop_id == shop_id, table.withdrawn.is_(None), table.run_id != run_id, gone, not_(held))
        ids = (await tx.scalars(select(table.id).where(missing))).all()
        better = await changes.find(tx, shop_id, run_id) if kind == "product" else []
        found[kind] = Difference(counts.get(f"new {kind}", 0), counts.get(f"same {kind}", 0), list(ids), better)
    return found


async def make_current(
    tx: Transaction,
    shop_id: int,
    run_id: int,
    now: datetime,
    differences: Mapping[str, Difference],
    *,
    shop: dict[str, Any],
    demo: bool = False,
) -> dict[str, Counts]:
    """Make what the run staged the shop's catalogue, and return the counts of `products` and `articles`.

    It touches what changes or leaves; what is new is seen as soon as its run is current. differences: of `compare`.
    shop: columns of the shop's row to set. Raises Superseded.
    """
    await _still_staging(tx, run_id)
    if not demo and await _is_demo(tx, shop_id):
        shop = {"demo": False, **shop}
    counts = {
        f"{kind}s": await _merge(tx, shop_id, run_id, now, kind, difference) for kind, difference in differences.items()
    }
    await shops.update(tx, shop_id, **shop)
    if any(count.touched() for count in counts.values()):
        await shops.bump_catalogue(tx, shop_id)
    written = {noun: [count.added, count.changed, count.unchanged, count.withdrawn] for noun, count in counts.items()}
    await tx.execute(update(ImportRun).where(ImportRun.id == run_id).values(state="current", counts=written))
    return counts


async def _is_demo(tx: Transaction, shop_id: int) -> bool:
    return bool(await tx.scalar(select(Shop.demo).where(Shop.id == shop_id)))


async def _still_staging(tx: Transaction, run_id: int) -> None:
    state = (await tx.execute(select(ImportRun.state).where(ImportRun.id == run_id))).scalar_one_or_none()
    if state != "staging":
        raise Superseded("another import was started meanwhile and took over; nothing of this one was kept")


async def _merge(
    tx: Transaction, shop_id: int, run_id: int, now: datetime, kind: str, difference: Difference
) -> Counts:
    """Withdraw and change; unchanged rows are never touched."""
    table, gone = TABLES[kind], difference.gone
    for start in range(0, len(gone), IN_ONE):
        leaving = table.id.in_(gone[start : start + IN_ONE])
        await tx.execute(update(table).where(leaving).values(withdrawn=now))
        await aliases.leave(tx, shop_id, [f"{kind}:{one}" for one in gone[start : start + IN_ONE]])
    newer: dict[str, Any] = {name: _value(name, form) for name, form in COLUMNS[kind].items()}
    newer |= {"digest": Staged.digest, "version": table.version + 1, "withdrawn": None}
    of_run = and_(Staged.run_id == run_id, Staged.kind == kind)
    same = and_(table.shop_id == shop_id, table.handle == Staged.handle)
    if difference.better:
        await changes.keep(tx, difference.better, now)
    changed = (await tx.execute(update(table).where(of_run, same).values(newer))).rowcount
    if table is Product and changed:
        await _merge_variants(tx, shop_id, run_id)
    return Counts(difference.added, changed, difference.unchanged, len(gone))


async def _merge_variants(tx: Transaction, shop_id: int, run_id: int) -> None:
    """The variants of changed products; one at a position that the product had before keeps its id."""
    of_run = and_(Staged.run_id == run_id, Staged.kind == "variant")
    owner = and_(Product.shop_id == shop_id, Product.handle == Staged.handle)
    position = Staged.row["position"].as_integer()
    values = {name: _value(name, form) for name, form in VARIANT_COLUMNS.items()}
    same = and_(of_run, owner, Variant.product_id == Product.id, Variant.position == position)
    await tx.execute(update(Variant).where(same).values(values))
    owners = select(Product.id).join(Staged, owner).where(Staged.run_id == run_id, Staged.kind == "product")
    kept = exists().where(of_run, owner, Product.id == Variant.product_id, position == Variant.position)
    await tx.execute(delete(Variant).where(Variant.product_id.in_(owners), not_(kept)))
    there = exists().where(Variant.product_id == Product.id, Variant.position == position)
    fresh = {**values, "shop_id": literal(shop_id), "product_id": Product.id, "position": position}
    adding = (
        select(*fresh.values()).select_from(Staged).join(Product, owner).where(of_run, not_(there)).order_by(Staged.id)
    )
    await tx.execute(insert(Variant).from_select(list(fresh), adding, include_defaults=False))


def _value(name: str, form: str) -> ColumnElement[Any]:
    """A column's value out of the staged row."""
    element = Staged.row[name]
    forms: dict[str, ColumnElement[Any]] = {
        TEXT: element.as_string(),
        NUMBER: element.as_string().cast(BigInteger),  # amounts may be beyond the 32 bits of as_integer
        YES_NO: element.as_boolean(),
        NESTED: element.as_json(),
    }
    return forms[form]


async def titles(tx: Transaction, shop_id: int) -> set[str]:
    """The titles of all products that are current."""
    here = and_(Product.shop_id == shop_id, Product.withdrawn.is_(None))
    return set((await tx.execute(select(Product.title).where(here))).scalars())
