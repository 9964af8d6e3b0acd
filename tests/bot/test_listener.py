"""The public address: short links lead where their rows say and nowhere else, and count people, not programs."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from bot.clock import SystemClock
from bot.config import SettingsError, load
from bot.content.tracking import LINK, links, with_utm
from bot.listener import CODE, PROGRAM, Listener
from storage import clicks, shops
from storage.database import Database
from storage.tables import Click
from tests.tables import make_tables

SALE = "https://shop.example/sale?x=1"
PERSON = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"
}
PROGRAMS = (
    "TelegramBot (like TwitterBot)", "Mozilla/5.0 (compatible; Discordbot/2.0)", "WhatsApp/2.23",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "facebookexternalhit/1.1", "Twitterbot/1.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1)", "LinkedInBot/1.0", "curl/8.5.0", "python-requests/2.31", "",
)  # fmt: skip


class Door:
    """The listener, asked from outside."""

    def __init__(self, listener: Listener, http: aiohttp.ClientSession, database: Database) -> None:
        self.listener, self.http, self.database = listener, http, database
        self.url = f"http://127.0.0.1:{listener.port}"

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """The status, and where it leads."""
        headers = {"User-Agent": PERSON["User-Agent"]} | headers
        address = URL(self.url + path, encoded=True)
        async with self.http.request(method, address, headers=headers, allow_redirects=False) as answer:
            assert "Set-Cookie" not in answer.headers
            return answer.status, answer.headers.get("Location", "")

    async def counted(self) -> int:
        return len(await self.database.read(_clicks))


async def _clicks(tx: object) -> list[object]:
    from sqlalchemy import select

    return list(await tx.execute(select(Click.__table__)))  # type: ignore[attr-defined]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Door]:
    url = f"sqlite:///{folder}/shop.db"
    await asyncio.to_thread(make_tables, url)
    async with Database(url) as database, aiohttp.ClientSession() as http:
        await database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))
        await database.write(lambda tx: clicks.add(tx, 1, "aB3", SALE, "post:1", None, SystemClock().now()))
        listener = Listener(database, SystemClock(), "127.0.0.1:0")
        running = asyncio.create_task(listener.run())
        try:
            await asyncio.wait_for(listener.opened.wait(), 10)
            yield Door(listener, http, database)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        yield door


async def test_a_person_is_led_on_and_counted(door: Door):
    assert await door.ask("/l/aB3") == (302, SALE)
    assert await door.ask("/l/aB3") == (302, SALE)
    assert await door.counted() == 2
    row = (await door.database.read(_clicks))[0]
    assert set(row._mapping) == {"id", "shop_id", "short_link_id", "at"}  # type: ignore[attr-defined]


async def test_a_program_is_led_on_and_not_counted(door: Door):
    for agent in PROGRAMS:
        assert await door.ask("/l/aB3", **{"User-Agent": agent}) == (302, SALE)
    assert await door.ask("/l/aB3", "HEAD") == (302, SALE)
    assert await door.ask("/l/aB3", **{"Sec-Purpose": "prefetch;prerender"}) == (302, SALE)
    assert await door.counted() == 0


async def test_nothing_else_is_served_there(door: Door):
    for path in (
        "/",
        "/l/",
        "/ws",
        "/healthz",
        "/static/page.js",
        "/l/ab3",
        "/l/aB3/",
        "/l/aB3/more",
        "/pictures/x.png",
    ):
        assert await door.ask(path) == (404, ""), path
    assert (await door.ask("/l/aB3", "POST"))[0] == 405
    assert await door.ask("/l/aB3?to=https://evil.example") == (302, SALE)
    assert await door.ask("/l/aB3", Host="evil.example", Referer="https://evil.example") == (302, SALE)


async def test_codes_from_anywhere_lead_nowhere_else(door: Door):
    """What no row says leads nowhere, whatever is asked for."""

    @given(st.text(max_size=60))
    def places(code: str) -> None:
        asked.add(code)

    asked: set[str] = {
        "//evil.example",
        "%2F%2Fevil.example",
        "aB3%0d%0aLocation:x",
        "..%2f..%2fetc",
        "aB3\x00",
        "ａB3",
    }
    places()
    for code in asked:
        status, to = await door.ask("/l/" + re.sub(r"[^!-~]", lambda one: f"%{ord(one[0]) % 256:02x}", code))
        assert (status, to) in ((404, ""), (400, ""), (302, SALE), (405, "")), code
        assert status != 302 or code.split("?")[0].split("#")[0] == "aB3"
    assert not CODE.fullmatch("ａB3")


async def test_an_address_that_is_no_web_address_leads_nowhere(door: Door):
    now = SystemClock().now()
    await door.database.write(lambda tx: clicks.add(tx, 1, "bad", "javascript:alert(1)", "post:1", None, now))
    assert await door.ask("/l/bad") == (404, "")


async def test_a_port_that_is_taken_is_said(door: Door):
    with pytest.raises(SettingsError, match=r"PUBLIC_LISTEN: 127\.0\.0\.1:"):
        await Listener(door.database, SystemClock(), f"127.0.0.1:{door.listener.port}").run()


def test_people_with_odd_phones_are_people():
    assert not PROGRAM.search(PERSON["User-Agent"])


@pytest.mark.parametrize("value", ["ftp://shop.example", "https://", "https://a@b.example", "https://s.example/?q=1"])
def test_a_public_url_that_is_none_is_refused(value: str):
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        load({"PUBLIC_URL": value}, env_file=None)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        ["https://shop.example", "http://shop.example/a/b", "https://shop.example/?x=1&y=%20", SALE + "#top"]
    ),
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20),
)
def test_utm_is_added_and_nothing_else_changed(address: str, campaign: str):
    told = with_utm(address, "page", campaign)
    before, after = urlsplit(address), urlsplit(told)
    assert (before.scheme, before.netloc, before.path, before.fragment) == (
        after.scheme, after.netloc, after.path, after.fragment,
    )  # fmt: skip
    more = {"utm_source": "page", "utm_medium": "post", "utm_campaign": campaign}
    assert dict(parse_qsl(after.query, keep_blank_values=True)) == dict(parse_qsl(before.query)) | more
    assert with_utm(told, "other", "other") == told


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_links_are_found_in_any_text(text: str):
    said = f"{text} {SALE}, and 看这里https://shop.example/茶。"
    found = links(said)
    assert SALE in found
    assert all(one in said and LINK.match(one) for one in found)
