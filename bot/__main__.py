"""The command line: `python -m bot VERB`. Imports nothing heavy before it has parsed."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Settings

EPILOG = """Start with `python -m bot run`: it opens a group chat page on this computer with a demo shop.
Your own shop: `python -m bot import products.csv faq.md`, then run again.
Settings stand in `.env`; `python -m bot env` explains each."""


def parser() -> argparse.ArgumentParser:
    """Every verb with its arguments."""
    top = argparse.ArgumentParser(
        prog="python -m bot", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="overrides",
        help="a setting for this call only",
    )

    run = verbs.add_parser("run", parents=[settings], help="serve the chats until Ctrl-C")
    run.add_argument("--clock", type=Path, metavar="FILE", help="take the time from a file (for tests)")
    run.add_argument("--engine", choices=("local", "scripted"), default="local", help="scripted: no model (for tests)")
    run.add_argument("--only", choices=("telegram", "discord", "web"), default="", help="serve this network alone")
    run.add_argument("--shards", type=_shards, default=(), metavar="FIRST-LAST", help="of Discord: serve these shards")

    verbs.add_parser("env", help="print every setting with its meaning: the text of .env.example")

    reads = (
        "Reads Shopify, WooCommerce and Google Merchant exports, plain CSV/JSON, Markdown and text, found by content. "
    )
    reads += "All or nothing; importing again changes only what changed."
    imports = verbs.add_parser("import", parents=[settings], help="read products and articles", description=reads)
    imports.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    imports.add_argument("--columns", type=Path, metavar="FILE", help="TOML or JSON: our field -> your column")
    imports.add_argument("--skip-bad", action="store_true", help="import the good rows and list those skipped")

    bought = (
        "Exports of Shopify and WooCommerce, and plain tables. All or nothing; importing again changes what changed."
    )
    orders = verbs.add_parser("orders", parents=[settings], help="read what was bought", description=bought)
    orders.add_argument("file", type=Path, metavar="FILE.csv")
    mailed = "make a one-time code for each new order without one, and write them here for the shop to mail"
    orders.add_argument("--codes", type=Path, metavar="OUT.csv", help=mailed)

    profiles = verbs.add_parser("profiles", help="what is derived of members")
    derived = profiles.add_subparsers(dest="action", required=True, metavar="rebuild")
    derived.add_parser("rebuild", parents=[settings], help="derive all of it anew from what members did")

    form = '{"id", "turns": [{"member", "text", "mentions_bot"?, "reply_to"?, "ts"?, "admin"?, "direct"?}]}'
    fed = "feed conversations through the whole bot"
    replay = verbs.add_parser("replay", parents=[settings], help=fed, description=f"Each line of FILE is {form}.")
    replay.add_argument("file", type=Path, metavar="FILE.jsonl")
    _shop(replay)
    replay.add_argument("--json", type=Path, metavar="OUT", dest="out", help="write here instead of stdout")
    replay.add_argument("--mode", choices=("off", "mention", "questions", "lively"), default="questions")

    ask = verbs.add_parser("ask", parents=[settings], help="one question, one answer")
    ask.add_argument("question")
    _shop(ask)
    ask.add_argument("--json", action="store_true", dest="as_json", help="print the whole result as JSON")

    takes = "The shop's articles, and replies that the model worded, with the turns before them, where every member in "
    takes += "them may be used (/training). Personal data is masked, members get invented names."
    export = verbs.add_parser(
        "export-training",
        parents=[settings],
        help="write what a model may be fine-tuned on",
        description=takes,
        epilog="next: python -m llm.finetune FILE.jsonl --out runs/tuned",
    )
    export.add_argument("file", type=Path, metavar="FILE.jsonl")
    export.add_argument("--force", action="store_true", help="write over a file that is there already")

    model = verbs.add_parser("model", help="list models, promote one that is no worse than the live one, take it back")
    actions = model.add_subparsers(dest="action", required=True, metavar="list|promote|rollback")
    actions.add_parser("list", parents=[settings], help="the models that were compared, and what each wrote")
    promote = actions.add_parser("promote", parents=[settings], help="compare with the live model; live if no worse")
    promote.add_argument("folder", type=Path, metavar="FOLDER", help="as llm.train or llm.finetune writes it")
    actions.add_parser("rollback", parents=[settings], help="back to the model before")

    verbs.add_parser("init", help="asks what a shop needs, and writes the settings into .env")
    verbs.add_parser("check", parents=[settings], help="is all set up? what is off without it, and what to click")
    verbs.add_parser("doctor", parents=[settings], help="what the model runs on here, how fast, what would be better")
    migrate = verbs.add_parser("migrate", parents=[settings], help="bring the database to the newest shape")
    copied = "copy all of this SQLite file into DATABASE_URL, which has to be empty; the bot has to be stopped"
    migrate.add_argument("--from", type=Path, metavar="FILE", dest="source", help=copied)
    return top


def _shop(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--shop", nargs="+", type=Path, default=[], metavar="PATH", help="import these into a temporary database first"
    )


def _shards(text: str) -> range:
    """`0-3` as the numbers from 0 to 3."""
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() if dash else not last)) or len(text) > 11:
        raise argparse.ArgumentTypeError("two numbers such as 0-3 are right")
    found = range(int(first), int(last or first) + 1)
    if not found:
        raise argparse.ArgumentTypeError("the first number must not be above the last")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; the exit code is 2 for bad input."""
    given = parser().parse_args(arguments)
    from bot import config, logs

    if given.verb == "env":
        sys.stdout.write(config.example())
        return 0
    if given.verb == "init":
        from bot.tools import init

        return init.main()
    overrides = dict(part.partition("=")[::2] for part in given.overrides)
    if given.verb == "replay":
        overrides.setdefault("CHAT_MODE", given.mode)
    if given.verb in ("replay", "ask"):
        overrides.setdefault("LLM_SEED", "0")
    try:
        settings = config.load(overrides)
    except config.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.prepare(settings.log_level, config.secrets(settings))
    config.prepare_process()
    from storage.database import DatabaseNotUsable

    try:
        return asyncio.run(_do(given, settings))
    except DatabaseNotUsable as error:
        sys.stderr.write(f"DATABASE_URL: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


async def _do(given: argparse.Namespace, settings: "Settings") -> int:
    """Each verb imports what it needs when it runs."""
    if given.verb == "run":
        from bot.tools import serve

        return await serve.run(settings, given.clock, given.engine, given.only, given.shards)
    if given.verb == "import":
        from bot.tools import imports

        return await imports.main(settings, given.paths, given.columns, given.skip_bad)
    if given.verb in ("orders", "profiles"):
        from bot.tools import orders

        return await (
            orders.take_in(settings, given.file, given.codes) if given.verb == "orders" else orders.rebuild(settings)
        )
    if given.verb == "replay":
        from bot.tools import replay

        return await replay.main(settings, given.file, given.shop, given.out)
    if given.verb == "ask":
        from bot.tools import replay

        return await replay.ask(settings, given.question, given.shop, given.as_json)
    if given.verb == "export-training":
        from bot.tools import training

        return await training.main(settings, given.file, given.force)
    if given.verb == "model":
        from bot.tools import model

        return await model.main(settings, given.action, getattr(given, "folder", None))
    if given.verb == "check":
        from bot.tools import check

        return await check.main(settings)
    if given.verb == "doctor":
        from bot.tools import doctor

        return await doctor.main(settings)
    return await _migrate(settings, given.source)


async def _migrate(settings: "Settings", source: Path | None) -> int:
    from storage import migrate

    if source is None:
        await asyncio.to_thread(migrate.upgrade, settings.database_url)
        return 0
    if not await asyncio.to_thread(source.is_file):
        sys.stderr.write(f"{source}: there is no such file\n")
        return 2
    try:
        count = await asyncio.to_thread(migrate.move, f"sqlite:///{source}", settings.database_url)
    except migrate.NotEmpty as error:
        sys.stderr.write(f"DATABASE_URL: it holds rows already (table {error}); a new database is right\n")
        return 2
    sys.stdout.write(f"{count} rows copied\n")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is closed by now; taking torch apart would take seconds more, and a stop has three
