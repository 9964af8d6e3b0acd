"""The platform: what comes in is made durable and then confirmed; what goes out keeps Telegram's limits."""

import asyncio
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import telegram as api
from telegram.constants import ChatAction, FileSizeLimit
from telegram.error import BadRequest, ChatMigrated, InvalidToken, TelegramError

from bot.clock import Clock
from bot.config import SettingsError
from bot.messages import Capabilities, Chat, File, Message, Outgoing
from bot.platforms.base import Action, Commands, Finding, Platform, React, Receive, SendError, Typing
from bot.platforms.telegram import setup
from bot.platforms.telegram.client import Client, Wait, refused
from bot.platforms.telegram.incoming import Reader, chat_of
from bot.platforms.telegram.kept import NAME, Kept
from bot.platforms.telegram.limits import Pace
from bot.platforms.telegram.moderating import moderate
from bot.platforms.telegram.outgoing import CHAT, TEXT, Shown, caption, is_address, place, reply_of, shown
from bot.platforms.telegram.rights import Admins
from bot.platforms.telegram.serving import Poller, Raw, Webhook, chats_of, patient
from bot.texts import Texts
from storage.database import Database

log = logging.getLogger(__name__)
PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
FETCHES = 3
KEPT = timedelta(seconds=5)  # that a turn which was taken is good for
REMEMBERED = 2_000  # messages whose last text is remembered
NO_PREVIEW = api.LinkPreviewOptions(is_disabled=True)


class Telegram(Platform):
    """One bot. `run` it.

    api_url: another Bot API server, such as http://127.0.0.1:8081. webhook_url: the https address that leads to
    `listen`; '' fetches updates. commands(language): what is registered. uploads: the folder for dropped files.
    """

    name = NAME
    capabilities = Capabilities(
        edits=True, streams=True, buttons=True, cards=True, reactions=True, files=True, polls=True, max_length=TEXT,
        mentions=True, removes=True, mutes=True, muted_press=True, bans=True, bans_end=True,
    )  # fmt: skip

    def __init__(
        self,
        *,
        token: str,
        database: Database,
        shop_id: int,
        texts: Texts,
        uploads: Path,
        clock: Clock,
        commands: Commands,
        api_url: str = "",
        webhook_url: str = "",
        listen: str = "127.0.0.1:8443",
    ) -> None:
        self._connect = partial(Client, token, api_url)
        self._client = self._connect()
        self._kept, self._admins, self._pace = Kept(database, shop_id), Admins(self._client, clock), Pace()
        self._aside = Pace()  # of drafts and typing, which take no room from messages
        self._texts, self._uploads, self._clock, self._commands = texts, uploads, clock, commands
        self._webhook_url, self._listen = webhook_url, listen
        self._turns: dict[int, datetime] = {}  # taken for what is about to be sent, by chat
        self._username = ""
        self._reader: Reader
        self._shown: OrderedDict[tuple[int, str], Shown] = OrderedDict()
        self.unreadable = 0  # updates that were skipped

    # What comes in.

    async def run(self, receive: Receive) -> None:
        """Serve until cancelled. Raises SettingsError where Telegram refuses the token."""
        try:
            me = await patient(self._clock, "it can't be reached", self._client.get_me)
            self._username = me.username or ""
            self._reader = Reader(me, self._admins, self._kept, self._clock, self._fetch)
            async with asyncio.TaskGroup() as tasks:
                take = partial(self._take, receive, tasks)
                tasks.create_task(self._register())
                if self._webhook_url:
                    tasks.create_task(Webhook(self._client, self._webhook_url, self._listen, self._clock, take).run())
                else:
                    tasks.create_task(Poller(self._connect, self._clock, self._prepare, take).run())
        except* InvalidToken:
            text = "TELEGRAM_TOKEN: Telegram refuses it; @BotFather gives the right one: /mybots, your bot, API Token"
            raise SettingsError(text) from None
        finally:
            await self._client.hang_up()

    async def _register(self) -> None:
        call = partial(setup.register, self._client, self._commands)
        try:
            await patient(self._clock, "registering the commands", call)
        except BadRequest as error:
            log.error("Telegram does not take the commands: %s", error)

    async def _prepare(self, updates: Sequence[Raw]) -> None:
        """Ask at once who is an admin of all the groups that these are of, not of one after the other."""
        await asyncio.gather(*map(self._admins.of, chats_of(updates)))

    async def _take(self, receive: Receive, tasks: asyncio.TaskGroup, raw: Raw) -> None:
        """Make an update durable; one that can't be read is kept apart, counted and passed over."""
        try:
            update = api.Update.de_json(raw, self._client)
            messages = await self._reader.read(update)
        except Exception as error:  # the boundary: one bad update never stops those behind it
            self.unreadable += 1
            log.exception("Telegram: update %d can't be read; %d so far", raw["update_id"], self.unreadable)
            key, reason = f"{NAME}:unreadable:{raw['update_id']}", f"{type(error).__name__}: {error}"
            await self._kept.unreadable(key, raw, reason, self._clock.now())
            return
        for message in messages:
            await receive(message)
        if update.callback_query:
            tasks.create_task(self._answer_press(update.callback_query, messages))

    async def _answer_press(self, query: api.CallbackQuery, messages: Sequence[Message]) -> None:
        """Ends the button's waiting; what it does comes as a message."""
        spoken = "zh" if (query.from_user.language_code or "").startswith("zh") else "en"
        old = self._texts.say(spoken, "This button is too old; I don't know any more what it does.")
        try:
            await query.answer(None if messages else old)
        except TelegramError as error:
            log.info("a pressed button was not confirmed: %s", error)

    async def _fetch(self, message: api.Message, document: api.Document) -> tuple[File, ...]:
        """The document on the disk; none, and a line in the chat, where it can't be had."""
        spoken = "zh" if ((message.from_user and message.from_user.language_code) or "").startswith("zh") else "en"
        most = int(FileSizeLimit.FILESIZE_DOWNLOAD)
        if (document.file_size or 0) > most:
            text = self._texts.say(
                spoken,
                "The file is larger than {most} MB, which Telegram gives to no bot. On the shop's computer, this does "
                "the same: python -m bot import FILE",
                most=most // 1_000_000,
            )
            await self._tell(message, text)
            return ()
        name = re.sub(r"[^\w.-]+", "_", document.file_name or "file").lstrip(".")[-100:] or "file"
        path = self._uploads / f"{NAME}-{message.chat.id}-{message.message_id}" / name
        for _ in range(FETCHES):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = await self._client.get_file(document.file_id)
                await file.download_to_drive(path)
                return (File(document.file_name or name, str(path), path.stat().st_size),)
            except TelegramError as error:
                log.warning("Telegram: a dropped file can't be had: %s", error)
                await self._clock.sleep(1)
        await self._tell(message, self._texts.say(spoken, "I could not get the file from Telegram; drop it again."))
        return ()

    async def _tell(self, message: api.Message, text: str) -> None:
        try:
            await self.send(chat_of(message), Outgoing(text, reply_to=str(message.message_id)), "")
        except SendError as error:
            log.warning("Telegram: %s was not said: %s", text, error)

    # What goes out.

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        """Show a message; its id. In a direct chat a part of one is a draft, which has none. Raises SendError."""
        to, topic = place(chat.id)
        if not outgoing.done and chat.direct:
            return await self._draft(to, topic, outgoing, key)
        self._wait(to, spare=not outgoing.done)
        ready = shown(outgoing, key)
        reply = reply_of(outgoing.reply_to)
        answering = api.ReplyParameters(reply, allow_sending_without_reply=True) if reply else None
        sent: api.Message = await self._call(to, partial(self._say, to, topic, ready, answering))
        self._remember(to, str(sent.message_id), ready)
        return str(sent.message_id)

    async def _say(self, to: int, topic: int | None, ready: Shown, answering: api.ReplyParameters | None) -> Any:
        more: dict[str, Any] = {
            "message_thread_id": topic, "reply_parameters": answering, "reply_markup": ready.keyboard,
        }  # fmt: skip
        if ready.poll:
            return await self._client.send_poll(to, ready.text, [*ready.poll], **more)
        if ready.document:
            name, text = ready.document
            return await self._client.send_document(
                to, text.encode(), caption=caption(ready.text), filename=name, **more
            )
        if picture := await _photo(ready.picture):
            try:
                return await self._client.send_photo(
                    to, picture, caption=ready.text, caption_entities=ready.named or None, **more
                )
            except BadRequest as error:  # Telegram could not get the picture, or can't read it
                log.info("Telegram: without its picture, %s: %s", ready.picture[:100], error)
        more["entities"] = ready.named or None
        return await self._client.send_message(to, ready.text, link_preview_options=NO_PREVIEW, **more)

    async def _draft(self, to: int, topic: int | None, outgoing: Outgoing, key: str) -> str:
        if self._aside.wait(to, self._clock.now(), spare=True):
            return ""
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) or 1
        await self._call(to, partial(self._client.send_message_draft, to, number, outgoing.text, topic))
        return ""

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """Replace what a message shows; a part goes only where there is room for it. Raises SendError."""
        to, _ = place(chat.id)
        ready = shown(outgoing)
        if self._shown.get((to, message_id)) == ready:
            return
        if not outgoing.done and self._pace.wait(to, self._clock.now(), spare=True):
            return
        if outgoing.done:
            self._wait(to)
        await self._call(to, partial(self._change, to, int(message_id), ready))
        self._remember(to, message_id, ready)

    async def _change(self, to: int, message_id: int, ready: Shown) -> None:
        where: dict[str, Any] = {"chat_id": to, "message_id": message_id, "reply_markup": ready.keyboard}
        text: dict[str, Any] = {"text": ready.text, "entities": ready.named or None}
        try:
            await self._client.edit_message_text(link_preview_options=NO_PREVIEW, **text, **where)
        except BadRequest as error:
            if "not modified" in str(error):
                return
            if "no text in the message" not in str(error):
                raise
            await self._client.edit_message_caption(caption=caption(ready.text), **where)

    async def act(self, chat: Chat, action: Action) -> None:
        """Typing is left out where there is no room for it. Raises SendError."""
        to, topic = place(chat.id)
        if isinstance(action, React):
            reaction = partial(self._client.set_message_reaction, to, int(action.message_id), action.emoji)
            await self._call(to, reaction)
        elif not isinstance(action, Typing):
            await self._call(to, partial(moderate, self._client, to, action))
        elif not self._aside.wait(to, self._clock.now(), spare=True):
            typing = partial(self._client.send_chat_action, to, ChatAction.TYPING, message_thread_id=topic)
            await self._call(to, typing)

    async def ask(self, chat: Chat, member: str) -> bool:
        """An admin who hides is the group itself."""
        to, _ = place(chat.id)
        return member == f"{CHAT}{to}" or (member.isdecimal() and int(member) in await self._admins.of(to))

    def take(self, chat: Chat) -> float:
        try:
            to, _ = place(chat.id)
        except SendError:  # `send` says that nobody is there
            return 0.0
        now = self._clock.now()
        wait = self._pace.wait(to, now, post=True)
        if not wait:
            if len(self._turns) > REMEMBERED:  # turns that nobody used
                self._turns.clear()
            self._turns[to] = now
        return wait

    def _wait(self, to: int, *, spare: bool = False) -> None:
        """Raises SendError where it is nobody's turn who writes there."""
        taken, now = self._turns.pop(to, None), self._clock.now()
        if taken and now - taken < KEPT:
            self._pace.moved(to, taken, now)
            return
        if wait := self._pace.wait(to, now, spare=spare):
            raise SendError(f"Telegram takes no more from here for {wait:.1f} s", wait)

    async def _call(self, to: int, call: Callable[[], Any]) -> Any:
        try:
            return await call()
        except ChatMigrated as moved:
            await self._kept.moved(to, moved.new_chat_id)
            raise SendError("the group became a supergroup, with another id", 0.0) from None
        except TelegramError as error:
            told = refused(error)
            if isinstance(error, Wait):
                for pace in (self._pace, self._aside):
                    pace.told(to, self._clock.now(), error.seconds)
            raise told from None

    def _remember(self, to: int, message_id: str, ready: Shown) -> None:
        self._shown[to, message_id] = ready
        self._shown.move_to_end((to, message_id))
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)

    # How it is set up.

    async def check(self) -> list[Finding]:
        """By a platform that is not run: it hangs up at the end."""
        groups = await self._kept.groups()
        try:
            return await setup.findings(self._client, groups, self._webhook_url)
        finally:
            await self._client.hang_up()

    def direct_link(self, payload: str) -> str:
        """Known once Telegram was reached."""
        if not self._username or not PAYLOAD.fullmatch(payload):
            return ""
        return f"https://t.me/{self._username}?start={payload}"


async def _photo(picture: str) -> str | bytes:
    """An address as it stands, a file as what it holds; nothing of one that is not there any more."""
    if not picture or is_address(picture):
        return picture
    try:
        return await asyncio.to_thread(Path(picture).read_bytes)
    except OSError as error:
        log.warning("a message goes without its picture: %s", error)
        return b""
