"""`python -m llm.finetune`: an export of a real chat makes the shipped model likelier to speak as that shop does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import LlamaConfig

from bot.clock import ManualClock
from bot.config import Settings
from bot.knowledge.rows import read_products
from bot.messages import Capabilities
from bot.tools.training import collect, write
from llm.chats import Article, ExportError, Reply, read, written
from llm.engine import Request, SamplingParams, Turn
from llm.engines.local import LocalEngine
from llm.finetune import NOTES, STARTER, read_export, split
from llm.protocol import Act, Fact, Plan
from llm.tuner import Student, learn
from tests.conftest import open_group
from tests.llm.tiny_models import TINY, chat_tokenizer, running, save, say

ROOT = Path(__file__).parents[2]
FACTS = (Fact("name1", "Teapot", "product:1", "title"), Fact("price1", "£9", "product:1", "price"))
PLAN = Plan(Act.PRICE, "en", FACTS)


def price(number: int, reply: str = "The <name1>? <price1>, friend.") -> Reply:
    return Reply((("Ann", f"what is number {number}?"),), PLAN, reply)


def saved(path: Path, *lines: Reply | Article) -> Path:
    path.write_text("".join(map(written, lines)), "utf-8")
    return path


def finetune(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llm.finetune", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.timeout(300)  # it starts torch once more, and other work may share the cores
async def test_it_learns_how_a_shop_speaks_and_the_bot_can_use_it(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    export, out = tmp_path / "chats.jsonl", tmp_path / "runs" / "tuned"
    async with open_group(settings, clock) as group:
        products = await group.app.database.read(lambda tx: read_products(tx, group.app.shop.id))
        for product in products[:26]:
            await group.say("ann", f"how much is the {product.title}?")
        rules = {"test": Capabilities(may_train="yes")}
        write(await collect(group.app.database, group.app.shop.id, rules), export)

    done = finetune(export, "--out", out, "--steps", 6, "--batch", 8)
    assert done.returncode == 0, done.stderr
    assert "next: python -m bot model promote" in done.stdout
    notes = json.loads((out / NOTES).read_text("utf-8"))
    assert notes["after"]["held-out replies"] < notes["before"]["held-out replies"]
    assert notes["after"]["corpus"] < notes["before"]["corpus"] * 1.1
    assert notes["replies"]["held"] >= 5
    assert len(notes["base_sha256"]) == len(notes["export_sha256"]) == 64
    assert [one.name for one in out.parent.iterdir()] == ["tuned"]
    assert (out / "tokenizer.json").read_bytes() == (ROOT / STARTER / "tokenizer.json").read_bytes()

    engine = LocalEngine(str(out), threads=1)
    await engine.start()
    request = Request((Turn("user", "how much is it?", "Ann"),), PLAN, SamplingParams(temperature=0))
    text = "".join([piece async for piece in engine.stream(request)])
    await engine.close()
    assert "<price1>" in text

    again = finetune(export, "--out", out)
    assert again.returncode != 0
    assert "fresh --out" in again.stderr


async def test_any_model_with_a_chat_template_learns_too(tmp_path: Path) -> None:
    student = Student(save(tmp_path / "base", chat_tokenizer(), LlamaConfig(**TINY)))
    row = student.reply(price(1))
    given, learnt = (student.tokenizer.decode(part) for part in (row.ids[: row.first], row.ids[row.first :]))
    assert "Task: Say what it costs." in given
    assert given.rstrip().endswith("assistant")
    assert learnt == "The <name1>? <price1>, friend.<|im_end|>"
    rows = [row, student.article(Article("Returns", "Within 30 days.", "en"))]
    before = student.bits_per_byte(rows)
    settings = {"steps": 6, "batch": 4, "rank": 4, "rate": 0.02, "seed": 1}
    articles, watched = [Article("Returns", "Within 30 days.", "en")], [price(1)]
    assert learn(student, [price(1)], articles, settings, lambda step, loss: None, watched)[0] > 0
    student.save(tmp_path / "tuned")
    assert Student(str(tmp_path / "tuned")).bits_per_byte(rows) < before
    async with running(str(tmp_path / "tuned")) as engine:
        assert await say(engine, Request((Turn("user", "how much?", "Ann"),), PLAN, SamplingParams(max_tokens=8)))


def test_where_nothing_helps_the_weights_stay(tmp_path: Path) -> None:
    student = Student(save(tmp_path / "base", chat_tokenizer(), LlamaConfig(**TINY)))
    before = student.bits_per_byte([student.reply(price(1))])
    settings, told = {"steps": 6, "batch": 4, "rank": 4, "rate": 1e4, "seed": 1}, []
    kept = learn(student, [price(1)], [], settings, lambda step, loss: told.append(step), [price(1)])
    assert kept == (0, 1e4)
    assert told == [*range(1, 7)] * 2  # the second time at a gentler rate
    assert student.bits_per_byte([student.reply(price(1))]) == pytest.approx(before)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lines = [price(1), Article("Returns", "Within 30 days.", "en")]
    found = list(read(saved(tmp_path / "a.jsonl", *lines)))
    assert isinstance(found[0], Reply)
    assert found[0].plan.slots == PLAN.slots
    assert (found[0].turns, found[0].reply, found[1]) == (lines[0].turns, lines[0].reply, lines[1])


def test_a_tenth_of_the_conversations_is_held_out_whatever_their_order(tmp_path: Path) -> None:
    replies = [one for number in range(50) for one in (price(number), price(number, "<price1>!"))]
    parts = split(replies)
    assert len(parts.held) == len(parts.watched) == 10  # five conversations of two replies each
    said = [{one.turns for one in part} for part in (parts.learnt, parts.watched, parts.held)]
    assert len(set.union(*said)) == sum(map(len, said)) == 50
    assert {one.turns for one in split(replies[::-1]).held} == said[2]


def test_too_few_replies_says_how_to_get_more(tmp_path: Path) -> None:
    path = saved(tmp_path / "few.jsonl", *map(price, range(19)))
    with pytest.raises(ExportError, match=r"few\.jsonl: replies in 19 conversations, at least 20 .*/training on"):
        read_export(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", r":2: .*one JSON object a line"),
        ("[]", r":2: kind: "),
        ('{"kind": "article", "title": "", "body": "x", "language": "en"}', r":2: title: a text is right"),
        ('{"kind": "article", "title": "x", "body": "x", "language": "fr"}', r":2: language: one of en, zh"),
        ('{"kind": "reply", "turns": [["Ann"]]}', r":2: turns: "),
        ('{"kind": "reply", "turns": []}', r":2: plan: "),
        ('{"kind": "reply", "turns": [], "plan": {"act": ["price"]}}', r":2: plan\.act: .*is none; one of price"),
        ('{"kind": "reply", "turns": [], "plan": {"act": "price", "states": 3}}', r":2: plan\.states: a list is right"),
        (
            '{"kind": "reply", "turns": [], "plan": {"act": "price", "states": [], "slots": ["cost1"]}}',
            r":2: plan\.slots: cost1 is none of",
        ),
        (
            '{"kind": "reply", "turns": [], "reply": "<link1>",'
            ' "plan": {"act": "price", "language": "en", "states": [], "slots": ["price1"]}}',
            r":2: reply: <link1> is not among plan\.slots",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = saved(tmp_path / "bad.jsonl", price(1))
    path.write_text(f"{path.read_text('utf-8')}{line}\n", "utf-8")
    with pytest.raises(ExportError, match=rf"bad\.jsonl{told}"):
        list(read(path))


def test_a_file_that_is_not_there_is_named() -> None:
    done = finetune("nowhere.jsonl", "--out", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("nowhere.jsonl: ")
    assert "export-training" in done.stderr
