"""In which words a message is corrected: values in their places where the sentence stays true, else a line below it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import ManualClock
from bot.config import load
from bot.knowledge.importers import import_paths
from llm.engines.scripted import ScriptedEngine
from tests.bot.changing_shop import MUG, Catalogue
from tests.conftest import START, Group, open_group


class Telling:
    """A group in which a question was asked, in the model's words `template`, and rows change after it."""

    def __init__(self, group: Group, catalogue: Catalogue, folder: Path) -> None:
        self.group, self.catalogue, self.folder = group, catalogue, folder

    async def change(self, **prices: int) -> str:
        """Set prices by product's first word; what the first reply shows then."""
        for title, size in self.catalogue.variants:
            word = title.split()[0].lower()
            stock = self.catalogue.variants[title, size][1]
            if word in prices:
                self.catalogue.variants[title, size] = (prices[word], stock)
        return await self.write()

    async def write(self) -> str:
        files = self.catalogue.write(self.folder)
        await import_paths(self.group.app.database, 1, files, clock=self.group.clock, currency="GBP")
        await self.group.settle()
        return self.group.texts("shop")[0]


@asynccontextmanager
async def telling(folder: Path, question: str, *template: str, **prices: int) -> AsyncIterator[Telling]:
    values = {"DATABASE_URL": f"sqlite:///{folder}/shop.db", "UPLOADS": str(folder), "EMBED_MODEL": "off"}
    engine = ScriptedEngine(template)
    async with open_group(load(values, env_file=None), ManualClock(START), engine, demo=False) as group:
        told = Telling(group, Catalogue(), folder)
        files = told.catalogue.write(folder)
        await import_paths(group.app.database, 1, files, clock=group.clock, currency="GBP")
        if prices:
            await import_prices(told, prices)
        assert await group.say("ann", question)
        yield told


async def import_prices(told: Telling, prices: dict[str, int]) -> None:
    for title, size in told.catalogue.variants:
        price, stock = told.catalogue.variants[title, size]
        told.catalogue.variants[title, size] = (prices.get(title.split()[0].lower(), price), stock)
    files = told.catalogue.write(told.folder)
    await import_paths(told.group.app.database, 1, files, clock=told.group.clock, currency="GBP")


COMPARED = "which is cheaper, the Amber Mug or the Slate Tray?"
CHEAPER = "<name1> is the cheaper one: <price1> against <price2> for <name2>."


async def test_which_is_cheaper_is_not_mended_by_other_numbers(tmp_path: Path):
    async with telling(tmp_path, COMPARED, CHEAPER) as told:
        first = "Amber Mug is the cheaper one: £10.00 against £25.00 for Slate Tray."
        assert await told.change(amber=12) == first.replace("£10.00", "£12.00")
        now = "Update: Amber Mug now costs £30.00; Slate Tray is now the cheaper one."
        assert await told.change(amber=30) == f"{first}\n{now}"
        now = "Update: Amber Mug now costs £25.00; both now cost the same."
        assert await told.change(amber=25) == f"{first}\n{now}"
        assert await told.change(amber=10) == first


async def test_two_values_that_look_alike_are_told_apart_in_words(tmp_path: Path):
    async with telling(tmp_path, COMPARED, amber=10, slate=10) as told:
        assert told.group.texts("shop") == ["Here: Amber Mug £10.00 Slate Tray £10.00."]
        assert (await told.change(slate=25)).endswith("£10.00.\nUpdate: Slate Tray now costs £25.00.")


async def test_two_values_change_places(tmp_path: Path):
    async with telling(tmp_path, COMPARED) as told:
        assert await told.change(amber=25, slate=10) == "Here: Amber Mug £25.00 Slate Tray £10.00."


async def test_a_total_is_counted_again(tmp_path: Path):
    async with telling(tmp_path, "how much are 3 of the Amber Mug?", "<count1> of <name1> cost <total1>.") as told:
        assert told.group.texts("shop") == ["3 of Amber Mug cost £30.00."]
        assert await told.change(amber=12) == "3 of Amber Mug cost £36.00."


async def test_a_state_beside_a_price_counts_where_the_words_say_it(tmp_path: Path):
    async with telling(tmp_path, "how much is the Amber Mug?", "It's in stock for <price1>.") as told:
        told.catalogue.variants[MUG, ""] = (10, 0)
        assert await told.write() == "It's in stock for £10.00.\nUpdate: Amber Mug is now sold out."
    async with telling(tmp_path / "silent", "how much is the Amber Mug?", "It costs <price1>.") as told:
        told.catalogue.variants[MUG, ""] = (10, 0)
        assert await told.write() == "It costs £10.00."


async def test_a_post_its_card_and_an_answer_by_command(tmp_path: Path):
    async with telling(tmp_path, "/ask how much is the Amber Mug?") as told:
        assert await told.change(amber=12) == "Here: £12.00."
        await told.group.say("boss", "/post now tip")
        [key] = [key for chat, key, _ in told.group.log if key.startswith("post")]
        title = told.group.seen[key].cards[0].title
        words = {title.split()[0].lower(): 77}
        await told.change(**words)
        assert told.group.seen[key].cards[0].subtitle == "£77.00"
