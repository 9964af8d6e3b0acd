"""The fake Discord is as strict as the real one where a bot can notice: asked by hand, without any client library."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.clock import ManualClock
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_world import CONTENT_FLAG, EPHEMERAL, HISTORY, SEND

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ALL = (1 << 0) | (1 << 1) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 15)


class Hand:
    """Calls and a line, made by hand."""

    def __init__(self, fake: FakeDiscord, client: aiohttp.ClientSession) -> None:
        self.fake, self.client = fake, client

    async def call(self, method: str, path: str, data: Any = None, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token or self.fake.world.token}"}
        url = f"{self.fake.world.address}/api/v10{path}"
        async with self.client.request(method, url, json=data, headers=headers) as response:
            text = await response.text()
            assert not text or response.headers["Content-Type"] == "application/json"
            self.headers = response.headers
            return response.status, json.loads(text or "null")

    async def refused(self, method: str, path: str, data: Any = None) -> tuple[int, int]:
        status, told = await self.call(method, path, data)
        return status, told["code"] if told else 0

    async def line(self, **identify: Any) -> aiohttp.ClientWebSocketResponse:
        line = await self.client.ws_connect(self.fake.settings()["DISCORD_GATEWAY_URL"])
        assert (await line.receive_json())["op"] == 10
        told = {"token": self.fake.world.token, "intents": ALL, **identify}
        await line.send_json({"op": 2, "d": told})
        return line

    async def send(self, path: str, **data: Any) -> tuple[int, Any]:
        return await self.call("POST", path, data)


@pytest.fixture
async def hand(clock: ManualClock) -> AsyncIterator[Hand]:
    async with FakeDiscord(clock) as fake, aiohttp.ClientSession() as client:
        yield Hand(fake, client)


async def event(line: aiohttp.ClientWebSocketResponse, name: str) -> Any:
    async with asyncio.timeout(5):
        while (payload := await line.receive_json())["t"] != name:
            continue
    return payload["d"]


async def ended(line: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        while not line.closed:
            await line.receive()
    return line.close_code


async def channel(hand: Hand, chat: str = "shop") -> str:
    return f"/channels/{(await hand.fake.place(chat))['id']}/messages"


async def test_a_call_needs_the_token(hand: Hand) -> None:
    assert (await hand.call("GET", "/users/@me", token="another"))[0] == 401
    assert (await hand.call("GET", "/users/@me"))[1]["id"] == hand.fake.world.app_id


async def test_messages_are_checked(hand: Hand) -> None:
    path = await channel(hand)
    assert await hand.refused("POST", path, {"content": " "}) == (400, 50006)
    assert await hand.refused("POST", path, {"content": "a" * 2001}) == (400, 50035)
    assert await hand.refused("POST", path, {"content": "a", "nonce": "n" * 26}) == (400, 50035)
    assert await hand.refused("POST", "/channels/1/messages", {"content": "a"}) == (404, 10003)
    row = {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": "y" * 101}]}
    assert await hand.refused("POST", path, {"content": "a", "components": [row]}) == (400, 50035)
    twice = {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": "y"}] * 2}
    assert await hand.refused("POST", path, {"content": "a", "components": [twice]}) == (400, 50035)
    embed = {"title": "x", "image": {"url": "file:///etc/passwd"}}
    assert await hand.refused("POST", path, {"embeds": [embed]}) == (400, 50035)
    assert hand.fake.log == []
    status, made = await hand.send(path, content="  hello  ")
    assert (status, made["content"]) == (200, "hello")


async def test_a_nonce_is_known_for_minutes(hand: Hand, clock: ManualClock) -> None:
    path = await channel(hand)
    ids = [(await hand.send(path, content="a", nonce="n", enforce_nonce=True))[1]["id"] for _ in range(2)]
    clock.set(clock.now() + timedelta(minutes=10))
    later = (await hand.send(path, content="a", nonce="n", enforce_nonce=True))[1]["id"]
    assert ids[0] == ids[1] != later
    assert len(hand.fake.log) == 2
    assert "nonce" not in (await hand.call("GET", path))[1][0]


async def test_rights_are_asked(hand: Hand) -> None:
    path = await channel(hand)
    said = await hand.fake.say("shop", "ann", "hello")
    await hand.fake.allow("shop", deny=HISTORY)
    assert await hand.call("GET", path) == (200, [])
    reply = {"content": "a", "message_reference": {"message_id": said}}
    assert await hand.refused("POST", path, reply) == (400, 160002)
    await hand.fake.allow("shop", deny=SEND)
    assert await hand.refused("POST", path, {"content": "a"}) == (403, 50013)
    assert await hand.refused("PATCH", f"{path}/{said}", {"content": "mine"}) == (403, 50005)
    hand.fake.world.closed.add("ann")
    assert await hand.refused("POST", await channel(hand, "direct:ann"), {"content": "a"}) == (403, 50007)


async def test_the_line_is_strict(hand: Hand) -> None:
    assert await ended(await hand.line(token="another")) == 4004
    hand.fake.world.flags = 0
    assert await ended(await hand.line()) == 4014
    line = await hand.line(intents=1 << 9)
    await event(line, "READY")
    await line.send_json({"op": 2, "d": {"token": hand.fake.world.token, "intents": 0}})
    assert await ended(line) == 4005


async def test_without_the_content_intent_only_what_concerns_the_bot_has_words(hand: Hand) -> None:
    hand.fake.world.flags = CONTENT_FLAG
    await hand.fake.place("shop")
    line = await hand.line(intents=(1 << 9) | (1 << 12))
    await event(line, "READY")
    await hand.fake.say("shop", "ann", "secret")
    assert (await event(line, "MESSAGE_CREATE"))["content"] == ""
    await hand.fake.say("shop", "ann", f"{hand.fake.mention}hello")
    assert "hello" in (await event(line, "MESSAGE_CREATE"))["content"]
    await hand.fake.say("direct:ann", "ann", "between us")
    assert (await event(line, "MESSAGE_CREATE"))["content"] == "between us"


async def test_a_session_is_resumed_for_minutes(hand: Hand, clock: ManualClock) -> None:
    await hand.fake.place("shop")
    line = await hand.line()
    ready = await event(line, "READY")
    await hand.fake.drop()
    await hand.fake.say("shop", "ann", "while you were away")
    for minutes, expected in ((0, "MESSAGE_CREATE"), (10, None)):
        clock.set(clock.now() + timedelta(minutes=minutes))
        line = await hand.client.ws_connect(ready["resume_gateway_url"])
        await line.receive_json()
        told = {"token": hand.fake.world.token, "session_id": ready["session_id"], "seq": 2}
        await line.send_json({"op": 6, "d": told})
        first = await line.receive_json()
        assert (first.get("t"), first["op"]) == ((expected, 0) if expected else (None, 9))
        await hand.fake.drop()


async def test_commands_are_checked(hand: Hand) -> None:
    path = f"/applications/{hand.fake.world.app_id}/commands"
    good = {"name": "ask", "description": "Asks."}
    for bad in (
        {"name": "Ask", "description": "x"}, {"name": "ask", "description": ""}, {"name": "a b", "description": "x"},
        {**good, "description": "x" * 101}, {**good, "name_localizations": {"zh-CN": "帮 助"}},
    ):  # fmt: skip
        assert await hand.refused("PUT", path, [bad]) == (400, 50035)
    assert await hand.refused("PUT", path, [{**good, "name": f"a{number}"} for number in range(101)]) == (400, 30032)
    assert (await hand.call("PUT", path, [good]))[1][0]["id"]


async def test_deadlines_of_interactions(hand: Hand, clock: ManualClock) -> None:
    path = f"/applications/{hand.fake.world.app_id}/commands"
    await hand.call("PUT", path, [{"name": "ask", "description": "Asks."}])
    answer = {"type": 4, "data": {"content": "yes", "flags": EPHEMERAL}}
    late = (await hand.fake.use("shop", "ann", "ask")).data
    clock.set(clock.now() + timedelta(seconds=4))
    assert await hand.refused("POST", f"/interactions/{late['id']}/{late['token']}/callback", answer) == (404, 10062)

    held = (await hand.fake.use("shop", "ann", "ask")).data
    back, hook = (
        f"/interactions/{held['id']}/{held['token']}/callback",
        f"/webhooks/{held['application_id']}/{held['token']}",
    )
    assert await hand.refused("GET", f"{hook}/messages/@original") == (404, 10015)
    told = (await hand.call("POST", f"{back}?with_response=1", answer))[1]
    assert told["interaction"]["response_message_ephemeral"]
    assert await hand.refused("POST", back, answer) == (400, 40060)
    assert (await hand.call("GET", f"{hook}/messages/@original"))[1]["content"] == "yes"
    assert [(one.text, one.private_to) for one in hand.fake.log] == [("yes", "ann")]
    clock.set(clock.now() + timedelta(minutes=16))
    assert await hand.refused("POST", hook, {"content": "more"}) == (401, 50027)


async def test_a_form_is_opened_and_filled_in(hand: Hand) -> None:
    path = f"/applications/{hand.fake.world.app_id}/commands"
    await hand.call("PUT", path, [{"name": "ask", "description": "Asks."}])
    line = await hand.line()
    await event(line, "READY")
    held = await hand.fake.use("shop", "ann", "ask")
    field = {"type": 4, "custom_id": "words", "label": "What?", "style": 1}
    form = {"custom_id": "form", "title": "Ask", "components": [{"type": 1, "components": [field]}]}
    await hand.call("POST", f"/interactions/{held.data['id']}/{held.data['token']}/callback", {"type": 9, "data": form})
    await hand.fake.submit(held, words="how much?")
    told = await event(line, "INTERACTION_CREATE")
    told = told if told["type"] == 5 else await event(line, "INTERACTION_CREATE")
    assert told["data"]["components"][0]["components"][0]["value"] == "how much?"


async def test_a_bucket_that_is_used_up_says_when_to_come_again(hand: Hand) -> None:
    hand.fake.faults.limits = True
    path = await channel(hand)
    left = []
    for _ in range(5):
        assert (await hand.send(path, content="a"))[0] == 200
        left.append(hand.headers["X-RateLimit-Remaining"])
    assert left == ["4", "3", "2", "1", "0"]
    status, told = await hand.send(path, content="a")
    assert (status, told["global"], hand.headers["Via"]) == (429, False, "1.1 google")
    assert 0 < told["retry_after"] <= 5
    assert (await hand.send(await channel(hand, "shop#other"), content="a"))[0] == 200
    assert (await hand.send(path, content="a"))[0] == 429
    assert (hand.fake.refused, hand.fake.refused_twice) == (2, 1)


async def test_who_is_rung_up_is_known(hand: Hand) -> None:
    path, ann = await channel(hand), hand.fake.world.user("ann")["id"]
    await hand.send(path, content=f"@everyone <@{ann}>")
    await hand.send(path, content=f"@everyone <@{ann}>", allowed_mentions={"parse": []})
    await hand.send(path, content=f"@everyone <@{ann}>", allowed_mentions={"parse": [], "users": [ann]})
    assert [one for _, one in hand.fake.rest.pinged] == ["everyone", ann, ann]
