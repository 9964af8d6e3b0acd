"""Files that admins drop into a chat, on disk."""

import asyncio
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import discord

from bot.messages import File
from bot.platforms.discord.client import UNREACHED

log = logging.getLogger(__name__)
LIMIT = 64 * 1024 * 1024  # bytes of all files of one message
_AWKWARD = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')


class Files:
    """`save` what is attached; without a folder nothing is."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def save(self, message_id: str, attachments: Sequence[discord.Attachment]) -> tuple[File, ...]:
        """The files of one message, all or none: what is too large or can't be had is left, and the log says so."""
        if self._folder is None or not attachments:
            return ()
        if (size := sum(one.size for one in attachments)) > LIMIT:
            log.warning("files of %d MB were dropped; %d MB are taken at most", size >> 20, LIMIT >> 20)
            return ()
        folder = self._folder / "discord" / message_id
        try:
            return tuple([await self._one(folder, number, one) for number, one in enumerate(attachments)])
        except (discord.HTTPException, *UNREACHED) as error:
            log.warning("a dropped file can't be had: %s", type(error).__name__)
            return ()

    @staticmethod
    async def _one(folder: Path, number: int, attachment: discord.Attachment) -> File:
        content = await attachment.read()
        name = _AWKWARD.sub("_", attachment.filename).lstrip(".")[:100] or "file"
        path = folder / str(number) / name

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        await asyncio.to_thread(write)
        return File(name, str(path), len(content))
