"""The local engine against its peers: the same weights, prompts and greedy replies, interleaved rounds in one process.

Prompts are those of drawn dialogues of the corpus, replies as long as theirs; every stream asks again as soon as its
reply is there, so that they soon come at different times. Two models: random weights of 10M parameters, and the shipped
starter. CPU is that of the whole process with one torch thread; times are CPU time too, so that other programs count
for less. The floor is one read of all weights from memory for each token. llama.cpp is not compared: its package has no
wheel to install here.
"""

import asyncio
import contextlib
import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}  # read when torch is imported, for every thread

import torch
import transformers
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from llm.corpus.vary import Corpora
from llm.engine import Delta, Plan, Request, SamplingParams, Turn
from llm.engines.local import LocalEngine
from llm.engines.local.batch import Batch
from llm.engines.local.model import LocalModel, load
from llm.engines.local.work import Read

STARTER = ROOT / "llm" / "weights" / "starter"
STREAMS = (1, 8, 32)
BARS = {"generate": {1: 1.8, 8: 6, 32: 12}, "continuous batching": {1: 2, 8: 3, 32: 5}}
SHARED = 300  # tokens of the shared prefix
BURST = 32
PATIENCE = 600  # seconds that transformers may take for its first pass on a busy machine


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and how many tokens its reply has."""

    prompt: list[int]
    size: int


@dataclass(slots=True)
class Run:
    """What one engine made of the traffic: CPU seconds, in all, until each first token, and until each reply's end."""

    cpu: float = 0.0
    tokens: int = 0
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    replies: dict[int, list[int]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Fixed:
    """A greedy reply of fixed length: the batch's work without text."""

    prompt: Sequence[int]
    size: int
    feed: Sequence[int]
    position: int = 0
    done: bool = False
    written: list[int] = field(default_factory=list)
    sums: bool = False

    def wanted(self, size: int) -> int:
        return int(size == len(self.feed))

    def read(self, read: Read) -> Delta:
        self.position += read.size
        self.feed = self.feed[read.size :]
        if not self.feed:
            self.written.append(read.likeliest[0])
            self.feed = read.likeliest
            self.done = len(self.written) >= self.size
        return Delta("", "")


def ours(model: LocalModel, traffic: Sequence[Asked], streams: int) -> Run:
    """Our batch. A new one each time, so that no prefix is known from the round before."""
    run, batch = Run(), Batch(model)
    waiting, under_way = list(enumerate(traffic))[::-1], dict[Any, tuple[int, float]]()
    start = time.process_time()
    while waiting or under_way:
        while waiting and batch.free and len(under_way) < streams:
            number, asked = waiting.pop()
            work = Fixed(asked.prompt, asked.size, asked.prompt)
            under_way[work] = number, time.process_time()
            batch.join(work)
        for read in batch.forward(list(under_way)):
            read.work.read(read)
        now = time.process_time()
        for work in list(under_way):
            number, begun = under_way[work]
            if len(work.written) == 1 and number not in run.replies:
                run.first.append(now - begun)
                run.replies[number] = work.written
            if work.done:
                run.whole.append(now - begun)
                batch.leave(work)
                del under_way[work]
    run.cpu, run.tokens = time.process_time() - start, sum(asked.size for asked in traffic)
    return run


def sequential(peer: Any, traffic: Sequence[Asked], streams: int) -> Run:
    """`generate`, one request after the other: who comes while another is served waits."""
    run, begun = Run(), [time.process_time()] * streams
    start = begun[0]
    for number, asked in enumerate(traffic):
        ids, firsts = torch.tensor([asked.prompt]), list[float]()

        def heard(_: Any, __: Any, firsts: list[float] = firsts) -> Any:
            firsts.append(time.process_time())
            return torch.zeros(1, dtype=torch.bool)

        said = peer.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=asked.size, min_new_tokens=asked.size,
            do_sample=False, pad_token_id=0, stopping_criteria=[heard],
        )  # fmt: skip
        now = time.process_time()
        run.replies[number] = said[0, ids.shape[1] :].tolist()
        run.first.append(firsts[0] - begun[number % streams])
        run.whole.append(now - begun[number % streams])
        begun[number % streams] = now
    run.cpu, run.tokens = time.process_time() - start, sum(asked.size for asked in traffic)
    return run


def continuous(manager: Any, traffic: Sequence[Asked], streams: int) -> Run:
    """The continuous batching of transformers, running all the time."""
    run, waiting, under_way = Run(), list(enumerate(traffic))[::-1], dict[str, tuple[int, float]]()
    start = time.process_time()
    while waiting or under_way:
        while waiting and len(under_way) < streams:
            number, asked = waiting.pop()
            name = manager.add_request(asked.prompt, max_new_tokens=asked.size, streaming=True, eos_token_id=-1)
            under_way[name] = number, time.process_time()
        result = manager.get_result(timeout=PATIENCE)
        if result is None:
            raise RuntimeError("the continuous batching of transformers gave nothing for too long")
        number, begun = under_way[result.request_id]
        now = time.process_time()
        if number not in run.replies:
            run.first.append(now - begun)
        run.replies[number] = list(result.generated_tokens)
        if result.is_finished():
            run.whole.append(now - begun)
            del under_way[result.request_id]
    run.cpu, run.tokens = time.process_time() - start, sum(asked.size for asked in traffic)
    return run


def traffic_of(tokenizer: Any, count: int, seed: int) -> list[Asked]:
    """Prompts and lengths of replies as the corpus has them, in both languages."""
    drawn, corpora, found = random.Random(seed), Corpora("dev"), []
    for number in range(count):
        example = corpora.of["en" if number % 3 else "zh"].draw(drawn)
        prompt = tokenizer(example.prompt, add_special_tokens=False)["input_ids"]
        found.append(Asked(prompt, len(tokenizer(example.reply, add_special_tokens=False)["input_ids"]) + 1))
    return found


def floor(model: LocalModel, times: int) -> float:
    """Seconds to read all weights once, the best of several ways and times: as one sum, and as products."""
    network: Any = model.network
    matrices = [
        network._head,
        *(one for layer in network._layers for one in (layer.qkv, layer.out, layer.gate_up, layer.down)),
    ]
    vectors = [torch.ones(1, len(one)) for one in matrices]

    def products() -> None:
        for vector, matrix in zip(vectors, matrices, strict=True):
            torch.mm(vector, matrix)

    def sums() -> None:
        for matrix in matrices:
            matrix.sum()

    return min(timed(way) for way in (products, sums) for _ in range(times))


def timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def arithmetic(model: LocalModel, traffic: Sequence[Asked]) -> float:
    """CPU seconds that the products of this traffic take at the speed of one large product, and nothing else."""
    network: Any = model.network
    body = sum(one.numel() for layer in network._layers for one in (layer.qkv, layer.out, layer.gate_up, layer.down))
    products = sum(body * (len(one.prompt) + one.size - 1) + network._head.numel() * one.size for one in traffic)
    left, right = torch.ones(256, 512), torch.ones(512, 1024)
    best = min(timed(lambda: torch.mm(left, right)) for _ in range(60))
    return products * best / (256 * 512 * 1024)


def step(model: LocalModel, times: int) -> float:
    """Seconds of one token of one stream after a prompt of 64, the median."""
    batch, work = Batch(model), Fixed([7] * 64, 10_000, [7] * 64)
    batch.join(work)
    taken = []
    for _ in range(times):
        start = time.process_time()
        for read in batch.forward([work]):
            read.work.read(read)
        taken.append(time.process_time() - start)
    return statistics.median(taken[5:])


def floor_share(model: LocalModel, times: int = 10) -> float:
    """The floor against a step, the best of each, measured by turns: a busy minute counts for both."""
    pairs = [(floor(model, 6), step(model, 30)) for _ in range(times)]
    return min(least for least, _ in pairs) / min(taken for _, taken in pairs)


def prefix(model: LocalModel, times: int = 9) -> float:
    """Share of the time to the first token that is left where the shop's prompt is known."""
    drawn = random.Random(2)
    shared = [drawn.randrange(10, 8000) for _ in range(SHARED)]

    def first(batch: Batch) -> float:
        work = Fixed(prompt := [*shared, *(drawn.randrange(10, 8000) for _ in range(30))], 1, prompt)
        start = time.process_time()
        batch.join(work)
        while not work.done:
            for read in batch.forward([work]):
                read.work.read(read)
        taken = time.process_time() - start
        batch.leave(work)
        return taken

    warm = Batch(model)
    first(warm)
    pairs = [(first(warm), first(Batch(model, held=0))) for _ in range(times)]
    return statistics.median(known for known, _ in pairs) / statistics.median(unknown for _, unknown in pairs)


def compare(name: str, folder: Path, quick: bool) -> list[Row]:
    """All peers on one model."""
    model, peer = load(str(folder)), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    peer.generation_config = GenerationConfig(do_sample=False, pad_token_id=0, bos_token_id=5)
    batched = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    manager: Any = batched.init_continuous_batching(
        generation_config=GenerationConfig(do_sample=False, pad_token_id=0, eos_token_id=-1, max_new_tokens=64)
    )
    manager.start()
    rows: list[Row] = []
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(STARTER / "tokenizer.json"))
    continuous(manager, traffic_of(tokenizer, 40, 9), 16)  # its first passes take half a minute
    rounds, equal, compared = 2 if quick else 3, 0, 0
    try:
        for streams in STREAMS:
            peers: dict[str, Callable[[list[Asked]], Run]] = {
                "ours": lambda traffic, n=streams: ours(model, traffic, n),  # type: ignore[misc]
                "generate": lambda traffic, n=streams: sequential(peer, traffic, n),  # type: ignore[misc]
                "continuous batching": lambda traffic, n=streams: continuous(manager, traffic, n),  # type: ignore[misc]
            }
            runs: dict[str, list[Run]] = {one: [] for one in peers}
            for number in range(rounds):
                traffic = traffic_of(tokenizer, streams * 2 + (6 if quick else 16), number)
                for one, call in peers.items():
                    gc.collect()
                    runs[one].append(call(traffic))
                for which, reply in runs["generate"][-1].replies.items():
                    compared += 1
                    equal += runs["ours"][-1].replies[which] == reply
            rows += told(name, streams, runs)
        limit = arithmetic(model, traffic) / runs["ours"][-1].cpu
        rows.append(
            Row(f"{name}: share of the machine's arithmetic, 32 streams", limit, "", note="the rest is not products")
        )
    finally:
        manager.stop(block=True)
    rows.append(Row(f"{name}: share of the bandwidth floor, 1 stream", floor_share(model), "", at_least=0.6))
    rows.append(Row(f"{name}: first token with a known prefix of {SHARED}", prefix(model), "of without", at_most=0.25))
    rows.append(Row(f"{name}: replies equal to generate's", equal / compared, "", at_least=1, note=f"{compared}"))
    return rows


def told(name: str, streams: int, runs: dict[str, list[Run]]) -> list[Row]:
    """The rows of one number of streams: speeds are medians of the rounds, ratios medians of each round's."""
    speeds = {one: [run.tokens / run.cpu for run in all_of] for one, all_of in runs.items()}
    title = f"{name}, {streams} stream{'s' if streams > 1 else ''}"
    rows = [
        Row(f"{title}: {one}", statistics.median(speeds[one]), "tokens/CPU-s", note=times_of(all_of))
        for one, all_of in runs.items()
    ]
    for one, bars in BARS.items():
        ratios = sorted(mine / theirs for mine, theirs in zip(speeds["ours"], speeds[one], strict=True))
        spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
        rows.append(Row(f"{title}: ours / {one}", statistics.median(ratios), "x", at_least=bars[streams], note=spread))
    return rows


def times_of(runs: Sequence[Run]) -> str:
    def of(values: list[float]) -> str:
        found = sorted(values)
        return f"{1000 * found[len(found) // 2]:.0f}/{1000 * found[int(0.95 * (len(found) - 1))]:.0f}"

    firsts, wholes = [one for run in runs for one in run.first], [one for run in runs for one in run.whole]
    return f"p50/p95 ms: first {of(firsts)}, whole {of(wholes)}"


async def whole_engine(quick: bool) -> list[Row]:
    """The starter with queue, thread, rules and text: members who ask at once, and what the event loop feels of it."""
    corpus, drawn = Corpora("dev").of["en"], random.Random(4)
    posed = [corpus.pose(drawn) for _ in range(BURST * (2 if quick else 6))]
    engine = LocalEngine(str(STARTER), threads=1)
    await engine.start()
    lags: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            lags.append(1000 * (time.perf_counter() - before - 0.002))

    async def say(plan: Plan, turns: tuple[Turn, ...], seed: int) -> None:
        async with contextlib.aclosing(engine.stream(Request(turns, plan, SamplingParams(seed=seed)))) as pieces:
            async for _ in pieces:
                pass

    watching = asyncio.create_task(watch())
    start = time.process_time()
    for at in range(0, len(posed), BURST):
        burst = [
            say(one.plan, tuple(Turn("user" if name else "assistant", text, name) for name, text in one.turns), at)
            for one in posed[at : at + BURST]
        ]
        await asyncio.gather(*burst)
    cpu, report = time.process_time() - start, engine.report()
    watching.cancel()
    await engine.close()
    lag = sorted(lags)[int(0.99 * (len(lags) - 1))]
    return [
        Row(f"whole engine, starter, {BURST} at once", report.written / cpu, "tokens/CPU-s"),
        Row("the same: replies", len(posed) / cpu, "per CPU-s"),
        Row("the same: lag of the event loop, p99", lag, "ms", at_most=10, note="wall time: other programs count"),
    ]


def random_model(folder: Path) -> Path:
    """10M parameters of chance, with the starter's tokenizer."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=8192, hidden_size=320, intermediate_size=856, num_hidden_layers=7, num_attention_heads=10,
        num_key_value_heads=10, max_position_embeddings=2048, tie_word_embeddings=True, eos_token_id=5, bos_token_id=5,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((STARTER / name).read_bytes())
    return folder


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every row of the table."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    rows = []
    for name, model in (("10M", random_model(folder / "10M")), ("starter", STARTER)):
        rows += await asyncio.to_thread(compare, name, model, quick)
    return [*rows, *await whole_engine(quick)]


def summary(rows: Sequence[Row]) -> str:
    found = {row.name: row.value for row in rows}
    parts = [f"{found[f'10M, {n} stream{chr(115) * (n > 1)}: ours / generate']:.1f}x" for n in STREAMS]
    return f"10M against generate at {', '.join(map(str, STREAMS))} streams: {', '.join(parts)}"


if __name__ == "__main__":
    sys.exit(main("engine", __doc__, measure, summary, takes="about five minutes", quick="two rounds of less traffic"))
