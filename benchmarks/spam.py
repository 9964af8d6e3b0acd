"""Group spam: how much of it moderation finds by a message's words alone, and how many other messages it takes for it.

The messages are our own (tests/data/spam), in English, Chinese and Russian, written before the rules. The limit was set
by dev.txt; test.txt has other themes and only measures. Links and invitations by who just came, forwarded messages,
floods and copies come on top in a group and are not counted here. With --data DIR also what learnt from SMS.
"""

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from llm import harm, spam

HELD = ROOT / "tests" / "data" / "spam"
SHARE = 0.01  # of the other messages that may be taken for spam
Scored = Sequence[tuple[str, str, bool, float]]  # theme, language, whether it is spam, score


def scored(path: Path, score: Callable[[str], float]) -> Scored:
    return [(theme, language, is_spam, score(text)) for theme, language, is_spam, text in spam.labelled(path)]


def recall(held: Scored, limit: float) -> float:
    return float(np.mean([one[3] > limit for one in held if one[2]]))


def wrong(held: Scored, limit: float) -> float:
    return float(np.mean([one[3] > limit for one in held if not one[2]]))


def at_share(held: Scored) -> float:
    """The lowest limit that takes at most this share of the other messages for spam."""
    scores = sorted((one[3] for one in held if not one[2]), reverse=True)
    return scores[int(SHARE * len(scores))]


def half(name: str, held: Scored) -> list[Row]:
    limit = spam.limits()["normal"]
    many = f"of {sum(one[2] for one in held)} and {sum(not one[2] for one in held)} messages"
    target = 0.85 if name == "test" else None
    rows = [
        Row(f"{name}: recall at 1 % false positives", recall(held, at_share(held)), "", at_least=target, note=many),
        Row(f"{name}: recall at the shipped limit", recall(held, limit)),
        Row(f"{name}: other messages taken for spam there", 100 * wrong(held, limit), "%"),
    ]
    for language in spam.LANGUAGES:
        own = [one for one in held if one[1] == language]
        told = f"{100 * wrong(own, limit):.1f} % of others taken for spam"
        rows.append(Row(f"{name}, {language}: recall at the shipped limit", recall(own, limit), note=told))
    return rows


def themes(held: Scored) -> list[Row]:
    """What is found of each theme of spam."""
    limit, names = spam.limits()["normal"], dict.fromkeys((one[1], one[0]) for one in held if one[2])
    found = []
    for language, theme in names:
        own = [one for one in held if one[:2] == (theme, language) and one[2]]
        found.append(Row(f"test, {language}, {theme}", recall(own, limit), note=f"of {len(own)}"))
    return found


def by_sms(data: Path, held: Path) -> Row:
    """What a classifier finds that learnt from SMS."""
    texts, labels = [], []
    for path in sorted((data / "sms_spam").glob("*.gz")):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            one = json.loads(line)
            texts.append(harm.tidy(one["text"].casefold()))
            labels.append(int(one["label"] in (1, "spam")))
    learnt = harm.Texts(texts, np.array(labels), np.array([""] * len(texts)))
    told = {"shortest": 2, "longest": 4, "bits": 17, "keep": 4.0, "bayes": 3.0, "shares": [1.0, 0.0]}
    judge = harm.fit(learnt, told)
    found = scored(held, lambda text: judge.score(text.casefold()))
    return Row(
        "test: recall at 1 % false positives, learnt from SMS", recall(found, at_share(found)), note="floor 0.089"
    )


async def measure(folder: Path, quick: bool, data: Path | None) -> list[Row]:
    test = scored(HELD / "test.txt", spam.score)
    rows = [*half("dev", scored(HELD / "dev.txt", spam.score)), *half("test", test)]
    if not quick:
        rows += themes(test)
    if data:
        rows.append(by_sms(data, HELD / "test.txt"))
    return rows


def summary(rows: Sequence[Row]) -> str:
    values = {row.name: row.value for row in rows}
    return (
        f"{values['test: recall at 1 % false positives']:.3f} of spam found at 1 % false positives, "
        f"{values['test: recall at the shipped limit']:.3f} at the shipped limit "
        f"({values['test: other messages taken for spam there']:.1f} %)"
    )


if __name__ == "__main__":
    takes = "two seconds"
    sys.exit(
        main("spam", __doc__, measure, summary, takes=takes, quick="without the themes", data="public sets, for SMS")
    )
