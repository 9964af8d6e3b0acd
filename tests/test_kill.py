"""kill -9 in the middle of replies: no message is lost, none is answered twice.

Five members talk over the page's real websocket to `python -m bot run`, with the shipped model where there is one. The
process is killed again and again at seeded moments; the pages come back and send again what was not acknowledged, as
socket.js does. What counts is what a page shows after a reload, and the file that is left.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.served_bot import SEATS, START, Bot, Page, pages

KILLS = 8
ASKED = (
    "@shop how much is the small purple zisha teapot?",
    "@shop when is delivery free?",
    "@shop can the moka pot go on an induction hob?",
    "@shop 满多少包邮？",
    "@shop are you open on Mondays?",
    "@shop is the copper gooseneck kettle in stock?",
    "@shop how much is the moka pot? And when is delivery free?",
)
CHATTED = ("haha yes", "the light over the harbour was lovely today", "今天天气真好", "see you on Saturday")


class Moment:
    """When to kill: once so many versions of replies were seen, or so many first parts of replies not yet whole."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.cut = 0  # replies of which a part was shown when the kill came
        self._versions: set[tuple[str, str]] = set()
        self._parts: set[str] = set()

    def set(self, versions: int, parts: int) -> None:
        self._left = (len(self._versions) + versions, len(self._parts) + parts)
        self.reached.clear()

    def see(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "message" or frame["message"]["sender"] != "bot" or self.reached.is_set():
            return
        said = frame["message"]
        self._versions.add((said["id"], said["text"]))
        if not said["done"]:
            self._parts.add(said["id"])
        if len(self._versions) >= self._left[0] or len(self._parts) >= self._left[1]:
            self.cut += not said["done"]
            self.reached.set()


def round_of(chance: random.Random, seat: str) -> list[dict[str, str]]:
    """What a member says in one round: two questions in the group, one alone with the bot, and small talk."""
    texts = [(chance.choice(ASKED), "group"), (chance.choice(CHATTED), "group"), (chance.choice(ASKED), "group")]
    texts.append((chance.choice(ASKED).removeprefix("@shop "), f"direct:{seat}"))
    chance.shuffle(texts)
    return [{"id": str(UUID(int=chance.getrandbits(128))), "chat": chat, "text": text} for text, chat in texts]


def addressed(frame: dict[str, str]) -> bool:
    return frame["chat"] != "group" or "@shop" in frame["text"]


def answered(page: Page) -> bool:
    """Everything said on this page is acknowledged and has a whole reply."""
    said = [frame for frame in page.acked.values() if addressed(frame)]
    done = [one for one in page.shown.values() if one["sender"] == "bot" and one["done"]]
    replied = {one["reply_to"] for one in done}
    alone = sum(one["chat"] != "group" for one in done)
    group = all(one["id"] in replied for one in said if one["chat"] == "group")
    return not page.unsent and group and alone >= sum(one["chat"] != "group" for one in said)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_kill_9_in_the_middle_of_replies(tmp_path: Path) -> None:
    chance, moment, bot = random.Random(2), Moment(), Bot(tmp_path)
    try:
        await bot.start()
        async with pages(bot.url, moment.see) as talking:
            for number in range(KILLS):
                # half of the kills wait for a part of a reply, or for most of the 15 replies where few come in parts
                moment.set(*((chance.randint(1, 8), 99) if number % 2 else (12, chance.randint(1, 3))))
                for page in talking:
                    for frame in round_of(chance, page.seat):
                        await page.say(frame)
                async with asyncio.timeout(START):
                    await moment.reached.wait()
                await asyncio.sleep(chance.uniform(0, 0.02))  # the moment itself: between two frames, or in one
                assert await bot.end(signal.SIGKILL) == -signal.SIGKILL
                await bot.start()
            for page in talking:
                await page.until(lambda page=page: answered(page), "everything acknowledged and answered", bot)  # type: ignore[misc]
            acked = {one: frame for page in talking for one, frame in page.acked.items()}
        assert await bot.end(signal.SIGTERM) == 0, bot.said()
        left = Left(bot.file)
        await bot.start()
        async with pages(bot.url, moment.see) as reloaded:
            for page in reloaded:
                await page.until(lambda page=page: bool(page.shown), "showing its history", bot)  # type: ignore[misc]
            views = {page.seat: list(page.shown.values()) for page in reloaded}
        assert len(acked) == KILLS * len(SEATS) * 4
        assert moment.cut or not bot.model, "no kill came while a reply was written"
        left.check(acked)
        for seat, view in views.items():
            check(seat, view, acked, left)
    finally:
        with contextlib.suppress(ProcessLookupError):
            await bot.end(signal.SIGKILL)


class Left:
    """The file after an orderly stop, read only."""

    def __init__(self, file: Path) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            self.sound = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            self.inbox = list(connection.execute("SELECT id, key, chat, state, error FROM inbox ORDER BY id"))
            self.outbox = list(connection.execute("SELECT id, chat_id, key, kind, state, text, action FROM outbox"))
            self.heard = [row[0] for row in connection.execute("SELECT message_id FROM interaction")]
        self.questions = {row["key"].removeprefix("web:"): row["id"] for row in self.inbox}
        self.texts = {row["key"]: row["text"] for row in self.outbox}

    def check(self, acked: dict[str, dict[str, str]]) -> None:
        assert self.sound == ["ok"]
        assert [dict(row) for row in self.inbox if row["state"] != "done"] == [], "not brought to an end"
        assert set(self.questions) == set(acked), "acknowledged and taken in are not the same"
        assert sorted(self.heard) == sorted(acked), "recorded twice, or not at all"
        wanted = {f"reply:{self.questions[one]}" for one, frame in acked.items() if addressed(frame)}
        replies = [row["key"] for row in self.outbox if row["kind"] == "reply"]
        assert sorted(replies) == sorted(wanted), "replies and questions are not the same"
        half = [dict(row) for row in self.outbox if row["state"] != "sent" or not row["text"] or not row["action"]]
        assert half == [], "half a reply was left"


def check(seat: str, view: list[dict[str, Any]], acked: dict[str, dict[str, str]], left: Left) -> None:
    """One page after its reload: each question once, each with one whole reply, in order."""
    for chat in ("group", f"direct:{seat}"):
        shown = [one for one in view if one["chat"] == chat]
        said = [one["id"] for one in shown if one["sender"] != "bot"]
        mine = {one for one, frame in acked.items() if frame["chat"] == chat}
        assert sorted(said) == sorted(mine), f"{seat} sees other messages in {chat} than were acknowledged"
        asked = [left.questions[one] for one in said if addressed(acked[one])]
        replies = [one for one in shown if one["sender"] == "bot"]
        numbers = [int(one["id"].removeprefix("reply:")) for one in replies]
        assert asked == sorted(asked), f"{seat} sees questions in {chat} out of order"
        assert numbers == asked, f"{seat} sees replies in {chat} lost, doubled or out of order"
        for one in replies:
            assert one["done"], one
            assert one["text"] == left.texts[one["id"]], "what is shown is not what was decided"
            if chat == "group":
                assert left.questions[one["reply_to"]] == int(one["id"].removeprefix("reply:"))
