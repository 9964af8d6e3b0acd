"""Thirty-two pages ask at once over real websockets while a post is written, and an admin looks how the model does."""

import re
import signal
from collections import Counter
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import pytest

from tests.served_bot import SEATS, Bot, Page, Shown, pages

PAGES = 32
ASKED = (
    "how much is the small purple zisha teapot?",
    "when is delivery free?",
    "is the copper gooseneck kettle in stock?",
    "满多少包邮？",
    "how long do I have to send something back?",
)


def frame(text: str, chat: str) -> dict[str, str]:
    return {"id": str(uuid4()), "chat": chat, "text": text}


def whole(shown: Shown, chat: str, known: set[str]) -> list[str]:
    """The ids of the bot's whole messages in a chat, without those known before."""
    said = (one for one in shown.values() if one["sender"] == "bot" and one["done"] and one["chat"] == chat)
    return [one["id"] for one in said if one["id"] not in known]


async def told(page: Page, bot: Bot) -> str:
    """What /engine says to the admin, who asks alone with the bot."""
    chat, known = f"direct:{page.seat}", set(page.shown)
    await page.say(frame("/engine", chat))
    await page.until(lambda: bool(whole(page.shown, chat, known)), "told of the engine", bot)
    return "\n".join(page.shown[one]["text"] for one in whole(page.shown, chat, known))


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_thirty_two_pages_ask_at_once_while_a_post_is_written(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    if not bot.model:
        pytest.skip("the shipped model's weights are not here")
    members = [seat for seat in SEATS if seat != "alex"]
    try:
        await bot.start()
        async with pages(bot.url, seats=[*islice(cycle(members), PAGES), "alex"]) as opened:
            *asking, admin = opened
            for page in opened:
                await page.until(lambda page=page: page.seated, "seated", bot)  # type: ignore[misc]
            await admin.say(frame("/post now tip", "group"))
            chats = Counter[str]()
            for number, (page, text) in enumerate(zip(asking, cycle(ASKED), strict=False)):
                chat = "group" if number % 2 else f"direct:{page.seat}"
                chats[chat] += 1
                await page.say(frame(f"@shop {text}" if number % 2 else text, chat))
            first = "the first reply in the group"
            await admin.until(lambda: bool(whole(admin.shown, "group", set())), first, bot)
            during = await told(admin, bot)
            for chat, count in chats.items():
                page = next(one for one in asking if chat in ("group", f"direct:{one.seat}"))
                await page.until(
                    lambda page=page, chat=chat, count=count: (  # type: ignore[misc]
                        sum(one.startswith("reply:") for one in whole(page.shown, chat, set())) >= count
                    ),
                    f"{count} replies in {chat}", bot,
                )  # fmt: skip
            await admin.until(
                lambda: any(one.startswith("post:") for one in whole(admin.shown, "group", set())), "a post", bot
            )
            after = await told(admin, bot)
    finally:
        await bot.end(signal.SIGTERM)
    print(f"while they wait:\n{during}\n\nafterwards:\n{after}")
    assert re.search(r"\d+ under way, \d+ waiting, room for 32 at a time", during)
    assert "0 under way, 0 waiting" in after
    assert re.search(r"\d+ tokens a second while it works; \d+ written", after)
    assert re.search(r"\d+% of what was to be read was known", after)
    assert "replies waited" in after
    assert "posts waited" in after
    done = re.search(r"Requests since the start: done: (\d+)$", after, re.MULTILINE)
    assert done, after  # none was refused, out of time or failed
    assert int(done[1]) > PAGES / 2
