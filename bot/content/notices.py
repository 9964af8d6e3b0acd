"""What admins see of a draft: its text as it would be posted, the time left, and buttons to decide with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.messages import Button, Outgoing
from bot.outbox import extra, outgoing
from bot.texts import Texts
from storage import members, outbox
from storage.database import Transaction
from storage.members import ChatRow


class Admin(Protocol):
    """Who is told, in which direct chat."""

    @property
    def address(self) -> str: ...
    @property
    def member_id(self) -> int | None: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A draft as a row of the outbox looks."""

    text: str
    extra: dict[str, Any]
    reply_to: str = ""


async def tell(
    tx: Transaction, texts: Texts, row: Any, chat: ChatRow, admins: Sequence[Admin], unanswered: str, now: datetime
) -> None:
    """One notice for each of the admins, once for each draft. Without an admin, what is unanswered is decided by the
    schedule."""
    for at, admin in enumerate(admins):
        place = await members.direct(tx, row.shop_id, admin.member_id, chat.platform, admin.address, admin.name)
        shown = notice(texts, row, chat, now, unanswered)
        held = extra(shown, begun=chat.id)
        key, values = f"draft:{row.id}:{at}", {"member_id": admin.member_id, "extra": held}
        await outbox.put(tx, row.shop_id, place.id, key, "notice", shown.text, now, **values)


def notice(texts: Texts, row: Any, chat: ChatRow, now: datetime, unanswered: str = "") -> Outgoing:
    """In the language of the draft."""
    say, spoken = texts.say, row.language
    title = chat.title or chat.platform_id
    head = say(spoken, "Draft {number}: {type} for {chat}.", number=row.id, type=row.content, chat=title)
    lines = [head]
    if row.due is not None:
        lines[0] += " " + say(spoken, "It is posted in {left}.", left=left(texts, spoken, row.due - now))
    if unanswered:
        lines.append(_otherwise(texts, spoken, unanswered))
    seen = outgoing(Held(row.text, dict(row.data.get("extra", {}))))
    choices = [f"▫ {one}" for one in row.data.get("extra", {}).get("poll", ())]
    text = "\n".join((*lines, "", seen.text, *choices))
    return Outgoing(text, buttons(texts, row), tuple(replace(card, link="") for card in seen.cards))


def _otherwise(texts: Texts, spoken: str, unanswered: str) -> str:
    say = texts.say
    return {
        "post": lambda: say(spoken, "If nobody decides, it is posted as it is."),
        "skip": lambda: say(spoken, "If nobody decides, it is not posted."),
        "plain": lambda: say(spoken, "If nobody decides, it is posted in the shop's own words, without the model's."),
    }[unanswered]()


def buttons(texts: Texts, row: Any) -> tuple[Button, ...]:
    """They name the version that is seen: nobody approves another one by them."""
    say, spoken, which = texts.say, row.language, f"{row.id} {row.version}"
    return (
        Button(say(spoken, "Approve"), f"/drafts approve {which}"),
        Button(say(spoken, "Edit"), f"/drafts edit {which}"),
        Button(say(spoken, "Write it anew"), f"/drafts again {which}"),
        Button(say(spoken, "Reject"), f"/drafts reject {which}"),
    )


def left(texts: Texts, spoken: str, time: timedelta) -> str:
    """`25 minutes`; what is due already has none left."""
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 120:
        return texts.say(spoken, "{count} min", count=minutes)
    hours = minutes // 60
    if hours < 48:
        return texts.say(spoken, "{count} h", count=hours)
    return texts.say(spoken, "{count} days", count=hours // 24)
