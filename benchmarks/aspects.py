"""Does the bot see what members care about? Aspects, how they are judged, and products named, beside TF-IDF.

Rules over word lists read messages; TF-IDF with a linear classifier for each label, on the same messages, learns from
labelled ones. In Chinese: threads about phones (DiaASQ, its training file). Three of four threads are what the word
lists were written with and TF-IDF learns from; every fourth is asked about. In English: threads of our own, of which
TF-IDF learns all but the one that is asked about. F1 is over all (message, label) pairs.
"""

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import optimize, sparse

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from bot.language import HAN, normalise, tokens
from bot.members import signs

FILE = "diaasq_phone_threads/zh_train.jsonl.gz"
ENGLISH = ROOT / "tests" / "data" / "threads_en.jsonl"
# What annotators wrote of an aspect (where they wrote none: of the opinion) -> its name here, by the first of these
# that it holds.
CALLED = {
    "charging": "充电|快充|闪充|无线充",
    "battery": "续航|电池|电量|耗电|掉电|省电|费电|尿崩|待机|功耗|电芯",
    "camera": "拍|影像|相机|长焦|主摄|摄|夜景|人像|录像|对焦|镜头|照片|照相|成像",
    "screen": "屏|刷新率|高刷|亮度|分辨率|频闪|像素|色彩|边框|曲面",
    "heat": "热|温|烫",
    "signal": "信号|网络|基带|5g|wifi",
    "software": "系统|软件|动画|后台|算法|优化|广告|bug|更新",
    "performance": "性能|处理器|芯片|配置|流畅|游戏|内存|运存|帧|吃鸡|王者|卡|丝滑",
    "sound": "音|扬声器|外放",
    "look": "外观|颜值|设计|颜色|好看|难看|漂亮|丑",
    "feel": "手感|质感|马达|震",
    "size": "尺寸|大小",
    "weight": "重|轻薄",
    "price": "价|性价比|便宜|贵|划算|实惠",
    "quality": "做工|质量|品控|材质|工艺|品质",
    "service": "售后|客服|维修",
}
POLARITY = {"pos": "+", "neg": "-", "neu": "="}
Labels = set[str]


@dataclass(frozen=True, slots=True)
class Said:
    """One message with what annotators saw in it: aspects, aspects with their judgement, products named."""

    thread: int
    text: str
    aspects: Labels
    judged: Labels
    products: Labels


def called(text: str) -> str:
    """The aspect that an annotator's words are about; empty where it is none of ours."""
    return next((name for name, words in CALLED.items() if re.search(words, text.lower())), "")


def chinese(file: Path) -> list[Said]:
    found = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for thread, line in enumerate(lines):
            held = json.loads(line)
            # Places count the tokens of a whole thread, of which the signs are known only: look where the words stand.
            for text in held["turns"]:
                low = text.lower()
                here = [one for one in held["triplets"] if one[9] and one[9].lower() in low]
                aspects = {
                    (called(one[8] or one[9]), POLARITY.get(one[6], "=")) for one in here if one[8].lower() in low
                }
                named = {one[7].lower() for one in held["triplets"] if one[7] and one[7].lower() in low}
                known = {(name, sign) for name, sign in aspects if name}
                judged = {f"{sign}{name}" for name, sign in known if sign != "="}
                found.append(Said(thread, text, {name for name, _ in known}, judged, named))
    return found


def english(file: Path) -> list[Said]:
    held = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [
        Said(
            one["thread"],
            one["text"],
            {name for name, _ in one["aspects"]},
            {f"{sign}{name}" for name, sign in one["aspects"] if sign != "="},
            set(),
        )
        for one in held
    ]


def grams(text: str) -> list[str]:
    """Signs one to three at a time, and English words."""
    plain = normalise(text)
    if not HAN.search(plain):
        words = tokens(plain)
        return words + [" ".join(pair) for pair in pairwise(words)]
    return [plain[at : at + size] for size in (1, 2, 3) for at in range(len(plain) - size + 1)]


class Peer:
    """TF-IDF and a logistic regression for each label that was seen twice."""

    def __init__(self, texts: Sequence[str], labels: Sequence[Labels]) -> None:
        counts = [Counter(grams(text)) for text in texts]
        often = Counter(gram for held in counts for gram in held)
        self._places = {gram: place for place, gram in enumerate(one for one, n in often.items() if n > 1)}
        self._rarity = np.log((1 + len(texts)) / (1 + np.array([often[one] for one in self._places]))) + 1
        matrix = self._rows(counts)
        seen = Counter(label for held in labels for label in held)
        self._weights = {
            name: _fitted(matrix, np.array([name in held for held in labels])) for name, n in seen.items() if n > 1
        }

    def _rows(self, counts: Sequence[Counter[str]]) -> sparse.csr_array:
        rows = [
            (row, self._places[gram], 1 + np.log(times))
            for row, held in enumerate(counts)
            for gram, times in held.items()
            if gram in self._places
        ]
        table = sparse.csr_array(
            ([one[2] for one in rows], ([one[0] for one in rows], [one[1] for one in rows])),
            shape=(len(counts), len(self._places)),
        )
        weighed = sparse.csr_array(table.multiply(self._rarity))
        length = np.sqrt(weighed.multiply(weighed).sum(axis=1))
        return sparse.csr_array(weighed.multiply((1 / np.maximum(length, 1e-9))[:, None]))

    def labels(self, text: str) -> Labels:
        row = self._rows([Counter(grams(text))])
        return {name for name, (weights, bias) in self._weights.items() if (row @ weights)[0] + bias > 0}


def _fitted(matrix: sparse.csr_array, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias; both classes weigh the same, as rare ones would never be said otherwise."""
    signs_ = np.where(target, 1.0, -1.0)
    weigh = np.where(target, 0.5 / max(1, target.sum()), 0.5 / max(1, (~target).sum())) * len(target)
    weigh = np.minimum(weigh, 8.0)

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        margin = signs_ * (matrix @ given[:-1] + given[-1])
        part = -signs_ * weigh / (1 + np.exp(np.clip(margin, -30, 30)))
        slope = np.append(matrix.T @ part + 0.3 * given[:-1], part.sum())
        return float((weigh * np.logaddexp(0, -margin)).sum() + 0.15 * (given[:-1] ** 2).sum()), slope

    best = optimize.minimize(loss, np.zeros(matrix.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    return best.x[:-1], float(best.x[-1])


def f1(right: Sequence[Labels], found: Sequence[Labels]) -> float:
    hits = sum(len(one & other) for one, other in zip(right, found, strict=True))
    total = sum(map(len, right)) + sum(map(len, found))
    return 200 * hits / total if total else 0.0


def by_rules(text: str) -> tuple[Labels, Labels]:
    read = [one for one in signs.opinions(signs.read(text)) if one[0]]
    return {name for name, _ in read}, {f"{sign}{name}" for name, sign in read if sign != "="}


def compared(name: str, asked: Sequence[Said], peer: dict[str, list[Labels]]) -> list[Row]:
    read = [by_rules(one.text) for one in asked]
    both = {"aspects": [one[0] for one in read], "aspects with judgement": [one[1] for one in read]}
    right = {"aspects": [one.aspects for one in asked], "aspects with judgement": [one.judged for one in asked]}
    rows = []
    for what, found in both.items():
        theirs, count = f1(right[what], peer[what]), sum(map(len, right[what]))
        note = f"TF-IDF: {theirs:.1f}; {count} in {len(asked)} messages"
        rows.append(Row(f"{name}: {what}, F1", f1(right[what], found), "%", at_least=theirs, note=note))
    return rows


def learnt(train: Sequence[Said], asked: Sequence[Said]) -> dict[str, list[Labels]]:
    texts = [one.text for one in train]
    first, second = Peer(texts, [one.aspects for one in train]), Peer(texts, [one.judged for one in train])
    return {
        "aspects": [first.labels(one.text) for one in asked],
        "aspects with judgement": [second.labels(one.text) for one in asked],
    }


def named(train: Sequence[Said], asked: Sequence[Said]) -> Row:
    """Products named: those of a catalogue are looked for in the text. The catalogue is what three of four threads
    name twice or more; TF-IDF learns their messages."""
    seen = Counter(name for one in train for name in one.products)
    catalogue = {name for name, n in seen.items() if n > 1}
    looked = re.compile("|".join(re.escape(one) for one in sorted(catalogue, key=lambda one: -len(one))))
    right = [one.products for one in asked]
    ours = f1(right, [set(looked.findall(one.text.lower())) for one in asked])
    peer = Peer([one.text for one in train], [one.products & catalogue for one in train])
    theirs = f1(right, [peer.labels(one.text) for one in asked])
    note = f"TF-IDF: {theirs:.1f}; {sum(map(len, right))} in {len(asked)} messages, {len(catalogue)} names"
    return Row("zh: products of interest, F1", ours, "%", at_least=theirs, note=note)


async def measure(folder: Path, quick: bool, data: argparse.Namespace | Path | None) -> list[Row]:
    own = english(ENGLISH)
    peer: dict[str, list[Labels]] = {"aspects": [], "aspects with judgement": []}
    for thread in sorted({one.thread for one in own}):
        part = learnt([one for one in own if one.thread != thread], [one for one in own if one.thread == thread])
        for what, found in part.items():
            peer[what] += found
    rows = compared("en", own, peer)
    if isinstance(data, Path):
        said = chinese(data / FILE)
        train, asked = [one for one in said if one.thread % 4], [one for one in said if one.thread % 4 == 0]
        train = train[:600] if quick else train
        rows += [*compared("zh", asked, learnt(train, asked)), named(train, asked)]
    return rows


def summary(found: Sequence[Row]) -> str:
    return ", ".join(f"{row.name} {row.value:.0f}" for row in found)


if __name__ == "__main__":
    sys.exit(
        main(
            "aspects", __doc__, measure, summary, takes="a minute or two", quick="TF-IDF learns from fewer messages",
            data="a folder of public text; without it English alone is asked about",
        )
    )  # fmt: skip
