"""Any causal model of transformers, from a directory or the hub: safetensors only, no code from the checkpoint.

Llama, Mistral, Qwen2 and Qwen3 give their weights to the lean network, if that computes what the module does. Any other
family runs through its module, one sequence after the other.
"""

import inspect
import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from llm.engine import ModelNotUsable
from llm.engines.local.lean import CONTEXT, Lean, Shape
from llm.engines.local.network import Lost, Network, Pass, Piece, out_of_memory

logger = logging.getLogger(__name__)

DEFAULT_CONTEXT = 2048  # tokens, for a model that doesn't say how many it was trained on
SLOTS = 8  # sequences of a module under way at a time, each with a cache of its own
LEAN = {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}
STEADY = {"default", "linear", "llama3", "yarn"}  # rotary positions whose frequencies don't depend on the length
CHECKED = 12  # tokens on which both have to say the same
NEAR = {torch.float32: 1e-3, torch.bfloat16: 0.1}  # of the spread of the logits


class Module:
    """A transformers module as a network. One that keeps no cache of keys and values reads all of it at every step."""

    def __init__(self, module: PreTrainedModel) -> None:
        config = module.config.get_text_config()
        self.vocabulary: int = config.vocab_size
        self.context: int = getattr(config, "max_position_embeddings", None) or DEFAULT_CONTEXT
        self.stops, self.slots = _stops(module), SLOTS
        self._module: Any = module
        self._last_only = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._caches: dict[int, Any] = {}
        self._tokens: dict[int, list[int]] = {}  # of each slot, where there is no cache
        self._cached = True
        # By slot and start, of a pass that failed later on.
        self._said: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def forward(self, pieces: Sequence[Piece]) -> Pass:
        """See Network. Each piece is a pass of its own, and isn't read twice where a later one failed."""
        for piece in pieces:
            key = piece.slot, piece.start
            if key not in self._said:
                self._said[key] = self._read(piece)
        said = [self._said[piece.slot, piece.start] for piece in pieces]
        logits = torch.cat([rows for rows, _ in said]).float().cpu()
        totals = [total for piece, (_, total) in zip(pieces, said, strict=True) if piece.sums]
        found = Pass(logits, torch.stack(totals).cpu() if totals else logits.new_empty(0))
        for piece in pieces:
            del self._said[piece.slot, piece.start]
        return found

    def _read(self, piece: Piece) -> tuple[Tensor, Tensor]:
        """Logits [wanted, vocabulary] and the sum of the hidden states [hidden], empty unless it is asked for.

        The slot's cache grows in place, layer by layer: half a pass spoils it.
        """
        known = self._tokens.get(piece.slot, []) if piece.start else []
        ids = torch.tensor([[*known, *piece.tokens]], device=self._module.device)
        more: dict[str, Any] = {"output_hidden_states": True} if piece.sums else {}
        if self._last_only:
            more["logits_to_keep"] = max(1, piece.wanted)
        if self._cached:
            more |= {"use_cache": True, "past_key_values": self._caches.get(piece.slot) if piece.start else None}
        try:
            result = self._module(input_ids=ids, **more)
        except RuntimeError as error:
            if out_of_memory(error):
                raise Lost(piece.slot) from error
            raise
        self._remember(piece, getattr(result, "past_key_values", None), ids)
        rows: Tensor = result.logits[0, result.logits.shape[1] - piece.wanted :]
        total = result.hidden_states[-1][0, len(known) :].float().sum(0) if piece.sums else rows.new_empty(0)
        return rows, total

    def _remember(self, piece: Piece, cache: Any, ids: Tensor) -> None:
        if cache is None and self._cached:
            logger.warning("%s keeps no keys and values: each step reads all again", type(self._module).__name__)
            self._cached = False
        if self._cached:
            self._caches[piece.slot] = cache
        else:
            self._tokens[piece.slot] = ids[0].tolist()

    def leave(self, slot: int) -> None:
        """Frees the slot's cache."""
        self._caches.pop(slot, None)
        self._tokens.pop(slot, None)
        self._said = {key: said for key, said in self._said.items() if key[0] != slot}


def load(model: str, device: str, dtype: torch.dtype, *, fetch: bool) -> tuple[Network, PreTrainedTokenizerBase]:
    """Raises ModelNotUsable where weights are missing, and whatever transformers raises."""
    disable_progress_bar()  # type: ignore[no-untyped-call] # stderr belongs to the log
    source = {"trust_remote_code": False, "local_files_only": not fetch}
    tokenizer = AutoTokenizer.from_pretrained(model, **source)  # nosec B615  # the merchant names it
    module = _module(model, device, dtype, source)
    if shape := lean_shape(module):
        if lean := leaned(module, shape, device, dtype):
            return lean, tokenizer
        module = _module(model, device, dtype, source)  # its weights were taken
    logger.warning("model %r runs through its transformers module, one sequence after the other: it is slower", model)
    return Module(module), tokenizer


def _module(model: str, device: str, dtype: torch.dtype, source: dict[str, bool]) -> PreTrainedModel:
    loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615  # the same
        model, use_safetensors=True, dtype=dtype, output_loading_info=True, **source
    )
    module, report = loaded
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise ModelNotUsable(f"model {model!r}: the weights lack {missing}; fetch or train the checkpoint again")
    found: PreTrainedModel = module.to(device).eval()
    return found


def _stops(module: PreTrainedModel) -> list[int | None]:
    said = module.generation_config.eos_token_id if module.generation_config else None
    return said if isinstance(said, list) else [said]


def lean_shape(module: Any) -> Shape | None:
    """The numbers of a module that the lean network can stand for; None where it has something that is left out."""
    config = module.config
    rope = getattr(getattr(module, "model", None), "rotary_emb", None)
    if type(module).__name__ not in LEAN or rope is None or config.hidden_act != "silu":
        return None
    kinds = {*(getattr(config, "layer_types", None) or ["full_attention"])}
    window = getattr(config, "sliding_window", None)
    if kinds != {"full_attention"} or (window and type(module).__name__ == "MistralForCausalLM"):
        return None
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if rope.rope_type not in STEADY or 2 * len(rope.inv_freq) != head or module.lm_head.bias is not None:
        return None
    attention = module.model.layers[0].self_attn
    if attention.o_proj.bias is not None or module.model.layers[0].mlp.down_proj.bias is not None:
        return None
    return Shape(
        config.num_hidden_layers,
        config.num_attention_heads,
        config.num_key_value_heads,
        head,
        config.max_position_embeddings or CONTEXT,
        config.rms_norm_eps,
        rope.inv_freq,
        rope.attention_scaling,
    )


def leaned(module: Any, shape: Shape, device: str, dtype: torch.dtype) -> Lean | None:
    """The lean network with the module's weights, which are taken; None where both don't compute the same."""
    tokens = torch.randint(module.config.vocab_size, (CHECKED,), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = module(input_ids=tokens[None].to(device)).logits[0].float().cpu()
    weights, stops = module.state_dict(), _stops(module)
    if module.config.get_text_config().tie_word_embeddings:
        weights.pop("lm_head.weight", None)
    for parameter in module.parameters():
        parameter.data = parameter.data.new_empty(0)  # from here on the dictionary alone holds them
    lean = Lean(shape, weights, device, dtype)
    lean.stops = stops
    with torch.inference_mode():
        found = lean.forward([Piece(0, 0, tokens.tolist(), CHECKED)]).logits
    if float((found - wanted).abs().max()) <= NEAR[dtype] * float(wanted.std()):
        return lean
    logger.warning("the lean network does not compute what %s does", type(module).__name__)
    return None
