"""A Bot API server on a loopback port, as strict as the real one, with a group of members to be."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from itertools import count
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.clock import Clock
from tests.fakes.base import BOSS, DIRECT, Fake
from tests.fakes.telegram_limits import Limits
from tests.fakes.telegram_methods import Methods
from tests.fakes.telegram_params import ApiError, Values, read
from tests.fakes.telegram_updates import Updates
from tests.fakes.telegram_world import ANONYMOUS, BOT_ID, BOT_NAME, IN, TOKEN, Chat, Message, User, World

WRITES = (
    "sendMessage",
    "sendPhoto",
    "sendPoll",
    "sendDocument",
    "editMessageText",
    "editMessageCaption",
    "editMessageReplyMarkup",
)


class FakeTelegram(Fake):
    """`privacy` and `joinable` are BotFather's switches; `drafts`, `typing`, `reactions`, `answered` and `commands` are
    what the bot showed besides messages; `calls` are the methods that it called, in order."""

    name = "telegram"
    mention = f"@{BOT_NAME} "

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.world = clock, World()
        self.updates = Updates(clock)
        self.privacy = self.joinable = True
        self.drafts: list[tuple[str, str]] = []
        self.typing: list[str] = []
        self.reactions: list[tuple[str, str, str]] = []
        self.answered: list[str] = []
        self.pinged: list[tuple[str, str]] = []  # message id, whom it rang up
        self.pressed: set[str] = set()
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.files: dict[str, bytes] = {}
        self.pictures: set[str] = set()
        self.calls: list[str] = []
        self.slowed: list[str] = []  # the methods of calls that were answered late, or still wait to be
        self.token = TOKEN
        self.url = ""
        self._methods, self._limits, self._presses = Methods(self), Limits(), count(4_000_000_000_000_000_000)
        self._sends = 0
        self._last: dict[int, bool] = {}  # of a chat: was its last call answered 429?
        self._open: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._pushing = asyncio.create_task(self.updates.push())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pushing
        await self.drop()
        await self._runner.cleanup()

    def settings(self) -> Mapping[str, str]:
        return {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": self.url}

    def hear_all(self) -> None:
        self.privacy = False

    # What members do.

    async def say(self, chat: str, member: str, text: str, *, reply_to: str = "", **more: Any) -> str:
        place, thread = self.world.place(chat)
        user = self._enter(place, member)
        if self._barred(place, user):
            return ""  # the network does not let them
        answers = int(reply_to) if reply_to else 0
        message = Message(next(place.ids), place, user, self.clock.now(), text, thread, answers, more=more)
        place.messages[message.id] = message
        if place.bot in IN and not user.blocked and self.world.heard(message, all_of_it=not self.privacy):
            self.updates.add("message", message.json())
        return str(message.id)

    def _barred(self, place: Chat, user: User) -> bool:
        """May this member not write there now? What is over is forgotten, as by the server."""
        until = place.barred.get(user.id, self.clock.now())
        if until is None or until > self.clock.now():
            return True
        if place.barred.pop(user.id, None):
            place.members[user.id] = "member"
        return False

    def _enter(self, place: Chat, member: str) -> User:
        user = self.world.user(member)
        if place.type == "private":
            user.started = True
        else:
            place.members.setdefault(user.id, "member")
        return user

    async def say_hidden(self, chat: str, text: str) -> str:
        """The boss says something as the group itself."""
        place, thread = self.world.place(chat)
        anonymous = User(ANONYMOUS, "GroupAnonymousBot", bot=True)
        message = Message(next(place.ids), place, anonymous, self.clock.now(), text, thread)
        message.more = {"sender_chat": place.json(), "author_signature": "Owner"}
        place.messages[message.id] = message
        self.updates.add("message", message.json())
        return str(message.id)

    async def drop_file(self, chat: str, member: str, name: str, body: bytes, caption: str = "") -> str:
        """A member drops a document."""
        self.files[name] = body
        document = {"file_id": name, "file_unique_id": f"u{name}", "file_name": name, "file_size": len(body)}
        return await self.say(chat, member, caption, document=document)

    def press(self, chat: str, member: str, message_id: str, label: str) -> str:
        """A member presses the button of this label under a message; the query's id."""
        place, _ = self.world.place(chat)
        message, query = place.messages[int(message_id)], str(next(self._presses))
        data = next(one["callback_data"] for row in message.keyboard for one in row if one["text"] == label)
        pressed = {
            "id": query, "from": self._enter(place, member).json(), "chat_instance": str(place.id),
            "message": message.json(), "data": data,
        }  # fmt: skip
        self.pressed.add(query)
        self.updates.add("callback_query", pressed)
        return query

    def react(self, chat: str, member: str, message_id: str, emoji: str, before: str = "") -> None:
        """A member's reaction becomes this one; '' takes it away."""
        place, _ = self.world.place(chat)
        if place.bot != "administrator" and place.type != "private":
            return
        kinds = [[{"type": "emoji", "emoji": one}] if one else [] for one in (before, emoji)]
        changed = {
            "chat": place.json(), "message_id": int(message_id), "date": int(self.clock.now().timestamp()),
            "user": self._enter(place, member).json(), "old_reaction": kinds[0], "new_reaction": kinds[1],
        }  # fmt: skip
        self.updates.add("message_reaction", changed)

    def move(self, chat: str, member: str, status: str) -> None:
        """A member comes, goes, or becomes something else; `shop_bot` is the bot, moved by the boss."""
        place, _ = self.world.place(chat)
        own = member == BOT_NAME
        user = self.world.bot if own else self.world.user(member)
        before = self.world.member(place, user)
        if own and place.type == "private":
            self.world.user(chat.removeprefix(DIRECT)).blocked = status == "kicked"
        if own:
            place.bot = status
        else:
            place.members[user.id] = status
        by = self.world.user(chat.removeprefix(DIRECT) if place.type == "private" else BOSS if own else member)
        changed = {
            "chat": place.json(), "from": by.json(), "date": int(self.clock.now().timestamp()),
            "old_chat_member": before, "new_chat_member": self.world.member(place, user),
        }  # fmt: skip
        if own:
            self.updates.add("my_chat_member", changed)
        elif place.bot == "administrator":
            self.updates.add("chat_member", changed)
        came, went = status in IN and before["status"] not in IN, status not in IN and before["status"] in IN
        if place.type != "private" and (came or went) and not (own and went):
            told = {"new_chat_members": [user.json()]} if came else {"left_chat_member": user.json()}
            message = Message(next(place.ids), place, by, self.clock.now(), more=told)
            self.updates.add("message", message.json())

    async def upgrade(self, chat: str, *, told: bool = True) -> None:
        """A plain group becomes a supergroup with another id. Not `told`: the bot was down for longer than a day."""
        old, _ = self.world.place(chat)
        new = self.world.add(Chat(-1002000000000 + old.id, old.name, "supergroup", old.bot, old.members))
        old.moved_to = new.id
        boss = self.world.user(BOSS)
        if told:
            moved = Message(next(old.ids), old, boss, self.clock.now(), more={"migrate_to_chat_id": new.id})
            self.updates.add("message", moved.json())
            came = Message(next(new.ids), new, boss, self.clock.now(), more={"migrate_from_chat_id": old.id})
            self.updates.add("message", came.json())

    def garble(self) -> int:
        """An update goes out that no client can read; its number."""
        return self.updates.add("message", {"message_id": 7, "date": "yesterday", "from": {"id": "?"}})

    async def drop(self) -> None:
        for transport in list(self._open):
            transport.abort()

    # What the bot does.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        token, name = request.match_info["token"], request.match_info["method"]
        transport = request.transport
        assert transport
        self._open.add(transport)
        chance, faults = self.faults.chance, self.faults
        fails = chance.random() < faults.broken
        early = fails and chance.random() < 0.5
        if chance.random() < faults.malformed:
            self.garble()
        try:
            if chance.random() < faults.slow:
                self.slowed.append(name)
                await self.clock.sleep(1)
            if early:
                return self._fail(request)
            body = await self._run(request, token, name)
            return self._fail(request) if fails else body
        finally:
            self._open.discard(transport)

    def _fail(self, request: web.Request) -> web.Response:
        if self.faults.chance.random() < 0.5 and request.transport:
            request.transport.abort()
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")

    async def _run(self, request: web.Request, token: str, name: str) -> web.Response:
        try:
            if token != self.token:
                known = token.partition(":")[0].isdecimal() and ":" in token
                raise ApiError(401, "Unauthorized") if known else ApiError(404, "Not Found")
            name, values = await read(request, name)
            self.calls.append(name)
            if name in WRITES:
                self._throttle(values["chat_id"])
            result = await self._call(name, values)
        except ApiError as error:
            answer: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
            answer |= {"parameters": error.parameters} if error.parameters else {}
            return web.Response(status=error.code, text=json.dumps(answer), content_type="application/json")
        return web.Response(text=json.dumps({"ok": True, "result": result}), content_type="application/json")

    async def _call(self, name: str, values: Values) -> Any:
        if name == "getUpdates":
            return await self.updates.poll(values)
        if name in ("setWebhook", "deleteWebhook"):
            return self.updates.set_webhook({"url": "", **values})
        return self.updates.info() if name == "getWebhookInfo" else self._methods.call(name, values)

    def _throttle(self, chat: int) -> None:
        """Raises ApiError 429."""
        self._sends += 1
        wait = self._limits.wait(chat, self.clock.now()) if self.faults.limits else 0
        if not wait and self.faults.refuse_every and self._sends % self.faults.refuse_every == 0:
            wait = self.faults.retry_after
        if wait:
            self.refused += 1
            self.refused_twice += self._last.get(chat, False)
        self._last[chat] = bool(wait)
        if wait:
            raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["path"].removeprefix("documents/")
        if request.match_info["token"] != self.token or name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name])


__all__ = ["BOT_ID", "BOT_NAME", "FakeTelegram"]
