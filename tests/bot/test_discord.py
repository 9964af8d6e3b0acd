"""Discord as members see it: the whole bot over real sockets."""

from bot.config import Settings
from tests.bot.discord_shop import opened
from tests.fakes.discord import FakeDiscord


async def test_a_question_is_answered_under_it(settings: Settings) -> None:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        asked = await fake.say("shop", "ann", f"{fake.mention}how much is the moka pot?")
        await shop.replied(asked)
        assert "$34.90" in fake.shown("shop")[0]
