"""Discord's line breaks, its answers get lost, the bot stops in between: nothing is lost and nothing comes twice."""

from datetime import timedelta

import pytest

from bot.config import Settings
from bot.messages import Chat, Outgoing, SendError
from bot.platforms.discord import Discord
from tests.bot.discord_shop import Ahead, opened, until
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
    clock = Ahead()
    async with FakeDiscord(clock) as fake:
        await fake.say("shop", "ann", f"{fake.mention}{ASK}")
        clock.by += timedelta(minutes=10)
        async with opened(fake, settings, clock) as shop:
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


async def test_a_channel_that_cannot_be_read_yet_cuts_no_other_off(settings: Settings) -> None:
    chats = [f"shop#room{number}" for number in range(8)]
    async with FakeDiscord() as fake:
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        for chat in chats * 3:
            await fake.say(chat, "ann", f"{fake.mention}{ASK}")
        async with opened(fake, settings, run=False) as shop:
            await shop.until(lambda: fake.gateway.served, "connected")
            fake.faults.broken = 0.3
            await shop.until(lambda: len(fake.doors.calls) > 40, "reading")
            fake.faults.broken = 0.0
            await shop.until(lambda: sum(len(answers(fake, chat)) for chat in chats) == 24, "all answered")


async def test_of_channels_in_which_nothing_was_said_nothing_is_asked(settings: Settings) -> None:
    async with FakeDiscord() as fake:
        async with opened(fake, settings) as shop:
            await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        for number in range(20):
            await fake.place(f"shop#quiet{number}")
        await fake.say("shop#busy", "ann", f"{fake.mention}{ASK}")
        fake.doors.calls.clear()
        async with opened(fake, settings) as shop:
            await shop.until(lambda: answers(fake, "shop#busy"), "answered")
            await shop.settled()
        assert len([one for one in fake.doors.calls if one[0] == "GET" and one[1].endswith("/messages")]) <= 3


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


async def test_an_event_that_nobody_can_read_is_left_out(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        fake.faults.malformed = 1.0
        for member in ("ann", "tom", "zoe"):
            await shop.ask("shop", member, f"{fake.mention}{ASK}")
        assert fake.gateway.unreadable >= 3
        assert fake.gateway.identified == 1
    assert "MESSAGE_CREATE of Discord's can't be read and is left out" in caplog.text


async def test_a_client_that_breaks_is_replaced_and_nothing_is_missed(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        await shop.ask("shop", "ann", f"{fake.mention}{ASK}")
        await fake.gateway.garbage()
        await fake.say("shop", "tom", f"{fake.mention}{ASK}")
        await shop.until(lambda: len(answers(fake)) == 2, "answered")
        assert shop.platform.broken == 1
        await shop.ask("shop", "zoe", f"{fake.mention}{ASK}")


async def test_no_new_line_is_opened_that_would_cost_the_token(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.starts = 1
        async with opened(fake, settings, run=False) as shop:
            await shop.until(lambda: "no new line for 14400 s" in caplog.text, "said")
        assert fake.gateway.identified == 0


async def test_intents_that_are_taken_away_while_it_starts_are_done_without(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.no_intents = True
        async with opened(fake, settings) as shop:
            await shop.until(lambda: fake.gateway.identified, "there without them")
            assert POT in (await shop.ask("shop", "ann", f"{fake.mention}{ASK}")).text
    assert "Message Content Intent is off" in caplog.text


async def test_tokens_of_commands_are_in_no_line_of_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        await shop.used("shop", "ann", "ask", question=ASK)
        (token,) = fake.interactions.held
    assert token not in caplog.text
    assert fake.world.token not in caplog.text


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
        assert [(one.what, one.right) for one in found] == [("DISCORD_TOKEN", False)]
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


async def test_within_the_true_limits_no_route_is_refused_twice_in_a_row(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        fake.faults.limits = True
        asked = [await fake.say("shop", name, f"{fake.mention}{ASK}") for name in ("ann", "tom", "zoe") * 3]
        await shop.until(lambda: len(answers(fake)) == len(asked), "all answered")
        assert [one.reply_to for one in fake.log if not one.edit] == asked
        assert fake.refused_twice == 0


async def test_every_fifth_send_refused_loses_nothing(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        fake.faults.refuse_every, fake.faults.retry_after = 5, 0
        asked = [await fake.say("shop", name, f"{fake.mention}{ASK}") for name in ("ann", "tom", "zoe") * 4]
        await shop.until(lambda: len(answers(fake)) == 12, "all answered")
        await shop.settled()
        assert [one.reply_to for one in fake.log if not one.edit] == asked
        assert fake.refused >= 2
