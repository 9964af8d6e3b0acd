"""Answers to slash commands and buttons: within three seconds or with a sign that one comes, by a token that holds for
fifteen minutes, and once.

Discord knows no key of ours here, so that whatever is in doubt (a kill, a lost answer) is looked up before anything is
sent again.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import discord

from bot.clock import Clock
from bot.platforms.discord.client import UNREACHED
from bot.platforms.discord.saying import EPHEMERAL, edited

log = logging.getLogger(__name__)
Call = Callable[..., Awaitable[Any]]
Find = Callable[[], Awaitable[str]]  # the id of a message that was shown and never marked; '' where there is none
DEFER = 1.8  # seconds after which a sign is given that an answer comes; Discord waits for three
LIFE = timedelta(minutes=14, seconds=30)  # of a token; Discord says fifteen minutes
KNOWN = 5_000  # interactions that are remembered
MESSAGE, LATER, CHOICES = 4, 5, 8  # kinds of a first response
LOADING = 1 << 7
UNKNOWN, ACKED, BAD_TOKEN = 10062, 40060, 50027  # Discord's codes
NO_SUCH = (10008, 10015)


class State(Enum):
    NEW = "new"
    DEFERRED = "deferred"
    ANSWERED = "answered"
    DOUBTFUL = "doubtful"  # nobody here knows what became of it
    GONE = "gone"


@dataclass(slots=True)
class Held:
    """An interaction. `private`: its sign was given to the member alone."""

    state: State = State.NEW
    private: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


def ticket(interaction: discord.Interaction) -> str:
    """What an answer needs of an interaction, to be kept with the message."""
    return f"{interaction.id}:{interaction.token}"


class Answers:
    """`begin` an interaction that was heard, `answer` it by its ticket."""

    def __init__(self, call: Call, app_id: int, clock: Clock) -> None:
        self._call, self._app_id, self._clock = call, app_id, clock
        self._held: OrderedDict[str, Held] = OrderedDict()

    async def begin(self, ticket: str) -> None:
        """Wait until it is answered; after a while give the sign that an answer comes."""
        number, token = ticket.split(":", 1)
        held = self._held.get(number) or self._hold(number, State.NEW)
        waits = [asyncio.ensure_future(held.answered.wait()), asyncio.ensure_future(self._clock.sleep(DEFER))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        async with held.lock:
            if held.state is not State.NEW:
                return
            held.state = State.DOUBTFUL
            try:
                await self._respond(number, token, {"type": LATER})
            except (discord.HTTPException, *UNREACHED) as error:  # the answer itself looks what became of it
                log.info("no sign could be given that an answer comes: %s", type(error).__name__)
            else:
                held.state = State.DEFERRED

    async def choices(self, interaction: discord.Interaction, values: list[str]) -> None:
        """What may be chosen while an option is typed."""
        named = [{"name": value[:100], "value": value[:100]} for value in values[:25]]
        await self._respond(str(interaction.id), interaction.token, {"type": CHOICES, "data": {"choices": named}})

    async def answer(self, ticket: str, body: dict[str, Any], find: Find) -> str:
        """Show a message as the answer; its id, or '' where its time is over. Raises as the call."""
        number, token = ticket.split(":", 1)
        if self.over(ticket):
            return ""
        held = self._held.get(number) or self._hold(number, State.DOUBTFUL)  # an earlier process heard it
        async with held.lock:
            state, held.state = held.state, State.DOUBTFUL  # until we know better
            try:
                shown, held.state = await self._answer(held, state, number, token, body, find)
            except discord.HTTPException as error:
                if error.code not in (UNKNOWN, BAD_TOKEN):
                    raise
                shown, held.state = "", State.GONE
            held.answered.set()
        return shown

    async def edit(self, ticket: str, message_id: str, body: dict[str, Any]) -> bool:
        """Change an answer, also one that only one member sees; False where that can't be done by its ticket."""
        if self.over(ticket):
            return False
        token = ticket.split(":", 1)[1]
        try:
            await self._webhook("PATCH", "/{token}/messages/{message}", token, json=edited(body), message=message_id)
        except discord.HTTPException as error:
            if error.code not in (*NO_SUCH, BAD_TOKEN):
                raise
            return False
        return True

    def over(self, ticket: str) -> bool:
        """Can it not be answered any more?"""
        asked: datetime = discord.utils.snowflake_time(int(ticket.split(":", 1)[0]))
        return self._clock.now() - asked > LIFE

    def _hold(self, number: str, state: State) -> Held:
        held = self._held[number] = Held(state)
        if len(self._held) > KNOWN:
            self._held.popitem(last=False)
        return held

    async def _answer(
        self, held: Held, state: State, number: str, token: str, body: dict[str, Any], find: Find
    ) -> tuple[str, State]:
        private = bool(body["flags"] & EPHEMERAL)
        if state is State.GONE:
            return "", state
        if state is State.DOUBTFUL:
            state, shown = await self._look(held, token, body, find)
            if shown:
                return shown, state
        if state is State.NEW:
            try:
                told = await self._respond(number, token, {"type": MESSAGE, "data": body})
                return str(told["resource"]["message"]["id"]), State.ANSWERED
            except discord.HTTPException as error:
                if error.code != ACKED:
                    raise
        if state is State.DEFERRED:
            if held.private == private:
                path = "/{token}/messages/@original"
                return str((await self._webhook("PATCH", path, token, json=edited(body)))["id"]), State.ANSWERED
            await self._webhook("DELETE", "/{token}/messages/@original", token)  # who may see it can't be changed
        return str((await self._webhook("POST", "/{token}", token, json=body))["id"]), State.ANSWERED

    async def _look(self, held: Held, token: str, body: dict[str, Any], find: Find) -> tuple[State, str]:
        """What became of an interaction, and the id of the answer if it is this one."""
        try:
            original = await self._webhook("GET", "/{token}/messages/@original", token)
        except discord.NotFound as error:
            if error.code not in NO_SUCH:
                raise
            return State.NEW, ""
        if original["flags"] & LOADING:
            held.private = bool(original["flags"] & EPHEMERAL)
            return State.DEFERRED, ""
        if original["content"] == body["content"]:
            return State.ANSWERED, str(original["id"])
        return State.ANSWERED, "" if body["flags"] & EPHEMERAL else await find()

    async def _respond(self, number: str, token: str, response: dict[str, Any]) -> Any:
        path = "/interactions/{id}/{token}/callback"
        return await self._call("POST", path, response, {"with_response": "true"}, id=number, token=token)

    async def _webhook(self, method: str, path: str, token: str, json: Any = None, **parts: Any) -> Any:
        return await self._call(method, "/webhooks/{app}" + path, json, app=self._app_id, token=token, **parts)
