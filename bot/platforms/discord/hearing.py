"""Discord's events as messages."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import discord

from bot.clock import Clock
from bot.language import wanted
from bot.messages import Chat, File, Kind, Message, Outgoing, Role, Sender
from bot.platforms.base import Commands, Receive
from bot.platforms.discord import saying, slash
from bot.platforms.discord.admins import Admins
from bot.platforms.discord.answering import Answers, ticket
from bot.platforms.discord.catchup import BACK, Catchup
from bot.platforms.discord.client import UNREACHED, Client
from bot.platforms.discord.files import Files

log = logging.getLogger(__name__)
NAME = "discord"
DIRECT = "dm:"  # a direct chat's id is this and the member's
SPOKEN = (discord.MessageType.default, discord.MessageType.reply)
AGAIN = 5.0  # seconds until the history is asked for once more
DIRECTS = 100  # direct chats whose history is looked at after a start
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)  # of an event, as read here
BUSY = 2_000  # messages that wait to be taken in; beyond it they are left to the history
Complete = Callable[[str, str], Awaitable[Sequence[str]]]  # command, what was typed -> what may be meant
Said = Callable[[Sequence[str]], Awaitable[Mapping[str, Outgoing]]]
_CUSTOM = re.compile(r"<a?(:\w+:)\d+>")


class Ears:
    """Takes in what the client hears. Methods that start with `on_` are named as the library names its events."""

    def __init__(
        self, client: Client, receive: Receive, *, admins: Admins, answers: Answers, catchup: Catchup, files: Files,
        commands: Commands, complete: Complete | None, said: Said, clock: Clock,
    ) -> None:  # fmt: skip
        self._client, self._receive, self._clock = client, receive, clock
        self._admins, self._answers, self._catchup, self._files = admins, answers, catchup, files
        self._usages = {one.name: one.usage for one in commands("en")}
        self._complete, self._said = complete, said
        self._waiting, self._behind = 0, set[str]()

    def wire(self) -> None:
        """Have the client call these."""
        for name in dir(self):
            if name.startswith("on_"):
                self._client.event(getattr(self, name))

    # the line

    async def on_ready(self) -> None:
        """The bot is there, with a line that knows nothing of what was before."""
        await self._catch_up(self._channels)
        now = self._clock.now()
        for guild in self._client.guilds:
            if guild.me and guild.me.joined_at and now - guild.me.joined_at < BACK:
                await self.on_guild_join(guild)

    async def _catch_up(self, channels: Callable[[], Awaitable[Mapping[str, str]]]) -> None:
        while not self._client.is_closed():
            try:
                await self._catchup.all(await channels())
                break
            except Exception:  # the boundary: whatever it is, nothing that was said may be lost by it
                log.exception("what was said meanwhile can't be read yet; it is tried again")
            await self._clock.sleep(AGAIN)

    async def on_shard_disconnect(self, shard: int) -> None:
        self._catchup.broken()

    async def _channels(self) -> dict[str, str]:
        """The channels in which something was said since, and the direct chats that spoke last, with their chats."""
        since, found = await self._catchup.since(), dict[str, str]()
        earliest = discord.utils.time_snowflake(self._clock.now() - BACK)
        for guild in self._client.guilds:
            places: Sequence[Any] = (*guild.text_channels, *guild.voice_channels, *guild.threads)
            for place in places:
                chat, may = str(place.id), place.permissions_for(guild.me)
                new = (place.last_message_id or 0) > max(earliest, int(since.get(chat, 0)))
                if new and may.read_messages and may.read_message_history:
                    found[chat] = chat
        direct = {chat: last for chat, last in since.items() if chat.startswith(DIRECT)}
        for chat in sorted(direct, key=lambda one: int(direct[one]), reverse=True)[:DIRECTS]:
            with contextlib.suppress(discord.HTTPException, *UNREACHED):  # who left, or closed it
                found[await self._admins.channel(chat.removeprefix(DIRECT))] = chat
        return found

    # messages

    async def on_message(self, message: discord.Message) -> None:
        if not self._counts(message):
            return None
        channel, chat = str(message.channel.id), self._chat(message).id
        if self._waiting >= BUSY:
            return await self._later(channel, chat)
        self._waiting += 1
        try:
            return await self._catchup.listen(channel, chat, lambda: self._hear(message))
        except Exception:  # the boundary: it is in the channel's history, and read from there
            log.exception("a message of channel %s was not taken in; it is tried again", channel)
        finally:
            self._waiting -= 1
        return await self._later(channel, chat)

    async def _later(self, channel: str, chat: str) -> None:
        """A message of this channel was heard and not taken in: its history is read after a while."""
        self._catchup.missed(channel)
        if channel not in self._behind:
            self._behind.add(channel)
            await self._clock.sleep(AGAIN)
            self._behind.discard(channel)

            async def this() -> Mapping[str, str]:
                return {channel: chat}

            await self._catch_up(this)

    async def history(self, channel: str, chat: str, data: dict[str, Any]) -> None:
        """A message that was said while nobody listened."""
        place: Any = self._client.get_channel(int(channel))
        if place is None and chat.startswith(DIRECT):
            place = self._client.get_partial_messageable(int(channel))
        try:
            place = place or await self._client.fetch_channel(int(channel))
            message = discord.Message(state=self._client._connection, channel=place, data=data)  # type: ignore[arg-type]
        except MALFORMED:
            log.warning("message %s of channel %s can't be read and is left out", data.get("id"), channel)
            return
        await self._hear(message)

    def _counts(self, message: discord.Message) -> bool:
        """Was something said by somebody else?"""
        return message.type in SPOKEN and message.author.id != self._me and not message.flags.ephemeral

    async def _hear(self, message: discord.Message) -> None:
        """What can't be read is left out: tried again, it would keep the channel's other messages from being read."""
        try:
            if not self._counts(message):
                return
            chat, addressed, text = self._chat(message), self._addressed(message), self._text(message)
            sender, at = self._sender(message.author), message.created_at
            answers = message.type is discord.MessageType.reply  # what was forwarded has a reference too
            reference = message.reference if answers else None
        except MALFORMED:
            log.warning("message %s can't be read and is left out", message.id)
            return
        role = await self._role(message.guild, message.author)
        text = text or " ".join(one.content for one in message.message_snapshots)  # what was forwarded
        kind, files = Kind.TEXT, tuple[File, ...]()
        if message.attachments and addressed and role is Role.ADMIN:
            files = await self._files.save(str(message.id), message.attachments)
            kind, text = Kind.FILE, text if text.startswith("/") else "/import"
        if not (text or addressed):
            return  # a picture, a sticker, or words that the platform keeps from us
        await self._receive(
            Message(
                key=f"{NAME}:message:{message.channel.id}:{message.id}",
                id=str(message.id),
                chat=chat,
                sender=replace(sender, role=role),
                text=text,
                at=at,
                addressed=addressed,
                reply_to=str(reference.message_id) if reference and reference.message_id else "",
                kind=kind,
                files=files,
                forwarded=bool(message.message_snapshots),
            )
        )

    def _chat(self, message: discord.Message) -> Chat:
        channel = message.channel
        if message.guild is None:
            return Chat(NAME, f"{DIRECT}{message.author.id}", message.author.display_name, direct=True)
        return Chat(NAME, str(channel.id), getattr(channel, "name", "") or "")

    def _addressed(self, message: discord.Message) -> bool:
        if message.guild is None or any(one.id == self._me for one in message.mentions):
            return True
        if any(role.tags and role.tags.bot_id == self._me for role in message.role_mentions):
            return True
        to = message.reference.resolved if message.reference else None
        return isinstance(to, discord.Message) and to.author.id == self._me

    def _text(self, message: discord.Message) -> str:
        """What was said, with names where Discord writes numbers, and without the bot's own."""
        names = {f"<@{one.id}>": f"@{one.display_name}" for one in message.mentions}
        names |= {f"<@!{one.id}>": f"@{one.display_name}" for one in message.mentions}
        names |= {one.mention: f"@{one.name}" for one in message.role_mentions}
        names |= {f"<#{one.id}>": f"#{one.name}" for one in message.channel_mentions}
        mine = [f"<@{self._me}>", f"<@!{self._me}>"]
        mine += [one.mention for one in message.role_mentions if one.tags and one.tags.bot_id == self._me]
        text = message.content
        for mention, name in (names | dict.fromkeys(mine, " ")).items():
            text = text.replace(mention, name)
        return re.sub(r"  +", " ", _CUSTOM.sub(r"\1", text)).strip()

    @property
    def _me(self) -> int:
        return self._client.user.id if self._client.user else 0

    @staticmethod
    def _sender(user: discord.User | discord.Member | discord.abc.User, role: Role = Role.MEMBER) -> Sender:
        return Sender(str(user.id), user.display_name, role, user.bot)

    async def _role(self, guild: discord.Guild | None, author: discord.User | discord.Member) -> Role:
        """As the event says it where it does; Discord is asked otherwise."""
        if guild is None:
            return Role.MEMBER
        if isinstance(author, discord.Member) and guild.default_role is not None:
            return Role.ADMIN if author.guild_permissions.manage_guild else Role.MEMBER
        return Role.ADMIN if await self._admins.ask(guild.id, author.id) else Role.MEMBER

    # commands, buttons, menus

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        kinds = discord.InteractionType
        if interaction.type is kinds.autocomplete:
            await self._completes(interaction)
        elif interaction.type in (kinds.application_command, kinds.component):
            await self._used(interaction)

    async def _completes(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        typed = next((one["value"] for one in data["options"] if one.get("focused")), "")
        found = await self._complete(data["name"], str(typed)) if self._complete else ()
        await self._answers.choices(interaction, [one for one in dict.fromkeys(found) if one])

    async def _used(self, interaction: discord.Interaction) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answers.begin(ticket(interaction)))
            await self._receive(await self._command(interaction))

    async def _command(self, interaction: discord.Interaction) -> Message:
        data: Any = interaction.data
        pressed = interaction.type is discord.InteractionType.component
        if pressed:
            text = await self._pressed(interaction, data)
        else:
            text = slash.line(data["name"], data.get("options", ()), self._usages.get(data["name"], ""))
        admin = interaction.guild_id is not None and interaction.permissions.manage_guild
        user, spoken = interaction.user, wanted(str(interaction.locale))
        if interaction.guild_id is None:
            chat = Chat(NAME, f"{DIRECT}{user.id}", user.display_name, direct=True)
        else:
            chat = Chat(NAME, str(interaction.channel_id), getattr(interaction.channel, "name", "") or "")
        held = data.get("resolved", {}).get("attachments", {}) if admin else {}
        attachments = [discord.Attachment(data=one, state=self._client._connection) for one in held.values()]
        files = await self._files.save(str(interaction.id), attachments)
        return Message(
            key=f"{NAME}:interaction:{interaction.id}",
            id=str(interaction.id),
            chat=chat,
            sender=replace(self._sender(user, Role.ADMIN if admin else Role.MEMBER), language=spoken),
            text=text,
            at=interaction.created_at,
            addressed=True,
            reply_to=str(interaction.message.id) if interaction.message else "",
            kind=Kind.BUTTON if pressed else Kind.FILE if files else Kind.TEXT,
            files=files,
            ticket=ticket(interaction),
        )

    async def _pressed(self, interaction: discord.Interaction, data: Any) -> str:
        """The command line that a button stands for; of a long one as it is kept with the message."""
        meaning = (data.get("values") or [data["custom_id"]])[0]
        command = saying.pressed(meaning)
        if isinstance(command, str) or interaction.message is None:
            return str(command)
        message = str(interaction.message.id)
        shown = (await self._said([message])).get(message)
        if shown is None or command >= len(shown.buttons):
            raise LookupError(f"of message {message} nobody knows what its button {command} means")
        return shown.buttons[command].command

    # reactions, who comes and goes

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if payload.user_id == self._me or payload.message_author_id not in (None, self._me):
            return
        member = payload.member
        direct = payload.guild_id is None
        chat = Chat(NAME, f"{DIRECT}{payload.user_id}" if direct else str(payload.channel_id), "", direct)
        sender = self._sender(member) if member else Sender(str(payload.user_id), "")
        await self._receive(
            Message(
                key=f"{NAME}:reaction:{payload.channel_id}:{payload.message_id}:{payload.user_id}:{payload.emoji}",
                id=f"{payload.message_id}:{payload.user_id}:{payload.emoji}",
                chat=chat,
                sender=sender,
                text=payload.emoji.name or "",
                at=self._clock.now(),
                reply_to=str(payload.message_id),
                kind=Kind.REACTION,
            )
        )

    async def on_member_join(self, member: discord.Member) -> None:
        await self._moved(Kind.JOINED, member.guild, member, member.joined_at)

    async def on_raw_member_remove(self, event: discord.RawMemberRemoveEvent) -> None:
        if (guild := self._client.get_guild(event.guild_id)) and event.user.id != self._me:
            await self._moved(Kind.LEFT, guild, event.user, None)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was added, just now or while it was down."""
        me = guild.me
        if me is None or me.joined_at is None:
            return
        owner: Any = self._client.user
        with contextlib.suppress(discord.HTTPException, *UNREACHED):  # who added it is known to be an admin, no more
            owner = await self._client.fetch_user(guild.owner_id or me.id)
        await self._moved(Kind.ADDED, guild, owner, me.joined_at, Role.ADMIN)

    async def _moved(
        self, kind: Kind, guild: discord.Guild, who: Any, at: datetime | None, role: Role = Role.MEMBER
    ) -> None:
        place = home(guild)
        if place is None:
            log.warning("in server %s there is no channel that the bot may write to", guild.id)
            return
        at = at or self._clock.now()
        key = f"{NAME}:{kind.value}:{guild.id}:{who.id}:{at.timestamp():.0f}"
        chat = Chat(NAME, str(place.id), place.name)
        await self._receive(Message(key, "", chat, self._sender(who, role), "", at, kind=kind))


def home(guild: discord.Guild) -> discord.TextChannel | None:
    """Where a server hears from the bot unasked: its system channel, else the first that it may write to."""
    places = [guild.system_channel, *guild.text_channels]
    me = guild.me
    may = (one for one in places if one is not None and one.permissions_for(me).send_messages)
    return next((one for one in may if one.permissions_for(me).view_channel), None)
