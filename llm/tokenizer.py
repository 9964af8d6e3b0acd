"""Stage 2, text to numbers: a byte-level BPE over the corpus and public text. `python -m llm.tokenizer --help`.

Byte-level: every text of every script can be written, and decoding gives back exactly what was encoded. Each mark and
slot of `protocol.py` is one token that no text is ever split across.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import track
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from llm.corpus.vary import Corpora, CorpusError
from llm.data import RecipeError, public_documents, read_recipe
from llm.protocol import END, SLOT, SPECIAL_TOKENS

PAD = SPECIAL_TOKENS[0]
FILES = ("tokenizer.json", "tokenizer_config.json")
EXAMPLES = 20_000  # conversations of the corpus that the vocabulary is made from


def train(texts: Iterator[str], vocab: int) -> Tokenizer:
    """A tokenizer of `vocab` tokens, the protocol's special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[*SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    marks = re.compile("|".join(re.escape(token) for token in SPECIAL_TOKENS))
    tokenizer.train_from_iterator((part for text in texts for part in marks.split(text) if part), trainer)
    return _keep_slots(tokenizer)


def _keep_slots(tokenizer: Tokenizer) -> Tokenizer:
    """Slots are words of a reply: decoding with skip_special_tokens=True drops the marks and keeps them."""
    description = json.loads(tokenizer.to_str())
    for token in description["added_tokens"]:
        token["special"] = SLOT.fullmatch(token["content"]) is None
    return Tokenizer.from_str(json.dumps(description))


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write the two files that `AutoTokenizer.from_pretrained(folder)` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / FILES[0]))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "pad_token": PAD,
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
    }
    (folder / FILES[1]).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Tokenizer:
    """The tokenizer of a run or of shipped weights. Raises RecipeError when there is none."""
    path = folder / FILES[0]
    if not path.exists():
        raise RecipeError(f"{path}: no tokenizer yet; make it with `python -m llm.tokenizer RECIPE --out {folder}`")
    return Tokenizer.from_file(str(path))


def mark(tokenizer: Tokenizer, text: str) -> int:
    """The id of a special token. Raises RecipeError for a tokenizer that was made for another protocol."""
    found = tokenizer.token_to_id(text)
    if found is None:
        raise RecipeError(f"the tokenizer has no token {text}; make it again with `python -m llm.tokenizer`")
    return found


def _texts(recipe: dict[str, Any], data: Path | None) -> Iterator[str]:
    rng, corpora = random.Random(0), Corpora("train")
    for _ in range(recipe["tokenizer"].get("examples", EXAMPLES)):
        yield corpora.draw(rng).text
    if data is not None:
        yield from public_documents(recipe, data)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.tokenizer",
        description="Make the tokenizer: a byte-level BPE trained on conversations of the corpus and, with --data, "
        "on the public text that the recipe lists. Writes tokenizer.json and tokenizer_config.json.",
        epilog="next: python -m llm.train RECIPE --out OUT",
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="for example llm/recipes/starter.toml")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--data", type=Path, help="folder of public text; without it the corpus alone is used")
    options = parser.parse_args()
    try:
        recipe = read_recipe(options.recipe)
        texts = track(_texts(recipe, options.data), "reading text")
        tokenizer = train(iter(texts), recipe["tokenizer"]["vocab"])
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    save(tokenizer, options.out, recipe["model"]["context"])
    sys.stdout.write(f"{tokenizer.get_vocab_size()} tokens in {options.out / FILES[0]}\n")


if __name__ == "__main__":
    main()
