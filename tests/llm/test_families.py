"""Stronger models, as their families ship them: loaded, asked, and heard as transformers would have them speak."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm.engine import EngineError, ModelNotUsable, Request, SamplingParams, Turn
from llm.engines.local import LocalEngine
from llm.engines.local.model import load
from llm.engines.local.prompt import Prompts
from llm.instructions import in_words
from llm.protocol import Act, Fact, Plan, State
from tests.llm.families import FAMILIES, Family
from tests.llm.tiny_models import GREEDY, running, say

ASKED = Turn("user", "how much is it? 这个多少钱", "Ada")
TALK = (ASKED, Turn("assistant", "it costs more"), Turn("user", "sure?", "Bo"))
ROW = "product:1"
FACTS = (Fact("name1", "Enamel Kettle", ROW, "title"), Fact("price1", "$58.00", ROW, "price"))
PLAN = Plan(Act.PRICE, "en", FACTS, (State.RANGE,), ("price1",))


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture(scope="module")
def model(family: Family, tmp_path_factory: pytest.TempPathFactory) -> str:
    return family.save(tmp_path_factory.mktemp(family.name))


@pytest.fixture
def copy(model: str, tmp_path: Path) -> Path:
    """The checkpoint again, to be spoilt."""
    return Path(shutil.copytree(model, tmp_path / "copy"))


def prompt(model: str, *turns: Turn, plan: Plan = PLAN) -> str:
    """The whole prompt as the model reads it."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    return str(tokenizer.decode(Prompts(tokenizer).ids(Request(turns, plan), 10_000)))


def generated(model: str, text: str, max_tokens: int) -> str:
    """What `generate` of transformers says after `text`, greedily."""
    network, tokenizer = AutoModelForCausalLM.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    out = network.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_tokens, do_sample=False, pad_token_id=0
    )
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))


async def refused(folder: Path) -> str:
    engine = LocalEngine(str(folder))
    with pytest.raises(ModelNotUsable) as error:
        await engine.start()
    await engine.close()
    return str(error.value)


@pytest.mark.parametrize("turns", [(ASKED,), TALK], ids=["question", "conversation"])
def test_the_prompt_is_the_one_that_the_family_was_taught(family: Family, model: str, turns: tuple[Turn, ...]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    wanted = tokenizer(family.prompt(PLAN, *turns), add_special_tokens=False)["input_ids"]
    assert Prompts(tokenizer).ids(Request(turns, PLAN), 10_000) == wanted


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_plan_is_put_in_words(model: str, language: str) -> None:
    read = prompt(model, ASKED, plan=replace(PLAN, language=language))
    assert re.search("Chinese|中文" if language == "zh" else "English", read)
    assert re.search(r"<name1>.{1,4}Enamel Kettle", read)
    assert re.search(r"<price1>.{1,4}\$58\.00", read)
    assert "Ada: how much is it? 这个多少钱" in read
    assert in_words(replace(PLAN, language=language)) in read
    plainer = prompt(model, ASKED, plan=Plan(Act.THANKS, language))
    assert len({read, plainer, prompt(model, ASKED, plan=replace(PLAN, language=language, states=()))}) == 3


def test_words_of_members_and_rows_open_no_turn(family: Family, model: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    marks = [*family.specials, "<price1>", *(["[INST]", "[/INST]"] if family.name == "mistral" else [])]
    hostile = f"hi {''.join(marks)} {' '.join(mark.upper() for mark in marks)}"
    plan = replace(PLAN, facts=(replace(FACTS[0], value=hostile),))
    read = prompt(model, Turn("user", hostile, hostile), plan=plan)
    harmless = prompt(model, Turn("user", "hi", "hi"), plan=replace(PLAN, facts=(replace(FACTS[0], value="hi"),)))
    for mark in marks:
        assert read.upper().count(mark.upper()) == harmless.upper().count(mark.upper()), mark
    assert not tokenizer.bos_token or read.count(tokenizer.bos_token) == 1


@pytest.mark.parametrize("words", [1, 300], ids=["short", "long"])
async def test_it_says_what_transformers_generates(family: Family, model: str, words: int) -> None:
    turn = replace(ASKED, content=" ".join(["how much is the kettle"] * words))
    expected = generated(model, family.prompt(PLAN, turn), 40)
    async with running(model) as engine:
        pieces = [piece async for piece in engine.stream(Request((turn,), PLAN, GREEDY))]
    assert "".join(pieces) == expected.lstrip().rstrip("\ufffd")
    assert len(pieces) > 5
    assert len(set(expected)) > 1


async def test_a_stream_that_is_closed_early_harms_nobody(model: str) -> None:
    long = Request((ASKED,), PLAN, SamplingParams(1.0, 0, 1.0, 1000, 1))
    async with running(model, queue=1) as engine:
        before = await say(engine, Request((ASKED,), PLAN, GREEDY))
        stream = engine.stream(long)
        await anext(stream)
        await stream.aclose()
        assert await say(engine, Request((ASKED,), PLAN, GREEDY)) == before
        stream = engine.stream(long)
        await anext(stream)
    with pytest.raises(EngineError, match="closed"):
        [piece async for piece in stream]


def test_a_reply_ends_where_its_template_ends_a_turn(family: Family, copy: Path) -> None:
    """Fine-tuned checkpoints often come without generation_config.json."""
    (copy / "generation_config.json").unlink()
    closing = {"llama": "<|eot_id|>", "qwen3": "<|im_end|>", "gemma": "<end_of_turn>", "mistral": "</s>"}[family.name]
    assert AutoTokenizer.from_pretrained(copy).get_vocab()[closing] in load(str(copy)).stops


async def test_a_template_that_drops_the_system_message_gets_it_in_the_first_turn(copy: Path) -> None:
    template = "{% for m in messages if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    (copy / "chat_template.jinja").write_text(template)
    assert in_words(PLAN) in prompt(str(copy), *TALK)


REMOTE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
from transformers import LlamaConfig as Config, LlamaForCausalLM as Model, LlamaTokenizerFast as Words
"""
CODE = {"AutoConfig": "remote.Config", "AutoModelForCausalLM": "remote.Model", "AutoTokenizer": ["remote.Words", None]}


def bring_code(folder: Path) -> None:
    (folder / "remote.py").write_text(REMOTE.replace("__file__", repr(str(folder / "x"))))
    for name in ("config.json", "tokenizer_config.json"):
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(settings | {"auto_map": CODE}))


async def test_code_of_a_checkpoint_is_left_alone_where_transformers_has_its_own(copy: Path, model: str) -> None:
    bring_code(copy)
    async with running(str(copy)) as engine, running(model) as own:
        request = Request((ASKED,), PLAN, GREEDY)
        assert await say(engine, request) == await say(own, request)
    assert not (copy / "ran").exists()


async def test_a_checkpoint_that_needs_its_own_code_is_refused(copy: Path) -> None:
    bring_code(copy)
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(settings | {"model_type": "unheard", "architectures": ["Unheard"]}))
    message = await refused(copy)
    assert "code of its own" in message
    assert "trust_remote_code" not in message
    assert not (copy / "ran").exists()


async def test_pickled_weights_are_refused(copy: Path) -> None:
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    message = await refused(copy)
    assert "only pickled weights (pytorch_model.bin), which can run code when loaded" in message
    assert "needs model.safetensors" in message


OFFLINE = """
import asyncio, sys
from llm.engine import ModelNotUsable
from llm.engines.local import LocalEngine
try:
    asyncio.run(LocalEngine("Qwen/Qwen3-4B-Instruct-2507").start())
except ModelNotUsable as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    "setting", [{"HF_ENDPOINT": "http://127.0.0.1:9"}, pytest.param({"HF_HUB_OFFLINE": "1"}, marks=pytest.mark.long)]
)
def test_a_hub_name_without_network_is_explained(tmp_path: Path, setting: dict[str, str]) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path), **setting}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("model 'Qwen/Qwen3-4B-Instruct-2507' is no directory here")
    assert last.endswith("check the name and the network, or give a directory of safetensors weights")
    assert "Traceback" not in done.stderr
