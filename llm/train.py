"""Stage 3, from random weights to a model: `python -m llm.train --help`. The loop itself is in `trainer.py`."""

import argparse
import os
import sys
from pathlib import Path

from llm import tokenizer as tokenizers
from llm.corpus.vary import CorpusError
from llm.data import RecipeError, read_recipe


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.train",
        description="Train a model from scratch by a recipe, in two phases: pretraining on the public text that the "
        "recipe lists (skipped without --data), then the corpus, where only the reply is learnt. "
        "Run it again with the same --out to go on where a stopped or killed run left its last checkpoint.",
        epilog="OUT holds tokenizer.json before; after: model.safetensors, config.json, loss.jsonl (a line a step), "
        "checkpoint.safetensors. next: python -m llm.evaluate OUT",
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="every number of the run, see llm/recipes")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder, made by python -m llm.tokenizer")
    parser.add_argument("--data", type=Path, help="folder of public text for pretraining")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; only cpu resumes to exactly the same loss")
    options = parser.parse_args()
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    import torch

    from llm.trainer import Trainer, keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(options.threads)
    try:
        recipe = read_recipe(options.recipe)
        trainer = Trainer(recipe, options.out, tokenizers.load(options.out), options.data, options.device)
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    if trainer.resumed:
        sys.stdout.write(f"going on from {options.out}: {trainer.place.tokens:,} tokens done\n")
    trainer.run()
    sys.stdout.write(f"{options.out}: {trainer.place.tokens:,} tokens in {trainer.place.seconds:.0f} s\n")


if __name__ == "__main__":
    main()
