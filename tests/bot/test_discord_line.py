"""Discord's line breaks, its answers get lost, the bot stops in between: nothing is lost and nothing comes twice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.config import Settings
from bot.messages import Chat, Outgoing, SendError
from bot.platforms.discord import Discord
from tests.bot.discord_shop import PATIENCE, Ahead, opened, until
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_world import CONTENT_FLAG, MEMBERS_FLAG

POT = "£27.00"
ASK = "how much is the moka pot?"


def answers(fake: FakeDiscord, chat: str = "shop") -> list[str]:
    return [text for text in fake.shown(chat) if POT in text]


# what was said while nobody listened


async def test_what_was_said_while_it_was_down_is_answered_in_order_once(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
            await shop.ask("direct:tom", "tom", ASK)
        asked = [await fake.say("shop", name, f"{fake.mention}{ASK}") for name in ("ann", "tom", "zoe")]
        asked.append(await fake.say("shop#other", "ann", f"{fake.mention}{ASK}"))  # nobody had spoken there
        await fake.say("direct:tom", "tom", ASK)
        before = len(fake.log)
        async with opened(fake, settings) as shop:
            await shop.until(lambda: len(fake.log) >= before + 5, "all answered")
            await shop.settled()
            to = [one.reply_to for one in fake.log[before:] if one.chat.startswith("shop#") or one.chat == "shop"]
            assert sorted(to) == sorted(asked)
            assert [one for one in to if one != asked[3]] == asked[:3]
            assert len(answers(fake, "direct:tom")) == 2


async def test_a_live_message_waits_for_what_was_missed_before_it(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        asked = [await fake.say("shop", "ann", f"{fake.mention}{ASK}") for _ in range(3)]
        async with opened(fake, settings, run=False) as shop:
            await shop.until(lambda: fake.gateway.served, "connected")
            asked.append(await fake.say("shop", "tom", f"{fake.mention}{ASK}"))
            await shop.until(lambda: len(answers(fake)) == 5, "all answered")
            assert [one.reply_to for one in fake.log][1:] == asked


async def test_a_new_bot_leaves_what_was_said_before_it_came_alone(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        await fake.say("shop", "ann", f"{fake.mention}{ASK}")
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "tom", f"{fake.mention}{ASK}")
            assert len(answers(fake)) == 1


async def test_what_was_said_days_ago_is_left_alone(settings: Settings) -> None:
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        async with opened(fake, settings, clock) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        await fake.say("shop", "ann", f"{fake.mention}{ASK}")
        clock.by += timedelta(days=3)
        async with opened(fake, settings, clock) as shop:
            await shop.ask("shop", "tom", f"{fake.mention}{ASK}")
            assert len(answers(fake)) == 2


# the line


async def test_a_dropped_line_is_resumed(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        for reconnect in (False, True):
            before = fake.gateway.resumed
            await fake.drop(reconnect=reconnect)
            await fake.say("shop", "tom", f"{fake.mention}{ASK}")
            await shop.until(lambda before=before: fake.gateway.resumed > before, "resumed")  # type: ignore[misc]
        await shop.until(lambda: len(answers(fake)) == 3, "all answered")
        assert fake.gateway.identified == 1


@pytest.mark.parametrize("forget", [True, False])
async def test_after_a_lost_session_it_looks_what_it_missed(settings: Settings, forget: bool) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        fake.gateway.refuse_resume = not forget
        await fake.drop(forget=forget)
        await fake.say("shop", "tom", f"{fake.mention}{ASK}")
        await shop.until(lambda: len(answers(fake)) == 2, "answered")
        await shop.until(lambda: fake.gateway.identified == 2, "on a new line")


async def test_an_event_that_nobody_can_read_costs_nothing(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        await fake.gateway.malformed()
        await fake.say("shop", "tom", f"{fake.mention}{ASK}")
        await shop.until(lambda: len(answers(fake)) == 2, "answered")
        assert shop.platform.broken == 1
        await shop.ask("shop", "zoe", f"{fake.mention}{ASK}")


async def test_several_shards_are_one_bot(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.shards = 2
        async with opened(fake, settings) as shop:
            await shop.until(lambda: fake.gateway.identified == 2, "on both shards")
            for guild in ("shop", "other", "third"):
                await shop.ask(guild, "ann", f"{fake.mention}{ASK}")


async def test_shards_may_be_told(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.shards = 2
        async with opened(fake, settings, shards=[0]) as shop:
            assert POT in (await shop.ask("direct:ann", "ann", ASK)).text
            assert {one.shard for one in fake.gateway.sessions.values()} == {(0, 2)}


# what is off is said


async def test_without_the_content_intent_it_answers_who_calls_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake:
        fake.world.flags = MEMBERS_FLAG
        async with opened(fake, settings, run=True) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
            await fake.say("shop", "ann", "/help")
            assert POT in (await shop.ask("direct:ann", "ann", ASK)).text
            assert len(fake.shown("shop")) == 1
    assert "Message Content Intent is off: the bot reads only messages that mention it" in caplog.text
    assert "Server Members" not in caplog.text


async def test_without_the_members_intent_it_serves(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeDiscord() as fake:
        fake.world.flags = CONTENT_FLAG
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
    assert "Server Members Intent is off: the bot does not learn who joins" in caplog.text


async def test_a_wrong_token_is_said_at_once_and_not_shown(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake, opened(fake, settings, token="abc.def.ghi", run=False) as shop:
        await shop.until(lambda: "DISCORD_TOKEN" in caplog.text, "said")
        found = await shop.platform.check()
        assert [(one.what, one.right) for one in found] == [("Discord: DISCORD_TOKEN", False)]
        with pytest.raises(SendError):
            await shop.platform.send(Chat("discord", "1"), Outgoing("hello"), "key")
    assert "abc.def.ghi" not in caplog.text


async def test_a_token_that_is_taken_back_ends_it(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeDiscord() as fake, opened(fake, settings):
        fake.world.token = "another.one.now"
        await fake.drop(forget=True)
        await until(lambda: "DISCORD_TOKEN: Discord refuses it" in caplog.text)


async def test_a_dead_network_is_a_finding(settings: Settings) -> None:
    nowhere = {"api_url": "http://127.0.0.1:9/api/v10", "gateway_url": "ws://127.0.0.1:9/gateway"}
    platform = Discord(token="abc.def.ghi", commands=lambda _: [], clock=Ahead(), **nowhere)
    (found,) = await platform.check()
    assert not found.right
    assert "network" in found.fix


# sending


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


def commands() -> list[Any]:
    from bot.platforms.base import CommandHelp

    return [CommandHelp("ask", "QUESTION", "Asks.")]


COMMANDS = commands()


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


async def test_every_fifth_send_refused_loses_nothing(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        fake.faults.refuse_every, fake.faults.retry_after = 5, 0
        asked = [await fake.say("shop", name, f"{fake.mention}{ASK}") for name in ("ann", "tom", "zoe") * 4]
        await shop.until(lambda: len(answers(fake)) == 12, "all answered")
        await shop.settled()
        assert [one.reply_to for one in fake.log if not one.edit] == asked
        assert fake.refused >= 2


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
