"""The model itself: a small Llama, built, saved, loaded, measured and run. Only this and `trainer.py` need torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch.nn import LinearCrossEntropyOptions
from torch.nn.functional import linear_cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, logging

from llm.data import RecipeError
from llm.engine import SamplingParams
from llm.protocol import END
from llm.tokenizer import PAD, mark

WEIGHTS = "model.safetensors"
BATCH = 32  # prompts that are generated side by side
# On a CPU the head and its loss go a few tokens at a time, so that their logits stay in its cache: 1.3 times as fast.
IN_PARTS = LinearCrossEntropyOptions(batch_chunk_size=256, chunking_method=None)
Row = tuple[list[int], int]  # token ids, and the index of the first one that is to be learnt


def build(settings: dict[str, Any], tokenizer: Tokenizer, seed: int, device: str = "cpu") -> LlamaForCausalLM:
    """A model with random weights. `settings` is the recipe's [model]."""
    torch.manual_seed(seed)
    end = mark(tokenizer, END)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=settings["hidden"],
        num_hidden_layers=settings["layers"],
        num_attention_heads=settings["heads"],
        num_key_value_heads=settings["kv_heads"],
        head_dim=settings["head"],
        intermediate_size=settings["ffn"],
        max_position_embeddings=settings["context"],
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=mark(tokenizer, PAD),
    )
    model = LlamaForCausalLM(config)
    cast(torch.nn.Module, model).to(device)
    return model


def parameters(model: LlamaForCausalLM) -> int:
    return sum(weight.numel() for weight in model.parameters())


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Write config and weights as safetensors, in bf16: half the size, and nothing that can be measured is lost."""
    weights = {name: weight.to(torch.bfloat16) for name, weight in model.state_dict().items()}
    copy = LlamaForCausalLM(model.config)
    cast(torch.nn.Module, copy).to(torch.bfloat16)
    copy.load_state_dict(weights)
    copy.save_pretrained(folder)


def load(folder: Path) -> LlamaForCausalLM:
    """Weights of a run or shipped ones, in fp32, which is the fastest on a CPU. Raises RecipeError."""
    if not (folder / WEIGHTS).exists():
        raise RecipeError(f"{folder / WEIGHTS}: no weights; make them: `python -m llm.train RECIPE --out {folder}`")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    kept: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "local_files_only": True}
    model = LlamaForCausalLM.from_pretrained(folder, **kept)  # nosec B615  # a folder
    cast(torch.nn.Module, model).eval()
    return model


def loss(model: LlamaForCausalLM, rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, int]:
    """Summed cross-entropy in nats over what is to be learnt of each row, and how many tokens that is.

    Padding stands on the right, where causal attention never looks at it; logits are made for learnt tokens only.
    """
    longest = max(len(ids) for ids, _ in rows)
    device = model.device
    ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows], device=device)
    learnt = torch.zeros_like(ids, dtype=torch.bool)
    for at, (row, first) in enumerate(rows):
        learnt[at, max(first, 1) : len(row)] = True
    hidden = model.model(input_ids=ids).last_hidden_state
    read, targets = hidden[:, :-1][learnt[:, 1:]], ids[:, 1:][learnt[:, 1:]]
    options = IN_PARTS if device.type == "cpu" else None
    summed = linear_cross_entropy(read, model.lm_head.weight, targets, reduction="sum", options=options)
    return summed, int(targets.numel())


measuring = torch.inference_mode  # for those who import no torch themselves


@torch.inference_mode()
def generate(model: LlamaForCausalLM, tokenizer: Tokenizer, prompts: list[str], params: SamplingParams) -> list[str]:
    """A reply for each prompt, without its end mark. Other marks are left in: they are mistakes to be seen."""
    if params.seed is not None:
        torch.manual_seed(params.seed)
    replies: list[str] = []
    for at in range(0, len(prompts), BATCH):
        replies += _generate(model, tokenizer, prompts[at : at + BATCH], params)
    return replies


def _generate(model: LlamaForCausalLM, tokenizer: Tokenizer, prompts: list[str], params: SamplingParams) -> list[str]:
    pad, room = mark(tokenizer, PAD), model.config.max_position_embeddings - params.max_tokens
    rows = [encoding.ids[-room:] for encoding in tokenizer.encode_batch(prompts)]
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=model.device)
    chance: dict[str, float] = {}
    if params.temperature:
        chance = {"temperature": params.temperature, "top_k": params.top_k, "top_p": params.top_p}
    mask = torch.ne(ids, pad).long()
    made = cast(Any, model).generate(
        ids, attention_mask=mask, do_sample=bool(chance), max_new_tokens=params.max_tokens, **chance
    )
    texts = tokenizer.decode_batch(made[:, longest:].tolist(), skip_special_tokens=False)
    return [text.split(END)[0].replace(PAD, "") for text in texts]
