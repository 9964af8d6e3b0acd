"""Pictures that the bot draws: PNG files named by what they hold, so that whatever is done again finds its own."""

import asyncio
import hashlib
import os
import re
from datetime import datetime
from pathlib import Path

NAME = re.compile(r"[0-9a-f]{40}\.png")


class Pictures:
    """Files of one folder, which is made at the first picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, png: bytes) -> str:
        """The path of the file that holds these bytes, for `Card.picture`. It stands before a row names it."""
        return await asyncio.to_thread(self._keep, png)

    def _keep(self, png: bytes) -> str:
        path = self._folder / f"{hashlib.sha256(png).hexdigest()[:40]}.png"
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(png)
        part.replace(path)  # whole or not there; one that was there counts as new
        return str(path)

    async def clear(self, before: datetime) -> int:
        """Remove what was kept before this moment; how many there were."""
        return await asyncio.to_thread(self._clear, before.timestamp())

    def _clear(self, before: float) -> int:
        old = [path for path in self._folder.glob("*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
