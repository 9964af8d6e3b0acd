"""Who is where on the fake Telegram, what was said, and how the Bot API words it as JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from tests.fakes.base import BOSS, DIRECT

BOT_ID = 123456
BOT_NAME = "shop_bot"
TOKEN = f"{BOT_ID}:AAH-a-token-of-tests"
ANONYMOUS = 1087968824  # GroupAnonymousBot, which stands for an admin who hides
RIGHTS = (
    "can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages",
)  # fmt: skip
PERMISSIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics",
    "can_edit_tag", "can_react_to_messages",
)  # fmt: skip
IN = ("member", "administrator", "creator", "restricted")


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False
    started: bool = False  # opened a direct chat with the bot
    blocked: bool = False
    language: str = ""  # their client's, as a code; '' where it tells none

    def json(self) -> dict[str, Any]:
        shown = {"id": self.id, "is_bot": self.bot, "first_name": self.name.capitalize(), "username": self.name}
        return shown | ({"language_code": self.language} if self.language else {})


@dataclass(slots=True)
class Message:
    id: int
    chat: "Chat"
    sender: User
    at: datetime
    text: str = ""
    thread: int = 0
    reply_to: int = 0
    photo: bool = False
    keyboard: list[list[dict[str, Any]]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)  # service fields, documents, sender_chat
    deleted: bool = False

    def json(self, *, nested: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "message_id": self.id, "date": int(self.at.timestamp()), "chat": self.chat.json(),
            "from": self.sender.json(),
        }  # fmt: skip
        if self.photo:
            shown["photo"] = [{"file_id": f"p{self.id}", "file_unique_id": f"u{self.id}", "width": 90, "height": 90}]
        if self.text:
            shown["caption" if self.photo or "document" in self.more else "text"] = self.text
            if found := entities(self.text):
                shown["caption_entities" if self.photo or "document" in self.more else "entities"] = found
        if self.thread:
            shown |= {"message_thread_id": self.thread, "is_topic_message": True}
        if self.keyboard:
            shown["reply_markup"] = {"inline_keyboard": self.keyboard}
        original = self.chat.messages.get(self.reply_to)
        if original and not nested:
            shown["reply_to_message"] = original.json(nested=True)
        return shown | self.more


@dataclass(slots=True)
class Chat:
    id: int
    name: str  # as tests name it
    type: str  # private, group, supergroup
    bot: str = "member"
    members: dict[int, str] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: count(2))
    moved_to: int = 0
    may_write: bool = True
    may_moderate: bool = True  # the bot, where it is an admin: delete messages, restrict and ban members
    barred: dict[int, datetime | None] = field(default_factory=dict)  # who may not write, until when

    def json(self) -> dict[str, Any]:
        if self.type == "private":
            name = self.name.removeprefix(DIRECT)
            return {"id": self.id, "type": "private", "first_name": name.capitalize(), "username": name}
        return {"id": self.id, "type": self.type, "title": self.name} | ({"is_forum": True} if self.topics else {})

    def named(self, thread: int) -> str:
        """The name of a topic of it, as tests have it."""
        return next((f"{self.name}/{name}" for name, id in self.topics.items() if id == thread), self.name)


def entities(text: str) -> list[dict[str, Any]]:
    """Commands and mentions, as the server finds them; offsets in UTF-16 code units."""
    found, at = [], 0
    for word in text.split(" "):
        bare = word.rstrip(",.!?:;")
        size = len(bare.encode("utf-16-le")) // 2
        kind = {"@": "mention", "/": "bot_command"}.get(word[:1])
        if kind and len(bare) > 1 and (kind == "mention" or bare[1].isascii()):
            found.append({"type": kind, "offset": at, "length": size})
        at += len(word.encode("utf-16-le")) // 2 + 1
    return found


class World:
    """Users and chats by name and id."""

    def __init__(self) -> None:
        self.bot = User(BOT_ID, BOT_NAME, bot=True)
        self.users: dict[str, User] = {}
        self.chats: dict[int, Chat] = {}
        self._names: dict[str, Chat] = {}
        self._numbers = count(1)

    def user(self, name: str) -> User:
        if name not in self.users:
            self.users[name] = User(1000 + len(self.users), name)
        return self.users[name]

    def by_id(self, user_id: int) -> User | None:
        if user_id == BOT_ID:
            return self.bot
        return next((one for one in self.users.values() if one.id == user_id), None)

    def place(self, name: str) -> tuple[Chat, int]:
        """The chat and topic that a test's name stands for, made at its first use."""
        group, _, topic = name.partition("/")
        chat = self._names.get(group)
        if chat is None and name.startswith(DIRECT):
            chat = self.add(Chat(self.user(name.removeprefix(DIRECT)).id, name, "private"))
        elif chat is None:
            chat = self.add(Chat(-1001000000000 - next(self._numbers), group, "supergroup"))
            chat.members[self.user(BOSS).id] = "creator"
        if topic and topic not in chat.topics:
            chat.topics[topic] = next(chat.ids)
        return chat, chat.topics.get(topic, 0)

    def add(self, chat: Chat) -> Chat:
        self.chats[chat.id] = self._names[chat.name] = chat
        return chat

    def plain_group(self, name: str) -> Chat:
        """A group that is no supergroup yet."""
        chat = self.add(Chat(-next(self._numbers), name, "group"))
        chat.members[self.user(BOSS).id] = "creator"
        return chat

    def member(self, chat: Chat, user: User) -> dict[str, Any]:
        """How the Bot API words somebody's membership."""
        status = chat.bot if user is self.bot else chat.members.get(user.id, "left")
        shown: dict[str, Any] = {"user": user.json(), "status": status}
        if status == "creator":
            shown["is_anonymous"] = False
        if status == "administrator":
            shown |= dict.fromkeys(RIGHTS, True) | {"is_anonymous": False}
            if user is self.bot:
                shown |= dict.fromkeys(("can_delete_messages", "can_restrict_members"), chat.may_moderate)
        if status == "restricted":
            shown |= dict.fromkeys(PERMISSIONS, False) | {"is_member": True, "until_date": 0}
        if status == "kicked":
            shown["until_date"] = 0
        return shown

    def heard(self, message: Message, *, all_of_it: bool) -> bool:
        """Does the bot get this message? In privacy mode only what is meant for it, unless it is an admin there."""
        chat, text = message.chat, message.text
        if chat.type == "private" or all_of_it or chat.bot == "administrator" or not (text or message.photo):
            return True
        original = chat.messages.get(message.reply_to)
        if original and original.sender is self.bot:
            return True
        command = text.split(" ")[0] if text.startswith("/") else ""
        named = command.partition("@")[2]
        return bool(command and named in ("", BOT_NAME)) or f"@{BOT_NAME}" in text
