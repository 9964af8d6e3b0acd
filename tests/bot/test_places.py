"""Who names a place means the line that names its region."""

import pytest

from bot.knowledge.places import LONG, located


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("do you post to Belfast", "Northern Ireland"),
        ("my sister's in berlin, what would it be", "Germany, Europe"),
        ("anything going to Skye?", "the Highlands and islands, Scotland"),
        ("三亚收得到吗", "海南"),
        ("寄墨尔本要多久", "国外，海外，澳大利亚"),
    ],
)
def test_a_place_is_followed_by_its_region(text: str, region: str):
    assert located(text) == f"{text} ({region})"


@pytest.mark.parametrize(
    "text",
    ["is the bath mat nice", "a cork for reading by", "Berliner", "to belfast in northern ireland", "成品多少钱", ""],
)
def test_other_words_are_no_places(text: str):
    assert located(text) == text


def test_in_a_story_a_place_says_little():
    story = "in belfast " + "we walked and walked " * (LONG // 20)
    assert located(story) == story


def test_two_places_are_looked_at():
    assert located("from perth to paris") == "from perth to paris (Western Australia, France, Europe)"
    assert located("paris or lyon") == "paris or lyon (France, Europe)"
