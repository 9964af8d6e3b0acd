"""Tiny checkpoints made on the spot, and an engine running on one of them."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PretrainedConfig, PreTrainedTokenizerFast

from llm.engine import Delta, Priority, Request, SamplingParams, Turn
from llm.engines.local import LocalEngine
from llm.protocol import END, REPLY, SPECIAL_TOKENS, Act, Fact, Plan

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
BYTES = pre_tokenizers.ByteLevel.alphabet()
ASCII = [*map(chr, range(33, 127)), "Ġ", "Ċ"]  # with space and newline as byte-level vocabularies write them
CORPUS = ["how much is the kettle", "it costs more, sure", "这个多少钱", "ht", "tp", "hello there Ada and Bo"] * 4
GREEDY = SamplingParams(temperature=0, max_tokens=40)
TINY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
PLAN = Plan(Act.PRICE, facts=(Fact("name1", "Kettle", "product:1", "name"), Fact("price1", "$5", "product:1", "price")))


def make_tokenizer(
    specials: list[str], end: str, letters: list[str], template: str | None = None
) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=specials, initial_alphabet=letters, show_progress=False
    )
    bpe.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=end, clean_up_tokenization_spaces=False)
    tokenizer.chat_template = template
    return tokenizer


def starter_tokenizer(letters: list[str] = BYTES) -> PreTrainedTokenizerFast:
    return make_tokenizer([*SPECIAL_TOKENS], END, letters)


def chat_tokenizer(template: str | None = CHATML, letters: list[str] = ASCII) -> PreTrainedTokenizerFast:
    return make_tokenizer(["<|im_start|>", "<|im_end|>", "<think>", "</think>"], "<|im_end|>", letters, template)


def save(folder: Path, tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig, spread: float = 0.3) -> str:
    torch.manual_seed(1)
    config.vocab_size, config.eos_token_id = len(tokenizer), tokenizer.eos_token_id
    config.bos_token_id, config.initializer_range, config.tie_word_embeddings = None, spread, False
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def save_wishful(folder: Path, wishes: list[str], *, endless: bool = False) -> str:
    """A starter that wants to say `wishes`, token by token, and then END. An `endless` one, of the kind that has a chat
    template and so gives out each token, says the same again and again."""
    tokenizer = chat_tokenizer() if endless else starter_tokenizer()
    first, last = ("Ċ", "<|im_end|>") if endless else (REPLY, END)
    vocabulary, size = tokenizer.get_vocab(), len(tokenizer)
    config = LlamaConfig(**{**TINY, "hidden_size": size, "num_attention_heads": 1}, head_dim=8, vocab_size=size)
    config.max_position_embeddings, config.tie_word_embeddings = 2048, False
    network = LlamaForCausalLM(config)
    path = [vocabulary[token] for token in (first, *wishes)]
    path.append(path[1] if endless else vocabulary[last])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.model.norm.weight.fill_(1)
        network.model.embed_tokens.weight.copy_(torch.eye(size))
        for token, following in itertools.pairwise(path):
            network.lm_head.weight[following, token] = 5
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def bytewise(text: str) -> list[str]:
    """The byte tokens of a byte-level vocabulary that make up `text`."""
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return list(spell.pre_tokenize_str(text)[0][0])


@contextlib.asynccontextmanager
async def running(
    model: str, queue: int = 64, clock: Callable[[], float] | None = None, slots: int = 0
) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(model, threads=1, queue=queue, slots=slots, **({"clock": clock} if clock else {}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def ask(
    *texts: str,
    plan: Plan = PLAN,
    params: SamplingParams = GREEDY,
    priority: Priority = Priority.REPLY,
    deadline: float = 100,
) -> Request:
    turns = tuple(Turn("user", text, "Ada") for text in texts or ("how much is it",))
    return Request(turns, plan, params, priority, deadline)


async def collect(engine: LocalEngine, request: Request) -> list[Delta]:
    return [piece async for piece in engine.stream(request)]


async def say(engine: LocalEngine, request: Request) -> str:
    return "".join(await collect(engine, request))
