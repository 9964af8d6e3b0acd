"""kill -9, refusals and faults on Telegram's fake server: what members see in the end. The long forms are in
`benchmarks/crash.py` and `benchmarks/chaos.py`."""

import signal
from pathlib import Path

import pytest

from benchmarks.parts.traffic import START, Bot, Outcome, Talk, killed
from bot.clock import SystemClock
from tests.fakes.telegram import FakeTelegram


async def run(folder: Path, fake: FakeTelegram, talk: Talk, count: int, rate: float) -> Outcome:
    """The bot answers so many messages and is stopped in order."""
    bot = Bot(fake, folder)
    try:
        await bot.start()
        await talk.run(count, rate)
        await talk.answered(bot, START)
        await bot.end(signal.SIGTERM)
        assert bot.process.returncode == 0, bot.said()
    finally:
        await bot.close()
    assert fake.token not in bot.log.read_text("utf-8", "replace")
    return talk.outcome()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.long)])
async def test_kill_9_loses_nothing_and_keeps_the_order(tmp_path: Path, kills: int):
    async with FakeTelegram(SystemClock()) as fake:
        fake.faults.limits = True
        bot, talk = Bot(fake, tmp_path), Talk(fake, groups=8, seed=3)
        try:
            await killed(fake, bot, talk, kills=kills, count=12 * kills, rate=15, drain=START)
            assert await bot.end(signal.SIGTERM) < 10
        finally:
            await bot.close()
    found = talk.outcome()
    assert (found.lost, found.disordered) == (0, 0), found
    assert found.at_once <= 1, found
    assert fake.token not in bot.log.read_text("utf-8", "replace")


@pytest.mark.timeout(200)
@pytest.mark.long
async def test_every_fifth_send_refused_loses_nothing(tmp_path: Path):
    async with FakeTelegram(SystemClock()) as fake:
        fake.faults.refuse_every = 5
        found = await run(tmp_path, fake, Talk(fake, groups=8, seed=4), 25, 15)
        assert fake.refused >= 4
    assert (found.lost, found.doubled, found.disordered) == (0, 0, 0), found


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("count", "rate"), [(50, 20), pytest.param(100, 20, marks=pytest.mark.long)])
async def test_a_flood_stays_within_the_limits(tmp_path: Path, count: int, rate: float):
    async with FakeTelegram(SystemClock()) as fake:
        fake.faults.limits = True
        fake.hear_all()
        found = await run(tmp_path, fake, Talk(fake, groups=40, seed=5, share=0.25), count, rate)
        assert fake.refused_twice == 0
    assert (found.lost, found.doubled, found.disordered) == (0, 0, 0), found


@pytest.mark.timeout(200)
@pytest.mark.long
async def test_faults_lose_nothing_and_keep_the_order(tmp_path: Path):
    async with FakeTelegram(SystemClock()) as fake:
        faults = fake.faults
        faults.broken, faults.slow, faults.malformed, faults.refuse_every = 0.1, 0.1, 0.05, 7
        found = await run(tmp_path, fake, Talk(fake, groups=8, seed=6), 30, 10)
    assert (found.lost, found.disordered) == (0, 0), found
