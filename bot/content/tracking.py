"""The shop's own links in what is posted: short ones that are counted where the shop has a public address, and UTM
parameters by which the shop's own statistics tell posts apart.

Links of others are left as they are. Only a direct message to a subscriber gets a code of its own; what is posted to a
group has one for all.
"""

import re
import secrets
import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bot.config import Settings, listed
from bot.messages import Card
from storage import clicks
from storage.database import Transaction

LINK = re.compile(r"https?://[^\s<>\"'“”「」（）()，。、！？；]+", re.IGNORECASE)
LETTERS, LENGTH = string.ascii_letters + string.digits, 9  # of a code
TRAILING = ".,:;!?"
LONGEST = 2000  # characters of an address that is shortened


@dataclass(frozen=True, slots=True)
class Post:
    """What a link stands in. `key` is its outbox row's, `campaign` what statistics know it by."""

    key: str
    platform: str
    campaign: str
    member_id: int | None = None  # of a direct message to a subscriber


@dataclass(frozen=True, slots=True)
class Tracking:
    """`public_url` is the shop's own address of short links, '' where it has none; `hosts` are its own besides those of
    the catalogue."""

    shop_id: int
    public_url: str = ""
    hosts: frozenset[str] = frozenset()

    async def own(self, tx: Transaction, text: str, cards: Sequence[Card]) -> list[str]:
        """The addresses in a message that are the shop's."""
        found = dict.fromkeys([*links(text), *(card.link for card in cards if LINK.fullmatch(card.link))])
        return [one for one in found if len(one) <= LONGEST and await self._is_own(tx, one)]

    async def _is_own(self, tx: Transaction, address: str) -> bool:
        try:
            host = urlsplit(address).hostname or ""
        except ValueError:
            return False
        allowed = any(host == one or host.endswith(f".{one}") for one in self.hosts)
        return allowed or await clicks.is_own(tx, self.shop_id, host)

    async def mark(
        self, tx: Transaction, text: str, cards: Sequence[Card], own: Collection[str], post: Post, now: datetime
    ) -> tuple[str, tuple[Card, ...]]:
        """The message with its own links marked. In the transaction that puts it into the outbox."""
        marked = {one: await self._marked(tx, one, post, now) for one in own}

        def put(found: re.Match[str]) -> str:
            whole = found.group()
            bare = whole.rstrip(TRAILING)
            return marked.get(bare, bare) + whole[len(bare) :]

        shown = tuple(replace(card, link=marked.get(card.link, card.link)) for card in cards)
        return LINK.sub(put, text), shown

    async def marked(
        self, tx: Transaction, text: str, values: Mapping[str, Any], post: Post, now: datetime
    ) -> tuple[str, dict[str, Any]]:
        """The same for the columns of an outbox row."""
        held = dict(values.get("extra", {}))
        cards = [Card(*one) for one in held.get("cards", ())]
        text, shown = await self.mark(tx, text, cards, await self.own(tx, text, cards), post, now)
        if shown:
            held["cards"] = [list(astuple(card)) for card in shown]
        return text, {**values, "extra": held}

    async def _marked(self, tx: Transaction, address: str, post: Post, now: datetime) -> str:
        told = with_utm(address, post.platform, post.campaign)
        if not self.public_url:
            return told
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        code = await clicks.add(tx, self.shop_id, code, told, post.key, post.member_id, now)
        return f"{self.public_url}/l/{code}"


def tracking_of(settings: Settings, shop_id: int) -> Tracking:
    """As the settings have it."""
    return Tracking(shop_id, settings.public_url, frozenset(listed(settings.allowed_links)))


def links(text: str) -> list[str]:
    """The addresses in a text, without the punctuation behind them."""
    return [found.group().rstrip(TRAILING) for found in LINK.finditer(text)]


def with_utm(address: str, source: str, campaign: str) -> str:
    """The address with where it was posted; what it says of that itself stays."""
    parts = urlsplit(address)
    told = {"utm_source": source, "utm_medium": "post", "utm_campaign": campaign}
    held = dict(parse_qsl(parts.query, keep_blank_values=True))
    more = urlencode({name: value for name, value in told.items() if name not in held})
    return urlunsplit(parts._replace(query="&".join(one for one in (parts.query, more) if one)))
