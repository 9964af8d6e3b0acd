"""Each signal says something of every product, and what it says is exactly the sum of its causes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.members import signals as folder
from bot.members.blend import CHALLENGER, fit
from bot.members.signals import popularity, repurchase, sequence
from bot.members.signals.base import Events, History, Shop
from bot.members.vectors import words_of
from bot.registry import load

FITS = {one.__name__.rpartition(".")[2]: one.fit for one in load(folder)}
TEXTS = [
    ["red", "mug"],
    ["blue", "mug"],
    ["red", "pot"],
    ["blue", "pot"],
    ["tea", "red"],
    ["tea", "blue"],
    ["lamp"],
    ["lamp"],
]
Row = tuple[int, int, float, float]


def events(rows: list[Row]) -> Events:
    rows = sorted(rows, key=lambda row: row[2])
    member, item, at, worth = zip(*rows, strict=True) if rows else ((), (), (), ())
    whole = np.array(member, np.int64), np.array(item, np.int64)
    return Events(*whole, np.array(at, np.float64), np.array(worth, np.float64))


def shop(rows: list[Row], members: int, **more: int) -> Shop:
    words = words_of([dict.fromkeys(text, 1.0) for text in TEXTS]).matrix
    return Shop(events(rows), members, len(TEXTS), words, **more)


def history(*items: int, step: float = 1.0, worth: float = 1.0) -> History:
    return History(np.array(items, np.int64), step * np.arange(len(items)), np.full(len(items), worth))


rows = st.lists(
    st.tuples(st.integers(0, 29), st.integers(0, 7), st.floats(0, 90), st.sampled_from([5.0, 1.0, -1.5])),
    min_size=40,
    max_size=120,
)
mine = st.lists(st.tuples(st.integers(0, 7), st.floats(0, 90), st.sampled_from([5.0, 1.0, -1.5])), max_size=8)


@settings(max_examples=25, deadline=None)
@given(rows=rows, mine=mine)
def test_every_score_is_the_sum_of_its_reasons(rows: list[Row], mine: list[tuple[int, float, float]]) -> None:
    held = sorted(mine, key=lambda one: one[1])
    whole = shop(rows, 30)
    own = History(*(np.array([one[at] for one in held], kind) for at, kind in enumerate((np.int64, float, float))))
    blend = fit(whole, FITS, 91.0)
    for signal in blend.signals.values():
        scores = signal.score(own, 91.0)
        assert len(scores) == len(TEXTS)
        assert (scores >= 0).all()
        for item in range(len(TEXTS)):
            parts = signal.parts(own, 91.0, item)
            assert math.fsum(one.value for one in parts) == pytest.approx(scores[item], abs=1e-9)
    scored = blend.scored(own, 91.0)
    for item in range(len(TEXTS)):
        told = math.fsum(part.value for _, part in scored.parts(item))
        assert told == pytest.approx(scored.total[item], abs=1e-9)


def test_what_follows_counts_more_than_what_went_before() -> None:
    signal = sequence.fit(shop([(one, item, item + one / 100, 1.0) for one in range(9) for item in (0, 1, 2)], 9), 5.0)
    assert signal is not None
    scores = signal.score(history(1), 5.0)
    assert scores[2] > scores[0] > scores[5] == 0


def test_what_was_popular_long_ago_is_not_popular() -> None:
    early = [(one, 0, 0.0, 1.0) for one in range(9)]
    signal = popularity.fit(shop([*early, *((one, 1, 90.0, 1.0) for one in range(4))], 9), 90.0)
    assert signal is not None
    assert signal.worth[1] > signal.worth[0] > 0


def test_nothing_is_told_of_single_people() -> None:
    once = [(0, 0, 0.0, 1.0), (0, 1, 1.0, 1.0), (1, 2, 1.0, 1.0)]
    for rows, told in (
        (once, False),
        ([(one, item, at, 1.0) for one in range(3) for _, item, at, _ in once[:2]], True),
    ):
        for name in ("neighbours", "sequence", "popularity"):
            signal = FITS[name](shop(rows, 3, support=3), 2.0)
            assert (signal is not None and bool(signal.score(history(0), 2.0).any())) is told, name


def test_what_people_buy_again_is_suggested_once_it_is_due() -> None:
    monthly = [(one, 0, 30.0 * month + one, 5.0) for one in range(9) for month in range(4)]
    once = [(one, 1, 1.0 * one, 5.0) for one in range(9)]
    signal = repurchase.fit(shop(monthly + once, 9), 100.0)
    assert signal is not None
    bought = history(0, 1, worth=5.0)
    soon, due, late = (signal.score(bought, now) for now in (2.0, 31.0, 400.0))
    assert due[0] > 3 * due[1] > 0
    assert due[0] > soon[0]
    assert due[0] > late[0]


def test_where_only_fashion_counts_the_blend_falls_back_to_it() -> None:
    rng = np.random.default_rng(4)
    drawn = rng.choice(8, 900, p=[0.4, 0.25, 0.15, 0.08, 0.05, 0.04, 0.02, 0.01])
    blend = fit(
        shop([(int(rng.integers(90)), int(item), float(at), 1.0) for at, item in enumerate(drawn)], 90), FITS, 901.0
    )
    ranked = np.argsort(-blend.score(history(7, 6), 1000.0), kind="stable")
    assert ranked[0] in (0, 1)
    assert blend.weights(history(7), 1000.0)[CHALLENGER] > 0


def test_where_taste_counts_it_is_learnt() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for member in range(120):
        own = (0, 1, 2, 3) if member % 2 else (4, 5, 6, 7)
        rows += [(member, int(rng.choice(own)), float(rng.uniform(0, 90)), 1.0) for _ in range(6)]
    blend = fit(shop(rows, 120), FITS, 91.0)
    for own, items in ((history(0, 1), {0, 1, 2, 3}), (history(4, 5), {4, 5, 6, 7})):
        assert set(np.argsort(-blend.score(own, 91.0))[:3].tolist()) <= items


def test_who_never_did_anything_gets_what_is_popular() -> None:
    blend = fit(shop([(one, one % 3, float(one), 1.0) for one in range(60)], 60), FITS, 61.0)
    assert blend.score(history(), 61.0).argmax() in (0, 1, 2)
