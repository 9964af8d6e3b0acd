"""A big catalogue imported beside a running bot: seconds, memory, and how long another writer has to wait.

A Shopify export with two variants per product is written and imported by `python -m bot import`, in a process of its
own as a merchant does it. Meanwhile this process writes a message's rows ten times a second to the same database.
"""

import asyncio
import csv
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from storage import inbox, migrate, shops
from storage.database import Database

HEADER = ["Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Tags", "Published", "Option1 Name",
          "Option1 Value", "Variant SKU", "Variant Inventory Qty", "Variant Price", "Status"]  # fmt: skip
KINDS = ("Kettle", "Grinder", "Teapot", "Tray", "Filter", "Cup", "Scale", "Jar")


def write_export(file: Path, products: int) -> None:
    """A Shopify export of so many products with two variants each."""
    with file.open("w", newline="", encoding="utf-8") as text:
        rows = csv.writer(text)
        rows.writerow(HEADER)
        for number in range(products):
            kind = KINDS[number % len(KINDS)]
            body = (
                f"<p>A {kind.lower()} for every day, number {number}.</p><p>Made of steel. Holds {number % 9} cups.</p>"
            )
            title = [
                f"{kind} {number}",
                body,
                f"Maker {number % 40}",
                f"Kitchen > {kind}s",
                "home, gift",
                "true",
                "Size",
            ]
            price = f"{5 + number % 90}.95"
            rows.writerow([f"p-{number}", *title, "Small", f"S{number}", number % 30, price, "active"])
            rows.writerow([f"p-{number}", *[""] * 7, "Large", f"L{number}", number % 7, price, ""])


async def beside(database: Database, running: asyncio.subprocess.Process) -> list[float]:
    """Milliseconds that each write took while the import ran."""
    waits: list[float] = []
    while running.returncode is None:
        start, key = time.perf_counter(), f"bench:{len(waits)}"
        await database.write(lambda tx, key=key: inbox.put(tx, 1, key, "bench:1", {}, datetime.now(UTC)))  # type: ignore[misc]
        waits.append(1000 * (time.perf_counter() - start))
        await asyncio.sleep(0.1)
    return sorted(waits)


async def peak(running: asyncio.subprocess.Process) -> tuple[float, float]:
    """CPU seconds and the highest resident memory in MB, as last seen."""
    process, cpu, most = psutil.Process(running.pid), 0.0, 0.0
    while running.returncode is None:
        try:
            times = process.cpu_times()
            cpu, most = times.user + times.system, max(most, process.memory_info().rss / 2**20)
        except psutil.Error:
            break
        await asyncio.sleep(0.05)
    return cpu, most


async def run(url: str, export: Path) -> tuple[float, float, float, list[float]]:
    """Seconds, CPU seconds, MB, and the waits of the other writer."""
    async with Database(url) as database:
        start = time.perf_counter()
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "import", str(export), "--set", f"DATABASE_URL={url}",
            "--set", "SHOP_CURRENCY=USD", cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        ended = asyncio.create_task(running.wait())
        (cpu, most), waits = await asyncio.gather(peak(running), beside(database, running))
        if await ended:
            raise RuntimeError(f"python -m bot import ended with {running.returncode}")
        return time.perf_counter() - start, cpu, most, waits


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every row of the table."""
    products = 10_000 if quick else 100_000
    url, export = f"sqlite:///{folder}/shop.db", folder / "products.csv"
    migrate.upgrade(url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Bench", "USD", "UTC", "en"))
    write_export(export, products)
    rows: list[Row] = []
    for what in ("first import", "the same again"):
        seconds, cpu, most, waits = await run(url, export)
        rows += [
            Row(f"{what}: seconds", seconds, "s", at_most=60, note=f"{products} products, {cpu:.0f} s of CPU"),
            Row(f"{what}: memory", most, "MB", at_most=500),
            Row(f"{what}: longest wait of another writer", waits[-1], "ms", at_most=200,
                note=f"{len(waits)} writes, median {waits[len(waits) // 2]:.0f} ms"),
        ]  # fmt: skip
    return rows


def summary(rows: Sequence[Row]) -> str:
    found = {row.name: row.value for row in rows}
    wait = found["first import: longest wait of another writer"]
    return f"{found['first import: seconds']:.0f} s, another writer waits {wait:.0f} ms at most"


if __name__ == "__main__":
    sys.exit(
        main(
            "importing",
            __doc__,
            measure,
            summary,
            takes="about three minutes",
            quick="10,000 products in place of 100,000",
        )
    )
