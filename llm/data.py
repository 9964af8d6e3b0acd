"""Stage 1, what is learnt from: the corpus' conversations and, in pretraining, public text: `python -m llm.data`."""

import argparse
import gzip
import json
import random
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import track

from llm.corpus.vary import Corpora, CorpusError, Split, Words, read_words
from llm.protocol import BOT, END, LANGUAGES, TURN

BOT_SPEAKERS = ("S", "A")
DEV_DOCUMENT = 50  # every 50th public document is kept for measuring


class RecipeError(ValueError):
    """A recipe or a data folder is wrong. The message names the file or setting and what would be right."""


def read_recipe(path: Path) -> dict[str, Any]:
    """The sections of a recipe. Raises RecipeError."""
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; llm/recipes holds them") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}") from None
    if missing := {"model", "tokenizer", "supervised"} - {*recipe}:
        raise RecipeError(f"{path}: section missing: {', '.join(sorted(missing))}")
    return recipe


def public_documents(recipe: dict[str, Any], folder: Path, split: Split = "train") -> Iterator[str]:
    """Public text as the model reads it, one document after another, up to the characters that the recipe gives a file.

    Raises RecipeError when a file of the recipe is not in the folder.
    """
    words = {language: read_words(language, "train") for language in LANGUAGES}
    rng = random.Random(0)
    for name, limit in recipe.get("pretrain", {}).get("sources", {}).items():
        path, taken = folder / name, 0
        if not path.exists():
            raise RecipeError(f"{path}: no such file; --data is the folder that holds the recipe's [pretrain.sources]")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                for text in _documents(line, path.name.endswith(".jsonl.gz"), words, rng):
                    taken += len(text)
                    if (number % DEV_DOCUMENT == 0) is (split == "dev"):
                        yield text
                if taken > limit:
                    break


def _documents(line: str, is_json: bool, words: dict[str, Words], rng: random.Random) -> list[str]:
    """The documents of one line: a conversation, a question with its answer, a sentence pair or plain text."""
    if not is_json:
        return [f"{line.strip()}{END}"]
    record = json.loads(line)
    if "zh" in record:
        return [f"{record['en']}{END}", f"{record['zh']}{END}"]
    if "q" in record:
        turns = [("U", record["q"]), ("S", record["a"])]
    elif "turns" in record:
        turns = [(turn, "") if isinstance(turn, str) else (turn[1], turn[0]) for turn in record["turns"]]
        turns = [(speaker or str(at % 2), text) for at, (text, speaker) in enumerate(turns)]
        if record.get("response"):
            turns.append(("S", record["response"]))
    else:
        turns = [("U", record["text"])]
    return [_conversation(turns, words, rng)]


def _conversation(turns: list[tuple[str, str]], words: dict[str, Words], rng: random.Random) -> str:
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in turns[0][1])
    members = words["zh" if chinese else "en"].lists["members"]
    people: dict[str, str] = {}
    said = []
    for speaker, text in turns:
        name = people.setdefault(speaker, rng.choice(members))
        said.append(f"{BOT}{text}{END}" if speaker in BOT_SPEAKERS else f"{TURN}{name}: {text}")
    return "".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.data",
        description="Look at what the model is trained on: drawn conversations, as text or as a file. "
        "In a line, <|plan|> opens what code decided (language, act, states, slots), <|reply|> what is learnt.",
        epilog="next: python -m llm.tokenizer llm/recipes/starter.toml --out runs/starter",
    )
    parser.add_argument("--count", type=int, default=8, help="how many conversations to draw (default 8)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other conversations")
    parser.add_argument("--split", choices=["train", "dev"], default="train", help="dev: what is held out")
    parser.add_argument("--jsonl", type=Path, metavar="FILE", help="write them as JSON lines instead of printing them")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    try:
        corpora = Corpora(options.split)
    except CorpusError as error:
        sys.exit(str(error))
    drawn = (corpora.draw(rng) for _ in range(options.count))
    if options.jsonl is None:
        sys.stdout.writelines(f"{example.text}\n" for example in drawn)
        return
    with options.jsonl.open("w", encoding="utf-8") as out:
        for example in track(drawn, "drawing", options.count):
            out.write(json.dumps({"prompt": example.prompt, "reply": example.reply}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
