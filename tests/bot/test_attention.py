import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parts import posting
from benchmarks.schedules import breaks
from bot.attention import Attention, Limits
from storage import members, shops
from storage import settings as stored
from storage.database import Database
from tests.tables import make_tables

QUIET = (21 * 60, 9 * 60)
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=SHANGHAI)
TARGETS = ("member:1", "member:2", "chat:1")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("attention") / "shop.db"
    make_tables(url := f"sqlite:///{file}")
    return url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database(url) as opened:
        yield opened


async def new_shop(database: Database) -> int:
    return await database.write(lambda tx: shops.create(tx, "Shop", "CNY", "Asia/Shanghai", "zh"))


@pytest.mark.parametrize(
    ("local", "refused"), [("20:59", None), ("21:00", "quiet hours"), ("08:59", "quiet hours"), ("09:00", None)]
)
async def test_quiet_hours_are_those_of_the_shop(database: Database, local: str, refused: str | None) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, QUIET)
    now = datetime.fromisoformat(f"2026-05-04T{local}+08:00").astimezone(UTC)
    assert await database.write(lambda tx: ledger.reserve(tx, "member:1", "suggestion", "k", now)) == refused


async def test_the_cap_begins_anew_at_the_shops_midnight_and_is_each_targets_own(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, None)

    async def reserve(target: str, key: str, now: datetime) -> str | None:
        return await database.write(lambda tx: ledger.reserve(tx, target, "suggestion", key, now))

    assert await reserve("member:1", "a", NOON) is None
    assert await reserve("member:1", "a", NOON) == "already reserved"
    assert await reserve("member:1", "b", NOON.replace(hour=23, minute=59)) == "daily cap"
    assert await reserve("member:2", "c", NOON) is None
    assert await reserve("member:1", "d", NOON.replace(hour=0) + timedelta(days=1)) is None
    await database.write(lambda tx: ledger.give_back(tx, "c"))
    assert await reserve("member:2", "e", NOON) is None


async def test_a_cap_of_nothing_sends_nothing(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 0, None)
    assert await database.write(lambda tx: ledger.reserve(tx, "member:1", "suggestion", "k", NOON)) == "daily cap"


async def test_the_day_opens_after_the_quiet_hours(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, QUIET)

    async def opening(hour: int, minute: int) -> date | None:
        return await database.read(lambda tx: ledger.opening(tx, NOON.replace(hour=hour, minute=minute)))

    assert await opening(8, 59) is None
    assert await opening(9, 0) == NOON.date()
    assert await opening(9, 59) == NOON.date()
    assert await opening(10, 0) is None


async def test_what_an_admin_changed_holds_at_once(database: Database) -> None:
    shop_id = await new_shop(database)
    ledger = Attention(shop_id, "Asia/Shanghai", 1, QUIET)
    night = NOON.replace(hour=23)

    async def change(name: str, value: str) -> None:
        await database.write(lambda tx: stored.change(tx, shop_id, name, value))

    async def refused() -> str | None:
        return await database.read(lambda tx: ledger.refusal(tx, "member:1", "k", night))

    assert await refused() == "quiet hours"
    await change("quiet_hours", "none")
    assert await refused() is None
    await change("daily_cap", "0")
    assert await refused() == "daily cap"
    await change("quiet_hours", "22:00-06:30")
    assert await refused() == "quiet hours"
    early = NOON.replace(hour=6, minute=45)
    assert await database.read(lambda tx: ledger.opening(tx, early)) == NOON.date()


Try = tuple[str, str, int, bool]
tries = st.lists(
    st.tuples(st.sampled_from(TARGETS), st.sampled_from("abcdefgh"), st.integers(0, 4 * 24 * 60), st.booleans()),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(tries=tries, cap=st.integers(0, 3), quiet=st.sampled_from([None, QUIET, (60, 120)]))
def test_it_is_never_overspent_whatever_the_order(
    url: str, tries: list[Try], cap: int, quiet: tuple[int, int] | None
) -> None:
    async def spend() -> list[tuple[str, str, datetime]]:
        async with Database(url) as database:
            ledger = Attention(await new_shop(database), "Asia/Shanghai", cap, quiet, chats=Limits(cap))

            async def one(target: str, key: str, minute: int, back: bool) -> tuple[str, str, datetime] | None:
                now = NOON + timedelta(minutes=minute)
                if back:
                    await database.write(lambda tx: ledger.give_back(tx, f"back {key}"))
                name = f"back {key}" if back else key
                refused = await database.write(lambda tx: ledger.reserve(tx, target, "suggestion", name, now))
                return None if refused or back else (target, key, now)

            taken = await asyncio.gather(*(one(*each) for each in tries))
            return [each for each in taken if each]

    taken = asyncio.run(spend())
    assert len({key for _, key, _ in taken}) == len(taken)
    per_day = Counter((target, at.astimezone(SHANGHAI).date()) for target, _, at in taken)
    assert max(per_day.values(), default=0) <= cap
    for _, _, at in taken:
        minute = at.hour * 60 + at.minute
        if quiet == QUIET:
            assert 9 * 60 <= minute < 21 * 60
        elif quiet:
            assert not 60 <= minute < 120


async def take(
    database: Database, ledger: Attention, *intents: tuple[str, str, datetime], key: str = ""
) -> list[str | None]:
    """Reserve one after the other (target, kind, moment); why each was refused."""
    found = []
    for place, (target, kind, at) in enumerate(intents):
        name = key or f"{target} {kind} {at} {place}"
        found.append(await database.write(partial(ledger.reserve, target=target, kind=kind, key=name, now=at)))
    return found


async def test_a_week_begins_on_monday_and_has_a_cap_of_its_own(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 2, None, weekly_cap=3)
    days = [NOON + timedelta(days=one) for one in (0, 0, 1, 2, 6, 7)]  # NOON is a Monday's
    refused = await take(database, ledger, *(("member:1", "suggestion", day) for day in days))
    assert refused == [None, None, None, "weekly cap", "weekly cap", None]


async def test_posts_keep_a_gap_to_one_another_on_both_sides(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, None, chats=Limits(9, 9, gap=10))
    minutes = (0, 9, -9, 10, -10)
    moments = [NOON + timedelta(minutes=one) for one in minutes]
    refused = await take(database, ledger, *(("chat:1", "post", at) for at in moments))
    assert refused == [None, "minimum gap", "minimum gap", None, None]


async def test_a_post_leaves_what_is_kept_for_a_campaign(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, None, chats=Limits(3, kept={"campaign": 1}))
    kinds = ("post", "post", "post", "campaign", "campaign", "post")
    refused = await take(database, ledger, *(("chat:1", kind, NOON) for kind in kinds))
    assert refused == [None, None, "daily cap", None, "daily cap", "daily cap"]


async def test_what_is_kept_never_takes_the_last_place(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, None, chats=Limits(1, kept={"campaign": 5}))
    assert await take(database, ledger, ("chat:1", "post", NOON)) == [None]


async def test_unasked_replies_have_the_cap_of_the_hour_alone(database: Database) -> None:
    ledger = Attention(await new_shop(database), "Asia/Shanghai", 1, (0, 1439), chats=Limits(0))

    async def reply(key: str, minutes: int) -> bool:
        now = NOON + timedelta(minutes=minutes)
        return await database.write(lambda tx: ledger.unasked(tx, 1, key, 2, now))

    assert [await reply("a", 0), await reply("b", 10), await reply("c", 20)] == [True, True, False]
    assert await reply("b", 30)  # the same again is no other
    assert await reply("d", 60)  # the first is an hour old
    assert not await reply("e", 61)


async def test_quiet_hours_are_the_chats_own_where_it_has_some(database: Database) -> None:
    shop_id = await new_shop(database)
    ledger = Attention(shop_id, "Asia/Shanghai", 1, QUIET, chats=Limits(9))
    chat = await database.write(lambda tx: members.enter(tx, shop_id, "web", "a", "A", False))
    target = f"chat:{chat.id}"
    assert await take(database, ledger, (target, "post", NOON)) == [None]
    own = {"timezone": "Europe/London", "quiet_hours": "05:00-06:00"}
    await database.write(lambda tx: members.change_chat(tx, chat.id, **own))
    at = NOON + timedelta(minutes=30)  # 5:30 in London in summer
    assert await take(database, ledger, (target, "post", at)) == ["quiet hours"]
    opens = await database.read(lambda tx: ledger.opens(tx, target, at))
    assert opens == NOON + timedelta(hours=1)
    await database.write(lambda tx: members.change_chat(tx, chat.id, quiet_hours="none"))
    assert await take(database, ledger, (target, "post", at), ("chat:0", "post", NOON.replace(hour=22))) == [
        None,
        "quiet hours",
    ]


TAKERS = [f"member:{number}" for number in (901, 902)] + ["chat:901"]
intents = st.lists(
    st.tuples(st.sampled_from(TAKERS), st.integers(0, 2), st.integers(0, 9 * 24 * 4), st.integers(0, 3)), max_size=25
)


@settings(max_examples=15, deadline=None)
@given(intents=intents)
def test_it_refuses_what_breaks_a_rule_and_nothing_else(url: str, intents: list[tuple[str, int, int, int]]) -> None:
    """Held against plain lists; a quarter of what is taken is given back."""

    async def spend() -> None:
        held: dict[str, dict[str, tuple[str, datetime]]] = {target: {} for target in TAKERS}
        async with Database(url) as database:
            ledger = posting.ledger(await new_shop(database))
            for place, (target, which, quarter, back) in enumerate(intents):
                kind = posting.KINDS[target.partition(":")[0]][which]
                now, key = posting.START + timedelta(minutes=15 * quarter), str(place)
                right = not breaks(list(held[target].values()), target, kind, now)
                (refused,) = await take(database, ledger, (target, kind, now), key=key)
                assert (refused is None) == right, (target, kind, now, refused)
                if right and back == 0:
                    await database.write(lambda tx, key=key: ledger.give_back(tx, key))  # type: ignore[misc]
                elif right:
                    held[target][key] = (kind, now)

    asyncio.run(spend())
