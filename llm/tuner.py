"""The torch side of `python -m llm.finetune`: a causal model, LoRA on it (Hu et al. 2021, by peft), and what it finds
likely before and after."""

import inspect
import math
import random
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging
from transformers.utils.hub import cached_file

from llm.chats import Article, Reply
from llm.corpus.vary import Corpora, Example
from llm.digest import digest
from llm.engine import ModelNotUsable, Request, Turn
from llm.engines.local.prompt import Prompts
from llm.protocol import END, Fact, Plan

LEARNT = -100  # what cross_entropy leaves out
LOGITS = 2**25  # of one part of a batch: 128 MB, three times that while it learns
ARTICLE_TOKENS, ARTICLE_WEIGHT, ARTICLE_SHARE = 256, 0.1, 0.25
CONTEXT = 1024  # tokens of a conversation; a bot's prompt is shorter
CORPUS_WEIGHT = 0.25  # enough to remember; more drowns the export where a corpus is newer than the model
LOOK, PATIENCE = 5, 3  # steps between two looks at the watched replies; looks in a row that were no better
GENTLER = 0.3  # times the rate, once more from the start where nothing was better: a bot's own words are nearly known
MARK = "the reply goes here"
# Files of the base that are the new model's too: its tokenizer byte for byte, and the notices of whose text it learnt.
KEPT = ("tokenizer*", "vocab*", "merges.txt", "*.model", "*_tokens*.json", "chat_template*", "*NOTICE*", "LICENSE*")


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids, the index of the first one that is learnt, how much each counts, the UTF-8 bytes of what is learnt."""

    ids: list[int]
    first: int
    weight: float
    size: int


class Student:
    """A model with its tokenizer, in fp32. Raises ModelNotUsable."""

    def __init__(self, model: str) -> None:
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self.dtype = AutoConfig.from_pretrained(model).dtype or torch.float32  # nosec B615  # named by who tunes
            self.tokenizer: Any = AutoTokenizer.from_pretrained(model)  # nosec B615  # the same
            safe = {"dtype": torch.float32, "use_safetensors": True}
            loaded: Any = AutoModelForCausalLM.from_pretrained(model, **safe)  # nosec B615  # the same
            self.folder = Path(model) if Path(model).is_dir() else Path(str(cached_file(model, "config.json"))).parent
        except (OSError, ValueError) as error:
            raise ModelNotUsable(
                f"model {model!r} can't be loaded: {str(error).partition(chr(10))[0]}; a folder or hub name of a "
                "causal model with safetensors weights would be right"
            ) from None
        self.module: Any = loaded.eval()
        self.prompts = Prompts(self.tokenizer)
        self._ending = self._end()
        self._context = min(CONTEXT, getattr(loaded.config, "max_position_embeddings", None) or CONTEXT)
        self._some = "logits_to_keep" in inspect.signature(loaded.forward).parameters

    def reply(self, one: Reply | Example) -> Row:
        """What the bot would have put before this model, then the reply, which alone is learnt."""
        facts = tuple(Fact(slot, f"the {slot.rstrip('123')}", "", "") for slot in one.plan.slots)
        plan = Plan(one.plan.act, one.plan.language, facts, one.plan.states)
        turns = tuple(Turn("user" if name else "assistant", text, name) for name, text in one.turns)
        learnt = self._ids(one.reply + self._ending)
        given = self.prompts.ids(Request(turns, plan), self._context - len(learnt))
        return Row([*given, *learnt], len(given), 1.0, len(one.reply.encode()))

    def article(self, one: Article) -> Row:
        """An article as plain text, its beginning where it is long."""
        text = f"{one.title}\n{one.body}"
        return Row(self._ids(text)[:ARTICLE_TOKENS], 1, ARTICLE_WEIGHT, len(text.encode()))

    @torch.inference_mode()
    def bits_per_byte(self, rows: Sequence[Row]) -> float:
        """Of the learnt part. The end mark costs bits and has no bytes, as in `llm.evaluate`."""
        nats = sum(self._nats(part).sum().item() for part in self._parts(rows))
        return nats / math.log(2) / sum(row.size for row in rows)

    def add_lora(self, rank: int, seed: int) -> list[torch.nn.Parameter]:
        """Put a low-rank matrix beside every linear layer but the head; returns what is to be learnt."""
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name of last year's
            self.module = get_peft_model(self.module, config)
        return [weight for weight in self.module.parameters() if weight.requires_grad]

    def backward(self, rows: Sequence[Row]) -> float:
        """Add the gradients of a batch, put through in parts; returns its loss in nats per learnt token."""
        total = sum(row.weight * (len(row.ids) - row.first) for row in rows)
        loss = 0.0
        for part in self._parts(rows):
            weights = torch.tensor([row.weight for row in part])
            summed = (self._nats(part) * weights).sum() / total
            summed.backward()  # type: ignore[no-untyped-call]
            loss += summed.item()
        return loss

    def save(self, folder: Path) -> None:
        """The whole model with what was learnt merged in, in the numbers that the base was stored in."""
        self.module = self.module.merge_and_unload().to(self.dtype)
        self.module.save_pretrained(folder)
        for file in (file for pattern in KEPT for file in self.folder.glob(pattern)):
            shutil.copy(file, folder / file.name)

    def digest(self) -> str:
        """sha256 over the base's weights."""
        return digest(self.folder)

    def _end(self) -> str:
        """What this model writes after a reply."""
        if self.prompts.starter:
            return END
        if self.prompts.plain:
            return str(self.tokenizer.eos_token or "\n")
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": MARK}]
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(MARK)[2].strip()

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _parts(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """By length, so that little is padding; as many at once as their logits leave room for."""
        part: list[Row] = []
        for row in sorted(rows, key=lambda row: len(row.ids)):
            if part and (len(part) + 1) * len(row.ids) * self.module.config.vocab_size > LOGITS:
                yield part
                part = []
            part.append(row)
        if part:
            yield part

    def _nats(self, rows: Sequence[Row]) -> torch.Tensor:
        """Summed cross-entropy of each row's learnt tokens. Padding stands on the right, where nothing looks at it."""
        longest = max(len(row.ids) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        targets = torch.full((len(rows), longest), LEARNT)
        for at, row in enumerate(rows):
            whole = torch.tensor(row.ids)
            ids[at, : len(whole)] = whole
            targets[at, row.first : len(whole)] = whole[row.first :]
        keep = longest - min(row.first for row in rows) + 1  # logits from the token before the first learnt one
        logits = self.module(input_ids=ids, **({"logits_to_keep": keep} if self._some else {})).logits
        wanted = targets[:, -keep + 1 :]
        made = logits[:, -keep:-1].float().transpose(1, 2)
        return cross_entropy(made, wanted, reduction="none", ignore_index=LEARNT).sum(1)


class Best:
    """Remembers the weights that found the watched replies likeliest, beginning with those that nothing taught."""

    def __init__(self, student: Student, weights: list[torch.nn.Parameter], watched: Sequence[Row]) -> None:
        self._student, self._weights, self._watched = student, weights, watched
        self.step = self._seen = 0
        self._bits = student.bits_per_byte(watched)
        self._kept = [one.detach().clone() for one in weights]

    def look(self, step: int) -> bool:
        """Keep the weights if they are better; whether there is hope that later ones will be."""
        bits = self._student.bits_per_byte(self._watched)
        if bits < self._bits:
            self.step, self._seen, self._bits = step, 0, bits
            self._kept = [one.detach().clone() for one in self._weights]
        else:
            self._seen += 1
        return self._seen < PATIENCE

    def restore(self) -> None:
        self._seen = 0
        with torch.no_grad():
            for one, kept in zip(self._weights, self._kept, strict=True):
                one.copy_(kept)


def learn(
    student: Student,
    replies: Sequence[Reply],
    articles: Sequence[Article],
    settings: dict[str, Any],
    told: Callable[[int, float], None],
    watched: Sequence[Reply],
) -> tuple[int, float]:
    """Tune on an export's replies and return the step that found `watched` likeliest, whose weights stay (0: none did),
    and its rate.

    `told` gets each step and its loss. The starter is reminded of the corpus by half of each batch; it never says an
    article's text, so it learns none. Other models get some articles with a small weight, so that they know the
    merchant's subjects and tone.
    """
    rows = [student.reply(one) for one in replies]
    more = [] if student.prompts.starter else [student.article(one) for one in articles]
    corpora = Corpora("train") if student.prompts.starter else None
    weights = student.add_lora(settings["rank"], settings["seed"])
    best = Best(student, weights, [student.reply(one) for one in watched])
    rate, steps = settings["rate"], settings["steps"]
    for peak in (rate, rate * GENTLER):
        optimizer = torch.optim.AdamW(weights, lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
        for step in range(steps):
            rng = random.Random(f"{settings['seed']} {step}")
            loss = student.backward(_batch(student, rows, more, corpora, settings["batch"], rng))
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = peak * (1 - step / steps)
            optimizer.step()
            optimizer.zero_grad()
            told(step + 1, loss)
            if ((step + 1) % LOOK == 0 or step + 1 == steps) and not best.look(step + 1):
                break
        best.restore()
        if best.step:
            return best.step, peak
    return 0, rate


def _batch(
    student: Student, rows: list[Row], more: list[Row], corpora: Corpora | None, size: int, rng: random.Random
) -> list[Row]:
    if corpora:
        other = [replace(student.reply(corpora.draw(rng)), weight=CORPUS_WEIGHT) for _ in range(size // 2)]
    else:
        other = rng.choices(more, k=int(size * ARTICLE_SHARE)) if more else []
    return [*rng.choices(rows, k=size - len(other)), *other]
