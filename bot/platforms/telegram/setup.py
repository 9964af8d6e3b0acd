"""The set-up at Telegram: commands are registered at start; `findings` says what is off, and what to click."""

import re
from collections.abc import Sequence

import telegram as api
from telegram.constants import ChatMemberStatus
from telegram.error import Conflict, Forbidden, InvalidToken, TelegramError

from bot.platforms.base import Commands, Finding
from bot.platforms.telegram.client import Client

LANGUAGES = {"": "en", "zh": "zh"}  # the language of who sees a list -> that of its texts
NAMED = re.compile(r"[a-z0-9_]{1,32}")
HELP = 256  # characters
MOST = 100  # commands
NAMED_GROUPS = 20  # that are looked at


async def register(client: Client, commands: Commands) -> None:
    """The commands that Telegram offers behind a slash: admins of groups see theirs too. Raises TelegramError."""
    for code, language in LANGUAGES.items():
        listed = [one for one in commands(language) if NAMED.fullmatch(one.name)]
        for scope, shown in (
            (api.BotCommandScopeDefault(), [one for one in listed if not one.admin]),
            (api.BotCommandScopeAllChatAdministrators(), listed),
        ):
            told = [api.BotCommand(one.name, one.help[:HELP] or one.name) for one in shown[:MOST]]
            await client.set_my_commands(told, scope=scope, language_code=code)


async def findings(client: Client, groups: Sequence[int], webhook_url: str) -> list[Finding]:
    """Token first: without it, and without a network, there is nothing else to see."""
    try:
        me = await client.get_me()
    except InvalidToken:
        fix = "ask @BotFather: /mybots, your bot, API Token; put it into .env as TELEGRAM_TOKEN"
        return [Finding("the token", False, "everything: Telegram refuses it", fix)]
    except TelegramError as error:
        return [
            Finding("the network", False, f"everything: Telegram can't be reached ({error})", "look at the network")
        ]
    found = [Finding(f"the token, of @{me.username}", True), _privacy(me), _joining(me)]
    try:
        found.append(await _updates(client, webhook_url))
        for group in groups[:NAMED_GROUPS]:
            found.append(await _group(client, me, group))
    except TelegramError as error:
        found.append(Finding("the rest", False, f"not looked at: {error}", "run the check again"))
    return found


def _privacy(me: api.User) -> Finding:
    off = "where the bot is no admin it hears only commands, mentions and replies: no answers to open questions"
    fix = (
        "@BotFather: /mybots, your bot, Bot Settings, Group Privacy, Turn off; "
        "then take the bot out of each group and add it again"
    )
    return Finding("privacy mode", bool(me.can_read_all_group_messages), off, fix)


def _joining(me: api.User) -> Finding:
    off = "it is closed to nobody: whoever adds the bot to a group of their own is an admin of it there"
    fix = "once it is in all of your groups: @BotFather: /mybots, your bot, Bot Settings, Allow Groups?, turn it off"
    return Finding("being added to groups", not me.can_join_groups, off, fix)


async def _updates(client: Client, webhook_url: str) -> Finding:
    info = await client.get_webhook_info()
    if info.url != webhook_url:
        where = "another program set one" if info.url else "none is set"
        off = f"updates do not come to this bot: of webhooks, {where}"
        return Finding("the webhook", False, off, "start the bot: `python -m bot run` sets it right")
    if webhook_url:
        off = f"Telegram can't deliver: {info.last_error_message}"
        fix = "see that the address is reached from outside with https, and leads to the bot's port"
        return Finding("the webhook", not info.last_error_message, off, fix)
    try:
        await client.fetch(0, 0)
    except Conflict:
        fix = "stop the other one; where it is not yours, @BotFather: /mybots, your bot, API Token, Revoke"
        return Finding("fetching updates", False, "two programs fetch updates with this token, and lose them", fix)
    return Finding("fetching updates", True)


async def _group(client: Client, me: api.User, group: int) -> Finding:
    try:
        chat = await client.get_chat(group)
        member = await client.get_chat_member(group, me.id)
    except Forbidden:
        return Finding(f"group {group}", False, "the bot is not in it any more", "add it again, or forget the group")
    what = f"group “{chat.title}”"
    if member.status == ChatMemberStatus.RESTRICTED:
        return Finding(what, False, "the bot may not write there", "group, Administrators: lift the bot's restrictions")
    off = "reactions as feedback, and greeting who joins, where Telegram shows no line about it"
    fix = "group, Edit, Administrators, Add Admin: choose the bot; it needs none of the rights"
    return Finding(f"{what}: the bot as an admin", member.status == ChatMemberStatus.ADMINISTRATOR, off, fix)
