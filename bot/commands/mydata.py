"""Sends you a file with everything that is held of you."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.commands.base import Call
from bot.members.profiles import profile
from bot.messages import Outgoing
from bot.texts import moment

NAME = "my-data.json"


async def run(call: Call) -> Outgoing:
    """A JSON file, for the member alone: first what it means, then every row as it stands."""
    rows = await call.tools.rights.everything(call.member_id)
    titles = await _titles(call, rows)
    text = json.dumps(await _told(call, rows, titles), ensure_ascii=False, indent=1, default=_plain)
    count = sum(map(len, rows.values()))
    lines = [
        call.say("Here is all that is held of you: {count} entries, as a file that every editor opens.", count=count),
        call.say("It is made for you this moment and kept nowhere. /forgetme removes what it holds."),
    ]
    reply = call.reply("\n".join(lines), private=True)
    return replace(reply, document=(NAME, text))


async def _titles(call: Call, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[int, str]:
    """What the products that are spoken of are called."""
    ids = {one[name] for held in rows.values() for one in held for name in ("product_id", "chosen") if one.get(name)}
    return {one.id: one.title for one in await call.tools.library.read(sorted(ids))}


async def _told(
    call: Call, rows: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[int, str]
) -> dict[str, Any]:
    """In words that say themselves, each time in the shop's zone."""
    now, shop, member = call.tools.clock.now(), call.shop.id, call.member_id
    known = await call.tools.database.read(lambda tx: profile(tx, shop, member, now, policy=call.profiles))

    def at(value: datetime | None) -> str:
        return moment(value, call.shop.timezone, call.language) if value else ""

    said = [
        {
            "when": at(one["at"]),
            "what": one["kind"],
            "words": one["text"] or "(none, or erased after the retention time)",
            "about": titles.get(one["product_id"] or 0, ""),
        }
        for one in rows.get("interaction", ())
    ]
    heard = [
        {"when": at(one["sent"] or one["created"]), "what": one["kind"], "words": one["text"]}
        for one in rows.get("outbox", ())
    ]
    return {
        "shop": call.shop.name,
        "made": at(now),
        "who you are here": {
            "name": known.name,
            "accounts": [f"{one['platform']}: {one['platform_id']}" for one in rows.get("identity", ())],
            "first seen": at(known.first_seen),
            "gets suggestions": known.subscribed,
            "opted out": known.opted_out,
        },
        "what is derived from it": [{"interest": one.name, "because of": one.because} for one in known.interests],
        "what you said and did": said,
        "what the bot said to you": heard,
        "every row, as it stands": {name: list(held) for name, held in rows.items() if held},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
