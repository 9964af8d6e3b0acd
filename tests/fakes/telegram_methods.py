"""The methods of the Bot API that say and ask something, with the server's own words for what it refuses."""

import re
from typing import Any, Protocol

from bot.clock import Clock
from tests.fakes.base import Seen
from tests.fakes.telegram_moderation import Moderating
from tests.fakes.telegram_params import ApiError, Values, bad, entities_of, keyboard_of
from tests.fakes.telegram_updates import Updates
from tests.fakes.telegram_world import BOT_ID, Chat, Message, World

TEXT, CAPTION, FILE = 4096, 1024, 20 * 1024 * 1024
EMOJI = ("👍", "👎", "❤", "🔥", "🎉", "👀", "🙏", "👌")
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


class Place(Protocol):
    """What the methods need of the server."""

    world: World
    clock: Clock
    log: list[Seen]
    drafts: list[tuple[str, str]]
    typing: list[str]
    reactions: list[tuple[str, str, str]]
    answered: list[str]
    pinged: list[tuple[str, str]]
    pressed: set[str]
    commands: dict[tuple[str, str], list[dict[str, str]]]
    files: dict[str, bytes]
    pictures: set[str]
    privacy: bool
    joinable: bool
    updates: Updates


def size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def pings(world: World, message: Message, entities: list[Values]) -> list[str]:
    """Whom a message rings up of those in its chat: who is meant by an entity, and who stands in it by @username."""
    meant = [world.by_id(one["user"]["id"]) for one in entities if one["type"] == "text_mention"]
    named = [world.users.get(word.strip("@,.!?:;")) for word in message.text.split() if word.startswith("@")]
    there = {message.chat.id, *message.chat.members}
    return [one.name for one in (*meant, *named) if one and one.id in there]


class Methods(Moderating):
    """`call` one by its name; what it returns is the `result`."""

    def __init__(self, place: Place) -> None:
        self._at = place

    def call(self, name: str, values: Values) -> Any:
        """Raises ApiError."""
        found = getattr(self, f"_{re.sub('([A-Z])', lambda one: '_' + one[0].lower(), name)}")
        return found(values)

    def _chat(self, values: Values, *, write: bool = False) -> Chat:
        chat = self._at.world.chats.get(values["chat_id"])
        if chat is None:
            raise bad("chat not found")
        if chat.moved_to:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, text, migrate_to_chat_id=chat.moved_to)
        if chat.type == "private":
            user = self._at.world.by_id(chat.id)
            assert user
            if user.blocked:
                raise ApiError(403, "Forbidden: bot was blocked by the user")
            if not user.started:
                raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        elif chat.bot == "kicked":
            raise ApiError(403, f"Forbidden: bot was kicked from the {chat.type} chat")
        elif chat.bot == "left":
            raise ApiError(403, f"Forbidden: bot is not a member of the {chat.type} chat")
        if write and (chat.bot == "restricted" or not chat.may_write):
            raise bad("not enough rights to send text messages to the chat")
        return chat

    def _get_me(self, values: Values) -> Any:
        all_of_it = not self._at.privacy
        return self._at.world.bot.json() | {
            "can_join_groups": self._at.joinable, "can_read_all_group_messages": all_of_it,
            "supports_inline_queries": False, "can_connect_to_business": False, "has_main_web_app": False,
        }  # fmt: skip

    def _send_message(self, values: Values) -> Any:
        chat, text = self._chat(values, write=True), values.get("text", "").strip()
        if not text:
            raise bad("message text is empty")
        if size(text) > TEXT:
            raise bad("message is too long")
        entities_of(values, text)
        return self._say(chat, values, text)

    def _send_photo(self, values: Values) -> Any:
        chat, caption, photo = self._chat(values, write=True), values.get("caption", ""), values["photo"]
        if isinstance(photo, str):
            if not photo.startswith(("http://", "https://")):
                raise bad("wrong remote file identifier specified: Wrong string length")
            if photo not in self._at.pictures:
                raise bad("failed to get HTTP URL content")
        elif not photo.file.read(16).startswith((b"\x89PNG", b"\xff\xd8\xff")):
            raise bad("IMAGE_PROCESS_FAILED")
        if size(caption) > CAPTION:
            raise bad("message caption is too long")
        entities_of(values, caption)
        return self._say(chat, values, caption, photo=True)

    def _send_document(self, values: Values) -> Any:
        chat, caption, document = self._chat(values, write=True), values.get("caption", ""), values["document"]
        if isinstance(document, str):
            raise bad("wrong remote file identifier specified: Wrong string length")
        if size(caption) > CAPTION:
            raise bad("message caption is too long")
        content = document.file.read()
        if not content:
            raise bad("file must be non-empty")
        name = document.filename
        self._at.files[name] = content
        file = {"file_id": f"d{len(content)}", "file_unique_id": f"u{len(content)}", "file_name": name}
        return self._say(chat, values, caption, more={"document": file | {"file_size": len(content)}})

    def _send_poll(self, values: Values) -> Any:
        chat, question = self._chat(values, write=True), values["question"]
        choices = [one["text"] for one in values["options"]]
        if size(question) > 300:
            raise bad("POLL_QUESTION_INVALID")
        if not 2 <= len(choices) <= 12 or any(not 0 < size(one) <= 100 for one in choices):
            raise bad("POLL_OPTION_INVALID")
        options = [{"text": one, "persistent_id": str(at), "voter_count": 0} for at, one in enumerate(choices)]
        more = {"poll": {
            "id": str(next(chat.ids)), "question": question, "options": options, "total_voter_count": 0,
            "type": "regular", "is_closed": False, "is_anonymous": True, "allows_revoting": True, "members_only": False,
            "allows_multiple_answers": False,
        }}  # fmt: skip
        return self._say(chat, values, "", more=more)

    def _say(self, chat: Chat, values: Values, text: str, *, photo: bool = False, more: Values | None = None) -> Any:
        thread = values.get("message_thread_id", 0)
        if thread and thread not in chat.topics.values():
            raise bad("message thread not found")
        reply = values.get("reply_parameters") or {}
        reply_to = reply.get("message_id", 0)
        if reply_to and (reply_to not in chat.messages or chat.messages[reply_to].deleted):
            if not reply.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
            reply_to = 0
        message = Message(
            next(chat.ids), chat, self._at.world.bot, self._at.clock.now(), text, thread, reply_to, photo,
            keyboard_of(values), more=more or {},
        )  # fmt: skip
        chat.messages[message.id] = message
        self._show(message)
        called = pings(self._at.world, message, values.get("entities") or values.get("caption_entities") or [])
        self._at.pinged += [(str(message.id), name) for name in called]
        return message.json()

    def _show(self, message: Message, *, edit: bool = False) -> None:
        labels = tuple(button["text"] for row in message.keyboard for button in row)
        answered = str(message.reply_to) if message.reply_to else ""
        place = message.chat.named(message.thread)
        poll = message.more.get("poll", {"question": message.text, "options": []})
        said = (place, str(message.id), poll["question"], answered, edit)
        choices = tuple(one["text"] for one in poll["options"])
        self._at.log.append(Seen(self._at.clock.now(), *said, buttons=labels, picture=message.photo, poll=choices))

    def _send_message_draft(self, values: Values) -> Any:
        chat = self._chat(values, write=True)
        if chat.type != "private":
            raise bad("method is available only in private chats")
        if not values["draft_id"]:
            raise bad("draft identifier must be non-zero")
        if size(values.get("text", "")) > TEXT:
            raise bad("message is too long")
        self._at.drafts.append((chat.name, values.get("text", "")))
        return True

    def _send_chat_action(self, values: Values) -> Any:
        chat = self._chat(values, write=True)
        if values["action"] not in ("typing", "upload_photo", "upload_document"):
            raise bad("wrong parameter action in request")
        self._at.typing.append(chat.named(values.get("message_thread_id", 0)))
        return True

    def _own(self, values: Values) -> Message:
        chat = self._chat(values)
        message = chat.messages.get(values["message_id"])
        if message is None or message.deleted:
            raise bad("message to edit not found")
        if message.sender.id != BOT_ID:
            raise bad("message can't be edited")
        return message

    def _edit_message_text(self, values: Values) -> Any:
        message, text = self._own(values), values["text"].strip()
        if message.photo:
            raise bad("there is no text in the message to edit")
        if size(text) > TEXT:
            raise bad("message is too long")
        entities_of(values, text)
        return self._change(message, text, keyboard_of(values))

    def _edit_message_caption(self, values: Values) -> Any:
        message, text = self._own(values), values.get("caption", "")
        if not message.photo:
            raise bad("there is no caption in the message to edit")
        if size(text) > CAPTION:
            raise bad("message caption is too long")
        entities_of(values, text)
        return self._change(message, text, keyboard_of(values))

    def _edit_message_reply_markup(self, values: Values) -> Any:
        message = self._own(values)
        return self._change(message, message.text, keyboard_of(values))

    def _change(self, message: Message, text: str, keyboard: list[list[dict[str, Any]]]) -> Any:
        if (message.text, message.keyboard) == (text, keyboard):
            raise bad(UNCHANGED)
        message.text, message.keyboard = text, keyboard
        self._show(message, edit=True)
        return message.json()

    def _answer_callback_query(self, values: Values) -> Any:
        if values["callback_query_id"] not in self._at.pressed:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        if size(values.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        self._at.pressed.discard(values["callback_query_id"])
        self._at.answered.append(values.get("text", ""))
        return True

    def _set_message_reaction(self, values: Values) -> Any:
        chat = self._chat(values)
        if values["message_id"] not in chat.messages:
            raise bad("message to react not found")
        for one in values.get("reaction", ()):
            if one.get("type") != "emoji" or one.get("emoji") not in EMOJI:
                raise bad("REACTION_INVALID")
            self._at.reactions.append((chat.name, str(values["message_id"]), one["emoji"]))
        return True

    def _get_chat(self, values: Values) -> Any:
        chat = self._chat(values)
        return chat.json() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _GIFTS}

    def _get_chat_administrators(self, values: Values) -> Any:
        chat, world = self._chat(values), self._at.world
        if chat.type == "private":
            raise bad("there are no administrators in the private chat")
        ids = [one for one, status in chat.members.items() if status in ("creator", "administrator")]
        users = [user for one in ids if (user := world.by_id(one)) and not user.bot]  # other bots are left out
        users += [world.bot] if chat.bot == "administrator" else []
        return [world.member(chat, user) for user in users]

    def _get_chat_member(self, values: Values) -> Any:
        chat, user = self._chat(values), self._at.world.by_id(values["user_id"])
        if user is None:
            raise bad("user not found")
        if chat.type != "private" and user.id != BOT_ID and chat.bot != "administrator" and user.id not in chat.members:
            raise bad("member list is inaccessible")
        return self._at.world.member(chat, user)

    def _get_file(self, values: Values) -> Any:
        held = self._at.files.get(values["file_id"])
        if held is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(held) > FILE:
            raise bad("file is too big")
        name = values["file_id"]
        return {"file_id": name, "file_unique_id": f"u{name}", "file_size": len(held), "file_path": f"documents/{name}"}

    def _scope(self, values: Values) -> tuple[str, str]:
        kind = (values.get("scope") or {"type": "default"}).get("type")
        if kind not in (
            "default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
        ):  # fmt: skip
            raise bad("unsupported scope specified")
        return kind, values.get("language_code", "")

    def _set_my_commands(self, values: Values) -> Any:
        if len(values["commands"]) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for one in values["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one.get("command", "")):
                raise bad("BOT_COMMAND_INVALID")
            if not 0 < len(one.get("description", "")) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        if (code := values.get("language_code", "")) and not re.fullmatch(r"[a-z]{2}", code):
            raise bad("invalid language code specified")
        self._at.commands[self._scope(values)] = values["commands"]
        return True

    def _get_my_commands(self, values: Values) -> Any:
        return self._at.commands.get(self._scope(values), [])

    def _delete_my_commands(self, values: Values) -> Any:
        self._at.commands.pop(self._scope(values), None)
        return True

    def _leave_chat(self, values: Values) -> Any:
        self._chat(values).bot = "left"
        return True


_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)
