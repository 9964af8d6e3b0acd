"""Saves the files that an admin drops into the page."""

import asyncio
import re
import shutil
from pathlib import Path

from aiohttp import BodyPartReader, MultipartReader

from bot.messages import File

LIMIT = 64 * 1024 * 1024  # bytes of all files of one message
COUNT = 20  # files of one message
_CHUNK = 1024 * 1024
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]|^\.|^$")
_AWKWARD = re.compile(r'[<>:"|?*]')  # Windows has no such names


class UploadError(ValueError):
    """An upload is not taken; the text says why and what would be right."""


def safe_name(name: str) -> str:
    """The name to save a file under: never a path, never hidden. Raises UploadError."""
    if _UNSAFE.search(name):
        raise UploadError("a file's name is empty, hidden or a path; a plain name such as products.csv would be right")
    if len(name.encode()) > 200:
        raise UploadError("a file's name is longer than 200 bytes")
    return _AWKWARD.sub("_", name)


async def save(parts: MultipartReader, folder: Path) -> tuple[File, ...]:
    """Write the files of one message into `folder`, which must be new; all or none. Raises UploadError."""
    try:
        await asyncio.to_thread(folder.mkdir, parents=True)
    except FileExistsError as error:
        raise UploadError("these files were uploaded before") from error
    try:
        return await _save_all(parts, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def _save_all(parts: MultipartReader, folder: Path) -> tuple[File, ...]:
    files: list[File] = []
    room = LIMIT
    while (part := await parts.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.filename is None:
            raise UploadError("the form has a field that is not a file")
        if len(files) == COUNT:
            raise UploadError(f"more than {COUNT} files at once")
        path = folder / safe_name(part.filename)
        if path.exists():
            raise UploadError(f"two files are called {path.name}")
        size = await _write(part, path, room)
        room -= size
        files.append(File(path.name, str(path), size))
    if not files:
        raise UploadError("the form has no file")
    return tuple(files)


async def _write(part: BodyPartReader, path: Path, room: int) -> int:
    size = 0
    with path.open("xb") as file:
        while chunk := await part.read_chunk(_CHUNK):
            size += len(chunk)
            if size > room:
                raise UploadError(f"the files are larger than {LIMIT // 1024 // 1024} MB together")
            await asyncio.to_thread(file.write, chunk)
    return size
