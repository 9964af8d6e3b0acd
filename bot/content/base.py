"""To add a content type:

1. Write `bot/content/types/NAME.py`. The folder is the registry, NAME is what admins type: `/post now NAME`.
2. Its docstring's first line says what it posts, in English; add the translation to `bot/locales/`.
3. Write `async def plan(desk: Desk, language: str) -> Plan | None`: an act with its facts from the shop's rows, and as
   `quote` a text that can stand without a model. None where the shop has nothing for it today.
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Protocol

from bot.knowledge.library import Library
from llm.protocol import Plan


@dataclass(frozen=True, slots=True)
class Desk:
    """What a draft is made from. `recent` are the rows (`product:12`) of the chat's last posts.

    `random` is seeded by the chat, the day and the posts before, so that a draft made again chooses the same.
    """

    library: Library
    recent: Collection[str]
    random: Random


class ContentType(Protocol):
    async def plan(self, desk: Desk, language: str) -> Plan | None:
        """What to post."""
