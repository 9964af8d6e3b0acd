"""The shipped Chinese encoder, with its real weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from llm import encoder_zh
from llm.encoder_zh import ChineseEncoder, bundled, ngrams
from llm.engine import EngineError

POLICIES = {
    "accident": "人为损坏不在保修范围内，可以付费维修。",
    "postage": "单笔满88元免运费，不满收6元。",
    "hours": "门店每天早上十点营业到晚上九点，周一店休。",
    "invoice": "需要发票请留下公司抬头和税号，电子发票发到邮箱。",
    "gift": "可以免费包成礼物，并代写一张贺卡。",
    "refund": "收到退货后三个工作日内把钱退回原支付账户。",
}
ASKED = {
    "杯子让我家猫从桌上推下去摔裂了，能不能帮着修": "accident",
    "买到多少才不用另出快递费": "postage",
    "下班八点半过去你们还开着门吗": "hours",
    "财务要我拿票去报销": "invoice",
    "送闺蜜的，麻烦弄得好看些，再写句祝福": "gift",
    "东西寄回去好几天了，钱怎么还没到我卡里": "refund",
}


@pytest.fixture(scope="module")
def chinese() -> ChineseEncoder:
    return bundled()


def test_ranks_what_is_meant_first_though_the_words_differ(chinese: ChineseEncoder) -> None:
    names = [*POLICIES]
    scores = chinese.encode_now([*ASKED]) @ chinese.encode_now([*POLICIES.values()]).T
    found = [names[at] for at in scores.argmax(1)]
    right = [name == wanted for name, wanted in zip(found, ASKED.values(), strict=True)]
    assert sum(right) >= 5, dict(zip(ASKED, found, strict=True))


def test_a_paraphrase_is_nearer_than_another_question(chinese: ChineseEncoder) -> None:
    one, same, other = chinese.encode_now(["这件会缩水吗", "下水洗了会不会变小", "你们店在几楼"])
    assert one @ same > one @ other + 0.2


async def test_unit_vectors_of_the_teachers_width_always_the_same(chinese: ChineseEncoder) -> None:
    texts = [*ASKED]
    made = await chinese.encode(texts)
    assert made.shape == (len(texts), 384)
    assert made.dtype == np.float32
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.array_equal(made, chinese.encode_now(texts))
    assert np.array_equal(made[:1], chinese.encode_now(texts[:1]))


def test_nothing_known_is_near_to_nothing(chinese: ChineseEncoder) -> None:
    made = chinese.encode_now(["", "？！🙏", "qwzzyx"])
    assert not made.any()
    assert chinese.encode_now([]).shape == (0, 384)


def test_english_and_mixed_text_is_read_without_harm(chinese: ChineseEncoder) -> None:
    assert chinese.languages == frozenset({"zh"})
    made = chinese.encode_now(["How much is shipping?", "usb 接口充电吗", "x" * 100_000])
    assert np.isfinite(made).all()


def test_traditional_signs_and_width_mean_the_same(chinese: ChineseEncoder) -> None:
    plain, other = chinese.encode_now(["运费多少钱USB", "運費多少錢ＵＳＢ"])
    assert plain @ other > 0.999


def test_what_is_read_of_a_text() -> None:
    assert [*ngrams("退貨3.5元 OK", 2, str.maketrans("貨", "货"))] == ["退", "货", "退货", "#3", "元", "ok"]


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no config\.json in it"):
        ChineseEncoder(tmp_path).encode_now(["你好"])


def test_ngrams_of_other_weights_are_refused(tmp_path: Path) -> None:
    folder = Path(encoder_zh.__file__).parent / "weights" / "encoder-zh"
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "ngrams.txt").write_text("退\n", "utf-8")
    with pytest.raises(EngineError, match="1 n-grams for"):
        ChineseEncoder(tmp_path / "other").encode_now(["你好"])
