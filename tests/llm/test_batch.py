"""The batch says what transformers generates, token for token, in whatever company a request is served."""

import dataclasses
import functools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from llm.engine import Request, SamplingParams, Turn
from llm.engines.local.batch import Batch, replies
from llm.engines.local.generation import Generation
from llm.engines.local.huggingface import Module
from llm.engines.local.lean import Lean
from llm.engines.local.model import LocalModel, load
from llm.engines.local.network import Lost, Piece, Positions
from llm.engines.local.work import Embedding, Scoring
from tests.llm.tiny_models import ASCII, PLAN, TINY, chat_tokenizer, save, starter_tokenizer

GROUPED = {**TINY, "num_key_value_heads": 2, "max_position_embeddings": 2048}
LLAMA3 = {
    "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64, "rope_theta": 500.0,
}  # fmt: skip
CONFIGS: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**GROUPED),
    "llama3": LlamaConfig(**GROUPED, rope_parameters=LLAMA3),
    "mistral": MistralConfig(**GROUPED, sliding_window=None),
    "qwen2": Qwen2Config(**GROUPED),
    "qwen3": Qwen3Config(**GROUPED, head_dim=16),
    "gpt2": GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=1024),
}
LEAN = {"llama", "llama3", "mistral", "qwen2", "qwen3"}
PROMPTS = 200
FEWER = {"llama3": 50, "mistral": 50, "qwen2": 50, "gpt2": 50}  # of what differs little from the others
SHOP = "how much is the kettle, it costs more, sure, hello there Ada and Bo "


class Words:
    """Prompts that are what the last turn says, and no more."""

    starter = plain = False

    def __init__(self, model: LocalModel) -> None:
        self._tokenizer = model.tokenizer

    def ids(self, request: Request, room: int) -> list[int]:
        found: list[int] = self._tokenizer(request.turns[-1].content, add_special_tokens=False)["input_ids"]
        return found[:room]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=CONFIGS)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(family)
    save(folder, chat_tokenizer(), CONFIGS[family])
    network = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():  # norms and biases of new weights are all ones and zeros
        for name, parameter in network.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(len(name)))
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalModel:
    return opened(folder)


def opened(folder: Path) -> LocalModel:
    model = load(str(folder))
    return dataclasses.replace(model, prompts=Words(model))  # type: ignore[arg-type]


def requests(count: int, repetition: float = 1.0) -> list[Request]:
    """Short and long prompts with replies of different lengths; every third begins with the same words."""
    drawn, words = random.Random(5), SHOP.split()
    found = []
    for number in range(count):
        text = " ".join(drawn.choices(words, k=drawn.choice((1, 4, 9, 16))))
        text = SHOP + text if number % 3 == 0 else text
        params = SamplingParams(temperature=0, max_tokens=drawn.randint(1, 12), repetition=repetition)
        found.append(Request((Turn("user", text, "Ada"),), PLAN, params))
    return found


def generated(folder: Path, model: LocalModel, asked: Sequence[Request]) -> list[list[int]]:
    """What `generate` of transformers writes, greedily, without the mark of the end."""
    network = AutoModelForCausalLM.from_pretrained(folder)
    replies = []
    for one in asked:
        ids = torch.tensor([Generation(model, one).prompt])
        said = network.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=one.params.max_tokens, do_sample=False,
            pad_token_id=0, eos_token_id=sorted(model.stops), repetition_penalty=one.params.repetition,
        )  # fmt: skip
        replies.append([token for token in said[0, ids.shape[1] :].tolist() if token not in model.stops])
    return replies


def served(batch: Batch, asked: Sequence[Request], together: int) -> list[list[int]]:
    """The batch's replies with so many under way, one more joining at each step."""
    waiting, under_way, replies = list(enumerate(asked))[::-1], dict[Generation, int](), dict[int, list[int]]()
    while waiting or under_way:
        if waiting and batch.free and len(under_way) < together:
            number, one = waiting.pop()
            work = Generation(batch.model, one)
            batch.join(work)
            under_way[work] = number
        for read in batch.forward(list(under_way)):
            read.work.read(read)
        for work in [work for work in under_way if work.done]:
            replies[under_way.pop(work)] = work.written
            batch.leave(work)
    assert batch.free == batch.slots
    return [replies[number] for number in range(len(asked))]


def count_of(family: str) -> int:
    return FEWER.get(family, PROMPTS)


@functools.cache
def expected(folder: Path, count: int) -> list[list[int]]:
    return generated(folder, opened(folder), requests(count))


MODES = {
    "alone": (1, {"held": 0}),
    "batch": (16, {"held": 0}),
    "chunked": (16, {"held": 0, "chunk": 5}),
    "prefixes": (16, {}),
    "few prefixes": (16, {"held": 60_000}),
}


@pytest.mark.parametrize("mode", MODES)
def test_greedy_equals_generate_token_for_token(family: str, folder: Path, model: LocalModel, mode: str) -> None:
    together, settings = MODES[mode]
    batch = Batch(model, **settings)  # type: ignore[arg-type]
    asked = requests(count_of(family))
    assert served(batch, asked, together) == expected(folder, len(asked))
    if "prefixes" in mode and isinstance(model.network, Positions):
        assert batch.prefixes.reused > 5 * len(asked)
        assert 0 < batch.prefixes.held <= settings.get("held", 2**26)  # type: ignore[attr-defined]
    else:
        assert batch.prefixes.reused == batch.prefixes.held == 0


def test_repetition_is_that_of_transformers(folder: Path, model: LocalModel) -> None:
    asked = requests(20, repetition=1.4)
    assert served(Batch(model), asked, 8) == generated(folder, model, asked)


def test_the_network_is_lean_where_it_can_be(family: str, model: LocalModel) -> None:
    assert type(model.network) is (Lean if family in LEAN else Module)


@pytest.mark.parametrize("chunk", [7, 128])
def test_a_text_is_scored_as_transformers_would(folder: Path, model: LocalModel, chunk: int) -> None:
    network, batch = AutoModelForCausalLM.from_pretrained(folder), Batch(model, chunk=chunk)
    beside = Generation(model, requests(1)[0])  # so that the text is read in chunks
    batch.join(beside)
    for _ in range(2):  # the second finds its prompt in the prefix cache
        work = Scoring(model, requests(1)[0], "it costs more, sure")
        batch.join(work)
        while not work.done:
            for read in batch.forward([beside, work]):
                read.work.read(read)
        batch.leave(work)
        ids = [*work.prompt, *model.tokenizer("it costs more, sure", add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            chances = network(torch.tensor([ids])).logits[0].log_softmax(-1)
        wanted = [float(chances[at - 1, ids[at]]) for at in range(len(work.prompt), len(ids))]
        assert work.chances == pytest.approx(wanted, abs=1e-3)
        beside = Generation(model, requests(1)[0])
        batch.join(beside)


@pytest.mark.parametrize("chunk", [7, 128])
def test_a_text_is_embedded_as_transformers_would(folder: Path, model: LocalModel, chunk: int) -> None:
    network, batch = AutoModelForCausalLM.from_pretrained(folder), Batch(model, chunk=chunk)
    beside, work = Generation(model, requests(1)[0]), Embedding(model, f"{SHOP}sure")
    batch.join(beside)
    batch.join(work)
    while not work.done:
        for read in batch.forward([beside, work] if not beside.done else [work]):
            read.work.read(read)
    ids = model.tokenizer(f"{SHOP}sure")["input_ids"]
    with torch.inference_mode():
        states = network(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0]
    mean = states.mean(0)
    assert work.vector == pytest.approx((mean / mean.norm()).tolist(), abs=1e-4)


def again(step: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, Callable[[], object]]:
    """In place of a recording: the step itself, into the same memory."""
    result = step().clone()
    return result, lambda: result.copy_(step())


def test_steps_of_fixed_shape_say_the_same(family: str, folder: Path) -> None:
    if family not in LEAN:
        pytest.skip("runs through its module")
    model, asked = opened(folder), requests(30)
    assert isinstance(model.network, Lean)
    model.network.graphs = model.network.graphed("cpu", again)
    assert served(Batch(model), asked, 16) == expected(folder, count_of(family))[:30]
    assert {rows for rows, _ in model.network.graphs._recorded} >= {4, 8}


def test_a_recording_that_fails_or_lies_is_not_used(
    family: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if family not in LEAN:
        pytest.skip("runs through its module")

    def fails(_: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, Callable[[], object]]:
        raise RuntimeError("operation not permitted when stream is capturing")

    def lies(step: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, Callable[[], object]]:
        return step().flip(-1), lambda: None

    model, asked = opened(folder), requests(5)
    assert isinstance(model.network, Lean)
    for recorder, said in ((fails, "not permitted"), (lies, "something else")):
        model.network.graphs = model.network.graphed("cpu", recorder)
        assert served(Batch(model), asked, 2) == expected(folder, count_of(family))[:5]
        assert said in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_s_recorded_steps_give_what_the_steps_give(folder: Path) -> None:
    model = opened(folder)
    assert model.device == "cuda, bfloat16"
    asked = requests(30)
    said = served(Batch(model), asked, 16)
    if isinstance(model.network, Lean):
        assert model.network.graphs
        assert model.network.graphs._recorded
        model.network.graphs = None
        plain = served(Batch(model), asked, 16)
        assert sum(one == other for one, other in zip(said, plain, strict=True)) > 25  # bf16 may turn a near tie


def test_a_model_without_keys_and_values_reads_all_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, chat_tokenizer(), MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4))
    model = opened(tmp_path)
    assert type(model.network) is Module
    asked = requests(10)
    assert served(Batch(model), asked, 4) == generated(tmp_path, model, asked)
    assert "keeps no keys and values" in caplog.text


def test_a_reply_that_is_begun_again_goes_back_in_any_network(tmp_path: Path) -> None:
    save(tmp_path, starter_tokenizer(ASCII), LlamaConfig(**GROUPED))
    lean = load(str(tmp_path))
    module = dataclasses.replace(lean, network=Module(AutoModelForCausalLM.from_pretrained(tmp_path).eval()))
    asked = [
        Request((Turn("user", SHOP[:size], "Ada"),), PLAN, SamplingParams(1.0, seed=size, max_tokens=8))
        for size in range(1, 60, 5)
    ]
    work = [Generation(lean, one) for one in asked]
    for one in work:
        batch = Batch(lean)
        batch.join(one)
        while not one.done:
            for read in batch.forward([one]):
                read.work.read(read)
    assert sum(one._begun > 1 for one in work) > 5
    assert dict(replies(module, asked)) == dict(replies(lean, asked))


def test_a_sliding_window_is_left_to_transformers(tmp_path: Path) -> None:
    save(tmp_path, chat_tokenizer(), MistralConfig(**GROUPED, sliding_window=8))
    model = opened(tmp_path)
    assert type(model.network) is Module
    asked = requests(10)
    assert served(Batch(model), asked, 4) == generated(tmp_path, model, asked)


class Full(Module):
    """A module without memory left for one slot."""

    slot = -1

    def _read(self, piece: Piece) -> tuple[torch.Tensor, torch.Tensor]:
        if piece.slot == self.slot:
            raise Lost(piece.slot)
        return super()._read(piece)


async def test_memory_that_runs_out_in_a_module_costs_one_reply(tmp_path: Path) -> None:
    save(tmp_path, chat_tokenizer(), CONFIGS["gpt2"])
    full = Full(AutoModelForCausalLM.from_pretrained(tmp_path).eval())
    model = dataclasses.replace(opened(tmp_path), network=full)
    first, second, third = (Generation(model, one) for one in requests(3))
    batch, alone = Batch(model), served(Batch(model), requests(3), 1)
    for work in (first, second, third):
        batch.join(work)
    full.slot = batch._at[second]
    with pytest.raises(Lost) as lost:
        batch.forward([first, second, third])
    assert batch.at(lost.value.slot) is second
    batch.leave(second)
    while not (first.done and third.done):
        for one in batch.forward([work for work in (first, third) if not work.done]):
            one.work.read(one)
    assert [first.written, third.written] == [alone[0], alone[2]]
