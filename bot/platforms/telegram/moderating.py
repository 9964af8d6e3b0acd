"""What moderation does, in Telegram's calls. The bot needs the rights to delete messages and to ban users."""

from telegram import ChatPermissions
from telegram.error import BadRequest

from bot.messages import Ban, Free, Measure, Mute, Remove, SendError, Unban
from bot.platforms.telegram.client import Client

GONE = ("message to delete not found", "message identifier is not specified", "participant_id_invalid")


async def moderate(client: Client, to: int, action: Measure) -> None:
    """What is so already counts as done. Slow mode is left out: Telegram gives bots none. Raises TelegramError, or
    SendError where it is about somebody who is no user."""
    try:
        await _act(client, to, action)
    except BadRequest as error:
        if not any(one in str(error).lower() for one in GONE):
            raise


async def _act(client: Client, to: int, action: Measure) -> None:
    if isinstance(action, Remove):
        await client.delete_message(to, int(action.message_id))
    elif isinstance(action, Mute):
        nothing = ChatPermissions.no_permissions()
        await client.restrict_chat_member(to, _user(action.member), nothing, until_date=action.until)
    elif isinstance(action, Free):
        await client.restrict_chat_member(to, _user(action.member), ChatPermissions.all_permissions())
    elif isinstance(action, Ban):
        await client.ban_chat_member(to, _user(action.member), until_date=action.until)
    elif isinstance(action, Unban):
        await client.unban_chat_member(to, _user(action.member), only_if_banned=True)


def _user(member: str) -> int:
    if not member.isdecimal():
        raise SendError(f"{member} is a channel, and only users can be muted or banned")
    return int(member)
