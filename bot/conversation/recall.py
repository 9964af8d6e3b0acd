"""What was said before in this chat, as the model and the planner may use it: bounded, with speaker names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.conversation.context import Context
from bot.knowledge.library import Library, Version
from bot.messages import Message
from llm.engine import Turn
from storage import handoffs, interactions, outbox
from storage.database import Transaction
from storage.members import ChatRow

TURNS = 6
CHARACTERS = 600  # of all turns together: about 200 tokens, half of the starter model's context


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said last in a chat, by members and by the bot, the catalogue's version, and who is with a human."""

    heard: list[Any]
    said: list[Any]
    version: Version
    turns: Sequence[Any] = ()  # handoffs that are not over


def place_of(chat: ChatRow) -> str:
    """A chat as the rules know it."""
    return f"{chat.platform}:{chat.platform_id}"


async def look(tx: Transaction, library: Library, chat_id: int, now: datetime | None = None) -> Seen:
    heard, said = await interactions.recent(tx, chat_id, TURNS), await outbox.recent(tx, chat_id, TURNS)
    turns = await handoffs.in_force(tx, chat_id, now) if now else ()
    return Seen(heard, said, await library.current(tx), turns)


async def recall(
    library: Library,
    chat: ChatRow,
    member_id: int,
    message: Message,
    language: str,
    shop: str,
    seen: Seen | None = None,
) -> Context:
    """The context of one message, and the library as of now (or as of `seen`). What the message replies to counts as
    the last thing said to this member. What a command answered counts where it showed the shop's rows: an admin may
    have been shown other members' words."""

    if seen is None:
        seen = await library.database.read(lambda tx: look(tx, library, chat.id))
    await library.refresh(seen.version)
    heard, said = seen.heard, seen.said
    about = _about(said, member_id, message)
    rows = tuple(about.sources) if about else ()
    own = [row for row in said if row.member_id == member_id and row.sources and not row.extra.get("part")]
    earlier = tuple(own[-2].sources) if len(own) > 1 and about is own[-1] else ()
    act = str(about.extra.get("act", "")) if about else ""
    before = [row for row in heard if row.message_id != message.id and row.at <= message.at]
    turns = [(row.at, Turn("user", row.text, row.name)) for row in before]
    turns += [(row.sent, Turn("assistant", row.text)) for row in said if row.kind != "command" or row.sources]
    ordered = [turn for _, turn in sorted(turns, key=lambda pair: pair[0])]
    ordered.append(Turn("user", message.text, message.sender.name))
    asked = next((row.text for row in reversed(heard) if about and row.message_id == about.reply_to), "")
    name = message.sender.name
    if any(row.member_id == member_id and name in row.text for row in said):
        name = ""  # called by name just now: not in every message
    return Context(
        language,
        name,
        shop,
        rows,
        act,
        asked,
        bounded(ordered),
        earlier=earlier,
        chat=str(chat.id),
        place=place_of(chat),
    )


def _about(said: list[Any], member_id: int, message: Message) -> Any:
    """The bot's message that this one goes on from: the one it replies to, else the last to this member."""
    for row in reversed(said):
        if message.reply_to and row.message_id == message.reply_to:
            return row
    own = [row for row in said if row.member_id == member_id and row.sources and not row.extra.get("part")]
    return own[-1] if own else None


def bounded(turns: list[Turn]) -> tuple[Turn, ...]:
    """The last turns, as many as a prompt takes."""
    kept: list[Turn] = []
    left = CHARACTERS
    for turn in reversed(turns[-TURNS:]):
        left -= len(turn.content) * (3 if any(letter > "\u2e80" for letter in turn.content) else 1)
        if kept and left < 0:
            break
        kept.append(turn)
    return tuple(reversed(kept))
