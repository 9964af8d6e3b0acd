"""A picture of ours is kept once, shown under its message on every network, and missed nowhere once it is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.clock import ManualClock, SystemClock
from bot.config import Settings
from bot.messages import Card, Chat, Message, Outgoing
from bot.pictures import Pictures
from bot.platforms.base import CommandHelp
from bot.platforms.discord import Discord
from tests.bot.discord_shop import Ahead, until
from tests.bot.telegram_shop import alone
from tests.bot.web_shop import open_shop
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

PNG = b"\x89PNG\r\n\x1a\n a drawn kettle"


@pytest.fixture
async def path(tmp_path: Path) -> str:
    return await Pictures(tmp_path / "pictures").keep(PNG)


async def test_the_same_picture_is_one_file_and_an_old_one_goes(tmp_path: Path):
    pictures = Pictures(tmp_path / "pictures")
    path = await pictures.keep(PNG)
    assert await pictures.keep(PNG) == path
    assert await pictures.keep(PNG + b"!") != path
    now = SystemClock().now()
    assert await pictures.clear(now - timedelta(days=30)) == 0
    assert Path(path).read_bytes() == PNG
    assert await pictures.clear(now + timedelta(days=1)) == 2
    assert await pictures.clear(now + timedelta(days=1)) == 0


async def test_telegram_shows_it_and_does_without_it(settings: Settings, clock: ManualClock, path: str):
    async with FakeTelegram(clock) as fake, alone(settings, fake, clock) as (edge, _):
        to, _ = fake.world.place("shop")
        chat = Chat("telegram", str(to.id))
        shown = Outgoing("Today's kettle", cards=(Card("Kettle", picture=path),))
        await edge.send(chat, shown, "post:1")
        Path(path).unlink()
        clock.set(clock.now() + timedelta(seconds=5))
        await edge.send(chat, shown, "post:2")
        assert [(one.text, one.picture) for one in fake.log] == [
            ("Today's kettle\n\nKettle", True), ("Today's kettle\n\nKettle", False),
        ]  # fmt: skip
        await edge.check()


@asynccontextmanager
async def discord(fake: FakeDiscord, heard: list[Message]) -> AsyncIterator[Discord]:
    """The platform alone; what it hears goes into the list."""
    told = fake.settings()

    async def receive(message: Message) -> None:
        heard.append(message)

    platform = Discord(
        token=told["DISCORD_TOKEN"], api_url=told["DISCORD_API_URL"], gateway_url=told["DISCORD_GATEWAY_URL"],
        commands=lambda _: [CommandHelp("posts", "", "Posts.")], clock=fake.clock,
    )  # fmt: skip
    running = asyncio.create_task(platform.run(receive))
    try:
        await until(lambda: fake.gateway.served and fake.interactions.put)
        yield platform
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_discord_shows_it_and_does_without_it(path: str):
    heard: list[Message] = []
    async with FakeDiscord(Ahead()) as fake, discord(fake, heard) as platform:
        chat = Chat("discord", (await fake.place("shop"))["id"])
        shown = Outgoing("Today's kettle", cards=(Card("Kettle", picture=path), Card("Pot")))
        message = await platform.send(chat, shown, "post:1")
        assert fake.log[-1].picture
        await platform.edit(chat, message, replace(shown, text="Today's kettle, again"))
        assert (fake.log[-1].text, fake.log[-1].picture) == ("Today's kettle, again", True)
        await fake.use("shop", "boss", "posts")
        await until(lambda: heard)
        await platform.send(chat, replace(shown, text="Your posts", ticket=heard[0].ticket), "command:1")
        assert (fake.log[-1].text, fake.log[-1].picture) == ("Your posts", True)
        Path(path).unlink()
        await platform.send(chat, replace(shown, text="Tomorrow's kettle"), "post:2")
        assert (fake.log[-1].text, fake.log[-1].picture) == ("Tomorrow's kettle", False)


async def test_the_page_shows_it_and_nothing_else_of_the_disk(tmp_path: Path, path: str):
    (tmp_path / "pictures" / "secret.txt").write_text("secret")
    async with open_shop(tmp_path / "uploads") as shop, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{shop.web.url}/ws")
        await socket.send_json({"type": "seat", "seat": "maya", "token": ""})
        while (await socket.receive_json())["type"] != "seated":
            pass
        shown = Outgoing("Today's kettle", cards=(Card("Kettle", picture=path),))
        await shop.say(Chat("web", "group"), shown, "post:1")
        frame = await socket.receive_json()
        address = frame["message"]["cards"][0]["picture"]
        assert str(tmp_path) not in address
        async with http.get(shop.web.url + address) as answer:
            assert (await answer.read(), answer.content_type) == (PNG, "image/png")
        for bad in ("secret.txt", "..%2Fuploads", "0" * 40 + ".png"):
            async with http.get(f"{shop.web.url}/pictures/{bad}") as answer:
                assert answer.status == 404
        await socket.close()


DOCUMENT = ("my-data.json", '{"who": "小林"}')


async def test_a_document_comes_with_its_message_on_every_network(
    settings: Settings, clock: ManualClock, tmp_path: Path
):
    shown, content = Outgoing("Here it is", document=DOCUMENT), DOCUMENT[1].encode()
    async with FakeTelegram(clock) as fake, alone(settings, fake, clock) as (edge, _):
        to, _ = fake.world.place("shop")
        await edge.send(Chat("telegram", str(to.id)), shown, "reply:1")
        assert (fake.log[-1].text, fake.files["my-data.json"]) == ("Here it is", content)
        await edge.check()
    heard: list[Message] = []
    async with FakeDiscord(Ahead()) as fake, discord(fake, heard) as platform:
        chat = Chat("discord", (await fake.place("shop"))["id"])
        await platform.send(chat, shown, "reply:1")
        await fake.use("shop", "boss", "posts")
        await until(lambda: heard)
        alone_sees = replace(shown, text="Yours", ticket=heard[0].ticket, private_to=heard[0].sender.id)
        await platform.send(chat, alone_sees, "command:1")
        held = [content for path, content in fake.world.files.items() if path.endswith("/my-data.json")]
        assert held == [content, content]
    async with open_shop(tmp_path / "uploads") as shop, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{shop.web.url}/ws")
        await socket.send_json({"type": "seat", "seat": "maya", "token": ""})
        while (await socket.receive_json())["type"] != "seated":
            pass
        await shop.say(Chat("web", "direct:maya"), shown, "reply:1")
        assert (await socket.receive_json())["message"]["document"] == list(DOCUMENT)
        await socket.close()
