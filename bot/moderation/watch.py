"""Decides what comes of a message or of somebody's coming in a group that is watched, and writes it down.

The decision, its notice and what is to be done stand in the transaction that is done with the message: a kill before it
decides again, one after it finds everything written. Steps: delete, warn, mute, ban; mutes and bans end by themselves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.members.traits import Traits
from bot.messages import Button, Capabilities, Kind, Message, Outgoing, Role
from bot.moderation import notices, rules
from bot.outbox import extra
from bot.texts import Texts
from storage import inbox, interactions, members, moderation, outbox
from storage.database import Database, Transaction
from storage.members import ChatRow
from storage.tombstones import fingerprint

log = logging.getLogger(__name__)
STEPS = ("delete", "warn", "mute", "ban")
COUNTED = timedelta(days=30)  # for which a decision counts towards the next step
MUTED, BANNED = timedelta(hours=1), timedelta(days=7)
NEW = timedelta(days=1)  # for which who joined is new
FEW = 5  # messages: who wrote more is not new
RAID, RAID_IN, RAIDED = 8, timedelta(minutes=1), timedelta(minutes=15)  # so many joining in so long: for so long
LEAST_MUTE = 35  # seconds: a shorter one is taken for one without end on some platforms
Admins = Callable[[ChatRow], Awaitable[Sequence[Any]]]


@dataclass(slots=True)
class Moderation:
    """`handle` is the router's; commands change guards through `change`, and decide by `decide` and `lift`."""

    database: Database
    shop_id: int
    language: str  # the shop's
    clock: Clock
    texts: Texts
    capabilities: Mapping[str, Capabilities]
    admins: Admins
    wake_outbox: Callable[[], None]
    traits: Traits
    guards: dict[int, Any] = field(default_factory=dict)  # chat id -> row
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # there is something to do on a platform
    _known: bool = False  # there is a key of the shop that people are hashed with

    def wake(self) -> None:
        self.woken.set()

    async def refresh(self) -> None:
        """Read which groups are watched: another process may have changed it."""
        self.guards = {row.chat_id: row for row in await self.database.read(self._guards)}
        if self.guards and not self._known:
            await self.database.write(lambda tx: fingerprint(tx, self.shop_id, "", ""))  # its key, at the first use
            self._known = True

    async def _guards(self, tx: Transaction) -> list[Any]:
        return await moderation.guards(tx, self.shop_id)

    async def change(self, chat_id: int, **values: Any) -> None:
        now = self.clock.now()
        await self.database.write(lambda tx: moderation.change(tx, self.shop_id, chat_id, now, **values))
        await self.refresh()

    def watches(self, chat_id: int) -> bool:
        return chat_id in self.guards

    def can(self, platform: str) -> Capabilities:
        return self.capabilities.get(platform, Capabilities())

    async def person(self, tx: Transaction, platform: str, platform_id: str) -> str:
        """The keyed hash by which somebody is known here when their rows are gone."""
        return await fingerprint(tx, self.shop_id, platform, platform_id)

    # What comes in.

    async def handle(self, inbox_id: int, message: Message, known: Any) -> bool:
        """Was it taken care of? False: it goes on its way, as nearly everything does."""
        guard = self.guards.get(known.chat.id)
        if guard is None or known.chat.direct or message.sender.bot or message.sender.role is Role.ADMIN:
            return False
        if known.member_id in guard.exempt:
            return False
        if message.kind is Kind.JOINED:
            return await self._joined(inbox_id, message, known, guard)
        if message.kind is not Kind.TEXT or not message.text:
            return False
        return await self._said(inbox_id, message, known, guard)

    async def _said(self, inbox_id: int, message: Message, known: Any, guard: Any) -> bool:
        command = message.text.startswith("/")  # a muted member may still appeal

        async def look(tx: Transaction) -> tuple[Any, rules.Said, rules.Before]:
            who = await self.person(tx, known.chat.platform, message.sender.id)
            now = self.clock.now()
            barred = await moderation.standing(tx, self.shop_id, known.chat.id, who, now)
            return barred, said_of(message, known), await self._before(tx, message, known, guard)

        barred, said, before = await self.database.read(look)
        if barred is not None and not command and guard.state == "on":
            return await self._silence(inbox_id, message, known, barred)
        reason = rules.judge(said, before)
        if reason is None or (command and reason in ("flood", "repeated")):
            return await self._slowly(inbox_id, message, known, guard, before)
        gone = [message.id] + (rules.burst(said, before.own) if reason == "flood" else [])

        async def act(tx: Transaction) -> bool:
            if guard.state == "dry":
                await self._decide(tx, f"dry:{message.key}", message, known, reason, state="dry")
                return False
            await self._keep(tx, inbox_id, message, known)
            number, kind = await self._decide(tx, message.key, message, known, reason)
            await self._unsay(tx, known, gone)
            await self._remove(tx, known.chat, number, gone)
            await self._tell(tx, number, kind, message, known, reason)
            return True

        taken = await self.database.write(act)
        self.wake()
        return taken

    async def _before(self, tx: Transaction, message: Message, known: Any, guard: Any) -> rules.Before:
        since = message.at - rules.AGAIN_IN
        own = await moderation.lately(tx, self.shop_id, since, member_id=known.member_id, count=rules.LOOKED)
        around = await moderation.lately(tx, self.shop_id, since, chat_id=known.chat.id, count=rules.LOOKED)
        joined, first, messages = await moderation.first_heard(tx, known.member_id, known.chat.id)
        raid = guard.raid_until is not None and guard.raid_until > message.at
        new = is_new(message.at, joined, first, messages, guard.since)
        own, around = ([one for one in rows if one.message_id != message.id] for rows in (own, around))
        return rules.Before([said_in(one) for one in own], [said_in(one) for one in around], new, raid)

    async def _silence(self, inbox_id: int, message: Message, known: Any, barred: Any) -> bool:
        """Who may not write is not heard, whatever the platform can do about it; a ban holds in every group."""

        async def act(tx: Transaction) -> None:
            await self._keep(tx, inbox_id, message, known)
            await self._remove(tx, known.chat, barred.id, [message.id])
            if barred.kind == "ban" and barred.chat_id != known.chat.id:
                await self._bar(tx, known.chat, barred.id, "ban", message.sender.id, barred.until)

        await self.database.write(act)
        self.wake()
        return True

    async def _slowly(self, inbox_id: int, message: Message, known: Any, guard: Any, before: rules.Before) -> bool:
        """Slow mode, where the platform has none of its own: the member is muted for that long, else what comes too
        early is taken away."""
        can = self.can(known.chat.platform)
        if not guard.slow or can.slows or guard.state != "on":
            return False
        if can.mutes and guard.slow >= LEAST_MUTE:
            until = self.clock.now() + timedelta(seconds=guard.slow)
            member, key = message.sender.id, f"slow:{message.key}"
            await self.database.write(
                lambda tx: moderation.intend(
                    tx, self.shop_id, known.chat.id, key, "mute", self.clock.now(), person=member, until=until
                )
            )
            self.wake()
            return False
        here = [one.at for one in before.own if one.chat == known.chat.id]
        if not here or message.at - here[-1] >= timedelta(seconds=guard.slow):
            return False

        async def act(tx: Transaction) -> None:
            await self._keep(tx, inbox_id, message, known)
            await self._remove(tx, known.chat, None, [message.id])

        await self.database.write(act)
        self.wake()
        return True

    async def _joined(self, inbox_id: int, message: Message, known: Any, guard: Any) -> bool:
        """Who is banned goes again; with the button, and in a raid, who comes has to press it."""
        now = self.clock.now()

        async def act(tx: Transaction) -> bool:
            who = await self.person(tx, known.chat.platform, message.sender.id)
            barred = await moderation.standing(tx, self.shop_id, known.chat.id, who, now)
            banned = barred if barred is not None and barred.kind == "ban" else None
            await self.traits.once(tx, known.member_id, known.chat.id, "joined", message.at)
            raid = await self._raid(tx, known.chat, guard, now)
            if guard.state != "on" or not (banned or guard.button or raid):
                return False
            await inbox.done(tx, inbox_id)
            if banned is not None:
                again = f"again:{message.key}:"  # they were let in by somebody, or came by another way
                await self._bar(tx, known.chat, banned.id, "ban", message.sender.id, banned.until, again)
                return True
            values: dict[str, Any] = {
                "kind": "ask",
                "reason": "raid" if raid else "joined",
                "state": "stands",
                "person": who,
            }
            values |= {"chat_id": known.chat.id, "member_id": known.member_id, "until": now + COUNTED, "at": now}
            number = await moderation.decide(tx, self.shop_id, message.key, **values)
            if number is not None:
                await self._ask(tx, number, message, known.chat, now)
            return True

        taken = await self.database.write(act)
        await self.refresh()
        self.wake()
        return taken

    async def _raid(self, tx: Transaction, chat: ChatRow, guard: Any, now: datetime) -> bool:
        """Is it a raid, begun by this member's coming or before?"""
        if guard.raid_until is not None and guard.raid_until > now:
            return True
        if len(await interactions.joined(tx, chat.id, 0, now - RAID_IN)) < RAID:
            return False
        await moderation.change(tx, self.shop_id, chat.id, now, raid_until=now + RAIDED)
        return True

    async def _ask(self, tx: Transaction, number: int, message: Message, chat: ChatRow, now: datetime) -> None:
        language = chat.language or self.language
        say, can = self.texts.say, self.can(chat.platform)
        text = say(language, "Welcome, {name}! Press the button to write here.", name=message.sender.name[:40])
        button = Button(say(language, "I'm a person"), f"/human {number}")
        held = extra(Outgoing(text, (button,)), language=language)
        await outbox.put(tx, self.shop_id, chat.id, f"human:{number}", "notice", text, now, extra=held)
        if can.mutes and can.muted_press:
            await self._bar(tx, chat, number, "mute", message.sender.id, None)

    # What comes of it.

    async def _keep(self, tx: Transaction, inbox_id: int, message: Message, known: Any) -> None:
        """The message is done with, and no part of the talk."""
        await inbox.done(tx, inbox_id)
        if not known.kept:
            place = (known.member_id, known.chat.id, "removed", message.at)
            await self.traits.record(tx, *place, message_id=message.id)
        await self._unsay(tx, known, [message.id])

    async def _unsay(self, tx: Transaction, known: Any, message_ids: Sequence[str]) -> None:
        """Nothing follows from messages that were removed."""
        if await moderation.forget_messages(tx, known.chat.id, message_ids):
            await self.traits.rebuild(tx, known.member_id)

    async def _decide(
        self, tx: Transaction, cause: str, message: Message, known: Any, reason: str, state: str = "stands"
    ) -> tuple[int | None, str]:
        """The decision's number, or None where there is one already, and its kind."""
        now = self.clock.now()
        who = await self.person(tx, known.chat.platform, message.sender.id)
        before = await moderation.strikes(tx, self.shop_id, who, now - COUNTED, dry=state == "dry")
        kind = STEPS[min(before + (2 if reason == "raid" else 0), len(STEPS) - 1)]
        lasts = {"mute": MUTED, "ban": BANNED * max(1, before - 2)}.get(kind)
        until = now + lasts if lasts else None
        number = await moderation.decide(
            tx, self.shop_id, cause, chat_id=known.chat.id, member_id=known.member_id, person=who, kind=kind,
            reason=reason, message_id=message.id, text=message.text[:1000], state=state, until=until, at=now,
        )  # fmt: skip
        if number is not None and state == "stands" and kind in ("mute", "ban"):
            await self._bar(tx, known.chat, number, kind, message.sender.id, until)
        return number, kind

    async def _bar(
        self, tx: Transaction, chat: ChatRow, number: int, kind: str, person: str, until: datetime | None,
        again: str = "",
    ) -> None:  # fmt: skip
        """What the platform is to do about a mute or a ban; where it can't, what they write is taken away."""
        can, now = self.can(chat.platform), self.clock.now()
        what = "ban" if kind == "ban" and can.bans else "mute" if can.mutes else ""
        if not what:
            return
        values = {"sanction_id": number, "person": person}
        key = f"{again}{what}:{number}:{chat.id}"
        await moderation.intend(tx, self.shop_id, chat.id, key, what, now, until=until, **values)
        if what == "ban" and until is not None and not can.bans_end:
            await moderation.intend(tx, self.shop_id, chat.id, f"unban:{number}:{chat.id}", "unban", until, **values)

    async def _remove(self, tx: Transaction, chat: ChatRow, number: int | None, ids: Sequence[str]) -> None:
        if not self.can(chat.platform).removes:
            return
        for one in dict.fromkeys(filter(None, ids)):
            key = f"remove:{chat.id}:{one}"
            more = {"sanction_id": number, "message_id": one}
            await moderation.intend(tx, self.shop_id, chat.id, key, "remove", self.clock.now(), **more)

    async def _tell(
        self, tx: Transaction, number: int | None, kind: str, message: Message, known: Any, reason: str
    ) -> None:
        """The group hears why, once for each step; admins read of all of them in `/moderation report`."""
        now, chat = self.clock.now(), known.chat
        if number is None:
            return
        language = chat.language or self.language
        text = notices.notice(self.texts, language, message.sender.name, kind, reason)
        await outbox.put(
            tx, self.shop_id, chat.id, f"moderation:{number}", notices.KIND, text, now,
            member_id=known.member_id, extra=extra(Outgoing(text), language=language),
        )  # fmt: skip

    # What admins and members do about it.

    async def ban(self, cause: str, chat: ChatRow, member_id: int, until: datetime | None) -> int | None:
        """An admin bans a member; the decision's number, None where the member is not known on the chat's platform."""
        now = self.clock.now()

        async def act(tx: Transaction) -> int | None:
            address = await members.identity(tx, member_id, chat.platform)
            if address is None:
                return None
            who = await self.person(tx, chat.platform, address)
            values = {"kind": "ban", "reason": "admin", "state": "stands", "person": who, "until": until, "at": now}
            number = await moderation.decide(tx, self.shop_id, cause, chat_id=chat.id, member_id=member_id, **values)
            if number is not None:
                await self._bar(tx, chat, number, "ban", address, until)
            return number or 0

        number = await self.database.write(act)
        self.wake()
        return number

    async def lift(self, rows: Sequence[Any]) -> None:
        """These decisions hold no longer: what is still to be done is not, what was done is taken back."""
        now = self.clock.now()

        async def act(tx: Transaction) -> None:
            await moderation.lift(tx, [row.id for row in rows])
            await moderation.give_up(tx, [row.id for row in rows])
            for row in rows:  # one that is just being done is taken back, too: this comes after it
                meant = await moderation.meant_for(tx, row.id)
                for one in (one for one in meant if one.what in ("mute", "ban")):
                    what = "free" if one.what == "mute" else "unban"
                    key = f"{what}:{row.id}:{one.chat_id}:lifted"
                    more = {"sanction_id": row.id, "person": one.person}
                    await moderation.intend(tx, self.shop_id, one.chat_id, key, what, now, **more)

        await self.database.write(act)
        self.wake()

    async def slow(self, chat: ChatRow, seconds: int, cause: str) -> None:
        """Set slow mode, by the platform's own where it has one."""
        await self.change(chat.id, slow=seconds)
        if self.can(chat.platform).slows:
            now, key = self.clock.now(), f"slowmode:{cause}"
            more = {"seconds": seconds}
            await self.database.write(lambda tx: moderation.intend(tx, self.shop_id, chat.id, key, "slow", now, **more))
            self.wake()


def said_of(message: Message, known: Any) -> rules.Said:
    return rules.Said(known.member_id, known.chat.id, message.text, message.at, message.id, message.forwarded)


def said_in(row: Any) -> rules.Said:
    forwarded = bool((getattr(row, "data", None) or {}).get("forwarded"))  # of one that was removed none is kept
    return rules.Said(row.member_id or 0, row.chat_id, row.text, row.at, row.message_id, forwarded)


def is_new(at: datetime, joined: datetime | None, first: datetime | None, messages: int, watched: datetime) -> bool:
    """Did somebody just come? Who was not seen to join counts as new once the group is watched for long enough to have
    heard those who were there before."""
    if messages >= FEW:
        return False
    if joined is not None:
        return at - joined <= NEW
    return at - watched > NEW and (first is None or at - first <= NEW)
