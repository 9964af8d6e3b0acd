"""`python -m bot run` as a newcomer starts it, seen from outside."""

import asyncio
import contextlib
import socket
import sys
import time
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil  # type: ignore[import-untyped]

from benchmarks.parts.bot import ASKED
from benchmarks.parts.report import Row

ROOT = Path(__file__).parents[2]


async def process(folder: Path, engine: str, memory: float, first_reply: float | None) -> list[Row]:
    """`python -m bot run` from nothing: CPU until the page is served, memory when idle, the first reply."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"DATABASE_URL": f"sqlite:///{folder}/run.db", "UPLOADS": folder / "up",
              "WEB_PORT": port, "WEB_TOKEN": "bench", "MEMBER_BUDGET": 0,
              "EMBED_MODEL": "off" if engine == "scripted" else "bundled"}  # fmt: skip
    arguments = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    start = time.perf_counter()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--engine", engine, *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(120), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            seen = psutil.Process(running.pid)
            await served(client, running)
            times = seen.cpu_times()
            ready, cpu = time.perf_counter() - start, times.user + times.system
            replied = await ask_page(client) - start
            await asyncio.sleep(2)
            held = seen.memory_info().rss / 2**20
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.wait()
    name = "without a model" if engine == "scripted" else "with the starter"
    return [
        Row(f"{name}: CPU from nothing to ready", cpu, "s", at_most=6 if engine == "scripted" else None,
            note=f"{ready:.1f} s, demo shop imported"),
        Row(f"{name}: memory, idle", held, "MB", at_most=memory),
        Row(f"{name}: start to first reply on the page", replied, "s", at_most=first_reply),
    ]  # fmt: skip


async def served(client: aiohttp.ClientSession, running: asyncio.subprocess.Process) -> None:
    """Until the page answers. Raises RuntimeError where the bot ended instead."""
    while running.returncode is None:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with client.get("/healthz") as answer:
                if answer.ok:
                    return
        await asyncio.sleep(0.02)
    raise RuntimeError(f"python -m bot run ended with {running.returncode}; its error stands above")


async def ask_page(client: aiohttp.ClientSession) -> float:
    """Ask one question as a member does; when its whole reply was shown."""
    async with client.ws_connect("/ws", origin=str(client._base_url).rstrip("/")) as page:
        await page.send_json({"type": "seat", "seat": "maya"})
        question = {"type": "say", "id": str(uuid4()), "chat": "direct:maya", "seat": "maya", "text": ASKED[0]}
        await page.send_json(question)
        while True:
            frame = await page.receive_json()
            if frame["type"] == "message" and frame["message"]["sender"] == "bot" and frame["message"]["done"]:
                return time.perf_counter()
