"""Makes one of your accounts on two networks, so that what you chose on one holds on both."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.commands.base import Call, number, written
from bot.messages import Button, Outgoing
from bot.outbox import extra
from storage import links, members, outbox
from storage import settings as stored
from storage.database import Transaction

usage = "[CODE]"
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"  # without I, L, O and U, which are misread
SPOKEN = str.maketrans("ILOU", "110V")  # how they are read where somebody types them all the same
HALF = 5  # letters on each side of the code's dash
HOLDS = timedelta(minutes=10)
TRIES, WINDOW = 5, timedelta(hours=1)  # wrong codes of a member, and for how long they count
ACTION = "/link"
YES, NO = ("yes", "是"), ("no", "不是", "否")


async def run(call: Call) -> Outgoing:
    """Each step is a transaction of its own, and the same once more where a kill had it run again."""
    word = call.words[0].lower() if call.words else ""
    if not call.chat.direct:
        return call.reply(call.say("Send me /link in a direct chat: what I answer is for you alone."), private=True)
    if not word:
        return await _offer(call)
    if word in (*YES, *NO):
        return await _decide(call, agreed=word in YES)
    return await _claim(call)


async def _offer(call: Call) -> Outgoing:
    letters = "".join(secrets.choice(LETTERS) for _ in range(2 * HALF))
    code, expires = f"{letters[:HALF]}-{letters[HALF:]}", call.tools.clock.now() + HOLDS
    place = (call.shop.id, call.member_id, call.chat.id)
    await call.tools.database.write(lambda tx: links.offer(tx, *place, letters, expires))
    lines = [
        call.say("Your code: {code}", code=code),
        call.say("On the other network, send it to me in a direct chat within ten minutes: /link {code}", code=code),
        call.say("Tell it nobody. I ask you here before anything changes."),
    ]
    return replace(call.reply("\n".join(lines)), secret=code)


async def _claim(call: Call) -> Outgoing:
    """Somebody sent a code: both sides are asked."""
    letters = "".join(call.words).upper().translate(SPOKEN).replace("-", "")
    now = call.tools.clock.now()

    async def claim(tx: Transaction) -> Outgoing:
        known = (call.shop.id, call.member_id)
        if await links.wrong(tx, *known, ACTION, now - WINDOW) >= TRIES:
            return call.reply(call.say("Too many wrong codes. Try again in an hour."))
        found = await links.by_code(tx, call.shop.id, letters, now)
        if found is None or (found.state == links.CLAIMED and call.member_id not in (found.member_id, found.other_id)):
            who, where = call.member_id, call.chat.id
            await stored.audit(tx, call.shop.id, ACTION, now, member_id=who, chat_id=where, allowed=False)
            return call.reply(call.say("I don't know this code, or its ten minutes are over. /link makes a new one."))
        if found.member_id == call.member_id:
            return call.reply(call.say("This code is your own. Send it to me on the other network."))
        if await links.platforms(tx, found.member_id) & await links.platforms(tx, call.member_id):
            return call.reply(call.say("Both of you are on the same network; I link accounts of different ones."))
        near, far = await _sides(tx, call, found)
        if found.state == links.OPEN:
            values = {"other_id": call.member_id, "other_chat_id": call.chat.id, "expires": now + HOLDS}
            await links.change(tx, found.id, state=links.CLAIMED, **values)
            await _tell(tx, call, found.id, "asked", far, _question(call, far, near, found.id))
        asked = _question(call, near, far, found.id)
        return call.reply(asked.text, asked.buttons)

    return await call.tools.database.write(claim)


async def _decide(call: Call, *, agreed: bool) -> Outgoing:
    """One side said yes or no; with the second yes both become one member."""
    given, now = number(call.words[1]) if len(call.words) > 1 else None, call.tools.clock.now()

    async def decide(tx: Transaction) -> Outgoing:
        found = await links.pending(tx, call.shop.id, call.member_id, given, now)
        if found is None:
            return call.reply(call.say("There is nothing to say yes or no to; its ten minutes may be over."))
        near, far = await _sides(tx, call, found)
        if found.state == links.DONE:
            return await _done(tx, call, near, far)
        if not agreed:
            await links.change(tx, found.id, state=links.REFUSED)
            nothing = Outgoing(call.tools.texts.say(far.language, "Nothing was linked."))
            await _tell(tx, call, found.id, "refused", far, nothing)
            return call.reply(call.say("Nothing was linked."))
        mine, theirs = ("agreed", "other_agreed") if near.asked else ("other_agreed", "agreed")
        await links.change(tx, found.id, **{mine: True})
        if not getattr(found, theirs):
            text = call.say("Good. Now say yes on {platform} too, within ten minutes.", platform=far.network)
            return call.reply(text)
        await links.change(tx, found.id, state=links.DONE)
        await _merge(tx, call, found)
        await _tell(tx, call, found.id, "done", far, await _done(tx, call, far, near))
        return await _done(tx, call, near, far)

    reply = await call.tools.database.write(decide)
    call.tools.forget_people()
    return reply


async def _merge(tx: Transaction, call: Call, found: Any) -> None:
    kept = await links.merge(tx, found.member_id, found.other_id)
    await call.tools.suggestions.traits.rebuild(tx, kept)
    if not (await members.get(tx, kept)).subscribed:
        await call.tools.suggestions.withdraw(tx, kept)
    data, now = {"members": [found.member_id, found.other_id]}, call.tools.clock.now()
    await stored.audit(tx, call.shop.id, ACTION, now, member_id=kept, chat_id=call.chat.id, data=data)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: who they are there, and where they are told. `asked`: for the code."""

    member_id: int
    name: str
    chat: members.ChatRow
    language: str
    asked: bool

    @property
    def network(self) -> str:
        return self.chat.platform.capitalize()


async def _sides(tx: Transaction, call: Call, found: Any) -> tuple[Side, Side]:
    """Who speaks, and the other one. Once it is done both are one member, and the chat tells which side speaks."""
    done = found.state == links.DONE
    asked = call.chat.id != found.other_chat_id if done else call.member_id == found.member_id
    other, place = (found.other_id, found.other_chat_id) if asked else (found.member_id, found.chat_id)
    there, name = await members.chat(tx, place), (await members.get(tx, other)).name
    near = Side(call.member_id, call.message.sender.name, call.chat, call.language, asked)
    spoken = await written(tx, other) or there.language or call.shop.language
    return near, Side(other, name, there, spoken, not asked)


def _question(call: Call, to: Side, other: Side, link: int) -> Outgoing:
    """What a side is asked about the other."""
    say = call.tools.texts.say
    lines = [
        say(
            to.language,
            "Are you {name} on {platform} too? Then I treat you as one person on both: one profile, and one set of "
            "choices. Where they differ, the stricter holds.",
            name=other.name,
            platform=other.network,
        ),
        say(to.language, "/unlink takes it back. If you don't know what this is about, say no."),
    ]
    yes, no = say(to.language, "Yes, that's me"), say(to.language, "No")
    return Outgoing("\n".join(lines), (Button(yes, f"/link yes {link}"), Button(no, f"/link no {link}")))


async def _done(tx: Transaction, call: Call, to: Side, other: Side) -> Outgoing:
    """What a side hears once both said yes."""
    say, member = call.tools.texts.say, await members.get(tx, to.member_id)
    if member.merged_into is not None:
        member = await members.get(tx, member.merged_into)
    text = say(to.language, "Done. On {platform} and here you are one person for me.", platform=other.network)
    if not member.subscribed:
        text += "\n" + say(to.language, "You get no suggestions. /subscribe starts them.")
    button = Button(say(to.language, "What is known of me"), "/me")
    return call.reply(text, (button,)) if to.chat.id == call.chat.id else Outgoing(text, (button,))


async def _tell(tx: Transaction, call: Call, link: int, step: str, to: Side, shown: Outgoing) -> None:
    """The other side hears of it, once."""
    key, now = f"link:{link}:{step}", call.tools.clock.now()
    if not await outbox.by_key(tx, call.shop.id, key):
        held = extra(shown, language=to.language)
        await outbox.put(tx, call.shop.id, to.chat.id, key, "notice", shown.text, now, extra=held)
