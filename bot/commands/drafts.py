"""Shows the drafts that wait for a decision; approves, edits, rejects one, or has it written anew."""

from typing import Any

from bot.commands.base import Call, number
from bot.content.drafts import NothingToPost
from bot.content.notices import left, notice
from bot.messages import Button, Outgoing, Role
from storage import drafts as rows
from storage import members

role = Role.ADMIN
usage = "[approve|edit|again|reject NUMBER]"
TEXT = 80  # characters of a draft in the list


async def run(call: Call) -> Outgoing:
    verb, _, rest = call.args.strip().partition(" ")
    if not verb or verb.lower() == "list":
        return await _list(call)
    first, _, more = rest.strip().partition(" ")
    deeds = {"approve": _approve, "again": _again, "reject": _reject, "show": shown}
    which, verb = number(first), verb.lower()
    if verb not in (*deeds, "edit") or which is None:
        text = call.say("I don't know “{word}” here.", word=call.args)
        return call.reply(text + "\n" + call.say("For example: /drafts approve 1"), private=True)
    row = await call.tools.drafts.get(which)
    if row is None or not _may(call, row):
        text = call.say("There is no draft {number} of this chat.", number=which)
        return call.reply(text, private=True)
    if row.state != rows.OPEN:
        return call.reply(await _decided(call, row), private=True)
    version, _, words = more.strip().partition(" ")
    if number(version) is None:
        version, words = "", more
    if version and number(version) != row.version:
        newest = await shown(call, row)
        text = call.say("There is a newer wording of it than the one that you saw:")
        return call.reply(f"{text}\n{newest.text}", newest.buttons, newest.cards, private=True)
    return await (_edit(call, row, words) if verb == "edit" else deeds[verb](call, row))


def _may(call: Call, row: Any) -> bool:
    """An admin of a chat decides about that chat's drafts; who is one everywhere, in their direct chat about all."""
    return call.chat.id == row.chat_id or call.chat.direct


async def shown(call: Call, row: Any) -> Outgoing:
    """The draft with its buttons."""
    chat = await call.tools.database.read(lambda tx: members.chat(tx, row.chat_id))
    seen = notice(call.tools.texts, row, chat, call.tools.clock.now())
    return call.reply(seen.text, seen.buttons, seen.cards, private=True)


async def _list(call: Call) -> Outgoing:
    waiting = [row for row in await call.tools.drafts.waiting() if _may(call, row)]
    if not waiting:
        return call.reply(call.say("No draft waits for a decision."), private=True)
    now, lines = call.tools.clock.now(), [call.say("These wait for a decision:")]
    for row in waiting:
        text = " ".join(row.text.split())
        line = call.say("{number}: {type}, {draft}", number=row.id, type=row.content, draft=text[:TEXT])
        if row.due is not None:
            line += " " + call.say("({left} left)", left=left(call.tools.texts, call.language, row.due - now))
        lines.append(line)
    buttons = [Button(call.say("Look at {number}", number=row.id), f"/drafts show {row.id}") for row in waiting[:5]]
    return call.reply("\n".join(lines), buttons, private=True)


async def _approve(call: Call, row: Any) -> Outgoing:
    if not await call.tools.drafts.approve(row, call.member_id):
        return call.reply(await _decided(call, await call.tools.drafts.get(row.id)), private=True)
    if row.due is None:
        return call.reply(call.say("Done, it is posted."), private=True)
    time = left(call.tools.texts, call.language, row.due - call.tools.clock.now())
    text = call.say("Done: draft {number} is posted in {left}.", number=row.id, left=time)
    return call.reply(text, private=True)


async def _reject(call: Call, row: Any) -> Outgoing:
    if not await call.tools.drafts.reject(row, call.member_id):
        return call.reply(await _decided(call, await call.tools.drafts.get(row.id)), private=True)
    return call.reply(call.say("Done: draft {number} is not posted.", number=row.id), private=True)


async def _again(call: Call, row: Any) -> Outgoing:
    try:
        await call.tools.drafts.again(row)
    except NothingToPost:
        text = call.say("The shop has nothing to write a {type} about right now.", type=row.content)
        return call.reply(text, private=True)
    return await shown(call, await call.tools.drafts.get(row.id))


async def _edit(call: Call, row: Any, words: str = "") -> Outgoing:
    again = f"/drafts edit {row.id} {row.version}"
    if not words:
        text = call.say("Reply to this message with the text as it should be. Now it is:")
        return call.reply(f"{text}\n{row.text}", private=True, awaits=again)
    wrong = await call.tools.drafts.edit(row, words)
    if wrong == "unsafe":
        text = call.say("I may not post that: a rule of safety keeps it back. Reply to this message with another text.")
        return call.reply(text, private=True, awaits=again)
    if wrong == "long":
        return call.reply(call.say("That's too long for a post."), private=True, awaits=again)
    found = await call.tools.drafts.get(row.id)
    if wrong:
        return call.reply(await _decided(call, found), private=True)
    newest = await shown(call, found)
    if odd := await call.tools.drafts.strange(found, words):
        text = call.say("Mind that nothing in it costs {amounts} in the shop.", amounts=", ".join(odd))
        return call.reply(f"{text}\n{newest.text}", newest.buttons, newest.cards, private=True)
    return newest


async def _decided(call: Call, row: Any) -> str:
    """What became of a draft."""
    name = await call.tools.drafts.decider(row) if row.decided_by else ""
    if row.state == rows.REJECTED:
        return call.say("Draft {number} was rejected by {name}.", number=row.id, name=name)
    if row.state == rows.APPROVED:
        return call.say("Draft {number} was approved by {name} and waits for its time.", number=row.id, name=name)
    if row.state == rows.POSTED:
        return call.say("Draft {number} is posted already.", number=row.id)
    return call.say("Draft {number} was not posted: its time is over.", number=row.id)
