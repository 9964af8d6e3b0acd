"""`python -m bot run`: serve the chats until Ctrl-C."""

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot import app as composition
from bot import demo
from bot.app import App, Parts
from bot.clock import FileClock, SystemClock
from bot.config import ENV_FILE, Settings, SettingsError
from bot.content import schedulefile
from bot.messages import Chat
from bot.outbox import outgoing
from bot.platforms.base import Platform
from bot.platforms.web import BOT, ShopInfo, Shown, Web
from bot.tools import edges
from bot.tools.check import settings_file
from llm.engine import ModelNotUsable
from llm.engines.scripted import ScriptedEngine
from storage import interactions, shops
from storage import outbox as rows
from storage.database import DatabaseNotUsable


async def run(
    settings: Settings, clock_file: Path | None, engine_name: str, only: str = "", shards: Sequence[int] = ()
) -> int:
    """Build, say what is served and where, serve; 2 if a setting, the database or the model can't be used."""
    clock = FileClock(clock_file) if clock_file else SystemClock()
    token = settings.web_token.get_secret_value() or secrets.token_urlsafe(16)

    def platforms(parts: Parts) -> list[Platform]:
        found = edges.networks(settings, names, parts, shards)
        return [*found, page(settings, parts, token)] if "web" in names else found

    status = 0
    if not (file := settings_file(ENV_FILE)).right:
        sys.stderr.write(f"{ENV_FILE}: {file.off}; {file.fix} mends it\n")
    try:
        names = edges.wanted(settings, only)
        engine = ScriptedEngine() if engine_name == "scripted" else await composition.make_engine(settings)
        async with composition.build(settings, clock, engine, platforms) as app:
            await composition.supervise(_serve(app, token))
    except* SettingsError as failed:
        status = _refuse("", failed)
    except* DatabaseNotUsable as failed:
        status = _refuse("DATABASE_URL: ", failed)
    except* ModelNotUsable as failed:
        status = _refuse("LLM_MODEL: ", failed)
    except* OSError as failed:
        status = _refuse("WEB_PORT: ", failed)
    return status


def _refuse(setting: str, failed: BaseExceptionGroup[Any]) -> int:
    """Say what each of the errors is."""
    for one in composition.leaves(failed):
        sys.stderr.write(f"{setting}{one}\n")
    return 2


async def _serve(app: App, token: str) -> None:
    plan = await _schedules(app)
    sys.stdout.write(f"\n  {app.shop.name}\n")
    for name in app.platforms:
        if name == "web":
            address = f"http://127.0.0.1:{app.settings.web_port}/"
            sys.stdout.write(f"  open   {address}   a group chat on this computer\n  admin  {address}#admin={token}\n")
        else:
            sys.stdout.write(f"  {name.capitalize()} is on; `python -m bot check` says how its set-up is.\n")
    for line in plan:
        sys.stdout.write(f"  schedule  {line}\n")
    sys.stdout.write("  Ctrl-C stops.\n\n")
    sys.stdout.flush()
    await app.run()


async def _schedules(app: App) -> list[str]:
    """Bring the schedule file into SQL; what became of each of its schedules. Raises SettingsError."""
    if not app.settings.schedules:
        return []
    path, types = Path(app.settings.schedules), app.router.tools.drafts.names
    entries = await asyncio.to_thread(schedulefile.read, path, types, tuple(app.platforms), app.shop.timezone)
    return await schedulefile.reconcile(app.database, app.shop.id, entries, app.clock.now())


def page(settings: Settings, parts: Parts, token: str) -> Platform:
    """The chat page, with what it may ask of the inside."""

    async def history(chat: Chat) -> list[Shown]:
        place = (parts.shop.id, chat.platform, chat.id, 200)
        heard = await parts.database.read(lambda tx: interactions.shown(tx, *place))
        said = await parts.database.read(lambda tx: rows.shown(tx, *place))
        return _merged(chat.id, heard, said)

    async def info() -> ShopInfo:
        shop = await parts.database.read(lambda tx: shops.get(tx, parts.shop.id))
        held = shop is not None and shop.demo
        asked = json.loads(Path(demo.__file__).with_name("questions.json").read_text("utf-8")) if held else {}
        questions = {language: tuple(texts) for language, texts in asked.items()}
        return ShopInfo(parts.shop.name, parts.shop.language, questions)

    return Web(
        port=settings.web_port, token=token, uploads=settings.uploads, clock=parts.clock,
        history=history, commands=edges.helps(parts), shop=info, pictures=settings.pictures,
    )  # fmt: skip


def _merged(chat_id: str, heard: Sequence[Any], said: Sequence[Any]) -> list[Shown]:
    """Both sides of a chat in the order of their times, with the reactions under what they are on."""
    reactions: dict[str, list[tuple[str, str]]] = {}
    for row in heard:
        if row.kind == "reacted":
            reactions.setdefault(row.data.get("on", ""), []).append((row.data.get("emoji", ""), row.sender))
    shown = [
        Shown(row.message_id, chat_id, row.sender, row.text, row.at, reactions=tuple(reactions.get(row.message_id, ())))
        for row in heard
        if row.kind not in ("reacted", "pressed")
    ]
    for row in said:
        out = outgoing(row)
        shown.append(
            Shown(
                row.message_id, chat_id, BOT, row.text, row.sent, out.reply_to, out.private_to, out.buttons, out.cards,
                (), tuple(reactions.get(row.message_id, ())),
            )
        )  # fmt: skip
    return sorted(shown, key=lambda one: one.at)
