"""What tells advertising from talk: bent spellings made straight, and the bar on messages that nobody looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spam import HELD, at_share, recall, scored, wrong
from llm import spam


@pytest.mark.parametrize(
    ("text", "straight"),
    [
        ("W0rk fr0m h0me", "work from home"),
        ("Зaрa6oтoк бeз влoжeний", "заработок без вложений"),
        ("F r e e  b o n u s", "freebonus"),
        ("兼 职 日 结", "兼职日结"),
        ("𝗪𝗼𝗿𝗸 now", "work now"),
        ("🅵🆁🅴🅴", "free"),
        ("免費貸款", "免费贷款"),
        ("the V60 at 10k, 30ml, 2pm", "the v60 at 10k, 30ml, 2pm"),
        ("write to ann@shop.example", "write to ann@shop.example"),
    ],
)
def test_bent_spellings_are_made_straight(text: str, straight: str):
    assert spam.straight(text)[0] == straight


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("join t.me/+AbCd", "invite"),
        ("see t.me/c/148/55", ""),
        ("here win-now.top", "odd"),
        ("https://www.youtube.com/watch?v=1", "known"),
        ("write @lena_job", "handle"),
        ("300$ a day", "sum"),
    ],
)
def test_addresses_and_sums_stand_by_their_kind(text: str, sign: str):
    found = spam.read(text)
    assert f"‹{sign}›" in found if sign else "‹invite›" not in found


@given(st.text(max_size=300))
def test_any_text_is_read(text: str):
    assert isinstance(spam.score(text), float)


def test_the_bar_holds_on_themes_that_were_never_looked_at():
    found = scored(HELD / "test.txt", spam.score)
    assert recall(found, at_share(found)) >= 0.85
    limit = spam.limits()["normal"]
    assert recall(found, limit) >= 0.85
    assert wrong(found, limit) <= 0.02
