"""Stage 5, talk to a model: `python -m llm.sample`. You play the members and the code that plans."""

import argparse
import os
import random
import sys
from pathlib import Path

from llm import tokenizer as tokenizers
from llm.corpus.vary import Corpora, CorpusError
from llm.data import RecipeError
from llm.engine import SamplingParams
from llm.protocol import LANGUAGES, SLOTS, Act, Fact, Plan, State, prompt


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m llm.sample",
        description="Talk to a model. In the bot, code reads the message and decides the plan; here the options are "
        "the plan, and each line that you type is a member's message. Slots are left as they come: the bot fills them.",
        epilog="for example: python -m llm.sample llm/weights/starter --act price --slots name1 price1",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a run's folder, or llm/weights/starter")
    parser.add_argument("--act", choices=[*Act], default=Act.SMALLTALK, help="what the reply does (default smalltalk)")
    parser.add_argument("--states", nargs="*", choices=[*State], default=[], metavar="STATE", help=", ".join(State))
    parser.add_argument("--slots", nargs="*", choices=SLOTS, default=[], metavar="SLOT", help="such as name1 price1")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--temperature", type=float, default=0.7, help="0: the likeliest reply (default 0.7)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, metavar="N", help="N replies to drawn plans instead")
    return parser.parse_args(arguments)


def main() -> None:
    options = options_of()
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    from llm import model as models

    params = SamplingParams(temperature=options.temperature, seed=options.seed)
    try:
        tokenizer, model = tokenizers.load(options.folder), models.load(options.folder)
        if options.random:
            rng, corpus = random.Random(options.seed), Corpora("dev").of[options.language]
            prompts = [corpus.pose(rng).prompt for _ in range(options.random)]
            for text, reply in zip(prompts, models.generate(model, tokenizer, prompts, params), strict=True):
                sys.stdout.write(f"{text}{reply}\n")
            return
    except (RecipeError, CorpusError) as error:
        sys.exit(str(error))
    facts = tuple(Fact(slot, "", "", "") for slot in options.slots)
    plan = Plan(Act(options.act), options.language, facts, tuple(State(state) for state in options.states))
    turns: list[tuple[str, str]] = []
    sys.stdout.write("type what a member says; an empty line ends\n")
    while line := sys.stdin.readline().strip():
        turns = [*turns, ("You", line)]
        reply = models.generate(model, tokenizer, [prompt(turns[-8:], plan)], params)[0]
        turns = [*turns, ("", reply)]
        params = SamplingParams(temperature=options.temperature)
        sys.stdout.write(f"{reply}\n")


if __name__ == "__main__":
    main()
