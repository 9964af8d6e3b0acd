"""The methods of the Bot API by which a bot keeps a group clean, with the server's own words for what it refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.telegram_params import Values, bad
from tests.fakes.telegram_world import PERMISSIONS, Chat, User

SHORTEST, LONGEST = timedelta(seconds=30), timedelta(days=366)  # of a restriction; others have no end
OLD = timedelta(hours=48)  # after which a message can't be deleted


class Moderating:
    """`_at` and `_chat` are those of `Methods`."""

    _at: Any
    _chat: Any

    def _delete_message(self, values: Values) -> Any:
        chat = self._chat(values)
        message = chat.messages.get(values["message_id"])
        if message is None or message.deleted:
            raise bad("message to delete not found")
        own = message.sender is self._at.world.bot
        may = own or (chat.bot == "administrator" and chat.may_moderate)
        if not may or self._at.clock.now() - message.at > OLD:
            raise bad("message can't be deleted")
        message.deleted = True
        return True

    def _restrict_chat_member(self, values: Values) -> Any:
        chat, user = self._who(values)
        if chat.type != "supergroup":
            raise bad("method is available only for supergroups")
        if chat.members.get(user.id) in ("creator", "administrator"):
            raise bad("user is an administrator of the chat")
        given = values["permissions"]
        if unknown := set(given) - set(PERMISSIONS):
            raise bad(f"the fake knows no permission {unknown.pop()!r}")
        if all(given.get(one) for one in ("can_send_messages", "can_send_photos", "can_send_polls")):
            chat.barred.pop(user.id, None)
            return self._becomes(chat, user, "member" if chat.members.get(user.id) != "left" else "left")
        chat.barred[user.id] = self._until(values)
        return self._becomes(chat, user, "restricted")

    def _ban_chat_member(self, values: Values) -> Any:
        chat, user = self._who(values)
        if chat.members.get(user.id) == "creator":
            raise bad("can't remove chat owner")
        if chat.members.get(user.id) == "administrator":
            raise bad("user is an administrator of the chat")
        chat.barred[user.id] = self._until(values)
        return self._becomes(chat, user, "kicked")

    def _unban_chat_member(self, values: Values) -> Any:
        chat, user = self._who(values)
        if chat.members.get(user.id) != "kicked" and values.get("only_if_banned"):
            return True
        chat.barred.pop(user.id, None)
        return self._becomes(chat, user, "left")

    def _who(self, values: Values) -> tuple[Chat, User]:
        chat, user = self._chat(values), self._at.world.by_id(values["user_id"])
        if chat.type == "private":
            raise bad("can't restrict self" if user else "chat not found")
        if user is None:
            raise bad("PARTICIPANT_ID_INVALID")
        if chat.bot != "administrator" or not chat.may_moderate:
            raise bad("not enough rights to restrict/unrestrict chat member")
        return chat, user

    def _until(self, values: Values) -> datetime | None:
        if not values.get("until_date"):
            return None
        until, now = datetime.fromtimestamp(values["until_date"], UTC), self._at.clock.now()
        return until if SHORTEST <= until - now <= LONGEST else None

    def _becomes(self, chat: Chat, user: User, status: str) -> bool:
        """An admin is told of it."""
        world = self._at.world
        before = world.member(chat, user)
        chat.members[user.id] = status
        changed = {
            "chat": chat.json(), "from": world.bot.json(), "date": int(self._at.clock.now().timestamp()),
            "old_chat_member": before, "new_chat_member": world.member(chat, user),
        }  # fmt: skip
        self._at.updates.add("chat_member", changed)
        return True
