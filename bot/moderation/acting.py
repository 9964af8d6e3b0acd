"""Does on the platforms what was decided, in that order: again after a kill in the middle, since twice is as good as
once. What a platform refuses stands in the audit, and the admins are told of it once a day."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, Self

from bot.clock import Clock
from bot.members.traits import Traits
from bot.messages import Ban, Capabilities, Chat, Free, Measure, Mute, Outgoing, Remove, SendError, Slow, Unban
from bot.moderation.watch import Admins, Moderation
from bot.outbox import extra
from bot.texts import Texts
from storage import members, moderation, outbox
from storage import settings as stored
from storage.database import Database, Transaction

log = logging.getLogger(__name__)
ATTEMPTS = 8
BUG_WAIT = 5.0  # seconds
LOOK = 5.0  # seconds between two looks at what another process wrote or changed


class Edge(Protocol):
    """What the app hands us of a platform: the call that acts."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def act(self, chat: Chat, action: Measure) -> None: ...


class Keeper:
    """`run` it; `moderation` wakes it after a transaction that added something."""

    def __init__(self, edges: Mapping[str, Edge], moderation: Moderation) -> None:
        self._database, self._shop_id, self._clock = moderation.database, moderation.shop_id, moderation.clock
        self._edges, self.moderation = edges, moderation

    @classmethod
    def of(
        cls,
        database: Database,
        shop: tuple[int, str],
        clock: Clock,
        texts: Texts,
        edges: Mapping[str, Edge],
        admins: Admins,
        wake_outbox: Callable[[], None],
        traits: Traits,
    ) -> Self:
        """With what decides; `shop` is its id and language."""
        abilities = {name: edge.capabilities for name, edge in edges.items()}
        return cls(edges, Moderation(database, *shop, clock, texts, abilities, admins, wake_outbox, traits))

    async def run(self) -> None:
        """Act until cancelled."""
        while True:
            self.moderation.woken.clear()
            await self.moderation.refresh()
            await self.act_due()
            await self._sleep()

    async def act_due(self) -> None:
        """Do all that is to be done now; platforms don't wait for each other."""
        while rows := await self._due():
            parts = [[row for row in rows if row.platform == name] for name in self._edges]
            await asyncio.gather(*map(self._act_all, parts))

    async def _due(self) -> list[Any]:
        now, places = self._clock.now(), tuple(self._edges)
        return await self._database.read(lambda tx: moderation.due(tx, self._shop_id, places, now))

    async def _act_all(self, rows: Sequence[Any]) -> None:
        for row in rows:
            await self._act(row)

    async def _act(self, row: Any) -> None:
        now = self._clock.now()
        if row.until is not None and row.until <= now and row.what in ("mute", "ban"):
            await self._settle(row, state="over")
            return
        try:
            await self._edges[row.platform].act(
                Chat(row.platform, row.platform_id, row.title, row.direct), measure(row)
            )
        except SendError as error:
            await self._refused(row, error)
        except Exception as error:  # the boundary: a bug of one edge never stops the others
            log.exception("moderation %d", row.id)
            await self._refused(row, SendError(f"{type(error).__name__}: {error}", BUG_WAIT), bug=True)
        else:
            await self._settle(row, state="done", done=self._clock.now())

    async def _refused(self, row: Any, error: SendError, *, bug: bool = False) -> None:
        counts = bug or error.unsure
        if error.retry_after is not None and not (counts and row.attempts + 1 >= ATTEMPTS):
            due = self._clock.now() + timedelta(seconds=max(error.retry_after, 0.05))
            await self._settle(row, state="ready", due=due, attempts=row.attempts + counts, error=str(error)[:500])
            return
        log.warning("%s in chat %s was refused: %s", row.what, row.platform_id, error)
        await self._settle(row, state="failed", error=str(error)[:500])
        await self._tell(row, str(error))

    async def _settle(self, row: Any, **values: Any) -> None:
        """What became of it, in the audit, too: of whom it is said in `data`, for who did it was the bot."""
        now = self._clock.now()

        async def both(tx: Transaction) -> None:
            await moderation.settle(tx, row.id, **values)
            if values["state"] == "failed" or (values["state"] != "ready" and row.sanction_id is not None):
                data = {"sanction": row.sanction_id, "message": row.message_id, "error": values.get("error", "")}
                told = {"chat_id": row.chat_id, "allowed": values["state"] == "done", "data": data}
                await stored.audit(tx, self._shop_id, f"moderation:{row.what}", now, **told)

        await self._database.write(both)

    async def _tell(self, row: Any, error: str) -> None:
        now = self._clock.now()
        chat = await self._database.read(lambda tx: members.chat(tx, row.chat_id))
        admins, language = await self.moderation.admins(chat), chat.language or self.moderation.language
        text = self.moderation.texts.say(
            language,
            "I may not keep “{chat}” clean: {error}. There I need the right to delete messages and restrict members.",
            chat=chat.title or chat.platform_id,
            error=error,
        )

        async def put(tx: Transaction) -> None:
            for at, admin in enumerate(admins):
                place = await members.direct(
                    tx, self._shop_id, admin.member_id, chat.platform, admin.address, admin.name
                )
                key = f"moderation:refused:{chat.id}:{now:%Y-%m-%d}:{at}"
                if await outbox.by_key(tx, self._shop_id, key) is None:
                    held = extra(Outgoing(text), begun=chat.id)
                    values = {"member_id": admin.member_id, "extra": held}
                    await outbox.put(tx, self._shop_id, place.id, key, "notice", text, now, **values)

        await self._database.write(put)
        self.moderation.wake_outbox()

    async def _sleep(self) -> None:
        """Until woken, or until something is due; and now and then, for what other processes wrote."""
        places = tuple(self._edges)
        due = await self._database.read(lambda tx: moderation.next_due(tx, self._shop_id, places))
        seconds = LOOK if due is None else min(LOOK, max(0.05, (due - self._clock.now()).total_seconds()))
        waits = [asyncio.ensure_future(self.moderation.woken.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def measure(row: Any) -> Measure:
    """A row as the action that it is."""
    made: dict[str, Measure] = {
        "remove": Remove(row.message_id),
        "mute": Mute(row.person, row.until),
        "free": Free(row.person),
        "ban": Ban(row.person, row.until),
        "unban": Unban(row.person),
        "slow": Slow(row.seconds),
    }
    return made[row.what]


__all__ = ["Edge", "Keeper", "measure"]
