"""Slash commands. To add one:

1. Write `bot/commands/NAME.py` (`NAME_.py` where Python keeps the word). The folder is the registry.
2. Its docstring's first line is the help, in English; add the translation to `bot/locales/`.
3. Set `role = Role.ADMIN` if only admins may use it, `usage = "[COUNT]"` if it takes words, `shows = True` if it
   changes nothing, so that a link may run it.
4. Write `async def run(call: Call) -> Outgoing`. Texts go through `call.say("English text", name=value)`.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING

from bot.clock import Clock
from bot.config import Settings
from bot.knowledge.library import Library
from bot.language import language
from bot.messages import Button, Card, File, Message, Outgoing, Role, Sender, Training
from bot.safety.verdict import Safety
from bot.texts import BABEL, Texts
from llm.engine import Report
from storage import interactions
from storage import settings as stored
from storage.database import Database, Transaction
from storage.members import ChatRow

LOOKED = 5  # messages of a member's that are looked at for their language

if TYPE_CHECKING:
    from bot.content.campaigns import Campaigns
    from bot.content.drafts import Drafts
    from bot.members.rights import Rights
    from bot.members.suggestions import Suggestions
    from bot.moderation.watch import Moderation


@dataclass(frozen=True, slots=True)
class Shop:
    """The merchant, as commands speak of it."""

    id: int
    name: str
    currency: str
    timezone: str
    language: str


Imported = Mapping[str, tuple[int, int, int, int]]  # noun -> added, changed, unchanged, withdrawn


@dataclass(frozen=True, slots=True)
class Tools:
    """What commands work with: given by the app, the same for every call."""

    database: Database
    clock: Clock
    texts: Texts
    settings: Settings
    library: Library
    suggestions: "Suggestions"
    drafts: "Drafts"
    ask: Callable[["Call", str], Awaitable[Outgoing]]  # answer a question as if it had been addressed to the bot
    import_files: Callable[[Sequence[File]], Awaitable[Imported]]  # raises ValueError with what is wrong
    load_live: Callable[[], Awaitable[str]]  # load the model that is live now, its name; raises EngineError
    report: Callable[[], Report]  # how the engine is doing
    forget_people: Callable[[], None]  # who is which member may have changed
    campaigns: "Campaigns"
    safety: Safety
    rights: "Rights"
    moderation: "Moderation"


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a command."""

    tools: Tools
    commands: Sequence["Command"]
    message: Message
    inbox_id: int
    member_id: int
    chat: ChatRow
    shop: Shop
    language: str
    mode: str  # the chat's, its default resolved
    profiles: str  # PROFILES, its default resolved
    may_train: Training  # whose words may train a model here
    args: str

    @property
    def words(self) -> list[str]:
        return self.args.split()

    def say(self, text: str, **values: object) -> str:
        """The text of the message catalogue, in the language of this call."""
        return self.tools.texts.say(self.language, text, **values)

    def again(self, words: str) -> str:
        """The caller's words as the bot may say them; an ellipsis where the rules have something against that."""
        place = f"{self.chat.platform}:{self.chat.platform_id}"
        return "…" if self.tools.safety.verdict(words, "out", place=place, typed=True) else words

    def reply(
        self,
        text: str,
        buttons: Sequence[Button] = (),
        cards: Sequence[Card] = (),
        *,
        private: bool = False,
        awaits: str = "",
    ) -> Outgoing:
        """A reply to the caller; `private` where nobody else should see it. `awaits`: the command line that the
        caller's reply to it goes on with."""
        said, to = self.message, self.message.sender.id if private and not self.chat.direct else ""
        return Outgoing(text, tuple(buttons), tuple(cards), said.id, to, awaits=awaits, ticket=said.ticket)


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the folder describes it."""

    name: str
    help: str
    usage: str
    role: Role
    shows: bool  # it changes nothing
    run: Callable[[Call], Awaitable[Outgoing]]


def command(module: ModuleType) -> Command:
    """The command that a file of the folder holds."""
    name = module.__name__.rpartition(".")[2].rstrip("_")
    help_text = (inspect.getdoc(module) or "").partition("\n")[0]
    role, shows = getattr(module, "role", Role.MEMBER), getattr(module, "shows", False)
    return Command(name, help_text, getattr(module, "usage", ""), role, shows, module.run)


def number(word: str) -> int | None:
    """A row's number as people type it, `12` or `#12`; None where it is something else."""
    digits = word.strip().removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def parse(text: str) -> tuple[str, str] | None:
    """`/name words` as name and words; None where the text is no command. `/name@bot` is understood."""
    if not text.startswith("/") or len(text) < 2 or not text[1].isalpha():
        return None
    name, _, args = text[1:].partition(" ")
    return name.partition("@")[0].lower(), args.strip()


def typed(texts: Texts, one: Command, language: str) -> str:
    """The command's name in a language, from the catalogue; its English one where that has none."""
    return texts.say(language, f"command:{one.name}").removeprefix("command:")


def find(texts: Texts, commands: Sequence[Command], name: str) -> Command | None:
    """The command of this name, in whichever language it was typed."""
    return {typed(texts, one, language): one for language in BABEL for one in commands}.get(name)


async def written(tx: Transaction, member_id: int) -> str:
    """The language in which the member wrote last; "" where they wrote nothing that tells."""
    texts = await interactions.last_words(tx, member_id, LOOKED)
    return next(filter(None, (language(text, "") for text in texts)), "")


async def answered_in(
    database: Database, sender: Sender, member_id: int, found: Command | None, args: str, default: str
) -> str:
    """The language of a command's answer: that of the words behind it. Words that tell nothing leave it to the
    member's client, to what they wrote last, and to the chat's or shop's (`default`); admins have the last at once."""
    if not args.isascii():
        return language(args, default)
    if found is not None and found.role > Role.MEMBER:
        return default
    return sender.language or await database.read(lambda tx: written(tx, member_id)) or default


async def run(call: Call, name: str) -> Outgoing:
    """Run a command, or say why not. What an admin does, and what a member is refused, is audited."""
    if not name.isascii():
        call = replace(call, language=language(name, call.language))  # who types /帮助 is helped in Chinese
    found = find(call.tools.texts, call.commands, name)
    if found is None:
        return call.reply(call.say("I don't know /{name}. Try /help.", name=call.again(name)))
    allowed = call.message.sender.role >= found.role
    if found.role > Role.MEMBER:
        await _audit(call, found.name, allowed)
    if not allowed:
        return call.reply(call.say("/{name} is for admins of this chat.", name=name))
    return await found.run(call)


async def _audit(call: Call, name: str, allowed: bool) -> None:
    now = call.tools.clock.now()
    data = {"args": call.args[:200]}
    await call.tools.database.write(
        lambda tx: stored.audit(
            tx,
            call.shop.id,
            f"/{name}",
            now,
            member_id=call.member_id,
            chat_id=call.chat.id,
            allowed=allowed,
            data=data,
        )
    )
