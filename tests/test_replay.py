"""`python -m bot replay` and `ask`: what they print is what members would have seen, with the shipped model."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.tools.labelled import as_line, judge
from bot.tools.replay import summary
from tests.labelled import files, questions

# Shares of the dev halves handled as the merchant would want, a little under what was measured, so that a fall shows.
FLOORS = {"cycling": 0.7, "wenju": 0.7}
WORDS_ALONE = ("--set", "EMBED_MODEL=off")  # to encode a shop takes longer than all the rest


def replay(tmp_path: Path, lines: list[dict], *arguments: str) -> list[dict]:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    assert main(["replay", str(source), "--json", str(out), *arguments]) == 0
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def cycling(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Every second conversation of that shop, played."""
    return played(tmp_path_factory.mktemp("cycling"), "cycling", 2)


def played(folder: Path, shop: str, step: int) -> list[dict]:
    lines = [as_line(one) for one in questions(shop, "dev")[::step]]
    return replay(folder, lines, "--shop", *map(str, files(shop)))


def rated(shop: str, step: int, lines: list[dict], capsys: pytest.CaptureFixture[str]) -> None:
    asked = questions(shop, "dev")[::step]
    assert [len(line["results"]) for line in lines] == [len(one["turns"]) for one in asked]
    right = sum(judge(one, line["results"][-1]) for one, line in zip(asked, lines, strict=True))
    with capsys.disabled():
        print(f"\n{shop}: {right}/{len(asked)} as wanted; {summary(lines)}")
    assert right / len(asked) >= FLOORS[shop]


def test_fifteen_conversations_of_an_english_shop(cycling: list[dict], capsys: pytest.CaptureFixture[str]) -> None:
    rated("cycling", 2, cycling, capsys)


def test_fifteen_conversations_of_a_chinese_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rated("wenju", 2, played(tmp_path, "wenju", 2), capsys)


@pytest.mark.long
@pytest.mark.parametrize("shop", FLOORS)
def test_thirty_conversations_of_a_shop(tmp_path: Path, shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    rated(shop, 1, played(tmp_path, shop, 1), capsys)


def test_the_same_conversation_is_answered_the_same(tmp_path: Path, cycling: list[dict]) -> None:
    line = as_line(questions("cycling", "dev")[0])
    (again,) = replay(tmp_path, [line], "--shop", *map(str, files("cycling")))
    assert [one["text"] for one in again["results"]] == [one["text"] for one in cycling[0]["results"]]


def test_facts_of_a_result_stand_in_its_text(tmp_path: Path) -> None:
    lines = [{"id": "a", "turns": [{"member": "ann", "text": "how much is the gooseneck kettle?", "direct": True}]}]
    url = f"DATABASE_URL=sqlite:///{tmp_path}/none.db"
    (result,) = replay(tmp_path, lines, "--set", url, *WORDS_ALONE)[0]["results"]
    assert result["action"] == "reply"
    assert result["facts"]
    assert all(fact["value"] in result["text"] for fact in result["facts"])


def test_a_reply_to_the_bot_is_addressed_and_an_admin_may_command(tmp_path: Path) -> None:
    turns = [
        {"member": "ann", "text": "how much is the gooseneck kettle?", "mentions_bot": True},
        {"member": "bo", "text": "and is it in stock?", "reply_to": "bot:0"},
        {"member": "bo", "text": "/mode off"},
        {"member": "cy", "text": "/mode off", "admin": True},
    ]
    url = f"DATABASE_URL=sqlite:///{tmp_path}/none.db"
    results = replay(tmp_path, [{"id": "a", "turns": turns}], "--set", url, *WORDS_ALONE)[0]["results"]
    assert [result["action"] for result in results] == ["reply", "reply", "command", "command"]
    assert results[2]["text"] != results[3]["text"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "in.jsonl:1: "),
        ('{"turns": []}', "in.jsonl:1: id: "),
        ('{"id": 1, "turns": [{"text": "hi"}]}', "in.jsonl:1: turns: "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(line + "\n", "utf-8")
    assert main(["replay", str(source)]) == 2
    assert told in capsys.readouterr().err


def test_ask_prints_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    shop = list(map(str, files("cycling")))
    assert main(["ask", "how much is the u-lock?", "--shop", *shop, "--json", *WORDS_ALONE]) == 0
    assert "52" in json.loads(capsys.readouterr().out.splitlines()[-1])["results"][0]["text"]


def test_without_a_shop_it_asks_a_copy_of_the_configured_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"DATABASE_URL=sqlite:///{tmp_path}/own.db"
    assert main(["import", *map(str, files("cycling")), "--set", url]) == 0
    assert main(["ask", "how much is the u-lock?", "--set", url, *WORDS_ALONE]) == 0
    assert "52" in capsys.readouterr().out.splitlines()[-1]
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as own:
        assert own.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
        assert own.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
