"""Stage 1, what is learnt from: public text, read, cleaned and counted, beside the corpus' conversations.

`python -m llm.data RECIPE --data DIR --out OUT` prepares the recipe's public text once; `--look N` shows conversations.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rich import progress
from rich.console import Console

from llm import cleaning, datacard
from llm.corpus.vary import Corpora, CorpusError, Split, read_words
from llm.protocol import BOT, END, LANGUAGES, TURN

Turn = tuple[str, str]  # who says it ("" for plain text) and what
BOT_SPEAKERS = ("S", "A")
DEV_DOCUMENT = 50  # about every 50th public document is kept for measuring
SPLITS: tuple[Split, Split] = ("train", "dev")
SHAPES = "turns; q, a; question, answer, candidate; context, qas; en, zh; text"
NEEDED = ("seed", "optimizer", "checkpoint_every", "probe_every", "model", "tokenizer", "supervised")
TEXT, CARD, PAGE = "text.{}.jsonl.gz", "data.json", "DATA.md"


class RecipeError(ValueError):
    """A recipe or a data folder is wrong. The message names the file, line or setting and what would be right."""


@dataclass(frozen=True, slots=True)
class Document:
    """One cleaned document; `text` is as the model reads it, with marks."""

    text: str
    language: str
    source: str
    split: Split


def read_recipe(path: Path) -> dict[str, Any]:
    """The sections of a recipe. Raises RecipeError."""
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; llm/recipes holds them") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}") from None
    if missing := {*NEEDED} - {*recipe}:
        raise RecipeError(
            f"{path}: section or setting missing: {', '.join(sorted(missing))}; starter.toml has them all"
        )
    return recipe


def public_documents(recipe: dict[str, Any], folder: Path, split: Split = "train") -> Iterator[str]:
    """Cleaned public text as the model reads it, one document after another.

    The folder is either what `prepare` wrote, which is read as it is, or holds the recipe's files, which are cleaned
    here and now. Raises RecipeError when it is neither, was prepared for other sources, or a file is damaged.
    """
    if not (folder / CARD).exists():
        yield from (document.text for document in cleaned(recipe, folder, []) if document.split == split)
        return
    made = {one["name"]: one["limit"] for one in json.loads((folder / CARD).read_text(encoding="utf-8"))["sources"]}
    if made != _sources(recipe):
        raise RecipeError(f"{folder / CARD}: prepared for other [pretrain.sources]; run `python -m llm.data` again")
    for _, record in _records(folder / TEXT.format(split), show=False):
        yield record["text"]


def prepare(recipe: dict[str, Any], folder: Path, out: Path) -> None:
    """Write the text of both splits, data.json and DATA.md; if it is stopped, none of them. Raises RecipeError."""
    out.mkdir(parents=True, exist_ok=True)
    card: list[datacard.Source] = []
    names = [TEXT.format(split) for split in SPLITS]
    parts = {name: out / f"{name}.part" for name in (*names, CARD, PAGE)}
    try:
        with ExitStack() as stack:
            opened = (stack.enter_context(parts[name].open("wb")) for name in names)
            # no time and no name inside: the same text makes the same bytes
            files = [stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0)) for file in opened]
            for document in cleaned(recipe, folder, card, show=True):
                line = {"text": document.text, "language": document.language, "source": document.source}
                files[SPLITS.index(document.split)].write(f"{json.dumps(line, ensure_ascii=False)}\n".encode())
        figures = {"sources": [source.figures() for source in card]}
        parts[CARD].write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        parts[PAGE].write_text(datacard.page(card), encoding="utf-8")
        for name, part in parts.items():
            os.replace(part, out / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def cleaned(
    recipe: dict[str, Any], folder: Path, card: list[datacard.Source], show: bool = False
) -> Iterator[Document]:
    """The documents that are kept, counted in `card`; of each file up to the characters that the recipe gives it.

    Files are read in the order of their names, so that the recipe's order changes nothing.
    """
    members = {language: read_words(language, "train").lists["members"] for language in LANGUAGES}
    seen = cleaning.Seen()
    for name, limit in sorted(_sources(recipe).items()):
        path = folder / name
        if not path.exists():
            raise RecipeError(f"{path}: no such file; --data is the folder that holds the recipe's [pretrain.sources]")
        card.append(source := datacard.Source(name, datacard.licence_of(path), limit))
        for number, record in _records(path, show):
            for turns in _conversations(record, f"{path}:{number}"):
                source.read(turn for _, turn in turns)
                turns = [(speaker, cleaning.normalised(text)) for speaker, text in turns]
                language = cleaning.language_of(_said(turns))
                turns = _masked(turns, language or "en", source)
                said = _said(turns)
                if reason := cleaning.fault(said, language) or seen.before(said):
                    source.dropped[reason] += 1
                    continue
                assert language is not None
                mark = cleaning.digest(said)
                split = SPLITS[mark % DEV_DOCUMENT == 0]
                source.keep(said, language, split)
                yield Document(_rendered(turns, members[language], random.Random(mark)), language, name, split)
            if source.characters_kept >= limit:
                break


def _sources(recipe: dict[str, Any]) -> dict[str, int]:
    return dict(recipe.get("pretrain", {}).get("sources", {}))


def _records(path: Path, show: bool) -> Iterator[tuple[int, Any]]:
    """Line numbers and what stands there: objects of .jsonl files, text of others; .gz is unpacked on the way."""
    plain = path.name.removesuffix(".gz")
    with progress.open(path, "rb", description=path.name, disable=not show, console=Console(stderr=True)) as raw:
        number = 0
        try:
            for number, line in enumerate(_lines(raw, path), 1):
                if line.strip():
                    yield number, json.loads(line) if plain.endswith(".jsonl") else {"line": line.decode("utf-8")}
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise RecipeError(f"{path}:{number + 1}: damaged or no gzip file ({error}); fetch it again") from None
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path}:{number}: not UTF-8 text ({error.reason} at byte {error.start})") from None
        except json.JSONDecodeError as error:
            raise RecipeError(f"{path}:{number}:{error.colno}: not JSON ({error.msg}); one object a line") from None


def _lines(raw: BinaryIO, path: Path) -> Iterable[bytes]:
    return gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw


def _conversations(record: Any, where: str) -> list[list[Turn]]:
    """The documents of one record. Raises RecipeError, naming `where`, for a record of no known shape."""
    try:
        documents = _shaped(record)
    except (TypeError, KeyError, IndexError) as error:
        raise RecipeError(f"{where}: {type(error).__name__} {error} in a record of a known shape") from None
    if not documents:
        shape = f"an object with {', '.join(record)}" if isinstance(record, dict) else type(record).__name__
        raise RecipeError(f"{where}: {shape}; known are {SHAPES}")
    for text in (text for turns in documents for _, text in turns):
        if not isinstance(text, str):
            raise RecipeError(f"{where}: {type(text).__name__} where text is wanted")
    return documents


def _shaped(record: Any) -> list[list[Turn]]:
    """A conversation, questions with answers after a passage or alone, a pair of sentences, plain text; or nothing."""
    match record:
        case {"line": line}:
            return [[("", line)]]
        case {"en": english, "zh": chinese}:
            return [[("", english)], [("", chinese)]]
        case {"turns": turns}:
            said = [(str(at % 2), one) if isinstance(one, str) else (one[0], one[1]) for at, one in enumerate(turns)]
            return [[*said, ("S", record["response"])] if record.get("response") else said]
        case {"context": passage, "qas": asked}:
            answered = [turn for one in asked for turn in (("U", one["q"]), ("S", one["a"][0]))]
            return [[("", passage), *answered]]
        case {"question": question, "answer": answer, "candidate": passage}:
            return [[("", passage), ("U", question), ("S", answer)]]
        case {"q": question, "a": answer}:
            return [[("U", question), ("S", answer)]]
        case {"text": text}:
            return [[("U", text)]]
    return []


def _said(turns: list[Turn]) -> str:
    return "\n".join(text for _, text in turns)


def _masked(turns: list[Turn], language: str, source: datacard.Source) -> list[Turn]:
    result = []
    for speaker, text in turns:
        masked, found = cleaning.masked(text, language)
        source.masked += found
        result.append((speaker, masked))
    return result


def _rendered(turns: list[Turn], members: list[str], rng: random.Random) -> str:
    """As the model reads it: people get names, who helps them is the bot, a passage stands before its questions."""
    people: dict[str, str] = {}
    said = []
    for speaker, text in turns:
        if not speaker:
            said.append(text if len(turns) > 1 else f"{text}{END}")
        elif speaker in BOT_SPEAKERS:
            said.append(f"{BOT}{text}{END}")
        else:
            said.append(f"{TURN}{people.setdefault(speaker, rng.choice(members))}: {text}")
    return "".join(said)


def look(count: int, seed: int, split: Split, file: Path | None) -> None:
    """Draw conversations from the corpus, to the terminal or as JSON lines. Raises CorpusError."""
    rng, corpora = random.Random(seed), Corpora(split)
    drawn = (corpora.draw(rng) for _ in range(count))
    if file is None:
        sys.stdout.writelines(f"{example.text}\n" for example in drawn)
        return
    with file.open("w", encoding="utf-8") as out:
        for example in progress.track(drawn, "drawing", count):
            out.write(json.dumps({"prompt": example.prompt, "reply": example.reply}, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.data",
        description="Prepare the public text that a recipe lists: cleaned, without what leads to a person, without "
        "duplicates, with a card of what was kept and why not. Or look at what the model is trained on beside it.",
        epilog="next: python -m llm.tokenizer RECIPE --out OUT --data OUT",
    )
    parser.add_argument("recipe", type=Path, nargs="?", metavar="RECIPE", help="for example llm/recipes/starter.toml")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder that holds the recipe's files")
    parser.add_argument("--out", type=Path, metavar="OUT", help="where text, data.json and DATA.md go")
    parser.add_argument(
        "--look",
        type=int,
        metavar="N",
        help="draw N conversations of the corpus instead: <|plan|> opens what code "
        "decided (language, act, states, slots), <|reply|> what is learnt",
    )
    parser.add_argument("--seed", type=int, default=1, help="with --look: another seed draws other conversations")
    parser.add_argument("--split", choices=SPLITS, default="train", help="with --look: dev is what is held out")
    parser.add_argument("--jsonl", type=Path, metavar="FILE", help="with --look: write JSON lines there")
    options = parser.parse_args()
    try:
        if options.look is not None:
            look(options.look, options.seed, options.split, options.jsonl)
        elif None in (options.recipe, options.data, options.out):
            parser.error("give RECIPE, --data and --out, or --look N")
        else:
            prepare(read_recipe(options.recipe), options.data, options.out)
            sys.stdout.write(f"{options.out / PAGE} says what is in it\n")
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")


if __name__ == "__main__":
    main()
