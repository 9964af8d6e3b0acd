"""/stats: the merchant's numbers, against a history that is counted plainly."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.members import report
from bot.members.stats import Numbers, numbers
from bot.texts import Texts
from storage import interactions, members, outbox
from storage.database import Transaction
from tests.bot.running_shop import RunningShop, running_shop
from tests.conftest import Group

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = datetime(2026, 5, 4, 16, 0, tzinfo=UTC)  # Tuesday there, at midnight
WEEKS = 8
Said = tuple[int, int, datetime, str]  # member, chat, at, message


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path, timezone="Asia/Shanghai") as opened:
        yield opened


class History:
    """Talk of thirty members and an admin in two chats over eight weeks, as lists that can be counted plainly."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.said: list[Said] = []
        self.by: dict[str, str] = {}  # question -> who answered it
        self.waits: dict[str, float] = {}
        self.products: list[tuple[datetime, int, int]] = []  # at, chat, product
        for member in range(1, 31):
            joined = UNTIL - timedelta(weeks=rng.uniform(0, WEEKS))
            for _ in range(rng.randint(1, 25)):
                at = joined + (UNTIL - joined) * rng.random() ** 2
                self.said.append((member, rng.randint(0, 1), at, f"m{len(self.said)}"))
        self.said.sort(key=lambda one: one[2])
        for _, chat, at, message in self.said:
            who = rng.choice(["bot", "human", "nobody", "list", "called", ""])
            if who:
                self.by[message] = who
                self.waits[message] = rng.uniform(1, 400)
            if who == "bot":
                self.products.append((at, chat, rng.randint(1, 7)))


async def write(shop: RunningShop, history: History) -> list[int]:
    """The history as the router leaves it; the ids of the chats."""

    async def fill(tx: Transaction) -> list[int]:
        place = shop.shop_id
        chats = [(await members.enter(tx, place, "web", f"g{one}", f"Group {one}", False)).id for one in (0, 1)]
        admin = await members.meet(tx, place, "web", "boss", "Boss", UNTIL)
        known: dict[int, int] = {}
        products = iter(history.products)
        for member, chat, at, message in history.said:
            if member not in known:
                known[member] = await members.meet(tx, place, "web", f"p{member}", f"P{member}", at)
            who, wait = history.by.get(message, ""), history.waits.get(message, 0.0)
            about = next(products)[2] if who == "bot" else None
            own = (tx, place, known[member], chats[chat])
            await interactions.add(*own, "said", at, text="words", message_id=message, product_id=about)
            answered = at + timedelta(seconds=wait)
            row: dict[str, Any] = {"state": "sent", "member_id": known[member]}
            if who == "bot":
                row |= {"sources": ["article:1"], "extra": {"asked": message, "act": "policy"}, "sent": answered}
            elif who in ("nobody", "called"):
                action = "handoff" if who == "called" else "refuse"
                row |= {"action": action, "extra": {"asked": message, "act": "unknown"}, "sent": at}
            elif who == "list":
                row |= {"extra": {"asked": message, "act": "policy"}, "sent": answered, "sources": ["article:1"]}
            elif who == "human":
                data, own = {"admin": True, "to": message}, (tx, place, admin, chats[chat])
                await interactions.add(*own, "said", answered, message_id=f"a{message}", data=data)
            if who and who != "human":
                key = f"answer:{message}" if who == "list" else f"reply:{message}"
                await outbox.put(tx, place, chats[chat], key, "reply", "words", at, **row)
        return chats

    return await shop.database.write(fill)


async def counted(shop: RunningShop, chat: int | None, days: int) -> Numbers:
    await shop.library.refresh()
    return await numbers(shop.library, chat, UNTIL - timedelta(days=days), UNTIL, ZONE)


@pytest.mark.parametrize(("seed", "days", "chat"), [(1, 7, None), (2, 30, 0), (3, 30, 1), (4, 56, None)])
async def test_the_numbers_are_those_of_a_plain_count(
    shop: RunningShop, seed: int, days: int, chat: int | None
) -> None:
    history = History(seed)
    chats = await write(shop, history)
    found = await counted(shop, None if chat is None else chats[chat], days)
    since = UNTIL - timedelta(days=days)
    here = [one for one in history.said if chat in (None, one[1])]
    inside = [one for one in here if one[2] >= since]
    by = [history.by.get(message, "") for *_, message in inside]
    first: dict[int, datetime] = {}
    days_of: dict[int, set[Any]] = {}
    hours = [0] * 24
    for member, _, at, _ in here:
        first.setdefault(member, at)
    for member, _, at, _ in inside:
        days_of.setdefault(member, set()).add(at.astimezone(ZONE).date())
        hours[at.astimezone(ZONE).hour] += 1
    assert found.members == len(first)
    assert found.new == sum(at >= since for at in first.values())
    assert found.messages == len(inside)
    assert found.by_hour == tuple(hours)
    assert found.active_days == tuple(sorted(map(len, days_of.values()), reverse=True))
    assert sum(count for _, count in found.by_day) == len(inside)
    assert len(found.by_day) in (days, days + 1)
    assert found.answered["bot"] == by.count("bot")
    assert found.questions == len(by) - by.count("")
    late = [history.waits[one[3]] for one in inside if history.by.get(one[3]) == "bot"]
    assert sorted(found.waits["bot"]) == pytest.approx(sorted(late), abs=0.001)
    assert found.answered["human"] >= by.count("human") + by.count("list")
    assert found.answered["nobody"] >= by.count("nobody")
    asked = [product for at, place, product in history.products if at >= since and chat in (None, place)]
    assert [count for _, count in found.products] == sorted((asked.count(one) for one in set(asked)), reverse=True)[:5]


async def test_who_was_called_and_came_within_a_day_answered(shop: RunningShop) -> None:
    """The bot called a human; an admin spoke next, without a reply to the message. A later call nobody heard."""

    async def fill(tx: Transaction) -> None:
        ann = await members.meet(tx, shop.shop_id, "web", "ann", "Ann", UNTIL)
        boss = await members.meet(tx, shop.shop_id, "web", "boss", "Boss", UNTIL)
        for message, at in (("one", UNTIL - timedelta(days=5)), ("two", UNTIL - timedelta(days=2))):
            own = (tx, shop.shop_id, ann, shop.group.id)
            await interactions.add(*own, "complained", at, text="help", message_id=message)
            row: dict[str, Any] = {"state": "sent", "member_id": ann, "action": "handoff", "sent": at}
            row["extra"] = {"asked": message, "act": "handoff"}
            await outbox.put(tx, shop.shop_id, shop.group.id, f"reply:{message}", "reply", "I called", at, **row)
        at = UNTIL - timedelta(days=5) + timedelta(minutes=30)
        await interactions.add(
            tx, shop.shop_id, boss, shop.group.id, "said", at, message_id="b", data={"admin": True, "to": ""}
        )

    await shop.database.write(fill)
    found = await counted(shop, None, 7)
    assert found.answered == {"bot": 0, "human": 1, "nobody": 1}
    assert found.wait("human") == (1800.0, 1800.0)
    assert (found.members, found.messages) == (1, 2)


async def test_who_joined_in_a_week_and_spoke_again(shop: RunningShop) -> None:
    """Of four who joined four weeks ago, two spoke the week after, one the week after that, none then."""
    monday = datetime(2026, 4, 6, 12, tzinfo=ZONE)  # four Mondays before that of UNTIL

    async def fill(tx: Transaction) -> None:
        for one, weeks in enumerate([(), (1,), (1, 2), ()]):
            who = await members.meet(tx, shop.shop_id, "web", f"p{one}", f"P{one}", monday)
            for week in (0, *weeks):
                at = monday + timedelta(weeks=week, hours=one)
                await interactions.add(
                    tx, shop.shop_id, who, shop.group.id, "said", at, text="x", message_id=f"{one}{week}"
                )

    await shop.database.write(fill)
    (cohort,) = (await counted(shop, None, 28)).cohorts
    assert (cohort.week, cohort.size, cohort.spoke) == (monday.date(), 4, (2, 1, 0))


async def test_the_table_says_every_figure_in_both_languages(shop: RunningShop) -> None:
    await write(shop, History(5))
    found = await counted(shop, None, 56)
    texts = Texts()
    for language, word in (("en", "Questions:"), ("zh", "提问：")):
        lines = report.table(lambda text, spoken=language, **values: texts.say(spoken, text, **values), found, language)
        assert any(line.startswith(word) for line in lines)
        assert any(str(found.messages) in line for line in lines)
        assert len(lines) > 8


async def test_admins_ask_for_any_period_and_chat(group: Group) -> None:
    await group.say("ann", "how much is the moka pot?")
    await group.say("tom", "lovely weather", addressed=False, chat="other")
    text = await group.say("boss", "/stats")
    assert text.startswith("shop, ")
    assert "Members: 1 seen so far, 1 of them new, 1 spoke." in text
    assert "Questions: 1; answered by me 1 (100%)" in text
    shown = group.log[-1][2]
    assert shown.cards[0].picture.endswith(".png")
    assert shown.private_to == "boss"
    assert "Messages: 2;" in await group.say("boss", "/stats 30 all")
    assert "Messages: 1;" in await group.say("boss", "/stats 2026-03-02 2026-03-02 other")
    assert "Members: 0 seen" in await group.say("boss", "/stats 2026-02-01")
    for wrong in ("0", "2026-13-01", "2026-03-05 2026-03-01", "2027-01-01"):
        assert "That is no period" in await group.say("boss", f"/stats {wrong}")
    assert "I know no chat called “nowhere”" in await group.say("boss", "/stats 7 nowhere")
    assert "for admins" in await group.say("ann", "/stats")


async def weekly(group: Group, messages: int) -> list[str]:
    """What the admins see on Monday morning after a week with so many messages."""
    for at in range(messages):
        await group.say(f"p{at % 5}", f"lovely weather number {at}", addressed=False)
    group.clock.set(datetime(2026, 3, 9, 9, 10, tzinfo=UTC))
    await group.settle()
    await group.settle()
    return [text for text in group.texts("admins") if text.startswith("Your week")]


async def test_admins_get_the_week_on_monday_once(group: Group) -> None:
    (text,) = await weekly(group, 25)
    assert text.startswith("Your week, Monday, 2 March to Sunday, 8 March:")
    assert "Messages: 25;" in text
    shown = next(out for place, _, out in reversed(group.log) if place == "admins")
    assert shown.cards[0].picture.endswith(".png")
    assert [one.command for one in shown.buttons] == ["/settings weekly_report off"]


async def test_a_quiet_week_and_who_wants_none_get_no_report(group: Group) -> None:
    await group.say("boss", "/settings weekly_report off")
    assert await weekly(group, 25) == []
    await group.say("boss", "/settings weekly_report on")
    group.clock.set(datetime(2026, 3, 16, 9, 10, tzinfo=UTC))
    await group.settle()
    assert not any(text.startswith("Your week") for text in group.texts("admins"))
