"""Stage 4, second half, the model's card from what its run's folder holds: `python -m llm.modelcard --help`."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from transformers import LlamaConfig

from llm import model as models
from llm import tokenizer as tokenizers
from llm.corpus.vary import EITHER, Corpus, CorpusError
from llm.data import RecipeError, read_recipe
from llm.digest import digest, name_of
from llm.evaluate import COLUMNS
from llm.journal import LOSSES, SMOOTH
from llm.protocol import LANGUAGES, Act

NOTES, CARD = "NOTES.md", "CARD.md"
MEASURED = ("parameters", "vocabulary", "likelihood", "plan_given", "acts", "replies")
EXPLAINED = {
    "needed": "every slot without which the reply does not answer",
    "allowed": "no slot that was not offered",
    "clean": "nothing but words and slots: no digit, no mark, not empty",
    "language": "the plan's language",
    "meaning": "the written wording with most letter pairs in common has the plan's act and states; a rough measure",
    "good": "all of these",
    "new": "as a whole it is no written wording, whatever choices are taken there",
    "rewritten": "a sentence of it stands in no written wording",
    "distinct": "different replies among all of the line",
    "variety": "different replies where the same plan is worded again and again",
}


def card(folder: Path, recipe: Path, evaluation: Path) -> str:
    """The page; the same files give the same text. Raises RecipeError, CorpusError."""
    settings, model = read_recipe(recipe), models.load(folder)
    count, tokens = models.parameters(model), tokenizers.load(folder).get_vocab_size()
    measured = _evaluation(evaluation, folder, count, tokens)
    found = digest(folder)
    parts = (
        f"# The model {name_of(str(folder.resolve()), found)}",
        f"{count:,} parameters, trained from random weights. It words what code has decided: it is given the "
        "conversation and a plan\n(act, states, slots, see `llm/protocol.py`) and writes one reply in which facts are "
        "slots such as `<price1>`.",
        _sizes(model.config, tokens, (folder / models.WEIGHTS).stat().st_size, found),
        _training(folder / LOSSES, settings, recipe.name),
        _corpus(),
        _likelihood(measured["likelihood"]),
        _plan_given(measured),
        notes(recipe),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def notes(recipe: Path) -> str:
    """What people wrote of a recipe's models: what stands under its name in the NOTES.md beside it, or ''."""
    path = recipe.parent / NOTES
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.search(rf"^# {re.escape(recipe.stem)}\n(.*?)(?=^# |\Z)", text, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def _evaluation(path: Path, folder: Path, count: int, tokens: int) -> dict[str, Any]:
    """What `llm.evaluate --json` wrote of this model. Raises RecipeError."""
    again = f"run `python -m llm.evaluate {folder} --json {path}`"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; {again}") from None
    except json.JSONDecodeError as error:
        raise RecipeError(f"{path}:{error.lineno}:{error.colno}: not JSON ({error.msg}); {again}") from None
    if missing := [name for name in MEASURED if not isinstance(found, dict) or name not in found]:
        raise RecipeError(f"{path}: no {', '.join(missing)} in it; {again}")
    if lacking := [name for name in COLUMNS if any(name not in row for row in found["plan_given"].values())]:
        raise RecipeError(f"{path}: no column {', '.join(lacking)} in it; {again}")
    if (found["parameters"], found["vocabulary"]) != (count, tokens):
        other = f"{found['parameters']:,} parameters and {found['vocabulary']:,} tokens"
        raise RecipeError(f"{path}: of another model, {other}; {folder} has {count:,} and {tokens:,}; {again}")
    return dict(found)


def _sizes(config: LlamaConfig, tokens: int, size: int, found: str) -> str:
    heads = f"{config.num_attention_heads} heads ({config.num_key_value_heads} key-value) of {config.head_dim}"
    rows = [
        f"architecture | Llama: {config.num_hidden_layers} layers, width {config.hidden_size}, {heads}, feed-forward "
        f"{config.intermediate_size}, tied embeddings, context {config.max_position_embeddings}",
        f"tokenizer | byte-level BPE, {tokens:,} tokens, the first of them marks and slots; slots are not "
        '"special", so they survive `skip_special_tokens`',
        f"weights | safetensors, bf16, {size:,} bytes; the figures below are of these weights in fp32",
        f"sha256 | `{found}`",
    ]
    return _table(("", ""), rows)


def _training(path: Path, recipe: dict[str, Any], name: str) -> str:
    """What the run wrote down, a row a phase. Raises RecipeError where that is not what the recipe asks for."""
    if not path.exists():
        return f"## Training\nBy `{name}`; the folder holds no {path.name}, so nothing more is known of the run here."
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    steps = {one: [*same] for one, same in groupby((line for line in lines if "loss" in line), itemgetter("phase"))}
    done = {phase: same[-1]["step"] for phase, same in steps.items()}
    sections = {one: part["steps"] for one, part in recipe.items() if isinstance(part, dict) and "steps" in part}
    if done != {one: count for one, count in sections.items() if one != "pretrain" or one in done}:
        raise RecipeError(f"{path}: steps done: {done}, but {name} has {sections}; another recipe or an unfinished run")
    probes = {line["phase"]: line["probe"] for line in lines if "probe" in line}  # the last of each phase
    rows, tokens, seconds = [], 0, 0.0
    for phase, same in steps.items():
        settings, last, end = recipe[phase], same[-1], [line["loss"] for line in same[-SMOOTH:]]
        probed = ", ".join(f"{share:.1%} {language}" for language, share in probes.get(phase, {}).items()) or "–"
        amount = f"{last['step']:,} | {settings['batch']} | {settings['rate']:g} | {last['tokens'] - tokens:,}"
        rows.append(f"{phase} | {amount} | {last['seconds'] - seconds:,.0f} | {sum(end) / len(end):.3f} | {probed}")
        tokens, seconds = last["tokens"], last["seconds"]
    public = "`pretrain` reads the public text that the recipe lists, the other" if "pretrain" in done else "Its"
    return (
        f"## Training\nBy `{name}`: {recipe['optimizer']}, seed {recipe['seed']}, {sum(done.values()):,} steps, "
        f"{tokens:,} tokens, {seconds:,.0f} s.\n{public} phases read conversations of the corpus and learn the "
        f"reply alone.\n*last loss*: nats a token, mean of {SMOOTH} steps. *last probe*: held-out plans worded right, "
        "without the engine's rule.\n\n"
    ) + _table(("phase", "steps", "rows a step", "rate", "tokens", "seconds", "last loss", "last probe"), rows)


def _corpus() -> str:
    rows = []
    for language in LANGUAGES:
        known, dev = Corpus(language, "train"), Corpus(language, "dev")
        texts = [text for group in known.groups for text in group.texts]
        held = 1 - sum(len(group.kept) for group in known.groups) / len(texts)
        chosen = sum(EITHER.search(text) is not None for text in texts) / len(texts)
        asked, unseen = (sum(map(len, one.questions.values())) for one in (known, dev))
        share = unseen / (asked + unseen)
        rows.append(f"{language} | {len(texts):,} | {chosen:.0%} | {held:.0%} | {asked + unseen:,} | {share:.0%}")
    heads = ("language", "reply wordings", "with choices", "held out", "question wordings", "held out")
    about = f"## Corpus\n`llm/corpus`, for {len(Act)} acts. What is held out is never trained on.\n\n"
    return about + _table(heads, rows)


def _likelihood(texts: dict[str, dict[str, float]]) -> str:
    rows = [
        f"{name} | {found['perplexity']:,.2f} | {found['bits_per_byte']:.3f} | {found['tokens']:,}"
        for name, found in texts.items()
    ]
    about = "## Likelihood\nOf the reply alone, after conversation and plan; of public text all.\n\n"
    return about + _table(("text", "perplexity", "bits per byte", "tokens"), rows)


def _plan_given(measured: dict[str, Any]) -> str:
    rows, acts = measured["plan_given"], measured["acts"]
    count, named = max(map(len, measured["replies"].values())), sorted({act for row in acts.values() for act in row})
    shares = [f"{key} | " + " | ".join(f"{row[name]:.1%}" for name in COLUMNS) for key, row in rows.items()]
    by_act = [
        f"{act} | " + " | ".join(f"{row[act]:.0%}" if act in row else "–" for row in acts.values()) for act in named
    ]
    explained = "\n".join(f"- *{name}*: {EXPLAINED[name]}" for name in COLUMNS)
    return (
        "## Given the plan\nHeld-out question wordings about invented shops with words that were never trained on, "
        f"{count} a line.\nMeasured through the engine, its rule for slots and digits included. Shares of the "
        f"replies; one seed, one run.\n\n{explained}\n\n{_table(('', *COLUMNS), shares)}\n\nGood replies by act, "
        f"about {count / len(named):.0f} each, so roughly:\n\n{_table(('act', *acts), by_act)}"
    )


def _table(heads: Sequence[str], rows: list[str]) -> str:
    """`rows`: cells with bars between them."""
    return "\n".join((f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {row} |" for row in rows)))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.modelcard",
        description="Write a model's card from what its run left behind: sizes, weights, losses, the corpus' counts, "
        "the evaluation's figures, and what people noted of the recipe's models in the NOTES.md beside it.",
        epilog="next: python -m llm.sample RUN",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--recipe", type=Path, required=True, help="what it was trained by")
    parser.add_argument("--evaluation", type=Path, required=True, metavar="FILE", help="that llm.evaluate --json wrote")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the card goes (default RUN/CARD.md)")
    options = parser.parse_args()
    out = options.out or options.run / CARD
    try:
        out.write_text(card(options.run, options.recipe, options.evaluation), encoding="utf-8")
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main()
