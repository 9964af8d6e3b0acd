"""Any causal model of transformers, from a directory or the hub: safetensors only, no code from the checkpoint."""

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from llm.engine import EngineError, ModelNotUsable

DEFAULT_CONTEXT = 2048  # tokens, for a model that doesn't say how many it was trained on


class Module:
    """A transformers module as a network: token ids in, logits of the last one out."""

    def __init__(self, module: PreTrainedModel) -> None:
        config = module.config.get_text_config()
        self.vocabulary: int = config.vocab_size
        self.context: int = getattr(config, "max_position_embeddings", None) or DEFAULT_CONTEXT
        said = module.generation_config.eos_token_id if module.generation_config else None
        self.stops: list[int | None] = said if isinstance(said, list) else [said]
        self._module: Any = module
        last_only = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._extra = {"logits_to_keep": 1} if last_only else {}

    def forward(self, tokens: list[int], cache: Any) -> tuple[Tensor, Any]:
        """Logits [vocabulary] after the last of `tokens`, which go on from what the cache holds."""
        ids = torch.tensor([tokens], device=self._module.device)
        result = self._module(input_ids=ids, past_key_values=cache, use_cache=True, **self._extra)
        cache = getattr(result, "past_key_values", None)
        if cache is None:
            raise EngineError("the model keeps no key-value cache, so it can't be run token by token")
        return result.logits[0, -1], cache


def load(model: str, device: str, dtype: torch.dtype, *, fetch: bool) -> tuple[Module, PreTrainedTokenizerBase]:
    """Raises ModelNotUsable where weights are missing, and whatever transformers raises."""
    disable_progress_bar()  # type: ignore[no-untyped-call] # stderr belongs to the log
    source = {"trust_remote_code": False, "local_files_only": not fetch}
    tokenizer = AutoTokenizer.from_pretrained(model, **source)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        model, use_safetensors=True, dtype=dtype, output_loading_info=True, **source
    )
    module, report = loaded
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise ModelNotUsable(f"model {model!r}: the weights lack {missing}; fetch or train the checkpoint again")
    return Module(module.to(device).eval()), tokenizer
