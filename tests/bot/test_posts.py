"""/posts: what members did under each post, counted and drawn; and links that count who follows them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import charts
from bot.clock import ManualClock
from bot.config import Settings, load
from bot.language import HAN
from bot.messages import Kind
from storage import clicks, interactions, members, outbox
from tests.bot.test_campaigns import NEWS, Town
from tests.conftest import open_group

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def town(settings: Settings, clock: ManualClock) -> Any:
    async with open_group(settings, clock, kind=Town) as town:
        yield town


class Seen:
    """What members do under the posts of a town."""

    def __init__(self, town: Town) -> None:
        self.town, self.shop = town, town.app.shop.id

    async def post(self, chat: str) -> Any:
        """The row of the last post in a chat."""
        place = await self.town.app.database.read(lambda tx: members.seen(tx, self.shop, "test", chat))
        assert place
        return await self.town.app.database.read(lambda tx: outbox.last_of(tx, place.id, "post"))

    async def press(self, row: Any, name: str) -> None:
        """A press on its button, as the router keeps it."""
        now = self.town.clock.now()

        async def add(tx: Any) -> None:
            who = await members.meet(tx, self.shop, "test", name, name, now)
            data = {"command": "product", "post": row.id}
            await interactions.add(tx, self.shop, who, row.chat_id, "pressed", now, data=data)

        await self.town.app.database.write(add)

    async def figures(self, number: int = 1) -> str:
        """The line of figures of a post in what the boss sees."""
        told = await self.town.say("boss", "/posts", chat="boss", direct=True)
        return told.splitlines()[2 * number].strip()


async def test_what_members_do_is_counted_under_the_right_post(town: Town):
    await town.meet("tea", "coffee")
    for chat in ("tea", "coffee"):
        await town.say("boss", "/post now tip", chat=chat)
    seen = Seen(town)
    tea, coffee = [await seen.post(chat) for chat in ("tea", "coffee")]
    for name in ("ann", "bob"):
        await seen.press(tea, name)
    await seen.press(coffee, "ann")
    await town.say("ann", "👍", chat="tea", kind=Kind.REACTION, reply_to=tea.message_id, addressed=False)
    await town.say("bob", "lovely", chat="tea", reply_to=tea.message_id, addressed=False)
    await town.say("bob", "and hello", chat="tea", addressed=False)
    await town.say("zed", "", chat="coffee", kind=Kind.LEFT, addressed=False)
    town.clock.set(town.clock.now() + timedelta(days=1, minutes=1))
    await town.say("yan", "", chat="coffee", kind=Kind.LEFT, addressed=False)
    assert await seen.figures(1) == "pressed 1 · reactions 0 · replies 0 · left 1"
    assert await seen.figures(2) == "pressed 2 · reactions 1 · replies 1"
    here = await town.say("boss", "/posts", chat="tea")
    assert "pressed 2" in here
    assert "pressed 1" not in here


async def test_a_campaign_is_one_line_with_the_figures_of_all_its_chats(town: Town):
    await town.meet("tea", "coffee")
    await town.say("ann", "/subscribe", chat="ann", direct=True)
    await town.say("bob", "/subscribe", chat="bob", direct=True)
    await town.say("boss", f'/campaign new "{NEWS}" to tea, coffee, subscribers', chat="admins")
    await town.press("Send it")
    seen = Seen(town)
    for chat in ("tea", "coffee"):
        await seen.press(await seen.post(chat), "ann")
    await town.say("ann", "/subscribe off", chat="ann", direct=True, kind=Kind.BUTTON)
    await town.say("bob", "", chat="bob", direct=True, kind=Kind.LEFT)
    told = await town.say("boss", "/posts", chat="boss", direct=True)
    assert f"tea, coffee, subscribers (4) · “{NEWS}”" in told
    assert "pressed 2 · reactions 0 · replies 0 · blocked 1 · unsubscribed 1" in told
    assert "PUBLIC_URL is empty" in told


async def test_it_comes_with_a_chart_in_either_language(town: Town):
    await town.meet("tea")
    assert "Nothing was posted yet." in await town.say("boss", "/posts", chat="tea")
    await town.say("boss", "/post now tip", chat="tea")
    for command in ("/posts", "/帖子"):
        await town.say("boss", command, chat="tea")
        shown = town.log[-1][2]
        assert Path(shown.cards[0].picture).read_bytes().startswith(PNG)
    assert "成员的反应" in shown.cards[0].title
    assert "is no number" in await town.say("boss", "/posts many", chat="tea")


def test_without_a_chinese_font_the_chart_speaks_english():
    plain, names = ["What members did", "pressed", "reactions"], ["新品", "tip"]
    chart = charts.Chart("成员的反应", ["按键", "表情"], plain, names, [[1, 2], [0, 0]])
    assert charts.png(chart).startswith(PNG)
    if font := charts.chinese_font():
        assert charts.png(chart, font=font) != charts.png(chart)
    assert charts._name(1, "新品上市", drawn=False) == "1"
    assert HAN.search(charts._name(1, "新品上市", drawn=True))


async def test_links_of_the_shop_are_short_and_counted_and_others_left_alone(tmp_path: Path, clock: ManualClock):
    values = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db", "PICTURES": str(tmp_path / "pictures"), "EMBED_MODEL": "off",
        "PUBLIC_URL": "https://go.shop.example/", "ALLOWED_LINKS": "shop.example",
    }  # fmt: skip
    news = "See https://www.shop.example/sale?x=1, or https://elsewhere.example/sale."
    async with open_group(load(values, env_file=None), clock, kind=Town) as town:
        await town.meet("tea", "coffee")
        await town.say("ann", "/subscribe", chat="ann", direct=True)
        await town.say("boss", f'/campaign new "{news}" to tea, coffee, subscribers', chat="admins")
        await town.press("Send it")
        said = {chat: shown.text for chat, key, shown in town.log if "campaign:1:" in key and "See" in shown.text}
        assert len(set(said.values())) == len(said) == 3
        assert all(text.endswith(", or https://elsewhere.example/sale.") for text in said.values())
        codes = {chat: text.split("/l/")[1].partition(",")[0] for chat, text in said.items()}
        for chat, code in codes.items():
            link = await town.app.database.read(lambda tx, code=code: clicks.follow(tx, code))  # type: ignore[misc]
            assert link
            assert link.address == (
                "https://www.shop.example/sale?x=1&utm_source=test&utm_medium=post&utm_campaign=campaign-1"
            )
            for _ in range(1 if chat == "ann" else 2):
                await town.app.database.write(lambda tx, link=link: clicks.count(tx, 1, link.id, clock.now()))  # type: ignore[misc]
        told = await town.say("boss", "/posts", chat="boss", direct=True)
        assert "clicks 5" in told
        assert "PUBLIC_URL" not in told
