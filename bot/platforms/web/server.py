"""The page as a platform: one group, a direct chat per seat, everybody on this computer."""

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from aiohttp import WSMsgType, web

from bot.clock import Clock
from bot.language import wanted
from bot.messages import Capabilities, Chat, File, Kind, Message, Outgoing, Remove, Role, Sender
from bot.pictures import NAME
from bot.platforms.base import Action, Commands, Platform, React, Receive, SendError, Typing
from bot.platforms.web import wire
from bot.platforms.web.guard import guard, secure
from bot.platforms.web.pages import Page, Pages
from bot.platforms.web.uploads import save
from bot.platforms.web.views import BOT, DIRECT, GROUP, SEATS, Seat, ShopInfo, Shown, bot_said, member_said
from bot.platforms.web.wire import RefusedError, Said, Take

_HOST = "127.0.0.1"
_STATIC = Path(__file__).parent / "static"
_LANGUAGES = ("en", "zh")
_PAGES = 64  # that may be open at once
_MENTION = re.compile(r"(?<![A-Za-z0-9_.+-])@(shopkeeper|shop|bot|店小二)(?![A-Za-z0-9_])", re.IGNORECASE)


class Web(Platform):
    """Serves the chat page on 127.0.0.1.

    port: 0 picks a free one, `url` says where. token: what the admin seat is taken with. uploads: the folder for
    dropped files, pictures: of those that the bot drew. history(chat): what the chat held before a page opened, oldest
    first. commands(language): for the completion.
    """

    name = "web"
    capabilities = Capabilities(
        edits=True,
        streams=True,
        buttons=True,
        cards=True,
        reactions=True,
        private_replies=True,
        files=True,
        idempotent=True,
        removes=True,
        max_length=4000,
        may_train="yes",
        mode="questions",
        direct_chat=DIRECT + "{member}",
        admin_chat=DIRECT + next(seat.id for seat in SEATS if seat.admin),
    )

    def __init__(
        self,
        *,
        port: int,
        token: str,
        uploads: Path,
        clock: Clock,
        history: Callable[[Chat], Awaitable[list[Shown]]],
        commands: Commands,
        shop: Callable[[], Awaitable[ShopInfo]],
        pictures: Path | None = None,
    ) -> None:
        if not token:
            raise ValueError("the admin seat's token is empty; any long random text would be right")
        self._port = port
        self._token = token.encode()
        self._uploads, self._pictures = uploads, pictures
        self._clock = clock
        self._history = history
        self._commands = commands
        self._shop = shop
        self._info = ShopInfo("", "en", {})
        self._seats = {seat.id: seat for seat in SEATS}
        self._pages = Pages()
        self._open = asyncio.Event()
        self._url = ""

    @property
    def url(self) -> str:
        """Where the page is; empty until it is served."""
        return self._url

    async def opened(self) -> str:
        """Wait until the page is served; returns its url."""
        await self._open.wait()
        return self._url

    async def run(self, receive: Receive) -> None:
        """Serve the page until cancelled. Raises OSError where the port is taken."""
        self._info = await self._shop()
        runner = web.AppRunner(self._application(receive), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, _HOST, self._port).start()
            except OSError as error:
                text = f"port {self._port} on {_HOST} can't be had; another one, or 0 for any free one, would be right"
                raise OSError(error.errno, text) from error
            self._url = f"http://{_HOST}:{runner.addresses[0][1]}"
            self._open.set()
            await asyncio.Event().wait()
        finally:
            self._open.clear()
            self._url = ""
            await runner.cleanup()

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        """Show a message; its id is the key, so that the same key twice is one message. Raises SendError."""
        await self._show(chat, outgoing, key)
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """Replace what a message shows. Raises SendError."""
        await self._show(chat, outgoing, message_id)

    async def act(self, chat: Chat, action: Action) -> None:
        """Show that the bot is writing, or a reaction of its own; take a message away. Who is muted or banned is known
        to moderation, which takes away what they write."""
        if isinstance(action, React):
            await self._show_reaction(chat.id, action.message_id, BOT, action.emoji)
        elif isinstance(action, Remove):
            self._pages.show(
                wire.write("removed", chat=chat.id, message=action.message_id), partial(_sees, chat.id, "")
            )
        elif isinstance(action, Typing):
            self._pages.show(wire.write("typing", chat=chat.id), partial(_sees, chat.id, ""))

    async def ask(self, chat: Chat, member: str) -> bool:
        """The admin seat is the admin of every chat."""
        seat = self._seats.get(member)
        return seat is not None and seat.admin

    async def _show(self, chat: Chat, outgoing: Outgoing, message_id: str) -> None:
        if chat.id != GROUP and chat.id.removeprefix(DIRECT) not in self._seats:
            raise SendError(f"the page has no chat {chat.id!r}")
        await self._broadcast(bot_said(message_id, chat.id, outgoing, self._clock.now()))

    async def _broadcast(self, shown: Shown) -> None:
        frame = wire.write("message", message=wire.fields(shown))
        self._pages.show(frame, partial(_sees, shown.chat, shown.private_to))
        await asyncio.sleep(0)  # lets the pages' writers keep up with a burst

    async def _show_reaction(self, chat_id: str, message_id: str, sender: str, emoji: str) -> None:
        frame = wire.write("reaction", chat=chat_id, message=message_id, sender=sender, emoji=emoji)
        self._pages.show(frame, partial(_sees, chat_id, ""))
        await asyncio.sleep(0)

    def _application(self, receive: Receive) -> web.Application:
        application = web.Application(middlewares=[guard])
        application.on_response_prepare.append(secure)
        application.on_shutdown.append(self._say_goodbye)
        application.router.add_get("/", self._index)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/ws", partial(self._socket, receive))
        application.router.add_post("/upload", partial(self._upload, receive))
        application.router.add_get("/pictures/{name}", self._picture)
        application.router.add_static("/static", _STATIC)
        return application

    async def _say_goodbye(self, application: web.Application) -> None:
        await self._pages.close()

    async def _index(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_STATIC / "index.html")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _picture(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        if self._pictures is None or not NAME.fullmatch(name) or not (self._pictures / name).is_file():
            raise web.HTTPNotFound
        return web.FileResponse(self._pictures / name)

    async def _socket(self, receive: Receive, request: web.Request) -> web.WebSocketResponse:
        if len(self._pages) >= _PAGES or request.transport is None:
            raise web.HTTPServiceUnavailable(text=f"More than {_PAGES} pages are open; close some.")
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=64 * 1024)
        await socket.prepare(request)
        page = Page(socket, request.transport)
        self._pages.add(page)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(page.write())
                self._info = await self._shop()
                page.put(wire.hello(self._info, {language: self._commands(language) for language in _LANGUAGES}))
                await self._listen(page, receive, wanted(request.headers.get("Accept-Language", "")))
                writer.cancel()
        finally:
            self._pages.discard(page)
        return socket

    async def _listen(self, page: Page, receive: Receive, language: str) -> None:
        """`language`: the browser's, for pages that name none of their own."""
        async for frame in page.socket:
            if frame.type is not WSMsgType.TEXT:
                return
            try:
                read = wire.read(frame.data)
                if isinstance(read, Take):
                    await self._take(page, read)
                else:
                    await self._hear(replace(read, language=read.language or language), receive)
                    page.put(wire.write("ack", id=read.id))
            except RefusedError as refused:
                page.put(wire.write("refused", id=refused.message_id, reason=refused.reason, text=str(refused)))

    async def _take(self, page: Page, take: Take) -> None:
        seat = self._seat(take.seat, take.token)
        page.hold()
        page.seat = seat.id
        shown = [
            wire.fields(one)
            for chat in (self._chat(GROUP, seat), self._chat(DIRECT + seat.id, seat))
            for one in await self._history(chat)
            if _sees(one.chat, one.private_to, seat.id)
        ]
        page.release(wire.write("seated", seat=seat.id, messages=shown))

    async def _hear(self, said: Said, receive: Receive, files: tuple[File, ...] = ()) -> None:
        """Make what was said durable, then show it. Raises RefusedError."""
        try:
            seat = self._seat(said.seat, said.token)
            chat = self._chat(said.chat, seat)
        except RefusedError as refused:
            raise RefusedError(refused.reason, str(refused), said.id) from refused
        message = Message(
            key=f"web:{said.id}",
            id=said.id,
            chat=chat,
            sender=Sender(seat.id, seat.name, Role.ADMIN if seat.admin else Role.MEMBER, language=said.language),
            text=said.text,
            at=self._clock.now(),
            addressed=self._addressed(said, chat),
            reply_to=said.reply_to,
            kind=said.kind,
            files=files,
        )
        await receive(message)
        if said.kind is Kind.REACTION:
            await self._show_reaction(chat.id, said.reply_to, seat.id, said.text)
        elif said.kind is not Kind.BUTTON:
            await self._broadcast(member_said(message))

    def _addressed(self, said: Said, chat: Chat) -> bool:
        if said.kind is Kind.REACTION:
            return False
        return (
            chat.direct
            or said.kind is not Kind.TEXT
            or said.text.startswith("/")
            or bool(said.reply_to and not wire.made_by_page(said.reply_to))
            or bool(_MENTION.search(said.text))
            or bool(self._info.name and f"@{self._info.name}".casefold() in said.text.casefold())
        )

    def _seat(self, seat_id: str, token: str) -> Seat:
        seat = self._seats.get(seat_id)
        if seat is None:
            raise RefusedError("seat", f"there is no seat {seat_id!r}")
        if seat.admin and not self._is_token(token):
            raise RefusedError("token", "the admin seat needs the token that was printed at start")
        return seat

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="replace"), self._token)

    def _chat(self, chat_id: str, seat: Seat) -> Chat:
        if chat_id == GROUP:
            return Chat(self.name, GROUP, self._info.name)
        if chat_id == DIRECT + seat.id:
            return Chat(self.name, chat_id, seat.name, direct=True)
        raise RefusedError("chat", f"{seat.name} is in no chat {chat_id!r}")

    async def _upload(self, receive: Receive, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        query = request.query
        try:
            message_id = wire.checked_id(query.get("id", ""))
            seat = self._seat(query.get("seat", ""), token)
            if not seat.admin:
                raise RefusedError("token", "files are taken from the admin seat only")
            chat = self._chat(query.get("chat", ""), seat)
            said = Said(message_id, chat.id, seat.id, token, Kind.FILE, "/import")
            files = await save(await request.multipart(), self._uploads / message_id)
        except RefusedError as refused:
            status = 403 if refused.reason == "token" else 400
            return web.json_response({"reason": refused.reason, "text": str(refused)}, status=status)
        except ValueError as error:  # UploadError, or a body that is no multipart form
            return web.json_response({"reason": "file", "text": str(error)}, status=400)
        await self._hear(said, receive, files)
        return web.json_response({"id": message_id})


def _sees(chat_id: str, private_to: str, seat_id: str) -> bool:
    return chat_id in (GROUP, DIRECT + seat_id) and private_to in ("", seat_id)
