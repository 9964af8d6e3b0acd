"""What moderation did in a chat, and what it would have done: the last week's messages are judged once more."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.moderation import rules
from bot.moderation.notices import kind, line, why
from bot.moderation.watch import STEPS, is_new, said_in
from bot.texts import Texts
from storage import moderation
from storage.database import Transaction
from storage.members import ChatRow

WEEK = timedelta(days=7)
MOST = 5_000  # messages of a week, the last ones
SHOWN = 8


async def done(tx: Transaction, texts: Texts, language: str, shop_id: int, chat: ChatRow, now: datetime) -> list[str]:
    """What was decided in the last week, newest first, as lines."""
    rows = await moderation.decisions(tx, shop_id, chat_id=chat.id, since=now - WEEK)
    names = await moderation.names(tx, {row.member_id for row in rows if row.member_id})
    say = texts.say
    if not rows:
        return [say(language, "In the last seven days I did nothing here.")]
    counted = Counter(row.kind for row in rows)
    told = ", ".join(f"{kind(texts, language, one)} {count}" for one, count in counted.most_common())
    lines = [say(language, "In the last seven days: {counted}.", counted=told)]
    lines += [line(texts, language, row, names.get(row.member_id, "?")) for row in rows[:SHOWN]]
    refused = [row for row in await moderation.doings(tx, shop_id, chat.id, 200) if row.state == "failed"]
    if refused:
        text = say(language, "The network refused {count}: {error}", count=len(refused), error=refused[0].error)
        lines.append(text)
    return lines


@dataclass(frozen=True, slots=True)
class Week:
    """A chat's last messages, and of who wrote them when they came and what they are called."""

    said: list[rules.Said]
    firsts: dict[int, tuple[datetime | None, datetime | None, int]]
    names: dict[int, str]
    watched: datetime


async def week(tx: Transaction, shop_id: int, chat: ChatRow, now: datetime) -> Week:
    """Of the last week, of all but admins and members that are left alone."""
    rows = await moderation.lately(tx, shop_id, now - WEEK, chat_id=chat.id, count=MOST)
    guard = await moderation.guard(tx, shop_id, chat.id)
    exempt, watched = (set(guard.exempt), guard.since) if guard else (set(), now)
    mine = [row for row in rows if row.member_id not in exempt and not (getattr(row, "data", None) or {}).get("admin")]
    said = [said_in(row) for row in mine]
    members = {each.member for each in said}
    firsts = {one: await moderation.first_heard(tx, one, chat.id) for one in members}
    return Week(said, firsts, await moderation.names(tx, members), watched)


def would(held: Week, texts: Texts, language: str) -> list[str]:
    """What would have come of these messages, as lines. It takes a millisecond a message: call it in a thread."""
    found, say = replay(held.said, held.firsts, held.watched), texts.say
    if not found:
        return [say(language, "Of the last week's {count} messages I would have removed none.", count=len(held.said))]
    count, wrong = len(held.said), len(found)
    lines = [
        say(language, "Of the last week's {count} messages I would have removed {wrong}:", count=count, wrong=wrong)
    ]
    for each, reason, step in found[-SHOWN:]:
        excerpt = " ".join(each.text.split())
        excerpt = excerpt if len(excerpt) <= 60 else excerpt[:60] + "…"
        told, name = why(texts, language, reason), held.names.get(each.member, "?")
        lines.append(f"{kind(texts, language, step)} – {name}: {told} “{excerpt}”")
    return lines


def replay(
    said: list[rules.Said], firsts: dict[int, tuple[datetime | None, datetime | None, int]], watched: datetime
) -> list[tuple[rules.Said, str, str]]:
    """Which of a chat's messages would have been taken away, why, and what else had come of it."""
    found = []
    lately: deque[rules.Said] = deque(maxlen=rules.LOOKED)
    heard: Counter[int] = Counter()
    strikes: dict[int, int] = defaultdict(int)
    for each in said:
        joined, first, _ = firsts[each.member]
        new = is_new(each.at, joined, first, heard[each.member], watched)
        before = rules.Before([one for one in lately if one.member == each.member], list(lately), new)
        if (reason := rules.judge(each, before)) is not None:
            found.append((each, reason, STEPS[min(strikes[each.member], len(STEPS) - 1)]))
            strikes[each.member] += 1
        heard[each.member] += 1
        lately.append(each)
    return found
