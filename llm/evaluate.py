"""Stage 4, what a model is worth: perplexity, bits per byte, wording a given plan: `python -m llm.evaluate`."""

import argparse
import json
import math
import os
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import track
from tokenizers import Tokenizer

from llm import tokenizer as tokenizers
from llm.corpus.vary import SENTENCE, Corpora, Corpus, CorpusError, Example, every
from llm.data import RecipeError, public_documents, read_recipe
from llm.engine import Request, SamplingParams, Turn
from llm.protocol import END, LANGUAGES, SLOT, Act, State

if TYPE_CHECKING:  # imported only once a thread pool has been chosen, see main
    from transformers import LlamaForCausalLM

HAN = re.compile(r"[\u4e00-\u9fff]")
CHECKS = ("needed", "allowed", "clean", "language", "meaning", "good")
COLUMNS = (*CHECKS, "new", "rewritten", "distinct", "variety")
TEMPERATURES = (0.0, 0.3, 0.7)  # the likeliest, what the bot is set to, and a lively one
PUBLIC_DOCUMENTS = 300
ROWS_AT_ONCE = 16
Kind = tuple[Act, tuple[State, ...]]
Worder = Callable[[list[Example], SamplingParams], list[str]]  # a reply for each example's turns and plan
NEAREST = 4  # forms of a wording with choices that a reply is compared with
TIMES = 20  # so often a plan is worded to see the variety


@dataclass(frozen=True, slots=True)
class Checks:
    """What is right about one reply."""

    needed: bool  # every slot without which it does not answer
    allowed: bool  # no slot that the plan does not offer
    clean: bool  # words and slots only: no digit, no mark, not empty
    language: bool
    meaning: bool  # the nearest written wording is one of the plan's act and states
    new: bool  # as a whole it is none of the written wordings, whatever choices are taken there
    rewritten: bool  # a sentence of it, too, stands in none of them

    @property
    def good(self) -> bool:
        return self.needed and self.allowed and self.clean and self.language and self.meaning


class Meanings:
    """Finds what a reply says by the written wordings that share most letter pairs with it."""

    def __init__(self, corpus: Corpus) -> None:
        self.sentences: set[str] = set()
        self.exact: dict[str, set[Kind]] = defaultdict(set)
        self.pairs: list[tuple[set[str], Kind]] = []
        for group in corpus.groups:
            kind = (group.act, group.states)
            for text in group.texts:
                for at, whole in enumerate(every(text)):
                    self.sentences.update(SENTENCE.split(whole))
                    self.exact[whole].add(kind)
                    if at < NEAREST:
                        self.pairs.append((_pairs(whole), kind))

    def nearest(self, reply: str) -> set[Kind]:
        """The act and states of the nearest wording; several where wordings are equally near."""
        if reply in self.exact:
            return self.exact[reply]
        pairs = _pairs(reply)
        near = [(len(pairs & other) / len(pairs | other), kind) for other, kind in self.pairs]
        best = max(share for share, _ in near)
        return {kind for share, kind in near if share == best}

    def rewritten(self, reply: str) -> bool:
        """Whether a sentence of it stands in no written wording, whatever choices are taken there."""
        return any(one not in self.sentences for one in SENTENCE.split(reply) if one)


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(max(1, len(text) - 1))}


def check(example: Example, reply: str, meanings: Meanings) -> Checks:
    """Compare a generated reply with the plan that it was asked to word."""
    used, words = {*SLOT.findall(reply)}, SLOT.sub("", reply)
    han, latin = HAN.search(words) is not None, re.search(r"[A-Za-z]", words) is not None
    return Checks(
        needed=used >= {*example.plan.needs},
        allowed=used <= {*example.plan.slots},
        clean=bool(reply.strip()) and not re.search(r"[\d<>|]", words),
        language=(han or not latin) if example.plan.language == "zh" else not han,
        meaning=(example.plan.act, example.plan.states) in meanings.nearest(reply),
        new=reply not in meanings.exact,
        rewritten=meanings.rewritten(reply),
    )


def likelihood(model: "LlamaForCausalLM", tokenizer: Tokenizer, texts: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Perplexity per token and bits per UTF-8 byte of (given, learnt) texts. The end mark costs bits, has no bytes."""
    from llm import model as models

    pairs = list(texts)
    pad, context = tokenizers.mark(tokenizer, tokenizers.PAD), model.config.max_position_embeddings
    nats, tokens = 0.0, 0
    for at in track(range(0, len(pairs), ROWS_AT_ONCE), "likelihood", transient=True):
        rows = []
        for given, learnt in pairs[at : at + ROWS_AT_ONCE]:
            start = tokenizer.encode(given).ids if given else []
            ids = [*start, *tokenizer.encode(learnt).ids]
            rows.append((ids[:context], len(start)))
        summed, count = models.loss(model, rows, pad)
        nats, tokens = nats + summed.item(), tokens + count
    size = sum(len(learnt.replace(END, "").encode()) for _, learnt in pairs)
    return {"perplexity": math.exp(nats / tokens), "bits_per_byte": nats / math.log(2) / size, "tokens": tokens}


def likelihoods(
    model: "LlamaForCausalLM", tokenizer: Tokenizer, count: int, recipe: dict[str, Any], data: Path | None
) -> dict[str, dict[str, float]]:
    """How likely the model finds held-out dialogue, the wordings that it was trained on, and held-out public text."""
    rows = {}
    for name, split in (("replies, held-out wordings", "dev"), ("replies, known wordings", "train")):
        rng, corpora = random.Random(7), Corpora("dev" if split == "dev" else "train")
        for language in LANGUAGES:
            drawn = [corpora.of[language].draw(rng) for _ in range(count)]
            texts = [(example.prompt, f"{example.reply}{END}") for example in drawn]
            rows[f"{name}, {language}"] = likelihood(model, tokenizer, texts)
    if data is not None:
        documents = list(public_documents(recipe, data, "dev"))
        random.Random(7).shuffle(documents)
        texts = [("", text) for text in documents[:PUBLIC_DOCUMENTS]]
        if texts:  # a recipe without [pretrain.sources] has none
            rows["public text, held out"] = likelihood(model, tokenizer, texts)
    return rows


def through_engine(folder: Path) -> Worder:
    """Words as the bot does: the engine's own prompt, and its rules for slots and digits. Raises ModelNotUsable."""
    from llm.engines.local.batch import replies
    from llm.engines.local.model import load

    local = load(str(folder))

    def word(examples: list[Example], params: SamplingParams) -> list[str]:
        requests = []
        for number, example in enumerate(examples):
            turns = tuple(Turn("user" if name else "assistant", text, name) for name, text in example.turns)
            requests.append(Request(turns, example.plan, replace(params, seed=(params.seed or 0) * 10_000 + number)))
        found = dict(track(replies(local, requests), "wording", total=len(requests), transient=True))
        return [found[number] for number in range(len(requests))]

    return word


def score(
    word: Worder, language: str, count: int, temperature: float
) -> tuple[dict[str, float], dict[str, float], list[dict[str, str]]]:
    """Generate for held-out questions about unseen shops: shares of right replies, by act, and the replies."""
    rng, corpus = random.Random(11), Corpora("dev").of[language]
    posed = [corpus.pose(rng) for _ in range(count)]
    replies = word(posed, SamplingParams(temperature=temperature, seed=1))
    meanings = Meanings(corpus)
    checked = [check(example, reply, meanings) for example, reply in zip(posed, replies, strict=True)]
    shares = {name: sum(getattr(found, name) for found in checked) / count for name in (*CHECKS, "new", "rewritten")}
    shares["distinct"] = len({(example.plan.act, reply) for example, reply in zip(posed, replies, strict=True)}) / count
    by_act = defaultdict(list)
    for example, found in zip(posed, checked, strict=True):
        by_act[str(example.plan.act)].append(found.good)
    acts = {act: sum(good) / len(good) for act, good in sorted(by_act.items())}
    shown = [
        {"prompt": example.prompt, "reply": reply, "good": "yes" if found.good else "no"}
        for example, reply, found in zip(posed, replies, checked, strict=True)
    ]
    return shares, acts, shown


def variety(word: Worder, language: str, count: int, temperature: float) -> float:
    """Share of different replies where the same plan is worded again and again, `count` times in all or a bit more."""
    rng, corpus = random.Random(13), Corpora("dev").of[language]
    posed = [corpus.pose(rng) for _ in range(max(1, count // TIMES))]
    repeated = [one for one in posed for _ in range(TIMES)]
    replies = word(repeated, SamplingParams(temperature=temperature, seed=2))
    each = [len({*replies[at : at + TIMES]}) / TIMES for at in range(0, len(replies), TIMES)]
    return sum(each) / len(each)


def report(folder: Path, count: int, recipe: dict[str, Any], data: Path | None) -> dict[str, Any]:
    """Every figure of a model as one JSON-able dict. Raises RecipeError, CorpusError."""
    from llm import model as models

    tokenizer, model = tokenizers.load(folder), models.load(folder)
    result: dict[str, Any] = {"parameters": models.parameters(model), "vocabulary": tokenizer.get_vocab_size()}
    with models.measuring():
        result["likelihood"] = likelihoods(model, tokenizer, count, recipe, data)
    result["plan_given"], result["acts"], result["replies"] = {}, {}, {}
    word = through_engine(folder)
    for language in LANGUAGES:
        for temperature in TEMPERATURES:
            key = f"{language}, temperature {temperature}"
            scored = score(word, language, count, temperature)
            result["plan_given"][key], result["acts"][key], result["replies"][key] = scored
            result["plan_given"][key]["variety"] = variety(word, language, count, temperature)
    return result


def table(result: dict[str, Any]) -> str:
    """The report for reading."""
    lines = [f"{result['parameters']:,} parameters, {result['vocabulary']:,} tokens", ""]
    lines.append(f"{'':34}perplexity  bits/byte")
    for name, row in result["likelihood"].items():
        lines.append(f"{name:34}{row['perplexity']:10.2f}{row['bits_per_byte']:11.3f}")
    lines += ["", f"{'given the plan, share of replies':34}" + "".join(f"{name:>10}" for name in COLUMNS)]
    for key, row in result["plan_given"].items():
        lines.append(f"{key:34}" + "".join(f"{row[name]:10.1%}" for name in COLUMNS))
    lines += ["", f"{'good replies by act':34}" + "".join(f"{name[:2] + name[-4:]:>10}" for name in result["acts"])]
    for act in next(iter(result["acts"].values())):
        lines.append(f"{act:34}" + "".join(f"{row.get(act, math.nan):10.0%}" for row in result["acts"].values()))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.evaluate",
        description="Measure a model on wordings and invented shops that it never saw. Perplexity and bits per byte "
        "say how likely it finds them (bits per byte can be compared between tokenizers). The shares say how often, "
        "given the plan, a reply has every needed slot, no slot that was not offered, nothing but words and slots, the "
        "right language, and is nearest to a written wording of the same act and states.",
        epilog="next: python -m llm.sample FOLDER",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a run's folder, or llm/weights/starter")
    parser.add_argument("--count", type=int, default=300, help="replies per language and line (default 300)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, the replies too")
    parser.add_argument("--recipe", type=Path, help="with --data: whose public text is measured")
    parser.add_argument("--data", type=Path, help="folder of public text")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    options = parser.parse_args()
    if options.data and not options.recipe:
        parser.error("--data needs --recipe, which lists the public files")
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    import torch

    torch.set_num_threads(options.threads)
    try:
        recipe = read_recipe(options.recipe) if options.recipe else {}
        result = report(options.folder, options.count, recipe, options.data)
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(result) + "\n")


if __name__ == "__main__":
    main()
