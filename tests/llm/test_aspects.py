"""Shops put together from subjects: a question's sentence says what is asked, what is asked in vain stands nowhere."""

import json
from pathlib import Path

import pytest

from llm import aspects

LETTERS = "abcdefgh"


def subjects(language: str = "en", kind: str = "product", count: int = 3) -> list[dict]:
    """Aspects whose texts name themselves: `say-2-c` and `ask-2-c` belong to aspect c of subject 2."""
    return [
        {
            "kind": kind,
            "titles": [f"Maker{number} Thing", f"Other{number} Thing"],
            "called": [f"thing{number}"],
            "aspects": [
                {"said": [f"say-{number}-{one}."], "asked": [f"ask-{number}-{one} of {{it}}", f"ask-{number}-{one}"]}
                for one in LETTERS
            ],
        }
        for number in range(count)
    ]


def code(text: str) -> list[str]:
    return [word[4:7] for word in text.replace(",", " ").replace(";", " ").split() if word.startswith("ask-")]


@pytest.mark.parametrize(("language", "kind"), [("en", "product"), ("en", "article"), ("zh", "product")])
def test_a_question_s_sentence_says_what_is_asked(language: str, kind: str) -> None:
    for shop in aspects.composed({language: subjects(language, kind)}, 20):
        assert shop.language == language
        assert shop.more
        assert shop.nowhere
        texts = [sentence for sentence, _ in shop.said]
        for text, at in shop.more:
            [asked] = code(text.replace("，", " "))
            assert f"say-{asked}" in texts[at]
            assert aspects.IT not in text
        titles = {row: titled for row, (_, titled) in zip(shop.rows, shop.said, strict=True)}
        assert all(any(name in titled for name in ("Maker", "Other")) for titled in titles.values())


def test_what_is_asked_in_vain_stands_nowhere_in_its_row() -> None:
    for shop in aspects.composed({"en": subjects(kind="article", count=1)}, 20):  # one row: articles have no twin
        said = " ".join(sentence for sentence, _ in shop.said)
        asked = [code(text)[0] for text in shop.nowhere]
        assert len(asked) == aspects.ABSENT
        assert not any(f"say-{one}" in said for one in asked)


def test_the_same_seed_makes_the_same_shops() -> None:
    held = {"en": subjects()}
    assert aspects.composed(held, 2, seed=5) == aspects.composed(held, 2, seed=5)
    assert aspects.composed(held, 2, seed=5) != aspects.composed(held, 2, seed=6)


def test_the_shipped_subjects_are_whole() -> None:
    held = aspects.read()
    assert {language: len(some) for language, some in held.items()} == {"en": 120, "zh": 120}
    texts = [text for some in held.values() for one in some for aspect in one["aspects"] for text in aspect["said"]]
    assert not any(aspects.IT in text for text in texts)
    [english, chinese] = aspects.composed(held, 1)
    assert min(len(english.more), len(chinese.more)) > 100


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"one\.json: no JSON"):
        aspects.read(tmp_path)
    few = subjects()
    few[1]["aspects"] = few[1]["aspects"][:3]
    (tmp_path / "one.json").write_text(json.dumps({"lang": "en", "subjects": few}), "utf-8")
    with pytest.raises(ValueError, match=r"one\.json: subject 2: needs 2 titles, a name and more than 6 aspects"):
        aspects.read(tmp_path)


def test_parts_of_a_sentence_are_joined_as_texts_are() -> None:
    assert aspects.sentence(["Weighs 430 g.", "The liner comes out."], "en") == "Weighs 430 g; the liner comes out."
    assert aspects.sentence(["净重766克。", "附转接螺丝"], "zh") == "净重766克，附转接螺丝。"
