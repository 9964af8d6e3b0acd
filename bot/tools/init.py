"""`python -m bot init`: the few questions that there are before a shop can be served, and the `.env` that answers them.

Each answer is looked at at once. Nothing is written before the last one, and a file that is there already is kept
beside the new one, with every setting of it that nobody asked about taken over.
"""

import asyncio
import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from zoneinfo import available_timezones

from rich.console import Console

from bot import config
from bot.config import ENV_FILE, SettingsError
from bot.knowledge.importers import BadImport, import_paths
from bot.texts import Texts
from bot.tools.imports import summary
from storage import migrate, shops
from storage.database import Database

BAD = 2
SHOWN = 5  # problems of a file
LISTED = 8  # time zones that fit what was said
NAME = 80  # characters
LANGUAGES = {"1": "en", "en": "en", "english": "en", "2": "zh", "zh": "zh", "中文": "zh", "chinese": "zh"}
CURRENCY = re.compile(r"names no currency|^SHOP_CURRENCY:")

Read = Callable[[str], str]  # what somebody typed -> the setting's value; raises ValueError with what would be right


def main() -> int:
    """Ask, write, say what comes next; 2 where it was stopped, and then nothing was written."""
    questions = Questions(Texts())
    try:
        return questions.run()
    except (EOFError, KeyboardInterrupt):
        questions.show("\n" + questions.say("Stopped. Nothing was written."))
        return BAD


class Questions:
    """One conversation with a merchant, in their language."""

    def __init__(self, texts: Texts) -> None:
        self._texts, self._language, self._files = texts, "en", list[Path]()

    def run(self) -> int:
        self.show("Shopkeeper. Your language? / 您的语言？  1 English  2 中文")
        self._language = self._ask("", self._spoken)
        before = self._before()
        if before is None:
            self.show(self.say("Nothing was changed."))
            return 0
        found = self._answers(before)
        kept = write(ENV_FILE, {**before, **found})
        self.show("\n" + self.say("Written: {file}. Only you can read it.", file=ENV_FILE))
        if kept:
            self.show(self.say("The one before is kept as {file}.", file=kept))
        self._next(found)
        return 0

    def _before(self) -> dict[str, str] | None:
        """The settings that stand already; None where they shall stay as they are."""
        if not ENV_FILE.exists():
            return {}
        self.show("\n" + self.say("There is a {file} already.", file=ENV_FILE))
        question = self.say("Answer the questions again? What isn't asked stays as it is. (yes/no)")
        return config.written(ENV_FILE) if self._ask(question, self._yes_or_no) == "yes" else None

    def _answers(self, before: dict[str, str]) -> dict[str, str]:
        say, found = self.say, {"SHOP_LANGUAGE": self._language}

        def ask(name: str, text: str, empty: str, read: Read) -> None:
            held = before.get(name, "")
            empty = say("(empty: as it is)") if held else empty
            found[name] = self._ask(f"{text} {empty}", lambda typed: held if held and not typed else read(typed))

        ask("SHOP_NAME", say("What is your shop called?"), "", self._name)
        ask("SHOP_TIMEZONE", say("Where is it? A city such as London."), say("(empty: UTC)"), self._zone)
        text = say("The file with your products or articles: its path, or drop it here. (empty: none now)")
        self._ask(text, lambda typed: self._file(typed, found))
        text, none = say("Telegram: write to @BotFather, send /newbot, and copy the token here."), say("(empty: no)")
        ask("TELEGRAM_TOKEN", text, none, self._setting("TELEGRAM_TOKEN"))
        text = say(
            "Discord: on discord.com/developers make an application, press Reset Token on its page Bot, and copy the "
            "token here."
        )
        ask("DISCORD_TOKEN", text, none, self._setting("DISCORD_TOKEN"))
        return found

    def _next(self, found: dict[str, str]) -> None:
        verbs = [f"import {shlex.join(map(str, self._files))}"] if self._files else []
        steps = [f"{here()} -m bot {verb}" for verb in (*verbs, "check", "run")]
        self.show(self.say("Next:"))
        for step in steps:
            self.show(f"  {step}")
        if found["TELEGRAM_TOKEN"] or found["DISCORD_TOKEN"]:
            self.show(self.say("The check says what is still to be clicked at Telegram and Discord."))

    # What answers are right.

    def _spoken(self, typed: str) -> str:
        if found := LANGUAGES.get(typed.lower()):
            return found
        raise ValueError("1 / 2")

    def _yes_or_no(self, typed: str) -> str:
        if typed.lower() in ("y", "yes", "是"):
            return "yes"
        if typed.lower() in ("n", "no", "否", "不", ""):
            return "no"
        raise ValueError(self.say("Type yes or no."))

    def _name(self, typed: str) -> str:
        if not typed:
            raise ValueError(self.say("A shop needs a name; it can be changed later."))
        if len(typed) > NAME or "${" in typed:
            raise ValueError(self.say("At most {count} characters, without ${{.", count=NAME))
        return typed

    def _zone(self, typed: str) -> str:
        """A time zone by its own name, or by a city in it."""
        if not typed:
            return "UTC"
        wanted = re.sub(r"[\s_]+", "_", typed).lower()
        zones = sorted(available_timezones())
        found = [zone for zone in zones if zone.lower() == wanted]
        found = found or [zone for zone in zones if zone.lower().rpartition("/")[2] == wanted and "/" in zone]
        found = found or [zone for zone in zones if wanted in zone.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(self.say("Which one? {zones}", zones=", ".join(found[:LISTED])))
        raise ValueError(self.say("I know no such place. A large city in your time zone does, such as London."))

    def _file(self, typed: str, found: dict[str, str]) -> str:
        """Read whole, into a database that is thrown away: what is wrong with it is said now."""
        if not typed:
            return ""
        path = Path(typed.strip("'\"")).expanduser()
        if not path.exists():
            raise ValueError(self.say("There is no {path}.", path=path))
        try:
            self.show(asyncio.run(tried(path, found.get("SHOP_CURRENCY", ""))))
        except BadImport as error:
            lines = [str(one) for one in error.problems[:SHOWN]]
            more = len(error.problems) + error.more - len(lines)
            lines += [self.say("and {count} more", count=more)] if more else []
            if any(CURRENCY.search(line) for line in lines):
                text = self.say("It names no currency. Which one are its prices in? Such as USD, EUR or CNY")
                found["SHOP_CURRENCY"] = self._ask(text, self._currency)
                return self._file(typed, found)
            raise ValueError("\n".join(lines)) from None
        self._files.append(path)
        return ""

    def _currency(self, typed: str) -> str:
        if not typed:
            raise ValueError(self.say("Three letters, such as USD."))
        return self._setting("SHOP_CURRENCY")(typed.upper())

    def _setting(self, name: str) -> Read:
        """As the settings themselves take it."""

        def read(typed: str) -> str:
            try:
                config.load({name: typed}, env_file=None)
            except SettingsError as error:
                own = [line for line in str(error).splitlines() if line.startswith(f"{name}: ")]
                if own:
                    raise ValueError(own[0].removeprefix(f"{name}: ")) from None
            return typed

        return read

    # How it talks.

    def _ask(self, question: str, read: Read) -> str:
        """Ask until the answer is right."""
        while True:
            if question:
                self.show("\n" + question.strip())
            sys.stdout.write("> ")
            sys.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                raise EOFError
            try:
                return read(line.strip())
            except ValueError as error:
                self.show(f"  {error}")

    def say(self, text: str, **values: object) -> str:
        return self._texts.say(self._language, text, **values)

    def show(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")


async def tried(path: Path, currency: str) -> str:
    """What a file would bring, as the import's own table. Raises BadImport."""
    from bot.clock import SystemClock

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/tried.db"
        await asyncio.to_thread(migrate.upgrade, url)
        async with Database(url) as database:
            await database.write(lambda tx: shops.create(tx, "", currency, "UTC", "en"))
            shop = await database.read(shops.get)
            assert shop is not None
            report = await import_paths(database, shop.id, [path], clock=SystemClock(), currency=currency)
    shown = io.StringIO()
    Console(file=shown, width=80).print(summary(report))
    return shown.getvalue().rstrip()


def here() -> str:
    """This Python, as it is called from this folder."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else "python"


def write(path: Path, values: dict[str, str]) -> Path | None:
    """Write the settings with their meanings, all or nothing, for the owner alone; where the file before is kept."""
    text = config.example(values)
    kept = None
    if path.exists():
        kept = path.with_name(f"{path.name}.old")
        _write(kept, path.read_bytes())
    _write(path, text.encode())
    return kept


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    number = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
