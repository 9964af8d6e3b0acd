"""Which weights word the replies: of the model that was promoted last, else those of LLM_MODEL."""

import asyncio
import logging
import shutil
from pathlib import Path

from bot.config import Settings
from llm.digest import WEIGHTS, digest, name_of
from storage import migrate, models, shops
from storage.database import Database

log = logging.getLogger(__name__)
BESIDE = (".json", ".md", ".model", ".txt")  # configuration, tokenizer and card stand beside the weights
WHAT_TO_DO = (
    "%s; %s words the replies. Promote it again: python -m bot model promote FOLDER; "
    "or take it back: python -m bot model rollback"
)


async def configured(settings: Settings) -> str:
    """The directory or hub name to load, before the bot is built."""
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await database.read(shops.get)
        return await live(database, shop.id, settings.llm_model) if shop else settings.llm_model


async def live(database: Database, shop_id: int, base: str) -> str:
    """The live model's folder. Without one, or where it isn't what was promoted, `base`; the log says what to do."""
    row = await database.read(lambda tx: models.live(tx, shop_id, base))
    if row is None:
        return base
    wrong = await asyncio.to_thread(_wrong, Path(row.path), row.digest)
    if wrong:
        log.warning(WHAT_TO_DO, wrong, base)
        return base
    return str(row.path)


def _wrong(folder: Path, promoted: str) -> str:
    try:
        found = digest(folder)
    except OSError as error:
        return f"the live model can't be read ({error})"
    return "" if found == promoted else f"the weights in {folder} are not those that were promoted"


def keep(folder: Path, models_folder: Path, found: str) -> Path:
    """Copy what makes up the model, weights with this digest, so that the shop doesn't need `folder` any more."""
    kept = models_folder / name_of(folder.resolve().name, found)
    if kept.is_dir() and not _wrong(kept, found):
        return kept
    half = kept.with_name(f"{kept.name}.part")
    for stale in (half, kept):
        shutil.rmtree(stale, ignore_errors=True)
    half.mkdir(parents=True)
    for file in sorted(folder.iterdir()):
        if file.is_file() and (file.suffix in BESIDE or file.match(WEIGHTS)):
            shutil.copy2(file, half / file.name)
    return half.rename(kept)
