"""The web platform from outside: the real server, asked by a client as a page would."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import WSMsgType

from bot.messages import Button, Card, Chat, Kind, Outgoing, Role
from bot.platforms.base import React, SendError, Typing
from bot.platforms.web import Web
from tests.bot.web_shop import TOKEN, SmallShop, open_shop

GROUP = Chat("web", "group", "Alder & Reed")


class Visitor:
    """A page: one websocket, frames in and out."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def any(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.socket.receive_str())
        return frame

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; others are passed over."""
        while True:
            frame = await self.any()
            if frame["type"] == kind:
                return frame

    async def seat(self, seat: str, token: str = "") -> list[dict[str, Any]]:
        await self.socket.send_json({"type": "seat", "seat": seat, "token": token})
        messages: list[dict[str, Any]] = (await self.next("seated"))["messages"]
        return messages

    async def say(self, text: str, seat: str = "maya", chat: str = "group", **more: str) -> str:
        frame = {"type": "say", "id": str(uuid4()), "chat": chat, "seat": seat, "text": text} | more
        await self.socket.send_json(frame)
        return frame["id"]

    async def until_ack(self, message_id: str) -> list[dict[str, Any]]:
        """The frames before the acknowledgement."""
        frames: list[dict[str, Any]] = []
        while True:
            frame = await self.any()
            if frame["type"] in ("ack", "refused") and frame["id"] == message_id:
                assert frame["type"] == "ack", frame
                return frames
            frames.append(frame)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SmallShop]:
    async with open_shop(tmp_path / "uploads") as shop:
        yield shop


@pytest.fixture
async def client(shop: SmallShop) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(shop.web.url, headers={"Origin": shop.web.url}) as client:
        yield client


async def visit(client: aiohttp.ClientSession, seat: str = "maya", token: str = "") -> Visitor:
    visitor = Visitor(await client.ws_connect("/ws"))
    await visitor.next("hello")
    await visitor.seat(seat, token)
    return visitor


async def test_hello_says_who_can_speak_and_what_can_be_asked(client: aiohttp.ClientSession) -> None:
    hello = await Visitor(await client.ws_connect("/ws")).next("hello")
    assert [seat["name"] for seat in hello["seats"]] == ["Maya", "Tom", "小林", "Priya", "Alex"]
    assert [seat["id"] for seat in hello["seats"] if seat["admin"]] == ["alex"]
    assert hello["shop"]["name"] == "Alder & Reed"
    assert hello["commands"]["zh"][0]["help"] == "机器人能做什么"


async def test_a_message_is_durable_before_it_is_acknowledged_or_shown(
    shop: SmallShop, client: aiohttp.ClientSession
) -> None:
    maya, tom = await visit(client), await visit(client, "tom")
    shop.committing.clear()
    message_id = await maya.say("hello all")
    await shop.arrived.get()
    await shop.web.act(GROUP, Typing())
    assert (await tom.any())["type"] == "typing"  # the first that Tom sees, while the commit still waits
    assert shop.inbox == {}
    shop.committing.set()
    await maya.until_ack(message_id)
    assert shop.inbox[f"web:{message_id}"].text == "hello all"
    seen = (await tom.next("message"))["message"]
    assert (seen["id"], seen["sender"], seen["text"]) == (message_id, "maya", "hello all")


async def test_the_same_message_sent_again_is_one_message(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    maya = await visit(client)
    message_id = await maya.say("when do you open?")
    await maya.until_ack(message_id)
    again = await visit(client)
    await again.say("when do you open?", id=message_id)
    await again.until_ack(message_id)
    assert len(shop.inbox) == 1
    assert [one["id"] for one in await again.seat("maya")] == [message_id]


@pytest.mark.parametrize(
    ("text", "more", "addressed"),
    [
        ("nice weather", {}, False),
        ("@shopkeeper is it open?", {}, True),
        ("你好@Shop在吗", {}, True),
        ("@店小二 几点开门", {}, True),
        ("write to me@shop.example", {}, False),
        ("ask @Alder & Reed", {}, True),
        ("/help", {}, True),
        ("and the red one?", {"reply_to": "reply:1"}, True),
        ("and the red one?", {"reply_to": str(uuid4())}, False),
        ("is it open?", {"chat": "direct:maya"}, True),
    ],
)
async def test_who_is_spoken_to(
    shop: SmallShop, client: aiohttp.ClientSession, text: str, more: dict[str, str], addressed: bool
) -> None:
    maya = await visit(client)
    await maya.until_ack(await maya.say(text, **more))
    message = await shop.received.get()
    assert message.addressed is addressed
    assert message.at == shop.clock.now()
    assert message.chat.direct is ("chat" in more)


async def test_the_admin_seat_needs_the_token_for_every_message(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    visitor = Visitor(await client.ws_connect("/ws"))
    for token in ("", "wrong", TOKEN + "x", "\ud800"):
        await visitor.socket.send_json({"type": "seat", "seat": "alex", "token": token})
        assert (await visitor.next("refused"))["reason"] == "token"
    await visitor.seat("alex", TOKEN)
    message_id = await visitor.say("/mode off", seat="alex")
    refused = await visitor.next("refused")
    assert (refused["id"], refused["reason"]) == (message_id, "token")
    assert shop.inbox == {}
    await visitor.until_ack(await visitor.say("/mode off", seat="alex", token=TOKEN))
    assert (await shop.received.get()).sender.role is Role.ADMIN
    assert await shop.web.ask(GROUP, "alex")
    assert not await shop.web.ask(GROUP, "maya")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("no json", "bad"),
        ("[]", "bad"),
        ('{"type": "dance"}', "bad"),
        ('{"type": ["say"]}', "bad"),
        ('{"type": "say", "id": "1", "chat": "group", "seat": "maya", "text": "x"}', "bad"),
        ('{"type": "say", "id": "%s", "chat": "group", "seat": "maya", "text": 5}', "bad"),
        ('{"type": "say", "id": "%s", "chat": "group", "seat": "maya", "text": "  "}', "bad"),
        ('{"type": "say", "id": "%s", "chat": "group", "seat": "maya", "text": "' + "x" * 4001 + '"}', "long"),
        ('{"type": "say", "id": "%s", "chat": "direct:tom", "seat": "maya", "text": "x"}', "chat"),
        ('{"type": "say", "id": "%s", "chat": "group", "seat": "eve", "text": "x"}', "seat"),
    ],
)
async def test_a_bad_frame_is_refused_and_the_page_goes_on(
    shop: SmallShop, client: aiohttp.ClientSession, frame: str, reason: str
) -> None:
    visitor = await visit(client)
    await visitor.socket.send_str(frame.replace("%s", str(uuid4())))
    assert (await visitor.next("refused"))["reason"] == reason
    await visitor.until_ack(await visitor.say("still here"))
    assert [message.text for message in shop.inbox.values()] == ["still here"]


async def test_a_private_reply_and_a_direct_chat_reach_their_member_only(
    shop: SmallShop, client: aiohttp.ClientSession
) -> None:
    maya, tom, alex = await visit(client), await visit(client, "tom"), await visit(client, "alex", TOKEN)
    await shop.say(GROUP, Outgoing("for Maya's eyes", private_to="maya"), "reply:1")
    await shop.say(Chat("web", "direct:maya", direct=True), Outgoing("between us"), "reply:2")
    await shop.say(GROUP, Outgoing("for all"), "reply:3")
    texts = [(await maya.next("message"))["message"]["text"] for _ in range(3)]
    assert texts == ["for Maya's eyes", "between us", "for all"]
    for other, seat in ((tom, "tom"), (alex, "alex")):
        assert (await other.next("message"))["message"]["text"] == "for all"
        token = TOKEN if seat == "alex" else ""
        assert [one["text"] for one in await other.seat(seat, token)] == ["for all"]
    assert {one["text"] for one in await tom.seat("maya")} == set(texts)


async def test_a_reply_grows_in_place(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    maya = await visit(client)
    assert await shop.say(GROUP, Outgoing("It is", done=False), "reply:1") == "reply:1"
    card = Card("Teapot", "£68.00", link="https://alder.example/teapot")
    whole = Outgoing("It is £68.00.", buttons=(Button("More", "/product teapot"),), cards=(card,))
    await shop.edit(GROUP, "reply:1", whole)
    first, second = [(await maya.next("message"))["message"] for _ in range(2)]
    assert (first["id"], first["done"]) == (second["id"], False)
    assert (second["text"], second["done"], second["cards"][0]["title"]) == ("It is £68.00.", True, "Teapot")
    assert [one["text"] for one in await maya.seat("maya")] == ["It is £68.00."]


async def test_a_button_is_its_command(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    maya = await visit(client)
    press = {"type": "press", "id": str(uuid4()), "chat": "group", "seat": "maya"}
    await maya.socket.send_json(press | {"command": "/product teapot", "message": "reply:1"})
    assert await maya.until_ack(press["id"]) == []
    message = await shop.received.get()
    assert (message.kind, message.text, message.reply_to) == (Kind.BUTTON, "/product teapot", "reply:1")
    assert message.addressed


async def test_reactions_of_members_and_of_the_bot_are_shown(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    maya, tom = await visit(client), await visit(client, "tom")
    await shop.say(GROUP, Outgoing("Delivery is free from £45."), "reply:1")
    react = {"type": "react", "id": str(uuid4()), "chat": "group", "seat": "maya", "emoji": "+", "message": "reply:1"}
    await maya.socket.send_json(react)
    await maya.until_ack(react["id"])
    seen = await tom.next("reaction")
    assert (seen["message"], seen["sender"], seen["emoji"]) == ("reply:1", "maya", "+")
    received = await shop.received.get()
    assert (received.kind, received.text, received.reply_to) == (Kind.REACTION, "+", "reply:1")
    await shop.web.act(GROUP, React("reply:1", "*"))
    assert (await tom.next("reaction"))["sender"] == "bot"
    assert (await tom.seat("tom"))[0]["reactions"] == [["+", "maya"]]


async def test_what_happens_while_the_history_is_read_comes_after_it(
    shop: SmallShop, client: aiohttp.ClientSession
) -> None:
    for number in range(30):
        await shop.say(GROUP, Outgoing(f"before {number}"), f"post:{number}")
    visitor = Visitor(await client.ws_connect("/ws"))
    messages = await visitor.seat("maya")
    await shop.say(GROUP, Outgoing("after"), "post:30")
    assert [one["text"] for one in messages] == [f"before {number}" for number in range(30)]
    assert (await visitor.next("message"))["message"]["text"] == "after"


async def test_a_page_that_does_not_keep_up_is_cut_off_and_the_others_are_not(
    shop: SmallShop, client: aiohttp.ClientSession
) -> None:
    slow, quick = await visit(client), await visit(client, "tom")
    text = "x" * 40_000
    for number in range(1000):  # 40 MB: more than the sockets' buffers and the page's queue hold
        await shop.web.edit(GROUP, "post:1", Outgoing(f"{number} {text}"))
        assert (await quick.next("message"))["message"]["text"].startswith(f"{number} ")
    while (frame := await slow.socket.receive()).type is WSMsgType.TEXT:
        assert not frame.data.startswith("999 ")
    assert frame.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    back = await visit(client)
    await back.until_ack(await back.say("here again"))


async def test_a_burst_is_taken_whole_and_in_order(shop: SmallShop, client: aiohttp.ClientSession) -> None:
    maya, tom = await visit(client), await visit(client, "tom")
    for number in range(1500):
        await maya.say(f"number {number}")
    texts = [(await tom.next("message"))["message"]["text"] for _ in range(1500)]
    assert texts == [f"number {number}" for number in range(1500)]
    assert [message.text for message in shop.inbox.values()] == texts


def form(name: str, content: bytes = b"title,price\nTeapot,68\n") -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("file", io.BytesIO(content), filename=name)
    return data


async def upload(client: aiohttp.ClientSession, data: aiohttp.FormData, token: str = TOKEN, **query: str) -> Any:
    where = {"id": str(uuid4()), "chat": "group", "seat": "alex"} | query
    async with client.post(
        "/upload", data=data, params=where, headers={"Authorization": f"Bearer {token}"}
    ) as response:
        return response.status, await response.json()


async def test_a_dropped_file_is_on_disk_and_becomes_an_import(
    shop: SmallShop, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    tom = await visit(client, "tom")
    status, answer = await upload(client, form("茶 products.csv"))
    assert status == 200
    message = await shop.received.get()
    assert (message.id, message.kind, message.text) == (answer["id"], Kind.FILE, "/import")
    assert message.sender.role is Role.ADMIN
    assert message.addressed
    (file,) = message.files
    assert (file.name, file.size) == ("茶 products.csv", 22)
    assert Path(file.path).is_relative_to(tmp_path / "uploads")
    assert Path(file.path).read_bytes().startswith(b"title,price")
    assert (await tom.next("message"))["message"]["files"] == ["茶 products.csv"]


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "..\\evil.csv", ".hidden", "..", "a" * 201])
async def test_a_file_name_that_is_no_plain_name_is_refused(
    shop: SmallShop, client: aiohttp.ClientSession, tmp_path: Path, name: str
) -> None:
    status, answer = await upload(client, form(name))
    assert (status, answer["reason"]) == (400, "file")
    assert shop.inbox == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_files_come_from_the_admin_only(shop: SmallShop, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    assert (await upload(client, form("a.csv"), token="wrong"))[0] == 403
    assert (await upload(client, form("a.csv"), seat="maya"))[0] == 403
    assert (await upload(client, form("a.csv"), id="../../x"))[0] == 400
    assert (await upload(client, form("a.csv"), chat="direct:tom"))[0] == 400
    assert shop.inbox == {}
    assert not (tmp_path / "uploads").exists()


async def test_files_that_are_too_large_leave_nothing_behind(
    shop: SmallShop, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    status, answer = await upload(client, form("big.csv", b"x" * (64 * 1024 * 1024 + 1)))
    assert status == 400
    assert "64 MB" in answer["text"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert shop.inbox == {}


async def test_stopping_closes_the_open_pages(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    shop = SmallShop(tmp_path)
    serving = asyncio.create_task(shop.web.run(shop.receive))
    async with aiohttp.ClientSession(await shop.web.opened()) as client:
        visitor = await visit(client)
        leaving = asyncio.create_task(visitor.socket.receive())
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert (await leaving).type is WSMsgType.CLOSE
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get("/")
    assert asyncio.all_tasks() <= before


async def test_a_taken_port_is_said_clearly(shop: SmallShop, tmp_path: Path) -> None:
    port = int(shop.web.url.rpartition(":")[2])
    second = Web(
        port=port,
        token=TOKEN,
        uploads=tmp_path,
        clock=shop.clock,
        history=shop.history,
        commands=lambda language: [],
        shop=shop.info,
    )
    with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 can't be had; another one"):
        await second.run(shop.receive)


async def test_a_chat_that_is_not_there_is_a_send_error(shop: SmallShop) -> None:
    with pytest.raises(SendError, match="no chat 'direct:eve'"):
        await shop.web.send(Chat("web", "direct:eve", direct=True), Outgoing("hello"), "reply:1")
