"""Fifty posts in English and fifty in Chinese by the shipped model, three shops each, printed to be read.

Every content type in turn, into one chat of each shop, after a second import in which prices fell, sizes came back and
products are new. Counted by code are amounts of money that no row holds, and near-copies: posts that share more than
six in ten pairs of words with an earlier one of the same chat, with the facts taken out and with them left in. Whether
a post is fit to publish is for a reader.
"""

import csv
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bot.content.types
from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from bot.clock import ManualClock
from bot.content import checks
from bot.content.drafts import Draft, Drafts
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice
from bot.language import HAN
from bot.pictures import Pictures
from bot.registry import load
from bot.safety.rules.base import Terms
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engine import Engine
from llm.engines.local import LocalEngine
from storage import interactions, members, outbox, shops
from storage.database import Database, Transaction
from storage.migrate import upgrade

NOON, STEP = datetime(2026, 5, 4, 12, tzinfo=UTC), timedelta(hours=9)
SHOPS = {"en": ("demo", "cycling", "roastery"), "zh": ("demo", "wenju", "meizhuang")}
DEMO = [ROOT / "bot" / "demo" / name for name in ("catalog.csv", "faq.md", "faq.zh.md", "shop.json")]
HOLIDAYS = ("year", "spring", "autumn", "christmas")
EACH, QUICK = 50, 15  # posts of a language
AMOUNT = re.compile(r"[$£€¥]([\d,]+(?:\.\d+)?)")


@dataclass(frozen=True)
class Made:
    language: str
    shop: str
    content: str
    draft: Draft
    seconds: float
    strange: tuple[str, ...]  # amounts that no row holds


async def measure(folder: Path, quick: bool) -> list[Row]:
    engine = LocalEngine(str(ROOT / "llm" / "weights" / "starter"), threads=1)
    await engine.start()
    rows: list[Row] = []
    try:
        for language, names in SHOPS.items():
            count = QUICK if quick else EACH
            some = [count // 3 + (place < count % 3) for place in range(3)]
            made = [
                one
                for name, most in zip(names, some, strict=True)
                for one in await posts(engine, folder / f"{language}-{name}", name, language, most)
            ]
            rows += counted(language, made)
    finally:
        await engine.close()
    return rows


async def posts(engine: Engine, folder: Path, name: str, language: str, count: int) -> list[Made]:
    """So many posts of one shop, type after type."""
    catalogue = DEMO[0] if name == "demo" else ROOT / "tests" / "shops" / name / "catalog.csv"
    prices = changed(catalogue, folder)
    url, clock = f"sqlite:///{folder / 'shop.db'}", ManualClock(NOON)
    upgrade(url)
    async with Database(url) as database:
        shop = await database.write(lambda tx: shops.create(tx, name, "USD", "UTC", language))
        files = DEMO if name == "demo" else [ROOT / "tests" / "shops" / name]
        await import_paths(database, shop, files, clock=clock)
        clock.set(NOON + STEP)
        await import_paths(database, shop, [folder / "catalog.csv"], clock=clock)
        library = Library(database, shop)
        voice = Voice(engine, Safety.of(Terms(familiar=True)), Texts(), deadline=60)
        types = load(bot.content.types)
        drafts = Drafts(
            database=database,
            shop_id=shop,
            library=library,
            voice=voice,
            clock=clock,
            types=types,
            pictures=Pictures(folder / "pictures"),
        )
        chat = await database.write(lambda tx: members.enter(tx, shop, "web", "group", "Group", False))
        made: list[Made] = []
        for turn in range(5 * len(drafts.names)):
            clock.set(clock.now() + STEP)
            content = drafts.names[turn % len(drafts.names)]
            await talked(database, library, clock, shop, chat.id, turn)
            content += f" {HOLIDAYS[turn // len(drafts.names) % 4]}" if content == "holiday" else ""
            started = datetime.now(UTC)
            draft = await drafts.write(content, language, chat.id)
            if draft is None:
                continue
            seconds = (datetime.now(UTC) - started).total_seconds()
            await drafts.post(content, chat, language, f"post:{turn}")
            odd = tuple(one for one in AMOUNT.findall(_own(draft)) if _plain(one) not in prices)
            made.append(Made(language, name, content, draft, seconds, odd))
            print(f"--- {language} {name} {content}, by {draft.by}\n{draft.text}")
            if len(made) == count:
                break
    return made


def _own(draft: Draft) -> str:
    """The text without what it quotes of articles and descriptions: the sums in those are the merchant's."""
    text = draft.text
    for fact in draft.facts:
        text = text.replace(fact.value, " ") if fact.kind == "text" else text
    return text


def _plain(amount: str) -> str:
    return f"{float(amount.replace(',', '')):.2f}"


def changed(path: Path, folder: Path) -> set[str]:
    """The catalogue of the next import, written into the folder; every price of before and after."""
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    columns = ("Variant Price", "Variant Compare At Price")
    prices = {row[column] for row in rows for column in columns if row.get(column)}
    for place, row in enumerate(rows):
        if row["Variant Price"] and place % 7 == 1:
            row["Variant Price"] = f"{float(row['Variant Price']) * 0.8:.2f}"
        if row.get("Variant Inventory Qty") == "0" and place % 2:
            row["Variant Inventory Qty"] = "7"
    new = [dict(row) for row in rows if row["Title"]][3:8]
    for place, row in enumerate(new):
        edition = " 限量版" if HAN.search(row["Title"]) else ", Oak Edition"
        row |= {"Handle": f"new-{place}", "Title": row["Title"] + edition, "Variant SKU": f"NEW-{place}"}
        row["Variant Inventory Qty"] = "9"
    folder.mkdir()
    with (folder / "catalog.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows([*rows, *new])
    prices |= {row["Variant Price"] for row in rows if row["Variant Price"]}
    return {_plain(one) for one in prices}


async def talked(database: Database, library: Library, clock: ManualClock, shop: int, chat: int, turn: int) -> None:
    """Between two posts: questions were answered, now and then somebody joined."""
    await library.refresh()
    documents, articles, now = library.products.documents, library.every_article(), clock.now()

    async def talk(tx: Transaction) -> None:
        row = (documents[turn % len(documents)] if turn % 2 else articles[turn % len(articles)]).row
        key = f"reply:{turn}"
        made = await outbox.put(tx, shop, chat, key, "reply", "It is in stock.", now, sources=[row])
        await outbox.sent(tx, made, key, now)
        if turn % 6 == 0:
            member = await members.meet(tx, shop, "web", f"m{turn}", ("Ann", "Ben", "小林")[turn % 3], now)
            await interactions.add(tx, shop, member, chat, "joined", now)

    await database.write(talk)


def counted(language: str, made: Sequence[Made]) -> list[Row]:
    bare = whole = 0
    for place, one in enumerate(made):
        before = [other.draft for other in made[:place] if other.shop == one.shop]
        bare += checks.overlap(one.draft.kept["bare"], [other.kept["bare"] for other in before]) > checks.NEAR
        whole += checks.overlap(one.draft.text, [other.text for other in before]) > checks.NEAR
    share = 100 / max(1, len(made))
    by_model = [one for one in made if one.draft.by == "model"]
    quoted = sum(one.draft.by == "quote" for one in made)
    strange = sum(bool(one.strange) for one in made)
    return [
        Row(f"{language}: posts with an amount that no row holds", strange, "", at_most=0, note=f"of {len(made)}"),
        Row(f"{language}: near-copies, facts taken out", share * bare, "%", at_most=5),
        Row(f"{language}: near-copies, facts left in", share * whole, "%", at_most=5),
        Row(f"{language}: worded by the model", share * len(by_model), "%", note=f"{share * quoted:.0f} % fell back"),
        Row(f"{language}: longest", max(one.seconds for one in made), "s"),
    ]


def summary(rows: Sequence[Row]) -> str:
    found: dict[str, Any] = {row.name: row.value for row in rows}
    parts = [f"{one} {found[f'{one}: near-copies, facts taken out']:.0f} % near-copies" for one in SHOPS]
    strange = sum(value for name, value in found.items() if "no row holds" in name)
    return f"{strange:.0f} posts with a wrong amount; {', '.join(parts)}"


if __name__ == "__main__":
    sys.exit(main("posts", __doc__, measure, summary, takes="two minutes", quick="fifteen posts of each language"))
