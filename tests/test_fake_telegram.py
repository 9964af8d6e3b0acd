"""The fake Bot API server is as strict as the real one: what it refuses, in whose words, and who hears what."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.clock import ManualClock
from tests.conftest import START
from tests.fakes.telegram import BOT_NAME, FakeTelegram

PHOTO = b"\x89PNG\r\n\x1a\n"


class Api:
    """Calls of a bot, without a library."""

    def __init__(self, fake: FakeTelegram, client: aiohttp.ClientSession) -> None:
        self.fake, self.client = fake, client

    async def call(self, method: str, *, token: str = "", **values: Any) -> tuple[int, dict[str, Any]]:
        url = f"{self.fake.url}/bot{token or self.fake.token}/{method}"
        async with self.client.post(url, json=values) as answer:
            return answer.status, await answer.json()

    async def result(self, method: str, **values: Any) -> Any:
        status, answer = await self.call(method, **values)
        assert (status, answer["ok"]) == (200, True), answer
        return answer["result"]

    async def refused(self, method: str, **values: Any) -> tuple[int, str]:
        status, answer = await self.call(method, **values)
        assert (answer["ok"], answer["error_code"]) == (False, status)
        return status, answer["description"]

    async def updates(self, **values: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.result("getUpdates", **values)
        return found

    def chat(self, name: str) -> int:
        return self.fake.world.place(name)[0].id


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[Api]:
    async with FakeTelegram(clock) as fake, aiohttp.ClientSession() as client:
        yield Api(fake, client)


async def test_tokens_methods_and_parameters(api: Api):
    assert await api.refused("getMe", token="1:no") == (401, "Unauthorized")
    assert await api.refused("getMe", token="no") == (404, "Not Found")
    assert await api.refused("getNothing") == (404, "Not Found")
    assert (await api.result("GETME"))["username"] == BOT_NAME
    assert await api.refused("sendMessage", text="x") == (400, "Bad Request: chat_id is empty")
    chat = api.chat("shop")
    assert (await api.refused("sendMessage", chat_id=chat))[1] == "Bad Request: message text is empty"
    assert "reply_markup" in (await api.refused("sendMessage", chat_id=chat, text="x", reply_markup="no"))[1]
    assert "nonsense" in (await api.refused("sendMessage", chat_id=chat, text="x", nonsense=1))[1]
    assert await api.refused("sendMessage", chat_id=5, text="x") == (400, "Bad Request: chat not found")


async def test_lengths_count_utf16(api: Api):
    chat = api.chat("shop")
    await api.result("sendMessage", chat_id=chat, text="🫖" * 2048)
    assert (await api.refused("sendMessage", chat_id=chat, text="🫖" * 2048 + "x"))[1].endswith("message is too long")
    form = aiohttp.FormData({"chat_id": str(chat), "caption": "x" * 1025})
    form.add_field("photo", PHOTO, filename="a.png")
    async with api.client.post(f"{api.fake.url}/bot{api.fake.token}/sendPhoto", data=form) as answer:
        assert (await answer.json())["description"] == "Bad Request: message caption is too long"


async def test_a_photo_by_multipart_or_address(api: Api):
    chat = api.chat("shop")
    form = aiohttp.FormData({"chat_id": str(chat), "caption": "a kettle", "photo": "attach://one"})
    form.add_field("one", PHOTO, filename="a.png")
    async with api.client.post(f"{api.fake.url}/bot{api.fake.token}/sendPhoto", data=form) as answer:
        assert (await answer.json())["result"]["caption"] == "a kettle"
    gone = await api.refused("sendPhoto", chat_id=chat, photo="https://shop.example/gone.png")
    assert gone == (400, "Bad Request: failed to get HTTP URL content")
    assert [one.picture for one in api.fake.log] == [True]


async def test_edits(api: Api):
    chat = api.chat("shop")
    sent = (await api.result("sendMessage", chat_id=chat, text="one"))["message_id"]
    same = await api.refused("editMessageText", chat_id=chat, message_id=sent, text="one")
    assert same[1].startswith("Bad Request: message is not modified")
    await api.result("editMessageText", chat_id=chat, message_id=sent, text="two")
    said = int(await api.fake.say("shop", "ann", "hello"))
    others = await api.refused("editMessageText", chat_id=chat, message_id=said, text="mine")
    assert others == (400, "Bad Request: message can't be edited")
    assert (await api.refused("editMessageText", chat_id=chat, message_id=999, text="x"))[1].endswith("not found")
    assert "no caption" in (await api.refused("editMessageCaption", chat_id=chat, message_id=sent, caption="x"))[1]
    assert api.fake.shown("shop") == ["two"]


@pytest.mark.parametrize(
    ("mode", "text", "wrong"),
    [
        ("HTML", "<b>bold", "Can't find end tag"),
        ("HTML", "<size>x</size>", "Unsupported start tag"),
        ("MarkdownV2", "£9.00", "is reserved"),
        ("Markdown", "*bold", "Can't find end of the entity"),
        ("Word", "x", "unsupported parse_mode"),
    ],
)
async def test_entities_that_do_not_parse(api: Api, mode: str, text: str, wrong: str):
    assert wrong in (await api.refused("sendMessage", chat_id=api.chat("shop"), text=text, parse_mode=mode))[1]


@pytest.mark.parametrize(
    ("button", "wrong"),
    [
        ({"text": "x", "callback_data": "y" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "x"}, "Text buttons are unallowed"),
        ({"text": "x", "url": "javascript:1"}, "Wrong HTTP URL"),
    ],
)
async def test_buttons_that_are_none(api: Api, button: dict[str, str], wrong: str):
    markup = {"inline_keyboard": [[button]]}
    assert wrong in (await api.refused("sendMessage", chat_id=api.chat("shop"), text="x", reply_markup=markup))[1]


async def test_polling_confirms_by_the_next_offset(api: Api):
    await api.fake.say("direct:ann", "ann", "one")
    await api.fake.say("direct:ann", "ann", "two")
    first, second = await api.updates()
    assert await api.updates() == [first, second]
    assert await api.updates(offset=second["update_id"]) == [second]
    assert await api.updates(offset=second["update_id"] + 1) == []


async def test_only_what_is_asked_for(api: Api):
    api.fake.world.place("shop")[0].bot = "administrator"
    said = await api.fake.say("shop", "ann", "hello")
    api.fake.react("shop", "ann", said, "👍")
    assert [sorted(one)[0] for one in await api.updates()] == ["message"]
    await api.updates(allowed_updates=["message_reaction", "chat_member"])
    await api.fake.say("shop", "ann", "unheard")
    api.fake.react("shop", "ann", said, "👎", before="👍")
    api.fake.move("shop", "bob", "member")
    kinds = [next(name for name in one if name != "update_id") for one in await api.updates()]
    assert kinds == ["message", "message_reaction", "chat_member"]


async def test_privacy_mode_hears_what_is_meant_for_it(api: Api):
    mine = (await api.result("sendMessage", chat_id=api.chat("shop"), text="hello"))["message_id"]
    for text in ("hello all", "/help", "/help@other_bot", f"hi @{BOT_NAME}"):
        await api.fake.say("shop", "ann", text)
    await api.fake.say("shop", "ann", "a reply", reply_to=str(mine))
    assert [one["message"]["text"] for one in await api.updates()] == ["/help", f"hi @{BOT_NAME}", "a reply"]
    api.fake.privacy = False
    await api.fake.say("shop", "ann", "hello all")
    assert (await api.updates())[-1]["message"]["text"] == "hello all"


async def test_a_webhook_and_polling_exclude_each_other(api: Api):
    assert "HTTPS URL" in (await api.refused("setWebhook", url="http://shop.example"))[1]
    await api.result("setWebhook", url="https://shop.example", secret_token="s")
    assert (await api.refused("getUpdates"))[0] == 409
    await api.result("deleteWebhook")
    assert await api.updates() == []


async def test_who_cannot_be_written_to(api: Api):
    ann = api.chat("direct:ann")
    assert (await api.refused("sendMessage", chat_id=ann, text="x"))[0] == 403
    await api.fake.say("direct:ann", "ann", "/start")
    await api.result("sendMessage", chat_id=ann, text="x")
    api.fake.move("direct:ann", BOT_NAME, "kicked")
    assert (await api.refused("sendMessage", chat_id=ann, text="x"))[1] == "Forbidden: bot was blocked by the user"
    api.fake.move("shop", BOT_NAME, "kicked")
    kicked = await api.refused("sendMessage", chat_id=api.chat("shop"), text="x")
    assert kicked == (403, "Forbidden: bot was kicked from the supergroup chat")


async def test_the_true_limits(api: Api, clock: ManualClock):
    api.fake.faults.limits = True
    shop, other = api.chat("shop"), api.chat("other")
    await api.result("sendMessage", chat_id=shop, text="x")
    status, answer = await api.call("sendMessage", chat_id=shop, text="x")
    assert (status, answer["parameters"]) == (429, {"retry_after": 1})
    await api.result("sendMessage", chat_id=other, text="x")
    for _ in range(19):
        clock.set(clock.now() + timedelta(seconds=1))
        await api.result("sendMessage", chat_id=shop, text="x")
    clock.set(clock.now() + timedelta(seconds=1))
    status, answer = await api.call("sendMessage", chat_id=shop, text="x")
    assert (status, answer["parameters"]) == (429, {"retry_after": 40})
    assert (api.fake.refused, api.fake.refused_twice) == (2, 0)


async def test_drafts_are_for_direct_chats(api: Api):
    await api.fake.say("direct:ann", "ann", "/start")
    await api.result("sendMessageDraft", chat_id=api.chat("direct:ann"), draft_id=7, text="One.")
    assert (await api.refused("sendMessageDraft", chat_id=api.chat("shop"), draft_id=7, text="One."))[0] == 400
    assert (await api.refused("sendMessageDraft", chat_id=api.chat("direct:ann"), draft_id=0, text="x"))[0] == 400
    assert api.fake.log == []


async def test_commands_are_kept_by_scope_and_language(api: Api):
    told = [{"command": "help", "description": "What I can do."}]
    await api.result("setMyCommands", commands=told, scope={"type": "all_chat_administrators"}, language_code="zh")
    kept = await api.result("getMyCommands", scope={"type": "all_chat_administrators"}, language_code="zh")
    assert kept == told
    assert await api.result("getMyCommands") == []
    wrong = [{"command": "帮助", "description": "x"}]
    assert await api.refused("setMyCommands", commands=wrong) == (400, "Bad Request: BOT_COMMAND_INVALID")


async def test_an_upgraded_group_names_its_new_id(api: Api):
    old = api.fake.world.plain_group("old").id
    await api.fake.upgrade("old", told=False)
    status, answer = await api.call("sendMessage", chat_id=old, text="x")
    assert (status, answer["parameters"]) == (400, {"migrate_to_chat_id": api.chat("old")})


async def test_a_press_is_answered_once(api: Api):
    markup = {"inline_keyboard": [[{"text": "More", "callback_data": "/more"}]]}
    sent = await api.result("sendMessage", chat_id=api.chat("shop"), text="x", reply_markup=markup)
    query = api.fake.press("shop", "ann", str(sent["message_id"]), "More")
    assert (await api.updates())[-1]["callback_query"]["data"] == "/more"
    await api.result("answerCallbackQuery", callback_query_id=query)
    assert "too old" in (await api.refused("answerCallbackQuery", callback_query_id=query))[1]


async def test_admins_and_members_as_others_see_them(api: Api):
    await api.fake.say("shop", "ann", "hello")
    found = await api.result("getChatAdministrators", chat_id=api.chat("shop"))
    assert [one["user"]["username"] for one in found] == ["boss"]
    ann = api.fake.world.user("ann").id
    assert (await api.result("getChatMember", chat_id=api.chat("shop"), user_id=ann))["status"] == "member"
    assert (await api.refused("getChatAdministrators", chat_id=ann))[0] in (400, 403)
