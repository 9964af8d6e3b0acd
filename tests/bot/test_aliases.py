"""Aliases in the index and among the meanings: what is learnt is found, what is forgotten leaves no trace."""

import asyncio
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import make_encoders
from bot.config import load
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.conversation.teaching import teach
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Index
from bot.knowledge.rows import Alias, Article
from bot.language import tokens
from llm.protocol import Act
from storage import aliases, articles
from storage.database import Database
from tests.bot.demo_library import START, import_demo, open_library

WORDS = st.sampled_from(
    ["parcel", "broken", "refund", "kettle", "tray", "oak", "退货", "包裹", "紫砂壶", "spout", "lid", "colour", "gift"]
)
TEXT = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
ROWS = st.lists(TEXT, min_size=2, max_size=6)


def index_of(titles: list[str]) -> Index:
    index = Index(1)
    for at, title in enumerate(titles):
        index.add(f"article:{at}", "en", {"title": title, "body": f"{title} of the shop"})
    index.close()
    return index


def found(index: Index, text: str) -> list[tuple[str, float, float, float]]:
    return [(hit.row, round(hit.score, 9), hit.cover, hit.called) for hit in index.search(tokens(text), 20)]


@given(ROWS, st.lists(st.tuples(st.integers(0, 5), st.lists(TEXT, max_size=3)), max_size=8), TEXT)
@settings(max_examples=60, deadline=None)
def test_what_is_learnt_and_forgotten_leaves_no_trace(titles, lessons, asked):
    plain, taught = index_of(titles), index_of(titles)
    last = {}
    for at, texts in lessons:
        row = f"article:{at % len(titles)}"
        taught.learn(row, texts)
        last[row] = texts
    at_once = index_of(titles)
    for row, texts in last.items():
        at_once.learn(row, texts)
    assert found(taught, asked) == found(at_once, asked)
    for row in last:
        taught.learn(row, [])
    assert found(taught, asked) == found(plain, asked)
    assert {*taught.postings} == {*plain.postings}


@given(ROWS, TEXT)
@settings(max_examples=30, deadline=None)
def test_a_row_that_learnt_a_wording_holds_all_of_it(titles, wording):
    index = index_of(titles)
    index.learn("article:0", [wording])
    hit = index.rate("article:0", tokens(wording))
    assert hit.cover == 1.0
    assert any(one.row == "article:0" for one in index.search(tokens(wording), 20))


async def test_five_wordings_find_what_a_title_does_not() -> None:
    """A small FAQ of titles that nobody says, and how people ask: words alone, before and after they are learnt."""
    known = {
        "Returns": [
            "can i send it back",
            "i don't want it any more",
            "how do i get my money back",
            "wrong size, what now",
        ],
        "Warranty": ["it broke after a month", "the handle came off by itself", "it stopped working, who pays"],
        "Dispatch": ["when will my parcel leave", "has it been posted yet", "how soon do you post things"],
    }
    asked = {
        "Returns": "i want to send mine back, i don't want it",
        "Warranty": "mine stopped working and the handle came off",
        "Dispatch": "has my parcel been posted",
    }
    rows = [Article(at, title, "Ask us.", "en") for at, title in enumerate(known)]
    learnt = [Alias(0, f"article:{at}", one, "en") for at, some in enumerate(known.values()) for one in some]

    async def right(listed: list[Alias]) -> int:
        library = Library(Database("sqlite://"), 1)
        await library.hold((1, 1), [], rows, listed)
        first = {title: library.find_articles(tokens(text), "en", {})[:1] for title, text in asked.items()}
        return sum(bool(hits) and rows[hits[0].id].title == title for title, hits in first.items())

    assert await right([]) < 3
    assert await right(learnt) == 3


async def test_a_lesson_reads_no_catalogue_again(tmp_path: Path) -> None:
    async with open_library(await asyncio.to_thread(import_demo, tmp_path)) as library:
        products = library.products
        row = products.documents[0].row
        await library.database.write(lambda tx: aliases.add(tx, 1, row, "my usual thingamabob", "en", "thumbs", START))
        await library.refresh()
        assert library.products is products
        assert products.search(tokens("thingamabob"))[0].row == row
        fresh = Library(library.database, 1)
        await fresh.refresh()
        assert found(fresh.products, "my usual thingamabob") == found(products, "my usual thingamabob")
        await library.database.write(lambda tx: aliases.remove(tx, 1, 1))
        await library.refresh()
        assert products.search(tokens("thingamabob")) == []


async def test_what_is_taught_is_known_by_its_meaning_at_once(tmp_path: Path) -> None:
    url = await asyncio.to_thread(import_demo, tmp_path, ["faq.md"])
    encoders = make_encoders(load({}, env_file=None))
    async with Database(url) as database:
        library = Library(database, 1, encoders)
        await library.refresh()
        await library.catch_up()
        asked = "got anything to put my initials on a mug?"
        number = await database.write(lambda tx: teach(tx, 1, "Do you engrave names?", "Yes, on metal, for £8."))
        await library.refresh()
        plan, *_ = await Planner(library).plan("could i have something personalised with a name on it", Context())
        assert (plan.act, plan.sources) == (Act.POLICY, (f"article:{number}",))
        await database.write(lambda tx: aliases.add(tx, 1, f"article:{number}", asked, "en", "thumbs", START))
        await library.refresh()
        [vector] = await library.meaning([asked], "en")
        assert vector is not None
        assert library.meanings.near(vector)[f"article:{number}"] > 0.9
        await database.write(lambda tx: articles.forget(tx, 1, number, START))
        await library.refresh()
        assert f"article:{number}" not in library.meanings.near(vector)
        plan, *_ = await Planner(library).plan(asked, Context())
        assert f"article:{number}" not in plan.sources
    await encoders.close()
