"""What is sent on Discord is seen once, whatever is lost between; commands are answered within their deadlines."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.messages import Chat, Outgoing, SendError
from bot.platforms.base import CommandHelp, React, Typing
from bot.platforms.discord import Discord
from tests.bot.discord_shop import PATIENCE, Ahead, until
from tests.fakes.discord import FakeDiscord

COMMANDS = [CommandHelp("ask", "QUESTION", "Asks.")]


class Sender:
    """The platform alone, with an outbox that knows what the test says."""

    def __init__(self, fake: FakeDiscord, clock: Ahead) -> None:
        self.fake, self.clock = fake, clock
        self.known: dict[str, Outgoing] = {}
        self.heard: list[Any] = []

    async def with_one(self, work: Callable[[Discord], Awaitable[Any]]) -> Any:
        """Do something with a process of its own."""
        told = self.fake.settings()

        async def said(ids: Any) -> dict[str, Outgoing]:
            return {one: self.known[one] for one in ids if one in self.known}

        async def receive(message: Any) -> None:
            self.heard.append(message)

        platform = Discord(
            token=told["DISCORD_TOKEN"], api_url=told["DISCORD_API_URL"], gateway_url=told["DISCORD_GATEWAY_URL"],
            commands=lambda _: COMMANDS, clock=self.clock, said=said,
        )  # fmt: skip
        running = asyncio.create_task(platform.run(receive))
        try:
            await until(lambda: self.fake.gateway.served)
            async with asyncio.timeout(3 * PATIENCE):
                return await work(platform)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def chat(self, name: str = "shop") -> Chat:
        return Chat("discord", (await self.fake.place(name))["id"])


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=30)])
@pytest.mark.parametrize("chat", ["shop", "shop/thread"])
async def test_what_was_sent_before_a_kill_is_not_sent_again(later: timedelta, chat: str) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        to = await fake.say(chat, "ann", "hello?")
        place, shown = await sender.chat(chat), Outgoing("It is *here*.", reply_to=to)
        first = await sender.with_one(lambda one: one.send(place, shown, "reply:1"))
        await fake.say(chat, "ann", "thank you")
        clock.by += later
        assert await sender.with_one(lambda one: one.send(place, shown, "reply:1")) == first
        sender.known[first] = shown
        assert await sender.with_one(lambda one: one.send(place, shown, "reply:2")) != first
        assert len(fake.log) == 2


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=30)])
async def test_a_reply_that_was_shown_in_part_is_finished_where_it_stands(later: timedelta) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender, to = Sender(fake, clock), await fake.say("shop", "ann", "hello?")
        place, part = await sender.chat(), Outgoing("It is", reply_to=to, done=False)
        first = await sender.with_one(lambda one: one.send(place, part, "reply:1"))
        clock.by += later
        whole = Outgoing("It is here.", reply_to=to)
        assert await sender.with_one(lambda one: one.send(place, whole, "reply:1")) == first
        assert fake.shown("shop") == ["It is here."]


async def test_a_lost_answer_does_not_double_a_message() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place, waits = await sender.chat(), list[float | None]()

        async def work(platform: Discord) -> None:
            fake.faults.broken = 0.4
            for number in range(6):
                shown = Outgoing(f"message {number}")
                while True:
                    try:
                        sender.known[await platform.send(place, shown, f"key {number}")] = shown
                        break
                    except SendError as error:
                        waits.append(error.retry_after)
                        clock.by += timedelta(minutes=10)

        await sender.with_one(work)
        assert fake.shown("shop") == [f"message {number}" for number in range(6)]
        assert waits
        assert all(waits)


async def test_parts_of_a_reply_are_shown_now_and_then() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()

        async def work(platform: Discord) -> None:
            shown = await platform.send(place, Outgoing("a", done=False), "key")
            for size in range(2, 60):
                await platform.edit(place, shown, Outgoing("a" * size, done=False))
            await platform.edit(place, shown, Outgoing("a" * 60))

        await sender.with_one(work)
        assert fake.shown("shop") == ["a" * 60]
        assert len(fake.log) <= 4


async def test_a_limit_that_holds_long_is_told_to_the_outbox() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()

        async def work(platform: Discord) -> float | None:
            fake.faults.refuse_every, fake.faults.retry_after = 1, 300
            with pytest.raises(SendError) as told:
                await platform.send(place, Outgoing("hello"), "key")
            return told.value.retry_after

        assert await sender.with_one(work) == 300


async def test_it_is_seen_writing_and_reacting() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender, said = Sender(fake, clock), await fake.say("shop", "ann", "thank you")
        place = await sender.chat()

        async def work(platform: Discord) -> None:
            await platform.act(place, Typing())
            await platform.act(place, React(said, "❤️"))

        await sender.with_one(work)
        assert fake.rest.typing == ["shop"]
        assert [one["emoji"]["name"] for one in fake.world.messages[said]["reactions"]] == ["❤️"]


# commands and their deadlines


async def used(sender: Sender, platform: Discord) -> Any:
    """A member uses /ask; what the bot heard of it."""
    held = await sender.fake.use("shop", "ann", "ask", question="well?")
    await until(lambda: sender.heard)
    return held, sender.heard.pop()


@pytest.mark.parametrize("private", [False, True])
async def test_a_slow_answer_is_announced_in_time(private: bool) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()

        async def work(platform: Discord) -> None:
            held, message = await used(sender, platform)
            await until(lambda: held.acked)
            to = message.sender.id if private else ""
            shown = Outgoing("At last.", ticket=message.ticket, private_to=to)
            answer = await platform.send(place, shown, "reply:1")
            await platform.edit(place, answer, Outgoing("At last!", ticket=message.ticket, private_to=to))

        await sender.with_one(work)
        assert [(one.text, one.private_to) for one in fake.log] == [
            ("At last.", "ann" if private else ""),
            ("At last!", "ann" if private else ""),
        ]
        assert len(fake.history("shop")) == 1


@pytest.mark.parametrize("private", [False, True])
async def test_an_answer_before_a_kill_is_not_given_twice(private: bool) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()

        async def work(platform: Discord) -> tuple[str, Outgoing, Any]:
            _, message = await used(sender, platform)
            to = message.sender.id if private else ""
            shown = Outgoing("Yes.", ticket=message.ticket, private_to=to)
            return await platform.send(place, shown, "reply:1"), shown, message

        first, shown, message = await sender.with_one(work)
        clock.by += timedelta(minutes=5)
        assert await sender.with_one(lambda one: one.send(place, shown, "reply:1")) == first
        more = Outgoing("And more.", ticket=message.ticket)
        await sender.with_one(lambda one: one.send(place, more, "reply:1:2"))
        assert [one.text for one in fake.log] == ["Yes.", "And more."]


async def test_a_command_that_a_kill_cut_off_is_answered_by_what_was_announced() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()

        async def work(platform: Discord) -> Any:
            held, message = await used(sender, platform)
            await until(lambda: held.acked)
            return message

        message = await sender.with_one(work)
        shown = Outgoing("Here I am.", ticket=message.ticket)
        await sender.with_one(lambda one: one.send(place, shown, "reply:1"))
        assert [one["content"] for one in fake.history("shop")] == ["Here I am."]


@pytest.mark.parametrize("later", [timedelta(seconds=10), timedelta(minutes=20)])
async def test_a_command_too_old_to_be_answered_gets_an_ordinary_message(later: timedelta) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        place = await sender.chat()
        message = (await sender.with_one(lambda one: used(sender, one)))[1]
        clock.by += later
        shown = Outgoing("Sorry for the wait.", reply_to=message.id, ticket=message.ticket)
        private = Outgoing("For you.", ticket=message.ticket, private_to=message.sender.id)

        async def work(platform: Discord) -> None:
            assert await platform.send(place, shown, "reply:1")
            with pytest.raises(SendError) as told:
                await platform.send(place, private, "reply:2")
            assert told.value.retry_after is None  # the outbox goes another way

        await sender.with_one(work)
        assert [(one.text, one.private_to) for one in fake.log] == [("Sorry for the wait.", "")]


async def test_a_poll_is_one_of_discords_own() -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        sender = Sender(fake, clock)
        await fake.say("shop", "ann", "hello?")
        place = await sender.chat()
        poll = Outgoing("Which one?", poll=("Kettle", "x" * 80))

        async def both(one: Discord) -> None:
            await one.send(place, poll, "post:2")
            await one.send(place, poll, "post:2")

        await sender.with_one(both)
        assert [(one.text, one.picture, one.poll) for one in fake.log] == [
            ("Which one?", False, ("Kettle", "x" * 55)),
        ]
