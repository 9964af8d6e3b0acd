"""Weights and tokenizer from a directory or the Hugging Face hub: safetensors only, no code from the checkpoint."""

import contextlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from llm.engine import ModelNotUsable
from llm.engines.local.prompt import Prompts
from llm.engines.local.sampling import allowed_mask
from llm.protocol import END, LANGUAGES

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
TOKENIZER_FILES = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
HUB_SECONDS = 10.0
LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)
DEFAULT_CONTEXT = 2048  # tokens, for a model that doesn't say how many it was trained on


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model. `context` is in tokens; `allowed` is bool [vocabulary] by language, for the starter only."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: Prompts
    context: int
    stops: frozenset[int]
    allowed: dict[str, Tensor] | None
    last_only: bool  # the network can be told to compute the logits of the last position only


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
        found = HfApi().model_info(model, timeout=HUB_SECONDS)
    except Exception as error:  # network errors are those of whatever HTTP library the hub's client uses
        raise ModelNotUsable(
            f"model {model!r} is no directory here and can't be had from the Hugging Face hub: {first_line(error)}; "
            "check the name and the network, or give a directory of safetensors weights"
        ) from error
    return {file.rfilename for file in found.siblings or ()}


def read(model: str, *, fetch: bool = False) -> LocalModel:
    """fp32 on the CPU, bf16 on a CUDA device. Raises ModelNotUsable."""
    cuda = torch.cuda.is_available()
    disable_progress_bar()  # type: ignore[no-untyped-call] # stderr belongs to the log
    source = {"trust_remote_code": False, "local_files_only": not fetch}
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, **source)
        dtype = torch.bfloat16 if cuda else torch.float32
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            model, use_safetensors=True, dtype=dtype, output_loading_info=True, **source
        )
    except LOAD_ERRORS as error:
        reason = f"model {model!r} can't be loaded: {first_line(error)}"
        raise ModelNotUsable(f"{reason}; it needs a causal language model that transformers knows") from error
    network, report = loaded
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise ModelNotUsable(f"model {model!r}: the weights lack {missing}; fetch or train the checkpoint again")
    return assemble(model, network.to("cuda" if cuda else "cpu").eval(), tokenizer)


def first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def assemble(model: str, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LocalModel:
    """Put together what generation needs to know. Raises ModelNotUsable if network and tokenizer don't fit."""
    config = network.config.get_text_config()
    size: int = config.vocab_size
    if len(tokenizer) > size:
        raise ModelNotUsable(
            f"model {model!r}: {len(tokenizer)} tokens in the tokenizer, {size} in the weights: use one model's"
        )
    prompts = Prompts(tokenizer)
    stops = stop_ids(network, tokenizer)
    allowed = None
    if prompts.starter:
        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        barred = tokenizer.get_added_vocab().values()
        allowed = {language: allowed_mask(texts, barred, size, language) for language in LANGUAGES}
        for mask in allowed.values():
            mask[list(stops)] = True
    return LocalModel(
        network=network,
        tokenizer=tokenizer,
        prompts=prompts,
        context=getattr(config, "max_position_embeddings", None) or DEFAULT_CONTEXT,
        stops=stops,
        allowed=allowed,
        last_only="logits_to_keep" in inspect.signature(network.forward).parameters,
    )


def stop_ids(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Every token that ends a reply: the protocol's END, the tokenizer's and the generation config's."""
    said = network.generation_config.eos_token_id if network.generation_config else None
    stops = {tokenizer.get_vocab().get(END), tokenizer.eos_token_id, *(said if isinstance(said, list) else [said])}
    return frozenset(stop for stop in stops if stop is not None)
