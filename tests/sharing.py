"""`python -m tests.sharing URL FOLDER NAME KIND`: an outbox in a process of its own, on a database that others share.

What it sends is a line in FOLDER/seen.txt, as a platform that knows no key would show it: NAME, chat, key. Each send is
slow enough to be killed in. A file FOLDER/go starts it, so that several begin together.
"""

import asyncio
import random
import sys
from pathlib import Path

from bot.clock import SystemClock
from bot.lease import Process
from bot.messages import Capabilities, Chat, Outgoing
from bot.outbox import Outbox
from storage.database import Database


class Line:
    """A platform that appends to a file."""

    capabilities = Capabilities()

    def __init__(self, file: Path, name: str) -> None:
        self.file, self.name = file, name

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        await asyncio.sleep(random.uniform(0, 0.01))  # on its way there
        with self.file.open("a") as file:
            file.write(f"{self.name} {chat.id} {key}\n")
        await asyncio.sleep(random.uniform(0, 0.01))  # on its way back
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        raise NotImplementedError

    def take(self, chat: Chat) -> float:
        return 0.0


async def main(url: str, folder: Path, name: str) -> None:
    clock = SystemClock()
    while not (folder / "go").exists():  # noqa: ASYNC110 - a file gives no event
        await asyncio.sleep(0.01)
    async with Database(url) as database, Process(database, 1, clock) as process:
        outbox = Outbox(database, 1, clock, {"test": Line(folder / "seen.txt", name)}, process)
        process.heirs.append(outbox.inherit)
        await outbox.recover()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(process.run())
            tasks.create_task(outbox.run())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
