"""A profile in plain words, for the member and for admins alike: each line says what it rests on."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.members.profiles import Interest, Profile, active
from bot.members.signs import called
from bot.texts import listing, moment, money

Say = Callable[..., str]
NAMED = 3  # brands, attributes or aspects in a line


def lines(known: Profile, say: Say, language: str, timezone: str, currency: str) -> list[str]:
    """What is known beyond interests, a line for each thing that is."""
    return [
        *_bought(known, say, language, timezone),
        *_named(say("Brands: {names}", names="{names}"), [one.name for one in known.brands], language),
        *_named(say("Details: {names}", names="{names}"), [one.name for one in known.attributes], language),
        *_aspects(known, say, language),
        *_prices(known, say, language, currency),
        *([say("Seems about to buy something, by what was said in the last days.")] if known.buying else []),
        *_habits(known, say, timezone),
        *([say("Questions without an answer yet: {count}", count=known.unanswered)] if known.unanswered else []),
    ]


def often(one: Interest, say: Say, language: str, timezone: str) -> str:
    """How often an interest showed, and when last; empty where it was once."""
    if one.events < 2:
        return ""
    last = moment(datetime.fromtimestamp(one.last, UTC), timezone, language)
    return " " + say("({count} times, last on {date})", count=one.events, date=last)


def _named(line: str, names: Sequence[str], language: str) -> list[str]:
    return [line.replace("{names}", listing(list(names[:NAMED]), language))] if names else []


def _bought(known: Profile, say: Say, language: str, timezone: str) -> list[str]:
    if not known.orders or known.last_order is None:
        return []
    spent = listing([money(amount, code, language) for code, amount in sorted(known.spent.items())], language)
    last = moment(known.last_order, timezone, language)
    return [say("Orders: {count}, {amount} in all, the last on {date}", count=known.orders, amount=spent, date=last)]


def _aspects(known: Profile, say: Say, language: str) -> list[str]:
    def of(which: str) -> list[str]:
        found = [one for one in known.aspects if getattr(one, which) > 0]
        return [called(one.name, language) for one in sorted(found, key=lambda one: -getattr(one, which))]

    return [
        *_named(say("Liked: {names}", names="{names}"), of("liked"), language),
        *_named(say("Complained of: {names}", names="{names}"), of("disliked"), language),
        *_named(say("Spoke of: {names}", names="{names}"), of("spoken"), language),
    ]


def _prices(known: Profile, say: Say, language: str, currency: str) -> list[str]:
    found = []
    if known.prices:
        low, high = (money(one, known.prices.currency, language) for one in (known.prices.low, known.prices.high))
        found.append(say("Looks at things from {low} to {high}", low=low, high=high))
    if known.budget is not None:
        found.append(say("Wants to spend at most: {amount}", amount=money(Decimal(known.budget), currency, language)))
    return found


def _habits(known: Profile, say: Say, timezone: str) -> list[str]:
    offset = known.last_seen.astimezone(ZoneInfo(timezone)).utcoffset()
    hours = active(known.hours, offset.total_seconds() / 3600 if offset else 0.0)
    spoken = {"en": say("Writes in English"), "zh": say("Writes in Chinese")}.get(known.language, "")
    when = say("mostly from {start}:00 to {end}:00", start=hours[0], end=hours[1]) if hours else ""
    return [", ".join(part for part in (spoken, when) if part)] if spoken or when else []
