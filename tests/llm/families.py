"""Tiny checkpoints in the shape of the popular families: their tokens, their chat templates, their networks.

The weights are random, the tokenizers are trained on a few lines; everything else is as the families ship it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from llm.engine import Turn
from llm.instructions import in_words
from llm.protocol import Plan
from tests.llm.tiny_models import CORPUS, TINY

TEXTS = [*CORPUS, "You word replies of a shop. Facts. Write the slot wherever you state one, never the value itself."]
WORDS = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = [f"<0x{number:02X}>" for number in range(256)]
SHAPE = TINY | {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 4096}

LLAMA = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
QWEN = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}"
    "{%- endif %}{%- endif %}"
)
ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}" + ALTERNATE + "{% if message['role'] == 'assistant' %}"
    "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}" + ALTERNATE + "{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% else %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True, slots=True)
class Family:
    """`specials`: its tokens, `ends` those that end a reply. `beyond`: a token that the weights don't have."""

    name: str
    template: str
    specials: tuple[str, ...]
    ends: tuple[str, ...]
    named: dict[str, str]  # bos_token and eos_token
    config: type[PretrainedConfig]
    settings: dict[str, Any]
    bytewise: bool  # else spaces are "▁", and what the vocabulary lacks is written in byte tokens
    beyond: str = ""

    def tokenizer(self) -> PreTrainedTokenizerFast:
        made = _bytewise(self) if self.bytewise else _by_pieces(self)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, clean_up_tokenization_spaces=False, **self.named)
        tokenizer.chat_template = self.template
        return tokenizer

    def save(self, folder: Path) -> str:
        """Weights, tokenizer and generation settings, as the family's repositories hold them."""
        torch.manual_seed(4)
        tokenizer = self.tokenizer()
        vocabulary = tokenizer.get_vocab()
        config = self.config(**SHAPE | self.settings, vocab_size=len(tokenizer), initializer_range=0.3)
        config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        network = AutoModelForCausalLM.from_config(config)
        network.generation_config.eos_token_id = [vocabulary[end] for end in self.ends]
        with torch.no_grad():  # half characters, which random weights love, would be compared with nothing
            network.model.embed_tokens.weight.mul_(0.1)  # else the same token again and again where the head is tied
            network.lm_head.weight[[number for token, number in vocabulary.items() if token in BYTES]] = 0
        network.save_pretrained(folder)
        if self.beyond:
            tokenizer.add_special_tokens({"additional_special_tokens": [self.beyond]})
        tokenizer.save_pretrained(folder)
        return str(folder)

    def prompt(self, plan: Plan, *turns: Turn) -> str:
        """What its makers say has to stand before the model's words. The first turn is a member's."""
        words = [f"{turn.name}: {turn.content}" if turn.name else turn.content for turn in turns]
        joined = [f"{in_words(plan)}\n\n{words[0]}", *words[1:]]
        said = "".join(
            f"<start_of_turn>{'user' if turn.role == 'user' else 'model'}\n{text}<end_of_turn>\n"
            for turn, text in zip(turns, joined, strict=True)
        )
        asked = "".join(
            f"[INST] {text} [/INST]" if turn.role == "user" else f"{text}</s>"
            for turn, text in zip(turns, joined, strict=True)
        )
        apart = [("system", in_words(plan)), *((turn.role, text) for turn, text in zip(turns, words, strict=True))]
        headed = "".join(f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>" for role, text in apart)
        opened = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in apart)
        return {
            "llama": f"<|begin_of_text|>{headed}<|start_header_id|>assistant<|end_header_id|>\n\n",
            "qwen3": f"{opened}<|im_start|>assistant\n<think>\n\n</think>\n\n",
            "gemma": f"<bos>{said}<start_of_turn>model\n",
            "mistral": f"<s>{asked}",
        }[self.name]


FAMILIES = [
    Family(
        "llama", LLAMA,
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        ("<|end_of_text|>", "<|eot_id|>"), {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}, LlamaConfig,
        {"tie_word_embeddings": True, "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 1024}},
        bytewise=True,
    ),
    Family(
        "qwen3", QWEN, ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"),
        ("<|im_end|>", "<|endoftext|>"), {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, Qwen3Config,
        {"tie_word_embeddings": True}, bytewise=True,
    ),
    Family(
        "gemma", GEMMA, ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        ("<eos>", "<end_of_turn>"),
        {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}, Gemma3TextConfig,
        {"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 8},
        bytewise=False, beyond="<image_soft_token>",
    ),
    Family(
        "mistral", MISTRAL, ("<unk>", "<s>", "</s>"), ("</s>",),
        {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, MistralConfig,
        {"sliding_window": None, "tie_word_embeddings": False}, bytewise=False,
    ),
]  # fmt: skip


def _bytewise(family: Family) -> Tokenizer:
    """Llama 3 and Qwen: every byte has a letter. Llama writes its first token by itself."""
    bpe = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(WORDS, "isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    _train(bpe, family, TEXTS, pre_tokenizers.ByteLevel.alphabet())
    if first := family.named.get("bos_token"):
        bpe.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", special_tokens=[(first, bpe.token_to_id(first))]
        )
    return bpe


def _by_pieces(family: Family) -> Tokenizer:
    """Gemma and Mistral: as SentencePiece writes, with byte tokens for what it lacks."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    _train(trained, family, [f"▁{text.replace(' ', '▁')}" for text in TEXTS], ["▁", *map(chr, range(33, 127))])
    described = json.loads(trained.to_str())
    vocabulary = described["model"]["vocab"]
    described["model"]["vocab"] = vocabulary | {sign: len(vocabulary) + at for at, sign in enumerate(BYTES)}
    described["model"]["byte_fallback"] = True
    bpe = Tokenizer.from_str(json.dumps(described))
    space = normalizers.Replace(" ", "▁")
    written = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if family.name == "gemma":
        bpe.normalizer, bpe.decoder = space, decoders.Sequence(written)
    else:
        bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
        bpe.decoder = decoders.Sequence([*written, decoders.Strip(" ", 1, 0)])
    first = family.named["bos_token"]
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", special_tokens=[(first, bpe.token_to_id(first))]
    )
    return bpe


def _train(bpe: Tokenizer, family: Family, texts: list[str], letters: list[str]) -> None:
    marks = [AddedToken(token, special="think" not in token, normalized=False) for token in family.specials]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=marks, initial_alphabet=letters, show_progress=False)
    bpe.train_from_iterator(texts, trainer)
