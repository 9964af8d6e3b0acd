"""`python -m bot check`: is everything set up? Names each function that is off, and what to do about it."""

import asyncio
import logging
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot import app as composition
from bot import commands as command_folder
from bot.app import Parts
from bot.clock import SystemClock
from bot.commands.base import command
from bot.config import ENV_FILE, Settings, secrets
from bot.logs import Redact, redactor
from bot.opening import open_shop
from bot.platforms.base import Finding, Platform
from bot.registry import load
from bot.texts import Texts
from bot.tools import edges
from llm.engine import EngineError, ModelNotUsable
from storage import migrate, shops
from storage.database import Database, DatabaseNotUsable

log = logging.getLogger(__name__)
SECONDS = 60.0  # that a platform may take
WRONG = 1


async def main(settings: Settings) -> int:
    """Look at settings, database, model and every platform with a token; 1 where something is wrong."""
    names = [name for name in edges.wanted(settings) if name != "web"]
    opened, of_database = await _database(settings, tokens=bool(names))
    found = [("Settings", [settings_file(ENV_FILE)]), ("Database", of_database)]
    if opened:
        found += [("Model", [await _model(settings)]), *await _platforms(settings, names)]
    _print(found, redactor(secrets(settings)))
    wrong = sum(not one.right for _, findings in found for one in findings)
    sys.stdout.write("Everything is right.\n" if not wrong else f"{wrong} to look at.\n")
    return WRONG if wrong else 0


def settings_file(path: Path) -> Finding:
    """Only its owner may read what holds the tokens."""
    if not path.exists():
        return Finding(f"no {path}: every setting has its default", True)
    open_to_others = os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077
    off = "other people on this computer can read the tokens in it"
    return Finding(f"{path} is yours alone", not open_to_others, off, f"chmod 600 {path}")


async def _database(settings: Settings, *, tokens: bool) -> tuple[bool, list[Finding]]:
    """Can it be used, and what does it hold?"""
    found = [Finding("the database opens", True)]
    try:
        await asyncio.to_thread(migrate.upgrade, settings.database_url)
        async with Database(settings.database_url) as database:
            shop = await open_shop(database, settings, SystemClock(), demo=False)
            held = await database.write(shops.get)  # by the writer: reading alone proves little
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, it is the finding
        text = str(error).partition("\n")[0]
        fix = "DATABASE_URL names it: look whether the folder can be written to and the disk has room"
        if isinstance(error, DatabaseNotUsable):
            fix = "DATABASE_URL names it: postgresql+asyncpg://USER:PASSWORD@HOST/NAME"
        return False, [Finding("the database opens", False, f"everything: {text}", fix)]
    if tokens:
        own = held is not None and held.catalogue_version > 0 and not held.demo
        off, fix = "members hear of the demo shop", "python -m bot import YOUR-PRODUCTS.csv YOUR-FAQ.md"
        found.append(Finding(f"the catalogue of {shop.name}", own, off, fix))
    return True, found


async def _model(settings: Settings) -> Finding:
    try:
        engine = await composition.make_engine(settings)
        try:
            await engine.start()
            return Finding(f"the model {engine.report().name}", True)
        finally:
            await engine.close()
    except EngineError as error:
        server = settings.llm_url and not isinstance(error, ModelNotUsable)
        setting = "LLM_URL" if server else "LLM_MODEL"
        return Finding("the model loads", False, "it words no reply", f"{setting}: {error}")


async def _platforms(settings: Settings, names: Sequence[str]) -> list[tuple[str, list[Finding]]]:
    if not names:
        text = "no token is set: only the chat page on this computer is served; `python -m bot init` asks for tokens"
        return [("Telegram and Discord", [Finding(text, True)])]
    clock, texts = SystemClock(), Texts()
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, clock, demo=False)
        found = [command(module) for module in load(command_folder)]
        platforms = edges.networks(settings, names, Parts(database, shop, texts, found, clock))
        looked = await asyncio.gather(*map(_look, platforms))
    return [(platform.name.capitalize(), one) for platform, one in zip(platforms, looked, strict=True)]


async def _look(platform: Platform) -> list[Finding]:
    try:
        async with asyncio.timeout(SECONDS):
            return await platform.check()
    except TimeoutError:
        off = f"it gave no answer in {SECONDS:.0f} seconds"
        return [Finding("the network", False, off, "look at the network, then run the check again")]
    except Exception as error:  # the boundary: what one platform can't say must not hide the others
        log.exception("the check of %s failed", platform.name)
        return [Finding("the check itself", False, f"it failed: {type(error).__name__}", "run it again; report it")]


def _print(found: Sequence[tuple[str, Sequence[Finding]]], redact: Redact) -> None:
    table = Table("", "", "what is off without it, and what to do", show_lines=True)
    for name, findings in found:
        for at, one in enumerate(findings):
            lines = [one.what] if one.right else [one.what, f"Off: {one.off}.", f"Do:  {one.fix}"]
            head, mark = name if at == 0 else "", "ok" if one.right else "OFF"
            table.add_row(escape(head), mark, escape(redact("\n".join(lines))))
    Console(highlight=False).print(table)
