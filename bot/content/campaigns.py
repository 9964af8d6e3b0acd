"""Campaigns: one post to many chats, a little at a time.

What is to be sent stands in the tables from the preview on, in each language that its chats have. `step` moves every
campaign on in small transactions: it books what became of the messages on their way, and puts as many new ones into the
outbox as the platforms can take in a second or two. Each chat has one key, so that no kill, stop or resume makes two
messages of it; a message whose answer a kill swallowed ends as `unknown` and is not sent again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.content import audience
from bot.content.audience import Audience
from bot.content.drafts import Drafts, NothingToPost
from bot.content.tracking import Post, Tracking
from bot.knowledge import claims
from bot.knowledge.library import Library
from bot.members.segments import members_of
from bot.members.suggestions import Suggestions
from bot.messages import Button, Card, Outgoing
from bot.outbox import extra
from bot.texts import Texts
from storage import campaigns, handoffs, members, outbox
from storage.campaigns import DONE, DRAFT, DROPPED, RUNNING, STOPPED
from storage.database import Database, Transaction
from storage.members import ChatRow

KIND, PLACE = "post", "campaign"  # of its rows, and of its places in the ledger
WINDOW = 45  # messages of campaigns that are on their way at once on a platform: what it takes in a second and a half
BATCH = 6  # of them that are put into the outbox in one transaction
AGAIN = timedelta(minutes=10)  # until a chat is asked again that may not be sent anything now
PATIENCE = timedelta(days=2)  # from the start on, until such a chat is left out
FRESH = timedelta(days=1)  # a preview that is older is not sent
CHUNK = 500  # targets that are added at once
LONGEST = 1500  # characters of an admin's own text, which every platform takes in one message
ENOUGH = 500  # ends that are booked at once
MUTED, HUMAN, LEFT = "the chat is muted", "a human is talking there", "no subscriber any more"
UNKNOWN = "Unknown: a stop of the program swallowed the answer. It may have arrived, and is not sent again."
REASONS = 6


class Stale(Exception):
    """What the preview showed is no longer so; a new preview is there."""


class Campaigns:
    """`drafts` words content types; `suggestions` knows the ledger and where members are written to; `wake` says that
    there are rows to send."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        language: str,
        clock: Clock,
        texts: Texts,
        library: Library,
        drafts: Drafts,
        suggestions: Suggestions,
        tracking: Tracking,
        wake: Callable[[], None],
    ) -> None:
        self._database, self._shop_id, self._language, self._clock = database, shop_id, language, clock
        self._texts, self._library, self._drafts, self._suggestions = texts, library, drafts, suggestions
        self._attention, self._tracking, self._wake = suggestions.attention, tracking, wake

    # What an admin does.

    async def prepare(self, here: ChatRow, cause: int, words: str, *, content: str = "", text: str = "") -> int:
        """A new campaign's number, not started: a content type or the admin's own text. The same cause has the same
        one. Raises NoSuchPlace, NothingToPost."""
        now, direct = self._clock.now(), self._suggestions.direct_chat
        policy = self._suggestions.traits.policy

        async def segment(tx: Transaction, name: str) -> set[int] | None:
            return await members_of(tx, self._shop_id, name, now, policy)

        found = await self._database.read(lambda tx: audience.find(tx, self._shop_id, words, here, direct, segment))
        spoken = {one.language for one in found.chats} | {one.language for one in found.people}
        speak = {one or self._language for one in spoken}
        bodies = await self._bodies(content, text, sorted(speak), here.id)
        values = {"content": content, "words": words[:200], "bodies": bodies}
        made = await self._database.write(lambda tx: campaigns.add(tx, self._shop_id, here.id, cause, now, **values))
        await self._aim(made, found, now)
        return made

    async def _aim(self, campaign_id: int, found: Audience, now: datetime) -> None:
        """Its targets, some at a time."""
        chats: list[tuple[int, int | None]] = [(one.id, None) for one in found.chats]
        for at in range(0, len(found.people), CHUNK):
            people = found.people[at : at + CHUNK]

            async def enter(tx: Transaction, people: Any = people) -> list[tuple[int, int | None]]:
                places = [(one, await members.direct(tx, self._shop_id, *_direct(one))) for one in people]
                return [(chat.id, one.member_id) for one, chat in places]

            chats += await self._database.write(enter)
        for at in range(0, len(chats), CHUNK):
            some = chats[at : at + CHUNK]
            await self._database.write(lambda tx, some=some: campaigns.add_targets(tx, campaign_id, some, now))  # type: ignore[misc]

    async def _bodies(self, content: str, text: str, languages: list[str], chat_id: int) -> dict[str, Any]:
        """What is sent in each language. Raises NothingToPost."""
        bodies: dict[str, Any] = {}
        for language in languages:
            values: dict[str, Any] = {"extra": {"language": language}}
            said, cards = text, tuple[Card, ...]()
            if content:
                draft = await self._drafts.write(content, language, chat_id)
                if draft is None:
                    raise NothingToPost(f"the shop has nothing for {content!r} now")
                said, cards = draft.text, (draft.card,) if draft.card else ()
                values = draft.values(language)
            own = await self._database.read(lambda tx, said=said, cards=cards: self._tracking.own(tx, said, cards))  # type: ignore[misc]
            bodies[language] = {"text": said, "values": values, "own": own}
        return bodies

    async def start(self, campaign_id: int) -> bool:
        """Start one that was previewed, or go on with a stopped one; False where there is nothing to start.

        Raises Stale where the catalogue changed meanwhile, or the preview is old; NothingToPost.
        """
        row = await self._database.read(lambda tx: campaigns.get(tx, self._shop_id, campaign_id))
        if row is None:
            return False
        now = self._clock.now()
        if row.state == DRAFT and row.content and await self._aged(row, now):
            bodies = await self._bodies(row.content, "", list(row.bodies), row.chat_id)
            await self._database.write(
                lambda tx: campaigns.move(tx, row.id, (DRAFT,), DRAFT, bodies=bodies, created=now)
            )
            raise Stale
        values = {"started": row.started or now, "ended": None}
        return await self._database.write(lambda tx: campaigns.move(tx, row.id, (DRAFT, STOPPED), RUNNING, **values))

    async def _aged(self, row: Any, now: datetime) -> bool:
        await self._library.refresh()
        checked = [body["values"].get("checked") for body in row.bodies.values()]
        old = any(one is not None and one != claims.as_of(self._library) for one in checked)
        return old or now - row.created > FRESH

    async def stop(self, campaign_id: int) -> bool:
        """What is not being sent yet waits until it is resumed; a draft is dropped. False where there is nothing to
        stop."""

        async def stop(tx: Transaction) -> bool:
            row = await campaigns.get(tx, self._shop_id, campaign_id)
            if row is None:
                return False
            if await campaigns.move(tx, campaign_id, (DRAFT,), DROPPED):
                return True
            if not await campaigns.move(tx, campaign_id, (RUNNING,), STOPPED):
                return False
            for key in await campaigns.call_back(tx, campaign_id):
                await self._attention.give_back(tx, key)
            return True

        return await self._database.write(stop)

    # What the ticker does.

    async def step(self, now: datetime) -> bool:
        """Move every campaign that is under way on by a little; was there anything to do?"""
        moved = queued = False
        for campaign_id in await self._database.read(lambda tx: campaigns.under_way(tx, self._shop_id)):
            moved |= await self._database.write(lambda tx, one=campaign_id: self._book(tx, one))  # type: ignore[misc]
            for _ in range(WINDOW):  # some at a time, so that what is being sent waits for no long transaction
                if not await self._database.write(lambda tx, one=campaign_id: self._queue(tx, one, now)):  # type: ignore[misc]
                    break
                queued = True
                self._wake()
            moved |= await self._database.write(lambda tx, one=campaign_id: self._end(tx, one, now))  # type: ignore[misc]
        if moved or queued:  # the report is to be sent too
            self._wake()
        return moved or queued

    async def _book(self, tx: Transaction, campaign_id: int) -> bool:
        """What became of messages on their way; what was not seen gives its place in the ledger back."""
        found = await campaigns.ended(tx, campaign_id, ENOUGH)
        for row in found:
            state = campaigns.SKIPPED if row.state == "cancelled" else row.state
            await campaigns.change_target(tx, row.id, state, note=row.error if state != "sent" else "")
            if state not in ("sent", "unknown"):
                await self._attention.give_back(tx, row.key)
        return bool(found)

    async def _queue(self, tx: Transaction, campaign_id: int, now: datetime) -> bool:
        """Some more, as far as each platform can take them soon; was there any target to look at?"""
        row = await campaigns.get(tx, self._shop_id, campaign_id)
        if row is None or row.state != RUNNING:
            return False
        away, looked = await campaigns.queued(tx, self._shop_id), False
        for platform in await campaigns.platforms(tx, campaign_id, now):
            room = min(WINDOW - away.get(platform, 0), BATCH)
            for target in await campaigns.waiting(tx, campaign_id, platform, now, room) if room > 0 else ():
                await self._put(tx, row, target, now)
                looked = True
        return looked

    async def _put(self, tx: Transaction, campaign: Any, target: Any, now: datetime) -> None:
        """One message, with its place in the ledger; else the target waits, or is left out."""
        key = f"campaign:{campaign.id}:{target.chat_id}"
        language, refused, final = await self._refusal(tx, target, now)
        before = await outbox.by_key(tx, self._shop_id, key)
        if before is not None and before.state != "cancelled":
            await campaigns.change_target(tx, target.id, campaigns.QUEUED, outbox_id=before.id)
            return
        whose = f"member:{target.member_id}" if target.member_id else f"chat:{target.chat_id}"
        reason = refused or await self._attention.reserve(tx, whose, PLACE, key, now)
        if reason and reason != "already reserved":
            late = final or now + AGAIN > campaign.started + PATIENCE
            state = campaigns.SKIPPED if late else campaigns.WAITING
            await campaigns.change_target(tx, target.id, state, note=reason, due=now + AGAIN)
            return
        body = campaign.bodies.get(language) or next(iter(campaign.bodies.values()))
        post = Post(key, target.platform, campaign.content or f"campaign-{campaign.id}", target.member_id)
        text, values = await self._message(tx, body, campaign, post, language, now)
        if before is None:
            row_id = await outbox.put(tx, self._shop_id, target.chat_id, key, KIND, text, now, **values)
        else:
            row_id = before.id
            await outbox.mark(tx, row_id, "ready", text=text, due=now, error="", attempts=0, **values)
        await campaigns.change_target(tx, target.id, campaigns.QUEUED, outbox_id=row_id, note="")

    async def _refusal(self, tx: Transaction, target: Any, now: datetime) -> tuple[str, str, bool]:
        """The target's language; why nothing may go there now, '' where it may; and whether that is for good."""
        language = target.language or self._language
        if target.member_id:
            member = await members.get(tx, target.member_id)
            if member.merged_into or not member.subscribed or member.opted_out:
                return language, LEFT, True
            if await handoffs.in_force(tx, target.chat_id, now):
                return language, HUMAN, False
            language = member.language or language
        muted = target.muted_until is not None and target.muted_until > now
        return language, MUTED if muted else "", False

    async def _message(
        self, tx: Transaction, body: Mapping[str, Any], campaign: Any, post: Post, language: str, now: datetime
    ) -> tuple[str, dict[str, Any]]:
        """The text and the columns of a target's row: its links marked, and a way out under a direct message."""
        values = dict(body["values"])
        cards = [Card(*one) for one in values["extra"].get("cards", ())]
        text, shown = await self._tracking.mark(tx, body["text"], cards, body["own"], post, now)
        way_out = Button(self._texts.say(language, "No more messages"), "/subscribe off")
        own = tuple(Button(*one) for one in values["extra"].get("buttons", ()))
        message = Outgoing(text, (*own, way_out) if post.member_id else own, shown)
        values["extra"] = values["extra"] | extra(message, campaign=campaign.id)
        return text, values | ({"member_id": post.member_id} if post.member_id else {})

    async def _end(self, tx: Transaction, campaign_id: int, now: datetime) -> bool:
        """The report, once nothing waits and nothing is on its way."""
        held = await campaigns.counts(tx, campaign_id)
        if held.get(campaigns.WAITING) or held.get(campaigns.QUEUED):
            return False
        if not await campaigns.move(tx, campaign_id, (RUNNING,), DONE, ended=now):
            return False
        row = await campaigns.get(tx, self._shop_id, campaign_id)
        assert row is not None
        chat = await members.chat(tx, row.chat_id)
        language = chat.language or self._language
        text = await self.report(tx, row, language)
        key = f"campaign:{campaign_id}:end"
        await outbox.put(tx, self._shop_id, chat.id, key, "notice", text, now, extra={"language": language})
        return True

    # What became of it.

    async def report(self, tx: Transaction, row: Any, language: str) -> str:
        """A campaign in a few lines: its state, how many got it, and why others did not."""
        say = self._texts.say
        held, notes = await campaigns.counts(tx, row.id), await campaigns.notes(tx, row.id, REASONS)
        count = {name: held.get(name, 0) for name in ("sent", "failed", "blocked", "unknown", "skipped")}
        waiting = held.get(campaigns.WAITING, 0) + held.get(campaigns.QUEUED, 0)
        state = {
            DRAFT: say(language, "not started"),
            RUNNING: say(language, "running"),
            STOPPED: say(language, "stopped"),
            DONE: say(language, "done"),
            DROPPED: say(language, "dropped"),
        }[row.state]
        head = say(language, "Campaign {number} to {where}: {state}.", number=row.id, where=row.words, state=state)
        line = say(
            language,
            "{sent} sent, {failed} failed, {blocked} blocked, {unknown} unknown, {skipped} left out, {waiting} waiting",
            **count,
            waiting=waiting,
        )
        reasons = [f"{one.count} × {self._reason(one.note, language)}" for one in notes]
        if count["unknown"]:
            reasons.append(say(language, UNKNOWN))
        return "\n".join([head, line, *reasons])

    def _reason(self, note: str, language: str) -> str:
        """A note in an admin's language, where it is one of ours."""
        say = self._texts.say
        known = {
            MUTED: say(language, "the chat is muted"),
            HUMAN: say(language, "a human is talking there"),
            LEFT: say(language, "no subscriber any more"),
            "quiet hours": say(language, "quiet hours"),
            "daily cap": say(language, "the chat has had its posts of the day"),
            "weekly cap": say(language, "the chat has had its posts of the week"),
            "minimum gap": say(language, "too soon after the post before"),
        }
        return known.get(note, note)


def _direct(person: audience.Person) -> tuple[int, str, str, str]:
    """The arguments of `members.direct`."""
    return person.member_id, person.platform, person.place, person.name
