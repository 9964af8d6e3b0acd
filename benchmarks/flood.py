"""One member floods the bot: what that costs the others, once the member is over budget.

Members of twenty chats ask at a steady pace, each of them well within their budget. Meanwhile, in turns, one more
member sends questions without end into a chat of their own. The others' median reply time is held against that of the
turns without a flood, right before and right after. The whole bot runs on a SQLite file with its real durability; only
the chat network is a double.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.parts.bot import ASKED, CHATS, Bench, opened
from benchmarks.parts.report import Row, main
from bot.config import Settings
from bot.messages import Chat, Message, Sender
from llm.engines.local import LocalEngine

BUDGET = int(Settings.model_fields["member_budget"].default)
PACE, FLOOD = 4.0, 20.0  # messages a second: of all others together, and of the one
TURNS, EACH = 12, 40  # turns, half of them with a flood, and questions of the others in each
QUICK = 4
CHAT = "flooded"


@dataclass(slots=True)
class Flood:
    """A member who asks and asks."""

    bench: Bench
    sent: list[str] = field(default_factory=list)

    async def one(self) -> None:
        made = self.bench.message(ASKED[len(self.sent) % len(ASKED)], CHAT, True)
        who = Sender("flooder", "flooder")
        message = Message(made.key, made.id, Chat("double", CHAT, CHAT), who, made.text, made.at, True)
        self.sent.append(made.id)
        await self.bench.put(message)

    async def on(self) -> None:
        while True:
            await asyncio.gather(self.one(), asyncio.sleep(1 / FLOOD))

    @property
    def answered(self) -> int:
        return sum(bool(self.bench.double.replies.get(one)) for one in self.sent)


async def asked(bench: Bench, start: int) -> list[Message]:
    """The others' questions of one turn, at a steady pace, each of another member."""
    messages = []
    for number in range(start, start + EACH):
        made = bench.message(ASKED[number % len(ASKED)], CHATS[number % len(CHATS)], True)
        who = Sender(f"other {number % 400}", f"other {number % 400}")
        messages.append(Message(made.key, made.id, made.chat, who, made.text, made.at, True))
        await asyncio.gather(bench.put(messages[-1]), asyncio.sleep(1 / PACE))
    await bench.double.answered([one.id for one in messages], 60)
    return messages


async def flooded(folder: Path, turns: int, model: LocalEngine | None) -> list[Row]:
    async with opened(folder, budget=BUDGET, model=model) as bench:
        flood, times = Flood(bench), dict[bool, list[float]]({True: [], False: []})
        while flood.answered < BUDGET:  # until the member is over budget; what is said to that counts as an answer
            await flood.one()
            await asyncio.sleep(1 / FLOOD)
        await asyncio.sleep(1)
        answered, sent = flood.answered, len(flood.sent)
        for turn in range(turns):
            task = asyncio.create_task(flood.on()) if turn % 2 else None
            times[bool(task)] += bench.delays(await asked(bench, turn * EACH))
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        quiet, loud = median(times[False]), median(times[True])
        more, of = flood.answered - answered, len(flood.sent) - sent
    name = "the shipped model" if model else "scripted engine"
    note = f"{quiet:.1f} ms without, {loud:.1f} ms beside {FLOOD:g} messages a second; {len(times[True])} replies each"
    # What runs empty while it lasts gives room for a few answers: one in WINDOW / BUDGET.
    return [
        Row(f"others' median reply time beside a flood, {name}", loud / quiet, "x", at_most=1.1, note=note),
        Row(f"messages of the flood that were answered, {name}", 100 * more / of, "%", note=f"{more} of {of}"),
    ]


async def measure(folder: Path, quick: bool) -> list[Row]:
    turns = QUICK if quick else TURNS
    for name in ("scripted", "model"):
        await asyncio.to_thread((folder / name).mkdir)
    scripted = await flooded(folder / "scripted", turns, None)
    return [*scripted, *await flooded(folder / "model", turns, LocalEngine(Settings.model_fields["llm_model"].default))]


def summary(rows: Sequence[Row]) -> str:
    return (
        f"the others wait {rows[0].value:.2f} times as long with a scripted engine, {rows[2].value:.2f} with the model"
    )


if __name__ == "__main__":
    sys.exit(main("flood", __doc__, measure, summary, takes="five minutes", quick="four turns"))
