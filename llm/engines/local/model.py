"""Weights and tokenizer from a directory or the Hugging Face hub: safetensors only, no code from the checkpoint.

The starter is read by llama.py; anything else by huggingface.py, imported only then.
"""

import contextlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from llm.engine import ModelNotUsable
from llm.engines.local import llama
from llm.engines.local.lean import Missing
from llm.engines.local.network import Network, Piece
from llm.engines.local.prompt import Prompts
from llm.engines.local.sampling import Row, barred_mask
from llm.protocol import END, LANGUAGES

logger = logging.getLogger(__name__)

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
TOKENIZER_FILES = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
HUB_SECONDS = 10.0
LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model. `barred` is added to logits [vocabulary] by language, for the starter only.

    `device` names what it runs on, and its number format; `name` is what its replies are signed with.
    """

    network: Network
    tokenizer: Any  # Marks, or one of transformers
    vocabulary: dict[str, int]
    prompts: Prompts
    stops: frozenset[int]
    barred: dict[str, Row] | None
    device: str
    name: str = ""


def load(model: str) -> LocalModel:
    """From a directory, or from the hub by its name. Raises ModelNotUsable."""
    folder = Path(model)
    if folder.is_dir():
        check_files(model, {file.name for file in folder.iterdir()})
        return read(model)
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1 or folder.exists():
        raise ModelNotUsable(f"model {model!r}: there is no such directory; give a directory of weights or a hub name")
    with contextlib.suppress(ModelNotUsable):  # fetched before: used as it is, with or without a network
        return read(model)
    check_files(model, hub_files(model))
    return read(model, fetch=True)


def check_files(model: str, names: set[str]) -> None:
    """Raises ModelNotUsable for what can be seen from the files' names."""
    if "config.json" not in names:
        raise ModelNotUsable(f"model {model!r}: config.json is missing; give a Hugging Face model")
    if not any(name.endswith(".safetensors") for name in names):
        pickled = sorted(name for name in names if name.endswith(PICKLES))
        found = f"only pickled weights ({pickled[0]}), which can run code when loaded" if pickled else "no weights"
        raise ModelNotUsable(
            f"model {model!r}: {found}; it needs model.safetensors, as save_pretrained of transformers writes it"
        )
    if not names & TOKENIZER_FILES:
        raise ModelNotUsable(f"model {model!r}: no tokenizer beside the weights; it needs tokenizer.json")


def hub_files(model: str) -> set[str]:
    """Asked once and before anything is fetched: the library itself would try for a minute without a network."""
    try:
        from huggingface_hub import HfApi

        found = HfApi().model_info(model, timeout=HUB_SECONDS)
    except Exception as error:  # network errors are those of whatever HTTP library the hub's client uses
        raise ModelNotUsable(
            f"model {model!r} is no directory here and can't be had from the Hugging Face hub: {first_line(error)}; "
            "check the name and the network, or give a directory of safetensors weights"
        ) from error
    return {file.rfilename for file in found.siblings or ()}


def best_device() -> tuple[str, torch.dtype]:
    """Where a model runs, and its number format: bf16 on CUDA devices that have it, else fp32."""
    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return "mps" if torch.backends.mps.is_available() else "cpu", torch.float32


def read(model: str, *, fetch: bool = False) -> LocalModel:
    """On the best device. Raises ModelNotUsable."""
    device, dtype = best_device()
    if device == "mps":  # not all that a network may need is there
        try:
            found = read_on(model, device, dtype, fetch=fetch)
            found.network.forward([Piece(0, 0, [0, 0], 1)])
            return found
        except (RuntimeError, ModelNotUsable) as error:
            logger.warning("model %r runs on the CPU, for on MPS it does not: %s", model, first_line(error))
            device = "cpu"
    return read_on(model, device, dtype, fetch=fetch)


def read_on(model: str, device: str, dtype: torch.dtype, *, fetch: bool = False) -> LocalModel:
    """Raises ModelNotUsable."""
    named = f"{device}, {str(dtype).removeprefix('torch.')}"
    folder = Path(model)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8")) if folder.is_dir() else {}
        if llama.fits(folder, config):
            return assemble(model, *llama.load(folder, config, device, dtype), named)
        from llm.engines.local import huggingface

        return assemble(model, *huggingface.load(model, device, dtype, fetch=fetch), named)
    except Missing as error:
        raise ModelNotUsable(
            f"model {model!r}: the weights lack {error}; fetch or train the checkpoint again"
        ) from error
    except LOAD_ERRORS as error:
        if "trust_remote_code" in str(error):
            needs = "the checkpoint needs code of its own, which is never run"
            raise ModelNotUsable(f"model {model!r}: {needs}; give a model that transformers knows") from error
        reason = f"model {model!r} can't be loaded: {first_line(error)}"
        raise ModelNotUsable(f"{reason}; it needs a causal language model that transformers knows") from error


def first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def assemble(model: str, network: Network, tokenizer: Any, device: str) -> LocalModel:
    """Put together what generation needs to know. Raises ModelNotUsable if network and tokenizer don't fit."""
    size = network.vocabulary
    prompts = Prompts(tokenizer)
    # Gemma's tokenizer has a mark for pictures that the weights of its text models lack; no prompt holds it.
    extra = set() if prompts.starter else {*tokenizer.get_added_vocab()}
    if any(number >= size and token not in extra for token, number in tokenizer.get_vocab().items()):
        raise ModelNotUsable(
            f"model {model!r}: {len(tokenizer)} tokens in the tokenizer, {size} in the weights: use one model's"
        )
    ends = (tokenizer.get_vocab().get(END), tokenizer.eos_token_id, prompts.turn_end(), *network.stops)
    stops = frozenset(stop for stop in ends if stop is not None)
    barred = None
    if prompts.starter:
        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        marks = tokenizer.get_added_vocab().values()
        barred = {language: barred_mask(texts, marks, size, language) for language in LANGUAGES}
        for mask in barred.values():
            mask[list(stops)] = 0
    return LocalModel(network, tokenizer, tokenizer.get_vocab(), prompts, stops, barred, device)
