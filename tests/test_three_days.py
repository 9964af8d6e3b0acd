"""The picture of good manners: three days of a shop's group of eight, run through the whole bot with its encoders.

Each turn of tests/data/three_days.jsonl says what a good host would do: speak (and what has to be in it), handoff,
silent, or either. `python -m benchmarks.gate` prints the same as precision and recall.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gate import GROUP, wanted
from bot.config import load
from bot.tools import replay
from llm.engines.scripted import ScriptedEngine

# Where it is no good host yet: what nobody but the admin can answer, and two remarks that are none of its business.
WRONG = {
    "can I bring my dog to the shop?",
    "01 vs 02?",
    "我可以 几点",
}
MISSED = {
    "洋甘菊含咖啡因吗",
    "how many pots do you get out of the full pu-erh cake?",
    "how long does it last?",  # of a whisk that was named in the message before
}

pytestmark = pytest.mark.timeout(300)  # 336 messages with all encoders, perhaps beside other tests

Turn = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Turn]:
    return asyncio.run(play(tmp_path_factory.mktemp("group")))


async def play(folder: Path) -> list[Turn]:
    settings = load({"DATABASE_URL": f"sqlite:///{folder}/none.db"}, env_file=None)
    turns: list[Turn] = []
    async with replay.opened(settings, [], ScriptedEngine()) as player:
        for line in replay.read_lines(GROUP):
            results = (await player.play(line))["results"]
            turns += zip(line["turns"], results, strict=True)
    return turns


def test_it_speaks_where_a_good_host_would(played: list[Turn]) -> None:
    missed = {turn["text"] for turn, result in played if wanted(turn, result) == "missed"}
    assert missed <= MISSED


def test_it_is_silent_where_a_good_host_is(played: list[Turn]) -> None:
    wrong = {turn["text"] for turn, result in played if wanted(turn, result) == "wrong"}
    assert wrong <= WRONG


def test_a_human_is_called_where_one_is_needed(played: list[Turn]) -> None:
    called = [turn["text"] for turn, result in played if result["action"] == "handoff"]
    assert called == [turn["text"] for turn, _ in played if turn["wanted"] == "handoff"]


def test_neither_bots_nor_the_admin_are_answered(played: list[Turn]) -> None:
    said = [turn["text"] for turn, result in played if result["text"] and (turn.get("bot") or turn.get("admin"))]
    assert said == []


def test_a_burst_has_one_answer_at_its_end(played: list[Turn]) -> None:
    texts = ["hi", "how much is", "the pocket espresso maker?"]
    found = [result["text"] for turn, result in played if turn["text"] in texts]
    assert found[:2] == ["", ""]
    assert "59" in found[2]
