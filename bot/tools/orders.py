"""`python -m bot orders`: an export in, what became of it out. `python -m bot profiles rebuild`: all derived anew."""

import asyncio
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.clock import SystemClock
from bot.config import Settings
from bot.knowledge.importers import BadImport
from bot.knowledge.library import Library
from bot.members import orders
from bot.members.traits import NOTICE, OFF, OPTIN, Traits
from bot.opening import open_shop
from storage import migrate
from storage import traits as rows
from storage.database import Database, Transaction

BAD = 2
KEPT_NOTHING = "PROFILES=off: no profiles are kept"


def policy(settings: Settings) -> str:
    """PROFILES; where it is not set, what the networks that are set up ask for."""
    return settings.profiles or (OPTIN if settings.discord_token.get_secret_value() else NOTICE)


async def take_in(settings: Settings, path: Path, codes: Path | None) -> int:
    """Import orders into the configured database; the exit code."""
    out, clock = Console(soft_wrap=True, highlight=False), SystemClock()
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, clock, demo=False)
        keeper = orders.Orders(Traits(Library(database, shop.id), policy(settings)))

        async def job(tx: Transaction) -> orders.Imported:
            done = await keeper.take_in(tx, found, str(path), make_codes=codes is not None)
            if codes and done.codes:
                orders.write_codes(codes, done.codes)  # before they count: a code without an order harms nobody
            return done

        try:
            found = await asyncio.to_thread(orders.read, path, clock.now(), shop.currency)
            done = await database.write(job)
        except BadImport as error:
            for problem in error.problems:
                out.print(escape(str(problem)))
            if error.more:
                out.print(f"and {error.more:,} more")
            out.print("Nothing was imported.")
            return BAD
        except FileExistsError:
            out.print(f"{escape(str(codes))} is there already, and is not written over. Nothing was imported.")
            return BAD
        except OSError as error:
            out.print(f"{escape(str(codes))} can't be written ({error}). Nothing was imported.")
            return BAD
    figures = f"{done.added:,} added, {done.changed:,} changed, {done.unchanged:,} unchanged, {done.withdrawn:,} left"
    out.print(f"Lines of orders: {figures}")
    if done.codes:
        out.print(f"Codes for {len(done.codes):,} orders: {escape(str(codes))}")
    return 0


async def rebuild(settings: Settings) -> int:
    """Derive every member's traits anew from the interactions; the exit code."""
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, SystemClock(), demo=False)
        traits = Traits(Library(database, shop.id), policy(settings))
        if traits.policy == OFF:
            await traits.catch_up()
            sys.stdout.write(f"{KEPT_NOTHING}\n")
            return 0
        gone = await traits.catch_up()
        people = await database.read(lambda tx: rows.people(tx, shop.id, subscribed_only=traits.subscribed_only))
        count = 0
        parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*parts, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("members", total=len(people))

            def progress(found: int) -> None:
                nonlocal count
                count += found
                bar.advance(task)

            await traits.rebuild_all([one.id for one in people], progress)
    sys.stdout.write(f"{len(people):,} profiles derived anew from {count:,} interactions; {gone:,} were out of date\n")
    return 0
