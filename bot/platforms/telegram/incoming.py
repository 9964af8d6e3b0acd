"""Updates as messages: who said what, where, and whether it was meant for the bot."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import telegram as api
from telegram.constants import ChatMemberStatus, ChatType

from bot.clock import Clock
from bot.language import wanted
from bot.messages import Chat, File, Kind, Message, Role, Sender
from bot.platforms.telegram.kept import NAME, Kept
from bot.platforms.telegram.outgoing import CHAT
from bot.platforms.telegram.rights import Admins

IN = (
    ChatMemberStatus.OWNER,
    ChatMemberStatus.ADMINISTRATOR,
    ChatMemberStatus.MEMBER,
    ChatMemberStatus.RESTRICTED,
)
COMMAND = re.compile(r"/\w+@(\w+)")
IMPORT = re.compile(r"/import\b|/导入")
Fetch = Callable[[api.Message, api.Document], Awaitable[tuple[File, ...]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """`read` an update. `me` is the bot; `fetch` gets a document onto the disk, or says in the chat why not."""

    me: api.User
    admins: Admins
    kept: Kept
    clock: Clock
    fetch: Fetch

    async def read(self, update: api.Update) -> list[Message]:
        """What it is to the bot: mostly one message, none where it is none of its business."""
        if update.message:
            found = await self._said(update.message)
        elif update.callback_query:
            found = await self._pressed(update.callback_query)
        elif update.message_reaction:
            found = await self._reacted(update.message_reaction)
        elif update.my_chat_member:
            found = self._moved(update.my_chat_member)
        elif update.chat_member:
            found = self._moved(update.chat_member)
        else:
            found = []
        return [self._keyed(one, update.update_id, at) for at, one in enumerate(found)]

    def _keyed(self, message: dict[str, Any], update_id: int, at: int) -> Message:
        """Raises ValueError for what the inbox could not keep: it would be fetched again and again."""
        own = f"{update_id}.{at}" if at else str(update_id)
        if not isinstance(message["at"], datetime) or not isinstance(message["text"], str):
            raise ValueError("it has no time, or its text is none")
        return Message(**{"id": f"u{own}"} | message, key=f"{NAME}:{self.me.id}:{own}")

    async def _said(self, message: api.Message) -> list[dict[str, Any]]:
        if message.migrate_to_chat_id:
            await self.kept.moved(message.chat.id, message.migrate_to_chat_id)
            return []
        if message.new_chat_members or message.left_chat_member:
            return await self._came_or_went(message)
        text = message.text or message.caption or ""
        if (named := COMMAND.match(text)) and named[1].lower() != self._name:
            return []  # another bot's
        sender = await self._sender(message)
        held = {
            "id": str(message.message_id), "chat": chat_of(message), "sender": sender, "text": text,
            "at": message.date, "addressed": self._addressed(message, text),
            "reply_to": str(answered.message_id) if (answered := _answered(message)) else "",
            "forwarded": message.forward_origin is not None,
        }  # fmt: skip
        if message.document and sender.role is Role.ADMIN and (held["addressed"] or IMPORT.match(text)):
            files = await self.fetch(message, message.document)
            return [held | {"kind": Kind.FILE, "text": "/import", "files": files, "addressed": True}] if files else []
        return [held] if text else []

    @property
    def _name(self) -> str:
        return (self.me.username or "").lower()

    async def _sender(self, message: api.Message) -> Sender:
        """Admins may speak as the group itself; other chats that speak in it are channels."""
        if (voice := message.sender_chat) is not None:
            hidden = voice.id == message.chat.id
            name = message.author_signature or voice.title or ""
            return Sender(f"{CHAT}{voice.id}", name, Role.ADMIN if hidden else Role.MEMBER, bot=not hidden)
        assert message.from_user
        return await self._person(message.from_user, message.chat.id)

    async def _person(self, user: api.User, chat: int) -> Sender:
        admin = user.id in await self.admins.of(chat)
        role = Role.ADMIN if admin else Role.MEMBER
        return Sender(str(user.id), user.full_name, role, user.is_bot, wanted(user.language_code or ""))

    def _addressed(self, message: api.Message, text: str) -> bool:
        if message.chat.type == ChatType.PRIVATE or text.startswith("/"):
            return True
        answered = _answered(message)
        if answered and answered.from_user and answered.from_user.id == self.me.id:
            return True
        both = message.parse_entities() | message.parse_caption_entities()
        return any(
            (one.type == one.MENTION and said.lower() == f"@{self._name}")
            or (one.type == one.TEXT_MENTION and one.user is not None and one.user.id == self.me.id)
            for one, said in both.items()
        )

    async def _pressed(self, query: api.CallbackQuery) -> list[dict[str, Any]]:
        """An old message comes without its text, but with chat and id."""
        message = query.message
        if message is None or not query.data:
            return []
        chat = chat_of(message) if isinstance(message, api.Message) else _chat(message.chat)
        own = str(message.message_id)
        command = await self.kept.command(chat.id, own, query.data)
        if not command:
            return []
        return [
            {
                "id": f"{own}.{query.id}", "chat": chat, "sender": await self._person(query.from_user, message.chat.id),
                "text": command, "at": self.clock.now(), "addressed": True, "reply_to": own, "kind": Kind.BUTTON,
            }
        ]  # fmt: skip

    async def _reacted(self, changed: api.MessageReactionUpdated) -> list[dict[str, Any]]:
        """What was added; taking a reaction away says nothing."""
        before = {one.emoji for one in changed.old_reaction if isinstance(one, api.ReactionTypeEmoji)}
        added = [one.emoji for one in changed.new_reaction if isinstance(one, api.ReactionTypeEmoji)]
        found = [str(one) for one in added if one not in before]
        if not found or changed.user is None:
            return []
        chat = _chat(changed.chat)
        if changed.chat.is_forum:
            chat = Chat(NAME, await self.kept.topic(chat.id, str(changed.message_id)), chat.title, chat.direct)
        sender = await self._person(changed.user, changed.chat.id)
        return [
            {
                "chat": chat, "sender": sender, "text": found[0], "at": changed.date,
                "reply_to": str(changed.message_id), "kind": Kind.REACTION,
            }
        ]  # fmt: skip

    def _moved(self, changed: api.ChatMemberUpdated) -> list[dict[str, Any]]:
        """Somebody's place in a chat is another one: the bot's own, or a member's where the bot is an admin."""
        self.admins.forget(changed.chat.id)
        before, after = changed.old_chat_member, changed.new_chat_member
        came, went = not _inside(before) and _inside(after), _inside(before) and not _inside(after)
        own = after.user.id == self.me.id
        if changed.chat.type == ChatType.PRIVATE:  # a member who blocks the bot goes; who comes back says so
            return [_event(Kind.LEFT, changed.from_user, changed.chat, changed.date)] if own and went else []
        if changed.chat.type not in (ChatType.GROUP, ChatType.SUPERGROUP) or not (came or went) or (own and went):
            return []
        kind = Kind.ADDED if own else Kind.JOINED if came else Kind.LEFT
        return [_event(kind, changed.from_user if own else after.user, changed.chat, changed.date)]

    async def _came_or_went(self, message: api.Message) -> list[dict[str, Any]]:
        """The line in a group that says so: an admin gets the event itself besides."""
        if self.me.id in await self.admins.of(message.chat.id):
            return []
        kind = Kind.JOINED if message.new_chat_members else Kind.LEFT
        people: Sequence[api.User] = message.new_chat_members or tuple(filter(None, (message.left_chat_member,)))
        return [_event(kind, one, message.chat, message.date) for one in people if one.id != self.me.id]


def chat_of(message: api.Message) -> Chat:
    """A topic of a forum is a chat of its own."""
    chat = _chat(message.chat)
    if message.is_topic_message and message.message_thread_id:
        return Chat(NAME, f"{chat.id}/{message.message_thread_id}", chat.title, chat.direct)
    return chat


def _chat(chat: api.Chat) -> Chat:
    direct = chat.type == ChatType.PRIVATE
    return Chat(NAME, str(chat.id), (chat.full_name if direct else chat.title) or "", direct)


def _event(kind: Kind, user: api.User, chat: api.Chat, at: datetime) -> dict[str, Any]:
    sender = Sender(str(user.id), user.full_name, bot=user.is_bot)
    return {"chat": _chat(chat), "sender": sender, "text": "", "at": at, "kind": kind}


def _answered(message: api.Message) -> api.Message | None:
    """What it replies to; in a topic every message hangs on the one that opened it, which is no reply."""
    answered = message.reply_to_message
    return None if answered is None or answered.message_id == message.message_thread_id else answered


def _inside(member: api.ChatMember) -> bool:
    return member.status in IN and getattr(member, "is_member", True)
