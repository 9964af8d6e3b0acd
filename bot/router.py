"""What happens to one message, top to bottom."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from bot import arrivals
from bot import outbox as outgoing_rows
from bot.arrivals import Arrivals
from bot.budgets import Cost
from bot.commands import base as slash
from bot.conversation import gate, talk
from bot.conversation.answer import Answer, Conversation
from bot.conversation.bursts import GAP
from bot.conversation.context import Context
from bot.conversation.feedback import Feedback
from bot.conversation.handoff import Handoffs, said_by_admin
from bot.conversation.kept import made_of, product_of
from bot.conversation.recall import Seen, look, recall
from bot.conversation.sources import cited
from bot.conversation.teaching import wording
from bot.knowledge import claims
from bot.knowledge.wording import Show
from bot.language import language
from bot.messages import Capabilities, Kind, Message, Outgoing, Role
from bot.moderation.watch import Moderation
from bot.outbox import Outbox, extra
from bot.people import Known, People, remember
from bot.privately import Privately
from bot.safety.verdict import Safety
from llm.protocol import Act
from storage import inbox, interactions
from storage import outbox as rows
from storage.database import Database, Job, Transaction
from storage.members import ChatRow

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Router:
    """`handle` is the intake's; it returns once the message's transaction is committed."""

    database: Database
    shop: slash.Shop
    tools: slash.Tools
    conversation: Conversation
    safety: Safety
    outbox: Outbox
    commands: Sequence[slash.Command]
    capabilities: Mapping[str, Capabilities]
    handoffs: Handoffs
    privately: Privately
    arrivals: Arrivals
    profiles: str  # PROFILES, its default resolved
    spent: Callable[[Message, Cost], None]  # hears what each answer took
    moderation: Moderation
    _parked: OrderedDict[tuple[int, int], datetime] = field(default_factory=OrderedDict)  # (chat, member) -> until when
    _gate: gate.Gate = field(init=False)
    _people: People = field(init=False)

    def __post_init__(self) -> None:
        self._people = People(self.database, self.shop.id)
        self._gate = gate.Gate(self.conversation.planner, gate.manners(self.tools.settings, self.shop.name))

    async def handle(self, inbox_id: int, message: Message, seen: Seen | None) -> None:
        met = await self._people.meet(message, self.tools.clock.now())
        if met is None:
            return await self.database.write(lambda tx: inbox.drop(tx, inbox_id))
        known = met
        if message.kind is Kind.REACTION:
            return await self._reacted(inbox_id, message, known)
        if await self.moderation.handle(inbox_id, message, known):
            return self.outbox.wake()
        if message.kind in arrivals.KINDS:
            await self.arrivals.handle(inbox_id, message, known, self._now_in(known.chat))
            return self.outbox.wake()
        if parsed := slash.parse(message.text) or await self._awaited(message, known):
            return await self._command(inbox_id, message, known, *parsed)
        spoken, now = self._language(message, known.chat), self.tools.clock.now()
        place = gate.Place(self._now_in(known.chat), spoken, known.member_id, self._people.others(known, message))
        scene = talk.Scene()
        if not self._gate.lonely(message) or self._goes_on(known):
            scene = await self.database.read(lambda tx: talk.look(tx, known.chat.id))

        async def context(text: str) -> Context:
            asked, seen = replace(message, text=text), await self.database.read(lambda tx: self._look(tx, known.chat))
            return await recall(self.tools.library, known.chat, known.member_id, asked, spoken, self.shop.name, seen)

        decision = await self._gate.decide(message, place, scene, now, context)
        known = replace(known, kept=scene.kept(message) is not None)
        if isinstance(decision, gate.Later):
            return await self._park(inbox_id, message, known, decision)
        joins = {"joins": list(decision.joins)} if decision.joins else {}
        if isinstance(decision, gate.Silent):
            return await self._record(inbox_id, message, known, "said", joins)
        return await self._answer(inbox_id, message, known, spoken, seen, decision)

    def _goes_on(self, known: Known) -> bool:
        """Did a message of this member's wait in this chat until just now, so that this one may be the rest of it?"""
        due = self._parked.get((known.chat.id, known.member_id))
        return due is not None and self.tools.clock.now() <= due + GAP

    async def _park(self, inbox_id: int, message: Message, known: Known, later: gate.Later) -> None:
        """Decided again when it is due; it is kept now, so that it is part of the talk meanwhile."""
        remember(self._parked, (known.chat.id, known.member_id), later.due)
        data = {"parked": "addressed" if later.addressed else "asked", "joins": list(later.joins)}

        async def park(tx: Transaction) -> None:
            await self._keep(tx, message, known, "said", data.copy())
            await inbox.park(tx, inbox_id, later.due)

        await self.database.write(park)

    def at_once(self, message: Message, alone: bool) -> tuple[Job[Any], bool] | None:
        """For the intake, where people and chat are known: all there is to do with a message that needs no answer, or a
        look at what the answer to this one goes on from."""
        known = self._people.met(message)
        if known is None or message.kind is not Kind.TEXT:
            return None
        chat = known.chat
        if self._goes_on(known) or self.moderation.watches(chat.id):
            return None
        if self._gate.certainly_silent(message, self._now_in(chat), self._people.others(known, message)):
            return lambda tx: self._keep(tx, message, known, "said", {}), True
        if alone and self._gate.lonely(message) and not slash.parse(message.text):
            return lambda tx: self._look(tx, chat), False
        return None

    @property
    def _feedback(self) -> Feedback:
        return Feedback(self.shop.id, self.tools.library, self.safety)

    def mode(self, chat: ChatRow) -> str:
        """The chat's own mode, else the setting's, else what its platform starts with."""
        if chat.mode:
            return chat.mode
        return self.tools.settings.chat_mode or self._of(chat.platform).mode

    def _now_in(self, chat: ChatRow) -> str:
        """The mode as of now: an admin may have muted the chat for a while."""
        muted = chat.muted_until is not None and chat.muted_until > self.tools.clock.now()
        return "off" if muted else self.mode(chat)

    async def _look(self, tx: Transaction, chat: ChatRow) -> Seen:
        return await look(tx, self.tools.library, chat.id, self.tools.clock.now())

    def _of(self, platform: str) -> Capabilities:
        return self.capabilities.get(platform, Capabilities())

    def _language(self, message: Message, chat: ChatRow) -> str:
        return language(message.text, chat.language or self.shop.language)

    async def _record(self, inbox_id: int, message: Message, known: Known, kind: str, data: dict[str, Any]) -> None:
        """Nothing is said; what happened is kept."""
        await self.database.write(lambda tx: self._done(tx, inbox_id, message, known, kind, data))

    async def _reacted(self, inbox_id: int, message: Message, known: Known) -> None:
        async def done(tx: Transaction) -> None:
            data = {"emoji": message.text, "on": message.reply_to}
            data |= await self._feedback.opinion(tx, message, known.chat)
            await self._done(tx, inbox_id, message, known, "reacted", data)
            await self._feedback.react(tx, message, known.member_id, known.chat, message.at)

        await self.database.write(done)

    async def _awaited(self, message: Message, known: Known) -> tuple[str, str] | None:
        """The command that a reply to a question of the bot's goes on with."""
        if not message.reply_to or message.kind is not Kind.TEXT:
            return None
        row = await self.database.read(lambda tx: rows.by_message(tx, known.chat.id, message.reply_to))
        if row is None or row.member_id != known.member_id or not row.extra.get("awaits"):
            return None
        return slash.parse(f"{row.extra['awaits']} {wording(message.text)}")

    async def _done(
        self, tx: Transaction, inbox_id: int, message: Message, known: Known, kind: str, data: dict[str, Any]
    ) -> None:
        await inbox.done(tx, inbox_id)
        await self._keep(tx, message, known, kind, data)

    async def _keep(self, tx: Transaction, message: Message, known: Known, kind: str, data: dict[str, Any]) -> None:
        """The interaction that a message is."""
        text = "" if message.kind is Kind.REACTION else message.text
        about = data.pop("product", None)
        if message.sender.role is Role.ADMIN and kind in interactions.SPOKEN:
            await self.handoffs.heard(tx, message, known.chat, known.member_id)
            data |= said_by_admin(message)
        if message.kind is Kind.TEXT:
            data |= {"reply_to": message.reply_to} if message.reply_to else {}
            data |= {"bot": True} if message.sender.bot else {}
            data |= {"forwarded": True} if message.forwarded else {}
        traits, more = self.tools.suggestions.traits, {"text": text, "message_id": message.id, "product_id": about}
        place = (known.member_id, known.chat.id, kind, message.at)
        if known.kept:
            await traits.settle(tx, *place, **more, data=data)
        elif await traits.record(tx, *place, **more, data=data) is None:
            self._people.forget_members()  # they were forgotten meanwhile

    async def _command(self, inbox_id: int, message: Message, known: Known, name: str, args: str) -> None:
        found = slash.find(self.tools.texts, self.commands, name)
        call = await self._call(inbox_id, *await self.privately.where(message, known, found), args, found)
        reply = await slash.run(call, name)
        self._people.forget(message)  # a command may have changed its row
        known = await self._people.again(message, known)
        most = self._of(known.chat.platform).max_length
        kind = "pressed" if message.kind is Kind.BUTTON else "commanded"
        now = self.tools.clock.now()

        async def done(tx: Transaction) -> None:
            under = await rows.by_message(tx, known.chat.id, message.reply_to) if kind == "pressed" else None
            on = {"post": under.id} if under is not None and under.kind == "post" else {}
            await self._done(tx, inbox_id, message, known, kind, {"command": name} | on)
            if reply.text and not await rows.by_key(tx, self.shop.id, f"reply:{inbox_id}"):
                placed = await self.privately.place(tx, call, known.chat, found, reply)
                await outgoing_rows.put(
                    tx, self.shop.id, placed.chat_id, f"reply:{inbox_id}", "command", placed.shown, now, most,
                    otherwise=placed.ways, begun=placed.begun, member_id=known.member_id, action="command",
                    worded_by="code", more={"language": call.language},
                )  # fmt: skip

        await self.database.write(done)
        self.outbox.wake()

    async def _call(
        self, inbox_id: int, message: Message, known: Known, args: str, found: slash.Command | None
    ) -> slash.Call:
        default = known.chat.language or self.shop.language
        said = await slash.answered_in(self.database, message.sender, known.member_id, found, args, default)
        return slash.Call(
            self.tools, self.commands, message, inbox_id, known.member_id, known.chat, self.shop, said,
            self.mode(known.chat), self.profiles, self._of(known.chat.platform).may_train, args,
        )  # fmt: skip

    def forget_people(self) -> None:
        """Members were linked: who is who is read anew."""
        self._people.forget_members()

    async def ask(self, call: slash.Call, text: str) -> Outgoing:
        """Answer a question put by a command: `/ask`."""
        known = Known(call.member_id, call.chat)
        seen = await self.database.read(lambda tx: self._look(tx, call.chat))
        if self.handoffs.turn(seen, call.chat, call.member_id):
            return call.reply(call.say("Somebody from the team will answer you here; I keep out of it until then."))
        word, version = self.handoffs.word(text), await self._as_of(seen)
        planned = await self._say(call.message, known, text, call.language, None, seen)
        answer, reason = self.handoffs.judge(planned, seen, known.member_id, word)
        told = await self.handoffs.brief(call.message, call.chat, call.member_id, seen, reason, planned, word)
        admins = await self.privately.admins(self.shop.id, call.chat) if reason else ()
        now, about = self.tools.clock.now(), product_of(answer)

        async def keep(tx: Transaction) -> None:
            if answer.sources:
                place, traits = (known.member_id, known.chat.id), self.tools.suggestions.traits
                await traits.record(tx, *place, "asked", now, product_id=about, data={"act": answer.act})
            if planned.act == Act.UNKNOWN:
                await self._feedback.unknown(tx, known.chat.id, known.member_id, call.message.id, text, now)
            if reason:
                await self.handoffs.call(
                    tx, call.inbox_id, call.message, known.chat, known.member_id, admins, told, reason
                )

        await self.database.write(keep)
        shown = call.reply(answer.text, answer.buttons, answer.cards)
        rests = await claims.rests(self.tools.library, version, answer.language, answer.text, answer.plans)
        return replace(shown, note=answer.note, rests=rests)

    async def _answer(
        self, inbox_id: int, message: Message, known: Known, spoken: str, seen: Seen | None, decision: gate.Speak
    ) -> None:
        key = f"reply:{inbox_id}"
        if seen is None:
            seen = await self.database.read(lambda tx: self._look(tx, known.chat))
        asked = not decision.unasked
        question = replace(message, text=decision.text)  # all of a burst
        if turn := self.handoffs.turn(seen, known.chat, known.member_id):
            await self._leave_to_human(inbox_id, message, known, spoken, turn if asked else None)
            return
        word, version = self.handoffs.word(question.text), await self._as_of(seen)
        # What was not asked for may still be dropped for a human's answer, and is shown whole or not at all.
        show = self._showing(key, message, known) if asked and not word else None
        planned = await self._say(question, known, question.text, spoken, show, seen)
        answer, reason = self.handoffs.judge(planned, seen, known.member_id, word)
        told = await self.handoffs.brief(question, known.chat, known.member_id, seen, reason, planned, word)
        admins = await self.privately.admins(self.shop.id, known.chat) if reason else ()
        rests = await claims.rests(self.tools.library, version, answer.language, answer.text, answer.plans)
        about = product_of(answer)
        kind = "complained" if reason and answer.act == Act.HANDOFF else "asked" if answer.sources else "said"
        data = {"act": answer.act, "product": about} | ({"joins": list(decision.joins)} if decision.joins else {})

        place = (known.chat.id, key, self._gate.hourly(self.mode(known.chat)), self.tools.clock.now())

        async def done(tx: Transaction) -> None:
            if not asked and (
                await self.handoffs.answered(tx, inbox_id, message, known.chat, known.member_id)
                or not await self.tools.suggestions.attention.unasked(tx, *place)
            ):
                await self._done(tx, inbox_id, message, known, "said", {})
                return
            await self._done(tx, inbox_id, message, known, kind, data.copy())
            await self._put(tx, key, message, known, answer, answer.text, "ready", rests, unasked=decision.unasked)
            if planned.act == Act.UNKNOWN:
                text = wording(question.text)
                await self._feedback.unknown(tx, known.chat.id, known.member_id, message.id, text, message.at)
            if reason:
                await self.handoffs.call(tx, inbox_id, message, known.chat, known.member_id, admins, told, reason)

        await self.outbox.write(known.chat.id, done)
        if reason:
            self.outbox.wake()  # for the admins' chat

    def _showing(self, key: str, message: Message, known: Known) -> Show | None:
        """Shows a reply while it is worded, where the platform can."""
        if not self._of(known.chat.platform).streams:
            return None
        draft: list[int] = []

        async def show(text: str) -> None:
            """The row stands before its first words are seen; a kill from here on is brought to its end on that row."""

            async def begin(tx: Transaction) -> Any:
                return await rows.get(tx, await self._put(tx, key, message, known, None, text, "open"))

            row = None if draft else await self.database.write(begin)
            if row:
                draft.append(row.id)
            await self.outbox.show(draft[0], text, row)

        return show

    async def _leave_to_human(self, inbox_id: int, message: Message, known: Known, spoken: str, turn: Any) -> None:
        """A human is at it: the message is recorded; who spoke to the bot (`turn`) hears once who will answer."""

        async def done(tx: Transaction) -> None:
            await self._done(tx, inbox_id, message, known, "said", {})
            if turn and turn.member_id == known.member_id:
                place = (message, known.chat, known.member_id, spoken)
                await self.handoffs.tell(tx, turn, f"reply:{inbox_id}", *place)

        await self.outbox.write(known.chat.id, done)

    async def _say(
        self, message: Message, known: Known, text: str, spoken: str, show: Show | None, seen: Seen
    ) -> Answer:
        library, place = self.tools.library, (known.chat, known.member_id)
        context = await recall(library, *place, message, spoken, self.shop.name, seen)
        if not self.conversation.voice.tone.by_name:
            context = replace(context, member="")
        context = replace(context, now=self.tools.clock.now().astimezone(ZoneInfo(self.shop.timezone)))
        seed = self.tools.settings.llm_seed
        if seed is not None:
            seed = int.from_bytes(hashlib.sha256(f"{seed}:{message.key}".encode()).digest()[:4])
        verdict = self.safety.verdict(text, "in", place=context.place)
        answer = await self.conversation.answer(text, context, verdict, show, seed)
        self.spent(message, answer.cost)
        return await cited(answer, library, self.tools.texts, self._of(known.chat.platform))

    async def _as_of(self, seen: Seen) -> int:
        """The version of the rows that an answer is made of from now on, or an earlier one."""
        await self.tools.library.refresh(seen.version)
        return claims.as_of(self.tools.library)

    async def _put(
        self, tx: Transaction, key: str, message: Message, known: Known, answer: Answer | None, text: str, state: str,
        rests: Mapping[str, Any] = NOTHING, *, unasked: bool = False,
    ) -> int:  # fmt: skip
        reply_to = "" if known.chat.direct else message.id
        values: dict[str, Any] = {"member_id": known.member_id}
        if answer:
            values |= {
                "action": answer.action,
                "worded_by": answer.by,
                "model": answer.model,
                "more": made_of(answer) | {"asked": message.id} | ({"unasked": True} if unasked else {}),
                "facts": [[fact.slot, fact.kind, fact.row, fact.field, fact.value] for fact in answer.facts],
                "sources": list(answer.sources),
            }
        now, most = self.tools.clock.now(), self._of(known.chat.platform).max_length
        place = (self.shop.id, known.chat.id, key, "reply")
        if not answer:
            values["extra"] = extra(Outgoing(text, ticket=message.ticket))
            return await rows.put(tx, *place, text, now, state=state, reply_to=reply_to, **values)
        shown = Outgoing(
            text, answer.buttons, answer.cards, reply_to, note=answer.note, rests=rests, ticket=message.ticket
        )
        return await outgoing_rows.put(tx, *place, shown, now, most, state=state, **values)
