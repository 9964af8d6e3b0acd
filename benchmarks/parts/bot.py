"""A whole bot on a new database, talking on a chat network that is a double in this process."""

import asyncio
import contextlib
import gc
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, cycle, islice
from pathlib import Path

from bot import demo
from bot.app import App, build
from bot.clock import SystemClock
from bot.config import load
from bot.messages import Capabilities, Chat, Message, Outgoing, Sender
from bot.platforms.base import Action, Platform, Receive
from llm.engine import Engine, Request
from llm.engines.scripted import ScriptedEngine, plain

CHATS = [f"chat {number}" for number in range(20)]
ASKED = [text for texts in json.loads(Path(demo.__file__).with_name("questions.json").read_text("utf-8")).values()
         for text in texts]  # fmt: skip
CHATTED = [
    "morning all",
    "the light over the harbour was lovely today",
    "did anybody watch the match last night?",
    "haha yes",
    "my cat has opinions about the vacuum cleaner",
    "what are you all doing on Saturday?",
    "今天天气真好",
    "有人周末一起去爬山吗？",
    "just got home, feet up",
    "see you tomorrow then",
]


class Double(Platform):
    """A chat network in this process. It notes when each question was answered, and what is seen twice or late."""

    name = "double"
    capabilities = Capabilities(
        edits=True, streams=True, buttons=True, cards=True, private_replies=True, idempotent=True, mode="questions"
    )

    def __init__(self) -> None:
        self.receive: asyncio.Future[Receive] = asyncio.get_running_loop().create_future()
        self.sent: dict[str, float] = {}  # question -> when its whole reply was shown
        self.replies: dict[str, set[str]] = defaultdict(set)  # question -> ids of the messages that reply to it
        self.order: dict[str, list[str]] = defaultdict(list)  # chat -> questions in the order of their replies
        self._changed = asyncio.Event()

    async def run(self, receive: Receive) -> None:
        self.receive.set_result(receive)
        await asyncio.Event().wait()

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if key not in self.replies[outgoing.reply_to]:
            self.replies[outgoing.reply_to].add(key)
            self.order[chat.id].append(outgoing.reply_to)
        await self.edit(chat, key, outgoing)
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        if outgoing.done:
            self.sent.setdefault(outgoing.reply_to, time.perf_counter())
            self._changed.set()

    async def act(self, chat: Chat, action: Action) -> None:
        """Nobody watches."""

    async def ask(self, chat: Chat, member: str) -> bool:
        return False

    async def answered(self, ids: Sequence[str], seconds: float) -> None:
        """Until all of these are answered, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not all(one in self.sent for one in ids):
                    self._changed.clear()
                    await self._changed.wait()


@dataclass(slots=True)
class Bench:
    """A running bot and the network that it talks on."""

    app: App
    double: Double
    receive: Receive
    put_at: dict[str, float] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def message(self, text: str, chat: str, addressed: bool) -> Message:
        number = str(next(self._numbers))
        member = f"member {int(number) % 50}"
        where, who = Chat("double", chat, chat), Sender(member, member)
        return Message(f"double:{number}", number, where, who, text, datetime.now(UTC), addressed)

    def messages(self, texts: Sequence[str], how_many: int, chats: Sequence[str], addressed: bool) -> list[Message]:
        some = zip(islice(cycle(texts), how_many), cycle(chats), strict=False)
        return [self.message(text, chat, addressed) for text, chat in some]

    async def put(self, message: Message) -> None:
        self.put_at[message.id] = time.perf_counter()
        await self.receive(message)

    async def put_all(self, messages: Sequence[Message]) -> None:
        await asyncio.gather(*(self.put(message) for message in messages))

    async def settle(self, messages: Sequence[Message], seconds: float = 120) -> None:
        """Until all of them are handled, and the addressed ones answered."""
        await self.app.intake.idle()
        await self.double.answered([one.id for one in messages if one.addressed], seconds)

    def delays(self, messages: Sequence[Message]) -> list[float]:
        """Milliseconds from put to sent of those that were answered."""
        sent = self.double.sent
        return sorted(1000 * (sent[one.id] - self.put_at[one.id]) for one in messages if one.id in sent)


def in_two_parts(request: Request) -> str:
    """A reply of two sentences: the first is shown while the second is being written."""
    return f"{plain(request.plan)} {'还有什么想问的吗？' if request.plan.language == 'zh' else 'Anything else?'}"


@contextlib.asynccontextmanager
async def opened(
    folder: Path, *, streamed: int = 0, budget: int = 0, model: Engine | None = None
) -> AsyncIterator[Bench]:
    """A bot with the demo shop on a new database, warm. The first replies after that, `streamed` many, have parts.

    `budget`: MEMBER_BUDGET. `model`: what words the replies instead of a script.
    """
    folders = {"DATABASE_URL": f"sqlite:///{folder}/shop.db", "UPLOADS": f"{folder}/up"}
    settings = load({**folders, "EMBED_MODEL": "off", "MEMBER_BUDGET": str(budget)}, env_file=None)
    double, warm = Double(), 2 * len(ASKED)
    engine = model or ScriptedEngine([plain_request] * warm + [in_two_parts] * streamed)
    async with build(settings, SystemClock(), engine, lambda parts: [double]) as app:
        running = asyncio.create_task(app.run())
        try:
            bench = Bench(app, double, await double.receive)
            some = bench.messages(ASKED, warm, CHATS, True) + bench.messages(CHATTED, 100, CHATS, False)
            await bench.put_all(some)
            await bench.settle(some)
            gc.collect()
            yield bench
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def plain_request(request: Request) -> str:
    return plain(request.plan)
