"""Discord as members see it: the whole bot over real sockets."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from bot.config import Settings
from bot.messages import Button, Chat, Outgoing
from bot.outbox import put
from storage import interactions, members, outbox
from storage.database import Transaction
from storage.tables import Interaction
from tests.bot.discord_shop import Shop, flat, opened
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_world import EMBED, HISTORY, SEND, VIEW

POT = "£27.00"


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    async with FakeDiscord() as fake, opened(fake, settings) as shop:
        yield shop


async def say_by_itself(shop: Shop, chat: str, shown: Outgoing) -> str:
    """Have the bot say this in a chat; the message's id."""
    channel = (await shop.fake.place(chat))["id"]
    before = len(shop.fake.log)

    async def add(tx: Transaction) -> None:
        place = await members.enter(tx, shop.app.shop.id, "discord", channel, chat, False)
        now = shop.app.clock.now()
        await put(tx, shop.app.shop.id, place.id, f"notice:{before}", "notice", shown, now, 1900)

    await shop.app.database.write(add)
    shop.app.outbox.wake()
    return (await shop.told(chat, before)).id


async def test_a_question_is_answered_under_it(shop: Shop) -> None:
    asked = await shop.fake.say("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")
    seen = await shop.told("shop", 0)
    assert (seen.reply_to, POT in seen.text) == (asked, True)
    assert len(shop.fake.shown("shop")) == 1


async def test_it_keeps_out_of_what_is_not_said_to_it(shop: Shop) -> None:
    await shop.fake.say("shop", "ann", "how much is the moka pot, does anybody know?")
    await shop.ask("shop", "tom", f"{shop.fake.mention}when is delivery free?")
    assert len(shop.fake.shown("shop")) == 1


async def test_who_answers_one_of_its_messages_speaks_to_it(shop: Shop) -> None:
    first = await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")
    seen = await shop.ask("shop", "tom", "and when is delivery free?", reply_to=first.id)
    assert "£" in seen.text


async def test_threads_and_forum_posts_are_chats_of_their_own(shop: Shop) -> None:
    await shop.fake.forum("shop", "help")
    await shop.fake.place("shop#help/My grinder")
    for chat in ("shop/coffee", "shop/My grinder"):
        seen = await shop.ask(chat, "ann", f"{shop.fake.mention}how much is the moka pot?")
        assert POT in seen.text
    chats = await shop.app.database.read(lambda tx: interactions.last_in_chats(tx, shop.app.shop.id, "discord"))
    assert len(chats) == 2


async def test_in_a_direct_chat_nobody_has_to_be_called(shop: Shop) -> None:
    seen = await shop.ask("direct:ann", "ann", "how much is the moka pot?")
    assert (POT in seen.text, seen.reply_to) == (True, "")


async def test_a_closed_direct_chat_is_no_trouble_for_others(shop: Shop) -> None:
    shop.fake.world.closed.add("ann")
    await shop.fake.say("direct:ann", "ann", "how much is the moka pot?")
    assert POT in (await shop.ask("direct:tom", "tom", "how much is the moka pot?")).text
    assert shop.fake.shown("direct:ann") == []
    counts = await shop.app.database.read(lambda tx: outbox.counts(tx, shop.app.shop.id))
    assert counts["blocked"] == 1


async def test_slash_commands_are_offered_with_their_options_in_both_languages(shop: Shop) -> None:
    commands = {one["name"]: one for one in shop.fake.interactions.commands[""]}
    assert set(commands) == {one.name for one in shop.app.commands}
    mode = commands["mode"]
    assert [one["name"] for one in mode["options"][0]["choices"]][:2] == ["off", "mention"]
    assert mode["default_member_permissions"] == str(1 << 5)
    assert commands["help"]["default_member_permissions"] is None
    assert commands["help"]["name_localizations"]["zh-CN"] == "帮助"
    assert [(one["name"], one["required"]) for one in commands["answer"]["options"]] == [
        ("number", True),
        ("answer", True),
    ]


async def test_a_slash_command_is_answered_to_whoever_used_it(shop: Shop) -> None:
    seen = await shop.used("shop", "ann", "product", name="moka pot")
    assert "Moka Pot" in seen.text
    assert "Tell me more" in seen.buttons
    assert (await shop.used("shop", "boss", "mode", choice="lively")).text
    assert (await shop.used("direct:ann", "ann", "ask", question="how much is the moka pot?")).text


async def test_names_of_products_are_completed_while_they_are_typed(shop: Shop) -> None:
    typed = await shop.fake.complete("shop", "ann", "product", "name", "moka")
    await shop.until(lambda: typed.choices, "completed")
    assert [one["name"] for one in typed.choices] == ["Stovetop Moka Pot"]


async def test_what_is_private_is_shown_to_one_member_only(shop: Shop) -> None:
    seen = await shop.used("shop", "ann", "me")
    assert seen.private_to == "ann"
    await shop.fake.say("shop", "ann", f"{shop.fake.mention}/me")
    seen = await shop.told("direct:ann", 0)  # a message that is typed can't be answered to its sender alone
    assert seen.text
    assert len(shop.fake.shown("shop")) == 1


async def test_who_may_manage_the_server_is_its_admin(shop: Shop) -> None:
    refused = await shop.ask("shop", "ann", f"{shop.fake.mention}/mode lively")
    assert "admins" in refused.text
    assert "lively" in (await shop.ask("shop", "boss", f"{shop.fake.mention}/mode lively")).text
    assert await shop.platform.ask(await chat_of(shop), shop.fake.world.user("boss")["id"])
    assert not await shop.platform.ask(await chat_of(shop), shop.fake.world.user("ann")["id"])


async def chat_of(shop: Shop) -> Chat:
    return Chat("discord", (await shop.fake.place("shop"))["id"])


async def test_a_pressed_button_is_the_command_that_it_stands_for(shop: Shop) -> None:
    product = await shop.used("shop", "ann", "product", name="moka pot")
    assert "moka pot" in (await shop.pressed(product.id, "tom", "Tell me more")).text


async def test_a_button_with_a_long_command_keeps_its_meaning(shop: Shop) -> None:
    question = "how much is the moka pot? " + "I have been looking for one for such a long time, " * 3
    message = await say_by_itself(shop, "shop", Outgoing("Well?", (Button("Ask", f"/ask {question}"),)))
    assert POT in (await shop.pressed(message, "ann", "Ask")).text


async def test_more_than_five_choices_are_a_menu(shop: Shop) -> None:
    buttons = tuple(Button(f"Choice {number}", f"/ask how much is the moka pot? {number}") for number in range(30))
    message = await say_by_itself(shop, "shop", Outgoing("Which?", buttons))
    assert len(shop.fake.log[-1].buttons) == 30
    assert POT in (await shop.pressed(message, "ann", "Choice 28")).text


async def test_a_reaction_under_an_answer_is_kept(shop: Shop) -> None:
    answer = await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")
    await shop.fake.react(answer.id, "tom", "👍")
    place = (shop.app.shop.id, "discord", (await shop.fake.place("shop"))["id"], 50)

    async def kept() -> list[tuple[str, str]]:
        found = await shop.app.database.read(lambda tx: interactions.shown(tx, *place))
        return [(row.data["emoji"], row.data["on"]) for row in found if row.kind == "reacted"]

    assert await shop.found(kept, 1) == [("👍", answer.id)]


async def test_nobody_is_rung_up(shop: Shop) -> None:
    boss = shop.fake.world.user("boss")["id"]
    await say_by_itself(shop, "shop", Outgoing(f"@everyone and <@{boss}>, look: [here](https://evil.example) *now*"))
    assert shop.fake.rest.pinged == []
    assert flat(shop.fake.shown("shop")[0]) == f"@everyone and <@{boss}>, look: [here](https://evil.example) *now*"
    await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")
    assert shop.fake.rest.pinged == []


async def test_an_answer_longer_than_a_message_comes_in_parts(shop: Shop) -> None:
    text = "*One* sentence of many. " * 200
    await say_by_itself(shop, "shop", Outgoing(text))
    shown = shop.fake.shown("shop")
    assert len(shown) > 2
    assert max(map(len, shown)) <= 2000
    assert flat(" ".join(shown)) == text.strip()


async def test_it_introduces_itself_where_it_was_added(shop: Shop) -> None:
    await shop.fake.added("another")
    assert "/help" in (await shop.told("another", 0)).text


async def test_it_greets_where_it_may_write(shop: Shop) -> None:
    guild = shop.fake.world.guild("strict")
    shop.fake.world.channel(guild, "talk")
    everyone = {"id": guild.id, "type": 0, "allow": "0", "deny": str(SEND)}
    guild.channels["general"]["permission_overwrites"] = [everyone]
    await shop.fake.added("strict")
    assert "/help" in (await shop.told("strict#talk", 0)).text


async def test_who_joins_and_leaves_is_known(shop: Shop) -> None:
    await shop.fake.join("shop", "zoe")
    await shop.fake.leave("shop", "zoe")
    assert await shop.found(lambda: shop.app.database.read(lambda tx: moved(tx, shop.app.shop.id)), 2) == [
        "joined",
        "left",
    ]


async def moved(tx: Transaction, shop_id: int) -> list[str]:
    query = select(Interaction.kind).where(Interaction.shop_id == shop_id, Interaction.kind.in_(("joined", "left")))
    return list(await tx.scalars(query.order_by(Interaction.id)))


async def test_an_admin_drops_a_catalogue_into_the_chat(shop: Shop) -> None:
    table = b"title,price,currency,stock\nBlue Mug,12.50,GBP,4\n"
    await shop.fake.say("shop", "boss", f"{shop.fake.mention}here it is", files={"mugs.csv": table})
    assert "mugs.csv" in (await shop.told("direct:boss", 0)).text
    assert "£12.50" in (await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the blue mug?")).text


async def test_a_catalogue_comes_with_the_command(shop: Shop) -> None:
    table = b"title,price,currency,stock\nBlue Mug,12.50,GBP,4\n"
    seen = await shop.used("shop", "boss", "import", files={"file": table})
    assert "1 added" in seen.text
    assert seen.private_to == "boss"


async def test_a_member_cannot_import(shop: Shop) -> None:
    table = b"title,price,currency,stock\nBlue Mug,0.01,GBP,4\n"
    await shop.fake.say("shop", "ann", f"{shop.fake.mention}/import", files={"mugs.csv": table})
    assert "admins" in (await shop.told("shop", 0)).text


async def test_where_it_may_not_read_the_history_it_answers_without_a_reference(shop: Shop) -> None:
    await shop.fake.allow("shop", deny=HISTORY)
    seen = await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")
    assert (POT in seen.text, seen.reply_to) == (True, "")


async def test_where_it_may_not_write_other_channels_are_served(shop: Shop) -> None:
    await shop.fake.allow("shop#silent", deny=SEND)
    await shop.fake.say("shop#silent", "ann", f"{shop.fake.mention}how much is the moka pot?")
    assert POT in (await shop.ask("shop", "ann", f"{shop.fake.mention}how much is the moka pot?")).text
    assert shop.fake.shown("shop#silent") == []


async def test_check_says_what_is_off_and_what_to_click(shop: Shop) -> None:
    await shop.fake.allow("shop#dark", deny=VIEW | SEND)
    await shop.fake.allow("shop#bare", deny=EMBED)
    shop.fake.world.flags = 0
    shop.fake.world.public = True
    found = {one.what: one for one in await shop.platform.check()}
    off = {what for what, one in found.items() if not one.right}
    assert off == {
        "Message Content Intent",
        "Server Members Intent",
        "only you can add the bot",
        "Embed Links in #bare of shop",
    }
    assert all(one.off and one.fix for one in found.values() if not one.right)
    assert "Privileged Gateway Intents" in found["Message Content Intent"].fix
