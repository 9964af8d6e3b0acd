"""What members mean though they write it otherwise: misspelt names, numbers in words, policies in other words."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.knowledge
from bot.conversation.understanding import read, split
from bot.knowledge.spelling import Spelling
from bot.knowledge.topics import about, agreement, with_kin
from bot.knowledge.units import tenths
from bot.language import normalise, numerals

NAMES = ["Heated Windowsill Propagator", "Gooseneck Kettle (Copper)", "洞庭碧螺春 100克", "静音电陶炉"]
KNOWN = {"weather", "电磁", "磁炉", "开的"}


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("how many propagaters u got", "how many propagators u got"),
        ("a goosneck kettel?", "a gooseneck kettle?"),
        ("碧罗春还有不", "碧螺春还有不"),
        ("电磁炉能用不", "电磁炉能用不"),
        ("what's the weather", "what's the weather"),
        ("something cheaper", "something cheaper"),
    ],
)
def test_names_are_put_right_and_nothing_else(text: str, mended: str) -> None:
    names = [*NAMES, "Seed Propagators"]
    assert Spelling(names, KNOWN).mend(text) == mended


@given(st.text(max_size=80))
def test_mending_keeps_what_is_no_name(text: str) -> None:
    assert Spelling((), ()).mend(text) == normalise(text)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("两百以内", "200以内"),
        ("一百五左右", "150左右"),
        ("一千二", "1200"),
        ("一百零五块", "105块"),
        ("十五个", "15个"),
        ("一万二千", "12000"),
        ("under a fiver", "under 5"),
        ("一个", "一个"),
        ("统一", "统一"),
    ],
)
def test_sums_in_words_are_numbers(text: str, digits: str) -> None:
    assert numerals(text) == digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("一米五的还有吗", "1.5米的还有吗"),
        ("床是1米8", "床是1.8米"),
        ("两斤三", "2.3斤"),
        ("一米五十", "一米五十"),
        ("二十一米五", "二十一米五"),
        ("1米55", "1米55"),
        ("十米", "十米"),
    ],
)
def test_tenths_behind_a_measure_are_a_number(text: str, digits: str) -> None:
    assert tenths(text) == digits
    assert read(text, "zh").text == digits


@pytest.mark.parametrize(
    ("question", "title", "language"),
    [
        ("do i gotta pay for postage", "What does delivery cost?", "en"),
        ("how much do i have to spend to not pay shipping", "Delivery charges", "en"),
        ("can it go back if i don't like it", "What is your return policy?", "en"),
        ("clicked the wrong colour can u change it", "Can I change or cancel an order?", "en"),
        ("寄过来要另外掏钱不", "运费是多少？", "zh"),
        ("周末开门不", "营业时间", "zh"),
        ("买贵了能退差价不", "价格保护", "zh"),
    ],
)
def test_a_policy_is_known_in_other_words(question: str, title: str, language: str) -> None:
    assert agreement(about(question, language), with_kin(about(title, language))) > 0.4


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_topic_has_titles_and_wordings_of_its_own(language: str) -> None:
    file = Path(bot.knowledge.__file__).parent / "wordings" / f"{language}.toml"
    lists = tomllib.loads(file.read_text("utf-8"))
    seen: dict[str, str] = {}
    for topic, texts in lists.items():
        assert sum(text.startswith("# ") for text in texts) >= 5, topic
        assert len(texts) >= 40, topic
        for text in texts:
            assert seen.setdefault(text, topic) == topic, f"{text!r} stands in {seen[text]} and {topic}"


def test_nothing_known_is_about_nothing() -> None:
    assert about("zxqv", "en") == {}


def test_what_is_told_first_belongs_to_the_question_after_it() -> None:
    first, second = split("it goes to my brother in Belfast. what would that cost and how long does it take", "en")
    assert "belfast" in first.text
    assert "belfast" not in second.text
    assert [one.text for one in split("hello! what does it cost and how long does it take", "en")] == [
        "what does it cost",
        "how long does it take",
    ]
