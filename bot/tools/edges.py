"""The platforms that the settings ask for. A platform's library is imported only where its token is set."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.app import Parts
from bot.commands.base import typed
from bot.config import Settings, SettingsError
from bot.messages import Capabilities, Outgoing
from bot.outbox import outgoing
from bot.platforms.base import CommandHelp, Commands, Platform
from storage import interactions, products
from storage import outbox as rows

Seen = Callable[[], Awaitable[Mapping[str, str]]]  # id of a chat -> id of the last message that was taken in there
NAMES = ("telegram", "discord", "web")
TITLES = 25  # of products that are offered at once


def wanted(settings: Settings, only: str = "") -> list[str]:
    """Names of what is to run. Raises SettingsError where `only` names one without its token."""
    tokens = {"telegram": settings.telegram_token, "discord": settings.discord_token}
    on = [name for name in NAMES if name == "web" or tokens[name].get_secret_value()]
    if only and only not in on:
        raise SettingsError(f"{only.upper()}_TOKEN: --only {only} needs it; `python -m bot init` asks for it")
    return [only] if only else on


def networks(settings: Settings, names: Sequence[str], parts: Parts, shards: Sequence[int] = ()) -> list[Platform]:
    """Those of these platforms that are reached over the network. `shards` are of Discord; none: all."""
    found: list[Platform] = []
    if "telegram" in names:
        from bot.platforms.telegram import Telegram

        found.append(
            Telegram(
                token=settings.telegram_token.get_secret_value(),
                api_url=settings.telegram_api_url,
                webhook_url=settings.telegram_webhook_url,
                listen=settings.telegram_webhook_listen,
                database=parts.database,
                shop_id=parts.shop.id,
                texts=parts.texts,
                uploads=settings.uploads,
                commands=helps(parts),
                clock=parts.clock,
            )
        )
    if "discord" in names:
        from bot.platforms.discord import Discord

        found.append(
            Discord(
                token=settings.discord_token.get_secret_value(),
                api_url=settings.discord_api_url,
                gateway_url=settings.discord_gateway_url,
                shards=shards,
                commands=helps(parts),
                seen=last_seen(parts, "discord"),
                said=said(parts, "discord"),
                complete=titles(parts),
                uploads=settings.uploads,
                clock=parts.clock,
            )
        )
    return found


def abilities() -> dict[str, Capabilities]:
    """What each platform can do and allows, by its name, whether it is on or not."""
    from bot.platforms.discord import Discord
    from bot.platforms.telegram import Telegram
    from bot.platforms.web import Web

    return {one.name: one.capabilities for one in (Telegram, Discord, Web)}


def helps(parts: Parts) -> Commands:
    """Every command as platforms list it, in a language."""

    def listed(language: str) -> list[CommandHelp]:
        say = parts.texts.say
        return [
            CommandHelp(
                one.name,
                say(language, one.usage) if one.usage else "",
                say(language, one.help),
                one.role > 0,
                typed(parts.texts, one, language),
            )
            for one in parts.commands
        ]

    return listed


def last_seen(parts: Parts, platform: str) -> Seen:
    """What was taken in last, for a platform that asks for what was said while the bot was down."""

    async def seen() -> Mapping[str, str]:
        return await parts.database.read(lambda tx: interactions.last_in_chats(tx, parts.shop.id, platform))

    return seen


def said(parts: Parts, platform: str) -> Callable[[Sequence[str]], Awaitable[Mapping[str, Outgoing]]]:
    """Of some messages those that the outbox sent, by their ids."""

    async def found(messages: Sequence[str]) -> Mapping[str, Outgoing]:
        sent = await parts.database.read(lambda tx: rows.by_messages(tx, parts.shop.id, platform, messages))
        return {row.message_id: outgoing(row) for row in sent}

    return found


def titles(parts: Parts) -> Callable[[str, str], Awaitable[Sequence[str]]]:
    """What somebody who types a product's name may mean."""

    async def found(command: str, typed: str) -> Sequence[str]:
        return await parts.database.read(lambda tx: products.titles(tx, parts.shop.id, typed.strip(), TITLES))

    return found
