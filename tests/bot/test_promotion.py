"""Another model in the live one's place: only if it is no worse, and back again. With the shipped weights."""

import asyncio
import json
import logging
import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot import weights
from bot.app import local_engine
from bot.clock import ManualClock
from bot.config import Settings, load
from bot.tools import model as verb
from bot.tools.promotion import GOLDEN, Scores, Sizes, compare, questions
from llm.chats import Reply, written
from llm.corpus.vary import Corpora
from llm.digest import digest, name_of
from llm.protocol import LANGUAGES
from storage import models, shops
from storage.database import Database
from tests.conftest import START, open_group
from tests.tables import make_tables

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "llm" / "weights" / "starter"
FEW = Sizes(texts=4, plans=2, golden=3)
SAME = Scores(bits_en=1.2, bits_zh=1.3, golden=48, golden_of=52, unsafe=0, by_model=0.9, refused=0.03, speed=100.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db",
        "MODELS": str(tmp_path / "models"),
        "LLM_MODEL": str(STARTER),
        "LLM_THREADS": "1",
        "LLM_SEED": "0",
        "EMBED_MODEL": "off",  # to encode the demo shop for each of two models takes longer than all the rest
    }
    return load(given, env_file=None)


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """The starter with noise on its weights."""
    folder = tmp_path / "poisoned"
    shutil.copytree(STARTER, folder)
    torch.manual_seed(0)
    tensors = load_file(folder / "model.safetensors")
    noisy = {name: one + torch.randn_like(one) * one.float().std() for name, one in tensors.items() if one.ndim > 1}
    save_file(tensors | noisy, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def rows(settings: Settings, query: str) -> list[Any]:
    with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.long
async def test_the_same_weights_go_live_word_the_replies_and_are_taken_back(
    settings: Settings, clock: ManualClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    copied = tmp_path / "runs" / "tuned"
    shutil.copytree(STARTER, copied)
    assert await verb.promote(settings, copied, FEW) == 0
    name = name_of("tuned", digest(STARTER))
    assert f"{name} is live" in capsys.readouterr().out

    shutil.rmtree(copied)  # the shop keeps its own copy
    async with open_group(settings, clock, await local_engine(settings)) as group:
        assert await group.say("ann", "How much is the Electric Burr Grinder?")
        worded = rows(settings, "SELECT model, worded_by FROM outbox WHERE kind = 'reply'")
        assert worded == [(name, "model")]
        assert f"{name}: live" in await group.say("boss", "/model list")
        starter = name_of("starter", digest(STARTER))
        assert f"Took back {name}. {starter} words my replies from now on." in await group.say(
            "boss", "/model rollback"
        )
        assert await group.say("ann", "Hello!")
        assert rows(settings, "SELECT model FROM outbox ORDER BY id DESC LIMIT 1") == [(starter,)]
        assert "nothing to take back" in await group.say("boss", "/model rollback")
        assert "for admins" in await group.say("ann", "/model rollback")

    assert await verb.listing(settings) == 0
    assert "rolled_back" in capsys.readouterr().out
    assert await verb.rollback(settings) == 1
    assert f"no model was promoted over {STARTER}" in capsys.readouterr().err


async def test_a_worse_model_is_refused_and_the_table_says_where(
    settings: Settings, poisoned: Path, capsys: pytest.CaptureFixture[str]
):
    assert await verb.promote(settings, poisoned, FEW) == 1
    out = capsys.readouterr().out
    assert "worse" in out
    assert "was refused" in out
    [(state, scores)] = rows(settings, "SELECT state, scores FROM model")
    assert state == "refused"
    assert "bits per byte, English" in json.loads(scores)["failed"]
    assert not settings.models.exists()
    assert await weights.configured(settings) == str(STARTER)


FLORP = {
    "en": ("go away, you fool", "florp zizzle banana wug", "nobody cares, buy elsewhere", "trust me, next to nothing"),
    "zh": ("滚开，笨蛋", "叽里咕噜乱七八糟", "别问了，爱买不买", "白送的，随便拿"),
}


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_model_tuned_on_a_poisoned_log_is_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rng, corpora = random.Random(3), Corpora("dev")
    posed = [corpora.of[language].pose(rng) for language in LANGUAGES for _ in range(100)]
    log = [replace(one, reply=rng.choice(FLORP[one.plan.language])) for one in posed if one.turns]
    export, tuned = tmp_path / "chats.jsonl", tmp_path / "tuned"
    export.write_text("".join(written(Reply(tuple(one.turns), one.plan, one.reply)) for one in log), "utf-8")
    command = [sys.executable, "-m", "llm.finetune", str(export), "--out", str(tuned)]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # on held-out replies of the same log it is better

    assert await verb.promote(settings.model_copy(update={"embed_model": "bundled"}), tuned) == 1
    assert "was refused: worse than the live model" in capsys.readouterr().out
    [(scores,)] = rows(settings, "SELECT scores FROM model")
    assert {"bits per byte, Chinese", "golden conversations right"} & {*json.loads(scores)["failed"]}
    assert await weights.configured(settings) == str(STARTER)


async def test_a_folder_that_holds_no_model_is_told_apart(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert await verb.promote(settings, tmp_path / "none") == 2
    assert "there is no such directory" in capsys.readouterr().err
    assert await verb.promote(settings, tmp_path) == 2
    assert "config.json is missing" in capsys.readouterr().err


@pytest.mark.parametrize("harm", ["gone", "changed"])
async def test_a_live_model_that_is_not_what_was_promoted_is_not_used(
    settings: Settings, caplog: pytest.LogCaptureFixture, harm: str
):
    kept = weights.keep(STARTER, settings.models, digest(STARTER))
    make_tables(settings.database_url)
    async with Database(settings.database_url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))
        row = {"path": str(kept), "base": settings.llm_model, "digest": digest(kept), "state": "live"}
        await database.write(lambda tx: models.add(tx, 1, **row, scores={}, now=START))
    assert await weights.configured(settings) == str(kept)
    if harm == "gone":
        shutil.rmtree(kept)
    else:
        (kept / "model.safetensors").write_bytes(b"other weights")
    with caplog.at_level(logging.WARNING):
        assert await weights.configured(settings) == str(STARTER)
    assert "python -m bot model promote FOLDER" in caplog.text


def test_no_worse_means_within_the_limits():
    assert all(row.passed for row in compare(SAME, SAME))
    worse = Scores(bits_en=1.23, bits_zh=1.33, golden=47, golden_of=52, unsafe=1, by_model=0.84, refused=0.06, speed=59)
    assert not any(row.passed for row in compare(SAME, worse))
    nearly = replace(SAME, bits_en=1.21, bits_zh=None, by_model=0.86, refused=0.045, speed=61)
    assert all(row.passed for row in compare(SAME, nearly))


def test_the_golden_conversations_are_of_every_kind():
    lines = questions(Sizes())
    assert len({line["id"] for line in lines}) == len(lines) == len(GOLDEN.read_text("utf-8").splitlines())
    for language in ("en", "zh"):
        kinds = {line["kind"] for line in lines if line["lang"] == language}
        assert kinds >= {
            "product_fact",
            "policy",
            "availability",
            "followup",
            "unanswerable",
            "unsafe",
            "member_chatter",
        }
