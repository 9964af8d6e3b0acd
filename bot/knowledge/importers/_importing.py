"""Files in, rows out: which format reads which file, what currency holds, and what becomes of problems.

shop.json is read first, then articles, then products, because products without a currency take it from the first two.
Everything is parsed in a worker thread and staged in batches, so that neither the loop nor the writer is held for long.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from bot.clock import Clock
from bot.knowledge.importers import _files, _values, base
from bot.knowledge.importers._naming import Currency, named_product
from bot.knowledge.importers._sorting import Chosen, sort_files
from bot.knowledge.importers.base import Article, BadImport, Item, Problem, Product, ShopFacts, Source
from storage import imports, shops
from storage.database import Database
from storage.imports import Counts, Entry

BATCH = 500
BREATH = 0.01  # seconds of real time between transactions that follow at once, in which other processes may write
KEPT = 1000  # problems of one import that are told one by one
JOINED = " › "


@dataclass(frozen=True)
class Report:
    """What an import did, and what it left out: bad rows, and files of a folder that hold nothing for a shop."""

    products: Counts
    articles: Counts
    skipped: tuple[Problem, ...] = ()
    more: int = 0  # skipped beyond those listed


class Progress(Protocol):
    def __call__(self, file: str, done: int, total: int) -> None:
        """Bytes of `file` read so far, and in all."""


@dataclass
class _Import:
    """What one import knows while it runs."""

    now: Any
    currency: Currency
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    handles: dict[str, str] = field(default_factory=dict)
    skus: dict[str, str] = field(default_factory=dict)
    titles: set[str] = field(default_factory=set)
    shop: ShopFacts = field(default_factory=ShopFacts)
    articles: list[tuple[str, Article]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    has_products: bool = False

    def wrong(self, problem: Problem) -> None:
        if len(self.problems) < KEPT:
            self.problems.append(problem)
        else:
            self.more += 1


async def import_paths(
    database: Database,
    shop_id: int,
    paths: Sequence[Path],
    *,
    clock: Clock,
    columns: Mapping[str, str] | None = None,
    skip_bad: bool = False,
    currency: str = "",
    progress: Callable[[str, int, int], None] | None = None,
    demo: bool = False,
) -> Report:
    """Read the files and folders at `paths` and make what they hold the shop's, all or nothing.

    columns: our field -> the column of a plain table. currency: of prices that name none. demo: the files are the demo
    shop's own; any other import makes a demo shop's rows leave. Raises BadImport with everything that is wrong (with
    `skip_bad` only when nothing is left to import), and `storage.imports.Superseded` when another import took over.
    """
    shop = await database.read(lambda tx: shops.get(tx, shop_id))
    of_shop = shop.currency if shop and (demo or not shop.demo) else ""
    state = _Import(clock.now(), Currency(asked=currency, of_shop=of_shop))
    chosen, bad, left_out = await asyncio.to_thread(sort_files, paths, columns or {}, state.now)
    for problem in bad:
        state.wrong(problem)
    if currency and not _values.is_currency(currency):
        right = "an ISO 4217 code such as USD would be right"
        raise BadImport((Problem("SHOP_CURRENCY", 1, "", f"{_values.shown(currency)} is no currency", right),))
    run_id = await database.write(lambda tx: imports.begin(tx, shop_id, state.now))
    await _clear(database, shop_id)
    try:
        await _stage(database, shop_id, run_id, state, chosen, skip_bad, progress)
        if state.problems and (not skip_bad or not (state.has_products or state.articles or state.shop != ShopFacts())):
            raise BadImport(tuple(state.problems), state.more)
        differences = await database.read(
            lambda tx: imports.compare(
                tx, shop_id, run_id, products=state.has_products, sources=state.sources, demo=demo
            )
        )
        now, values = clock.now(), _shop_values(state, shop, demo)
        counts = await database.write(
            lambda tx: imports.make_current(tx, shop_id, run_id, now, differences, shop=values, demo=demo)
        )
    except BaseException:
        await asyncio.shield(database.write(lambda tx: imports.give_up(tx, run_id)))
        raise
    finally:
        await _clear(database, shop_id)
    return Report(counts["products"], counts["articles"], (*state.problems, *left_out), state.more)


async def _clear(database: Database, shop_id: int) -> None:
    """Delete what finished, failed and killed runs left staged, a short transaction at a time."""
    more = True
    while more:
        more = await database.write(lambda tx: imports.clear(tx, shop_id))
        await asyncio.sleep(BREATH)


def _shop_values(state: _Import, shop: Any, demo: bool) -> dict[str, Any]:
    """Columns of the shop's row that the files say. A demo shop's name leaves with its rows."""
    facts = state.shop
    currency = facts.currency or state.currency.settled()
    said = {"name": facts.name, "currency": currency, "timezone": facts.timezone, "language": facts.language}
    values = {name: value for name, value in said.items() if value}
    if shop and shop.demo and not demo:
        values = {"name": "", "currency": "", **values}
    return values


async def _stage(
    database: Database,
    shop_id: int,
    run_id: int,
    state: _Import,
    chosen: list[Chosen],
    skip_bad: bool,
    progress: Progress | Callable[[str, int, int], None] | None,
) -> None:
    """Stage all files in the order of their kinds. Staging ends at the first problem, reading does not."""

    async def run(entries: Iterator[Entry], source: Source | None) -> None:
        total = source.path.stat().st_size if source else 0
        while batch := await asyncio.to_thread(lambda: list(islice(entries, BATCH))):
            if not state.problems or skip_bad:
                await database.write(lambda tx: imports.stage(tx, shop_id, run_id, batch, state.now))
            if source and progress:
                progress(source.name, min(total, source.done()), total)
        if source and progress:
            progress(source.name, total, total)

    for choice in sorted(chosen, key=lambda choice: choice.format.KIND):
        if choice.format.KIND == base.PRODUCTS:
            state.has_products = True
        if choice.format.KIND == base.ARTICLES or choice.source.sheet:  # a workbook may have lost its questions
            state.sources.append(choice.label)
        await run(_entries(state, choice), choice.source)
    if state.articles and not state.titles:
        state.titles |= {title.lower() for title in await database.read(lambda tx: imports.titles(tx, shop_id))}
    await run(_article_entries(state), None)


def _entries(state: _Import, choice: Chosen) -> Iterator[Entry]:
    """The products of a file as entries; articles and shop facts are kept aside."""
    for item in guarded(choice):
        if isinstance(item, Problem):
            state.wrong(item)
        elif isinstance(item, ShopFacts):
            state.shop = item
            state.currency.of_file = item.currency
        elif isinstance(item, Article):
            state.currency.read(item.body)
            item.document = "/".join(filter(None, (choice.source.sheet, item.document)))
            state.articles.append((choice.label, item))
        elif made := _product_entry(state, item, choice.source.name):
            yield made


def guarded(choice: Chosen) -> Iterator[Item]:
    """What the format reads; a damaged file ends it with a problem."""
    try:
        yield from choice.format.read(choice.source)
    except _files.NotText as error:
        yield choice.source.problem("", f"the file {error.what}", error.right)
    except _files.BROKEN as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        yield choice.source.problem(
            "", f"the file is damaged here ({reason})", "export it again, as UTF-8 where you can choose"
        )
    except ValueError as error:
        yield choice.source.problem("", f"the file can't be read ({error})", "split it into smaller files")


def _product_entry(state: _Import, product: Product, file: str) -> Entry | None:
    handle = product.handle[:500]
    clash = _taken(state.handles, handle, file, product.line)
    if clash:
        right = "every product needs its own handle or id, and its rows stand together"
        state.wrong(
            Problem(file, product.line, "handle", f"{_values.shown(handle)} is also the product at {clash}", right)
        )
        return None
    for sku in {variant.sku for variant in product.variants if variant.sku and product.visible}:
        double = [variant.sku for variant in product.variants].count(sku) > 1
        clash = f"{file}:{product.line}" if double else _taken(state.skus, sku, file, product.line)
        if clash:
            right = "every variant needs its own SKU"
            state.wrong(Problem(file, product.line, "SKU", f"{_values.shown(sku)} is also the SKU at {clash}", right))
            return None
    for variant in product.variants:
        variant.currency = state.currency.of(variant)
        if variant.price is not None and not variant.currency:
            if file not in state.currency.missing:
                state.wrong(Problem(file, product.line, "", "the price names no currency", NO_CURRENCY))
            state.currency.missing.add(file)
            return None
    state.titles.add(product.title.lower())
    row = {name: getattr(product, name) for name in imports.PRODUCT_COLUMNS}
    variants = [{name: getattr(variant, name) for name in imports.VARIANT_COLUMNS} for variant in product.variants]
    return imports.entry("product", handle, row, variants)


NO_CURRENCY = 'say --set SHOP_CURRENCY=USD (or your own), or add a shop.json with {"currency": "USD"}'


def _taken(places: dict[str, str], name: str, file: str, line: int) -> str:
    """Where the name was seen before, if it was."""
    place = f"{file}:{line}"
    before = places.setdefault(name, place)
    return "" if before == place else before


def _article_entries(state: _Import) -> Iterator[Entry]:
    seen: Counter[str] = Counter()
    position: Counter[str] = Counter()
    for label, article in state.articles:
        path = article.path or (_values.one_line(article.body)[:80],)
        handle = f"{label}#" + "/".join(filter(None, (article.document, *path)))[:400]
        seen[handle] += 1
        if seen[handle] > 1:
            handle += f"~{seen[handle]}"
        product = named_product(article.opening, state.titles)
        if product and product.lower() not in " ".join(path).lower()[: len(product) + 20]:
            path = (product, *path)
        position[label] += 1
        row = {
            "title": JOINED.join(path)[:300],
            "body": article.body,
            "language": _values.language(f"{path[-1]} {article.body}"),
            "source": label,
            "position": position[label],
        }
        yield imports.entry("article", handle, row)
