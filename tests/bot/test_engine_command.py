"""/engine and `python -m bot doctor`: what an admin and a merchant are told about the model."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bot import config
from bot.app import local_engine, make_engine
from bot.clock import ManualClock
from bot.tools import doctor
from llm.engine import Priority, Report
from llm.engines.local import LocalEngine
from llm.engines.openai import OpenAIEngine
from llm.engines.scripted import ScriptedEngine
from storage.tables import Outbox
from tests.conftest import open_group
from tests.llm.openai_server import Server, fails, says, serving

BUSY = Report(
    "starter-1a2b3c4d", "cpu, float32", 3, 2, 32, {"done": 7, "refused": 1}, 400, 900, 100, 812.0, 3 * 2**20,
    {Priority.REPLY: (0.01, 0.5)}, "here.example does not answer",
)  # fmt: skip


class Busy(ScriptedEngine):
    def report(self) -> Report:
        return BUSY


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    given = {"DATABASE_URL": f"sqlite:///{tmp_path}/shop.db", "UPLOADS": str(tmp_path / "up"), "LLM_THREADS": "1"}
    return config.load(given, env_file=None)


async def test_an_admin_sees_how_the_model_is_doing(settings: config.Settings, clock: ManualClock) -> None:
    async with open_group(settings, clock, Busy()) as group:
        assert await group.say("boss", "/engine") == (
            "starter-1a2b3c4d (cpu, float32)\n"
            "3 under way, 2 waiting, room for 32 at a time\n"
            "812 tokens a second while it works; 400 written\n"
            "10% of what was to be read was known (3.0 MB kept)\n"
            "here.example does not answer\n"
            "replies waited 0.01 s, at most 0.50 s in 19 of 20 cases\n"
            "Requests since the start: done: 7, refused, too many at once: 1"
        )
        assert "排队 2" in await group.say("boss", "/引擎")
        assert "for admins" in await group.say("ann", "/engine")


async def test_the_model_counts_what_it_did(settings: config.Settings, clock: ManualClock) -> None:
    async with open_group(settings, clock, await local_engine(settings)) as group:
        await group.say("ann", "How much is the Electric Burr Grinder?")
        told = await group.say("boss", "/engine")
        assert "(cpu, float32)" in told
        assert "0 under way, 0 waiting, room for 32 at a time" in told
        assert "Requests since the start: done: 1" in told


async def test_the_doctor_says_what_it_found(settings: config.Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert await doctor.main(settings) == 0
    told = capsys.readouterr().out
    assert "runs on        cpu, float32" in told
    assert "16 at once" in told
    assert "Nothing stands in the way" in told


async def test_the_doctor_says_what_is_wrong(settings: config.Settings, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = settings.model_copy(update={"llm_model": "./none"})
    assert await doctor.main(wrong) == 2
    assert "LLM_MODEL: model './none': there is no such directory" in capsys.readouterr().err


async def test_a_server_is_an_engine_with_the_model_behind_it(settings: config.Settings) -> None:
    assert isinstance(await make_engine(settings), LocalEngine)
    engine = await make_engine(settings.model_copy(update={"llm_url": "http://127.0.0.1:9/v1"}))
    assert isinstance(engine, OpenAIEngine)
    assert isinstance(engine.fallback, LocalEngine)


def test_an_address_without_scheme_is_refused() -> None:
    with pytest.raises(config.SettingsError, match=r"LLM_URL: http://HOST:PORT/v1 is right"):
        config.load({"LLM_URL": "host:8000"}, env_file=None)


async def test_sql_says_which_model_wrote_a_reply(settings: config.Settings, clock: ManualClock) -> None:
    server = Server(says("The <name1> is <price1>."), fails(401))
    async with serving(server) as url:
        engine = OpenAIEngine(url, fallback=ScriptedEngine())
        async with open_group(settings, clock, engine) as group:
            for question in ("how much is the gooseneck kettle?", "how much is the moka pot?", "hello"):
                await group.say("ann", question)
            await group.say("boss", "/mode")
            rows = await group.app.database.read(lambda tx: tx.execute(select(Outbox.__table__).order_by(Outbox.id)))
            signed = [(row.worded_by, row.model) for row in rows]
    assert signed == [("model", "served@127.0.0.1"), ("model", "scripted"), ("model", "scripted"), ("code", "")]
