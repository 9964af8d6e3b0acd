"""The way of a model, stage by stage, as someone at a terminal sees it."""

import contextlib
import importlib
import io
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from llm import tokenizer as tokenizers
from llm.corpus.vary import Corpora, Corpus, CorpusError, every
from llm.data import RecipeError, read_recipe
from llm.digest import digest
from llm.evaluate import COLUMNS, Meanings, check
from llm.modelcard import card, notes
from llm.protocol import END, LANGUAGES, SLOT, Act

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "llm" / "recipes" / "smoke.toml"
KILL_AFTER = 15  # steps; not a step at which the recipe writes a checkpoint


def verb(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"llm.{name}", *map(str, arguments)]


def run(name: str, *arguments: object) -> str:
    """What it prints. In this process: a new one takes longer to load torch than the smoke recipe to train."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [f"llm.{name}", *map(str, arguments)])
        importlib.import_module(f"llm.{name}").main()
    return said.getvalue()


def losses(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "loss.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke recipe ran through."""
    folder = tmp_path_factory.mktemp("run")
    run("tokenizer", SMOKE, "--out", folder)
    run("train", SMOKE, "--out", folder)
    return folder


def test_training_learns(trained: Path) -> None:
    curve = [line["loss"] for line in losses(trained) if "loss" in line]
    assert len(curve) == read_recipe(SMOKE)["supervised"]["steps"]
    assert curve[-1] < curve[0] - 1


@pytest.mark.long
def test_killed_run_goes_on_to_the_same_loss(trained: Path, tmp_path: Path) -> None:
    run("tokenizer", SMOKE, "--out", tmp_path)
    process = subprocess.Popen(verb("train", SMOKE, "--out", tmp_path), cwd=ROOT, stderr=subprocess.DEVNULL)
    curve = tmp_path / "loss.jsonl"
    while not curve.exists() or curve.read_bytes().count(b"\n") < KILL_AFTER:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert "going on from" in run("train", SMOKE, "--out", tmp_path)
    assert losses(tmp_path) == losses(trained)
    assert (tmp_path / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_a_recipe_without_public_text_is_measured_without(trained: Path, tmp_path: Path) -> None:
    run("data", SMOKE, "--data", tmp_path, "--out", tmp_path / "text")
    data = ("--recipe", SMOKE, "--data", tmp_path / "text")
    assert "public text" not in run("evaluate", trained, "--count", 1, *data)


@pytest.fixture(scope="module")
def evaluation(trained: Path) -> Path:
    """What was measured of the trained model."""
    file = trained / "evaluation.json"
    assert "perplexity" in run("evaluate", trained, "--count", 6, "--json", file)
    return file


def test_evaluation_reports_likelihood_and_plan_given_score(evaluation: Path) -> None:
    report = json.loads(evaluation.read_text())
    held_out = report["likelihood"]["replies, held-out wordings, en"]
    assert held_out["perplexity"] > 1
    assert held_out["bits_per_byte"] > 0
    for language in LANGUAGES:
        assert 0 <= report["plan_given"][f"{language}, temperature 0.0"]["good"] <= 1


def test_card_says_what_the_run_left_behind(trained: Path, evaluation: Path, tmp_path: Path) -> None:
    run("modelcard", trained, "--recipe", SMOKE, "--evaluation", evaluation)
    page, report = (trained / "CARD.md").read_text("utf-8"), json.loads(evaluation.read_text())
    last = [line for line in losses(trained) if "loss" in line][-1]
    assert f"{report['parameters']:,} parameters" in page
    assert f"{last['step']} steps, {last['tokens']:,} tokens" in page
    assert digest(trained) in page
    assert f"| {' | '.join(COLUMNS)} |" in page
    assert [name for name in COLUMNS if f"- *{name}*: " not in page] == []
    assert [key for key in (*report["likelihood"], *report["plan_given"]) if f"| {key} | " not in page] == []
    assert str(trained) not in page
    run("modelcard", trained, "--recipe", SMOKE, "--evaluation", evaluation, "--out", tmp_path / "again.md")
    assert (tmp_path / "again.md").read_text("utf-8") == page


def test_card_ends_with_what_people_noted_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "NOTES.md").write_text("For people.\n\n# one\n## Limits\nFew.\n\n# other\n## Limits\nMany.\n")
    assert notes(tmp_path / "one.toml") == "## Limits\nFew."
    assert notes(tmp_path / "third.toml") == ""
    assert "## What to expect" in notes(ROOT / "llm" / "recipes" / "starter.toml")


def test_card_of_what_does_not_belong_together_is_refused(trained: Path, evaluation: Path, tmp_path: Path) -> None:
    report = json.loads(evaluation.read_text())
    other, old, starter = tmp_path / "other.json", tmp_path / "old.json", SMOKE.with_name("starter.toml")
    other.write_text(json.dumps(report | {"parameters": 1}))
    old.write_text(json.dumps(report | {"plan_given": {"en": {"good": 1.0}}}))
    for folder, recipe, file, said in (
        (tmp_path / "none", SMOKE, evaluation, "no weights"),
        (trained, SMOKE, tmp_path / "none.json", "none.json: no such file"),
        (trained, SMOKE, SMOKE, "smoke.toml:1:1: not JSON"),
        (trained, SMOKE, other, "of another model, 1 parameters"),
        (trained, SMOKE, old, "no column needed"),
        (trained, starter, evaluation, "another recipe or an unfinished run"),
    ):
        with pytest.raises(RecipeError, match=said):
            card(folder, recipe, file)
    with pytest.raises(SystemExit) as ended:  # with a text, which the interpreter prints, and 1 as the exit code
        run("modelcard", trained, "--recipe", SMOKE, "--evaluation", other)
    assert str(ended.value).startswith(f"{other}: of another model")


def test_sample_answers_a_typed_message(trained: Path) -> None:
    command = verb("sample", trained, "--act", "price", "--slots", "name1", "price1")
    done = subprocess.run(command, cwd=ROOT, input="how much is it?\n\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 2


def test_another_recipe_does_not_go_on_with_this_run(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(SMOKE.read_text().replace("seed = 1", "seed = 2"))
    with pytest.raises(SystemExit, match="another recipe"):
        run("train", other, "--out", trained)


@pytest.mark.parametrize(
    "text",
    ["The <name1> is <price1>.", "<name1>的价格是<price1>。", "<price1>, ok?  Two  spaces", "<|bot|>hi 🙂<|reply|>"],
)
def test_tokenizer_gives_back_what_it_was_given(trained: Path, text: str) -> None:
    ours, theirs = tokenizers.load(trained), AutoTokenizer.from_pretrained(trained)
    ids = ours.encode(text).ids
    assert ours.decode(ids, skip_special_tokens=False) == text
    assert theirs(text)["input_ids"] == ids
    assert theirs.decode(ids) == text


def test_slots_survive_where_marks_are_dropped(trained: Path) -> None:
    ours = tokenizers.load(trained)
    assert ours.decode(ours.encode(f"The <name1>.{END}").ids, skip_special_tokens=True) == "The <name1>."


def test_same_seed_draws_the_same_conversations() -> None:
    first, second = ([example.text for example in map(Corpora().draw, [random.Random(seed)] * 50)] for seed in (3, 3))
    assert first == second


@pytest.mark.parametrize("language", LANGUAGES)
def test_replies_keep_to_their_plan_and_held_out_wordings_stay_out(language: str) -> None:
    rng, train, dev = random.Random(5), Corpus(language, "train"), Corpus(language, "dev")
    held_out = {whole for group in dev.groups for text in group.kept for whole in every(text)}
    assert {group.act for group in train.groups} == {*Act}
    for example in (train.draw(rng) for _ in range(500)):
        assert {*SLOT.findall(example.reply)} <= {*example.plan.slots}
        assert {*example.plan.needs} <= {*SLOT.findall(example.reply)}
        assert example.reply not in held_out
        assert not SLOT.search("".join(text for _, text in example.turns))
        assert "{" not in example.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_written_replies_pass_the_check_that_generated_ones_are_measured_by(language: str) -> None:
    rng, corpus = random.Random(5), Corpus(language, "train")
    meanings = Meanings(corpus)
    drawn = [corpus.draw(rng) for _ in range(200)]
    checked = [(example.reply, check(example, example.reply, meanings)) for example in drawn]
    assert [reply for reply, found in checked if not found.new and not found.good] == []
    joined = [(reply, found) for reply, found in checked if found.new]  # one wording's opening, the rest of another
    assert joined
    assert [reply for reply, found in joined if found.rewritten or not (found.needed and found.allowed)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[price]]\ntexts = ["It is <cost1>."]\n', "no such slot: cost1"),
        ('[[prices]]\ntexts = ["It is <price1>."]\n', "no such act"),
        ('[[price]]\nstates = ["gone"]\ntexts = ["It is <price1>."]\n', "no such state: gone"),
        ("[[price]\n", "replies.en.toml"),
    ],
)
def test_wrong_wordings_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "replies.en.toml").write_text(text)
    with pytest.raises(CorpusError, match=said):
        Corpus("en", folder=tmp_path)


def test_recipe_public_text_that_is_missing_is_named(trained: Path, tmp_path: Path) -> None:
    recipe = ROOT / "llm" / "recipes" / "starter.toml"
    with pytest.raises(SystemExit, match="no such file; --data"):
        run("tokenizer", recipe, "--out", tmp_path, "--data", tmp_path)
