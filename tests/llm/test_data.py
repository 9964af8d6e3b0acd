"""Public text on its way to the model: what is left out and why, what is masked, and what the card says of it."""

import gzip
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm import cleaning
from llm.cleaning import Reason
from llm.data import RecipeError, prepare, public_documents, read_recipe
from llm.protocol import BOT, END, LANGUAGES, MARKS, TURN

ROOT = Path(__file__).parents[2]
TALK = {"turns": [["U", "Do you have this lamp in green?"], ["S", "We do, and it comes in white as well."]]}
QUESTION = {"q": "Can I park near the shop?", "a": "Yes, there is a car park behind the house."}
PAIR = {"en": "The kettle is too small for us.", "zh": "这个水壶对我们来说太小了。"}
PASSAGE = {"context": "茶馆每天早上九点开门，晚上八点关门。", "qas": [{"q": "茶馆几点开门？", "a": ["早上九点"]}]}
LONG = "The old ferry crossed the bay twice a day, in the morning with milk and in the evening with the letters. "
PARTS = ("call", "@", "ann", ".com", "www.", "https://", " ", "-", "+1 ", "+86", "010-", "650-253-0000", "123", "45678")


def write(folder: Path, name: str, *lines: object) -> str:
    """A file of the name's kind; its name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return name


def recipe(*names: str, limit: int = 1_000_000) -> dict[str, Any]:
    return {"pretrain": {"sources": dict.fromkeys(names, limit)}}


def kept(folder: Path, *names: str) -> list[str]:
    return [text for split in ("train", "dev") for text in public_documents(recipe(*names), folder, split)]


def figures(folder: Path, out: Path, *names: str) -> list[dict[str, Any]]:
    prepare(recipe(*names), folder, out)
    found = json.loads((out / "data.json").read_text("utf-8"))["sources"]
    assert isinstance(found, list)
    return found


def test_a_conversation_reads_as_the_model_will_see_it(tmp_path: Path) -> None:
    [text] = kept(tmp_path, write(tmp_path, "talk.jsonl.gz", TALK))
    assert re.fullmatch(rf"{re.escape(TURN)}\w+: Do you .+green\?{re.escape(BOT)}We do, .+{re.escape(END)}", text)


def test_every_kind_of_file_and_record_is_read(tmp_path: Path) -> None:
    names = [
        write(tmp_path, "a.jsonl.gz", TALK, QUESTION, PAIR),
        write(tmp_path, "b.jsonl", PASSAGE, {"text": "is anybody there today?"}),
        write(tmp_path, "c.txt", "A line of plain text.", "", "另一行普通的文字。"),
        write(tmp_path, "d.txt.gz", "One more line, packed."),
    ]
    texts = kept(tmp_path, *names)
    assert len(texts) == 9
    passage = next(text for text in texts if "茶馆每天" in text)
    assert passage.index("茶馆每天") < passage.index(TURN) < passage.index(f"{BOT}早上九点{END}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Où est la gare? Где находится вокзал, скажите пожалуйста?", Reason.LANGUAGE),
        ("12 34 56 -- 78 90 !!!", Reason.LANGUAGE),
        ("ok", Reason.LENGTH),
        ("好的", Reason.LENGTH),
        (LONG * 300, Reason.LENGTH),
        ("a 1.2 3.4 5.6 b 7.8 9.0 c -- ##", Reason.JUNK),
        ("so goooooooooooooood it is", Reason.JUNK),
        ("buy now and save " * 40, Reason.JUNK),
    ],
)
def test_a_text_that_teaches_nothing_is_dropped_and_counted(tmp_path: Path, text: str, reason: Reason) -> None:
    name = write(tmp_path, "some.txt", text, "This one is a sentence.")
    [source] = figures(tmp_path, tmp_path / "out", name)
    assert source["dropped"] == {**dict.fromkeys(Reason, 0), reason: 1}
    assert len(kept(tmp_path, name)) == 1


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("cafe\u0301  au\tlait", "café au lait"),
        ("zero\u200bwidth\x07 bell", "zerowidth bell"),
        (" first \r\n\r\n second ", "first\nsecond"),
        (f"say {END}<price1>{BOT} now", "say now"),
    ],
)
def test_spelling_of_a_text_is_made_plain(raw: str, clean: str) -> None:
    assert cleaning.normalised(raw) == clean


@given(st.text() | st.lists(st.sampled_from([*MARKS, "\r\n", "\u200b", "e", "\u0301", " "])).map("".join))
def test_plain_spelling_is_final(text: str) -> None:
    once = cleaning.normalised(text)
    assert cleaning.normalised(once) == once
    assert not any(mark in once for mark in MARKS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write to ann.lee+shop@example.co.uk today", "write to an email address today"),
        ("my mail is annleegmailcom", "my mail is an email address"),
        ("call 650-253-0000 or (212) 555-0199 please", "call a phone number or a phone number please"),
        ("card 4111 1111 1111 1111 expires soon", "card a card number expires soon"),
        ("order 0012345678901 is late", "order a number is late"),
        ("see https://example.com/a?b=c, or www.example.org.", "see a link, or a link."),
        ("thanks @ann_lee for this", "thanks someone for this"),
        ("open 2014-2015, 1,200 people, $19.99, room 4288", "open 2014-2015, 1,200 people, $19.99, room 4288"),
    ],
)
def test_what_leads_to_a_person_is_masked(text: str, shown: str) -> None:
    masked, _ = cleaning.masked(text, "en")
    assert masked == shown


def test_masks_speak_the_language_around_them() -> None:
    masked, found = cleaning.masked("电话是010-64590991，网址 https://example.cn/店。", "zh")
    assert masked.startswith("电话是某个号码，网址 某个链接")
    assert found == {"phone": 1, "link": 1}


@given(st.text() | st.lists(st.sampled_from(PARTS)).map("".join), st.sampled_from(LANGUAGES))
def test_masking_leaves_no_long_number_and_is_final(text: str, language: str) -> None:
    masked, found = cleaning.masked(text, language)
    assert not re.search(r"\d{7}", masked)
    assert cleaning.masked(masked, language) == (masked, {})
    assert bool(found) is (masked != text)


def test_what_was_kept_before_is_dropped_wherever_it_stands(tmp_path: Path) -> None:
    same = "A short sentence that comes again."
    near = LONG + "Nobody knew who had painted it blue and why it was always late on Mondays."
    names = [
        write(tmp_path, "first.txt", same, near, LONG),
        write(tmp_path, "second.txt", same, near.replace("always", "  Always,"), near.replace("blue", "red")),
    ]
    first, second = figures(tmp_path, tmp_path / "out", *names)
    assert first["documents"]["kept"] == 3
    assert second["documents"]["kept"] == 0
    assert second["dropped"]["duplicate"] == 1
    assert second["dropped"]["near_duplicate"] == 2


def test_memory_for_duplicates_is_fixed_and_only_forgets() -> None:
    few = cleaning.Seen(slots=8)
    different = [f"{number} {LONG[at:]}{LONG[:at]}" for number, at in enumerate(range(0, 100, 10))]
    assert few.before(different[0]) is None
    assert few.before(different[0]) is Reason.DUPLICATE
    assert few.before("Something else entirely, about bread and the price of flour.") is None


def sentences(count: int) -> list[str]:
    """Lines that are no near duplicates of each other."""
    nouns = ("lamp", "boat", "coat", "ring", "drum", "kettle", "mirror")
    return [
        f"{nouns[at % 7]} {chr(97 + at % 26) * 3}{chr(97 + at // 26 % 26) * 3}{at} costs {at * 7} at {nouns[at % 5]}s"
        for at in range(count)
    ]


def test_same_text_in_another_order_of_the_recipe_makes_the_same_files(tmp_path: Path) -> None:
    names = [write(tmp_path, "a.txt", *sentences(60)), write(tmp_path, "b.jsonl.gz", TALK, QUESTION, PAIR, PASSAGE)]
    prepare(recipe(*names), tmp_path, tmp_path / "one")
    prepare(recipe(*reversed(names)), tmp_path, tmp_path / "two")
    for file in ("text.train.jsonl.gz", "text.dev.jsonl.gz", "data.json", "DATA.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_document_stays_in_its_split_whatever_stands_around_it(tmp_path: Path) -> None:
    lines = [
        " ".join(f"{letter}{chr(97 + at % 26)}{chr(97 + at // 26)}" * 3 for letter in "bdfghk") for at in range(300)
    ]
    forward, backward = write(tmp_path, "a.txt", *lines), write(tmp_path, "b.txt", *lines[::-1])
    for split in ("train", "dev"):
        assert {*public_documents(recipe(forward), tmp_path, split)} == {
            *public_documents(recipe(backward), tmp_path, split)
        }
    held_out = len([*public_documents(recipe(forward), tmp_path, "dev")])
    assert 1 <= held_out <= 20


def test_prepared_text_is_what_cleaning_gives_and_is_read_in_its_place(tmp_path: Path) -> None:
    name = write(tmp_path, "a.jsonl.gz", TALK, QUESTION, PAIR, PASSAGE)
    prepare(recipe(name), tmp_path, tmp_path / "out")
    assert kept(tmp_path / "out", name) == kept(tmp_path, name)
    with pytest.raises(RecipeError, match=r"prepared for other \[pretrain.sources\]"):
        kept(tmp_path / "out", name, "b.txt")


def test_the_card_adds_up(tmp_path: Path) -> None:
    write(tmp_path, "set/SOURCE.md", "# set", "- licence: CC-BY-4.0 (README)")
    names = [
        write(
            tmp_path, "set/a.jsonl.gz", TALK, TALK, QUESTION, {"text": "no"}, {"text": "mail ann@example.com please"}
        ),
        write(
            tmp_path,
            "b.txt",
            "The lamp is green, the lamp is bright.",
            "这盏台灯很亮，台灯是绿色的。",
            "Привет, как дела?",
        ),
    ]
    loose, stated = figures(tmp_path, tmp_path / "out", *names)
    for source in (loose, stated):
        assert source["documents"]["read"] == source["documents"]["kept"] + sum(source["dropped"].values())
        assert source["documents"]["kept"] == sum(source["languages"].values())
    assert stated["licence"] == "CC-BY-4.0 (README)"
    assert "not stated" in loose["licence"]
    assert stated["dropped"]["duplicate"] == stated["dropped"]["length"] == 1
    assert stated["masked"] == {"email": 1}
    assert loose["languages"] == {"en": 1, "zh": 1}
    assert loose["characters"]["kept"] == len("The lamp is green, the lamp is bright.这盏台灯很亮，台灯是绿色的。")
    assert loose["words"][0] in ("lamp", "台灯")
    assert not {"the", "is"} & {*loose["words"]}
    page = (tmp_path / "out" / "DATA.md").read_text("utf-8")
    assert "| all | 8 | 5 |" in page
    assert "CC-BY-4.0 (README)" in page


def test_reading_stops_where_the_recipe_has_enough(tmp_path: Path) -> None:
    lines = sentences(40)
    name = write(tmp_path, "a.txt", *lines)
    prepare(recipe(name, limit=len(lines[0]) + 1), tmp_path, tmp_path / "out")
    [source] = json.loads((tmp_path / "out" / "data.json").read_text("utf-8"))["sources"]
    assert source["documents"]["kept"] == 2
    assert source["documents"]["read"] < len(lines)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl.gz", gzip.compress((json.dumps(TALK) + "\n" + "{'q': 1}\n").encode()), r"a\.jsonl\.gz:2:2: not JSON"),
        ("a.jsonl.gz", b"no gzip at all", r"a\.jsonl\.gz:1: damaged or no gzip file"),
        ("a.txt.gz", gzip.compress("\n".join(sentences(900)).encode())[:-900], r"a\.txt\.gz:\d+: damaged"),
        ("a.txt", b"a fine line of text\n\xff\xfe\n", r"a\.txt:2: not UTF-8"),
        ("a.jsonl", b'{"utterance": "hello"}\n', r"a\.jsonl:1: an object with utterance; known are turns"),
        ("a.jsonl", b"[1, 2]\n", r"a\.jsonl:1: list; known are turns"),
        ("a.jsonl", b'{"turns": [["U"]]}\n', r"a\.jsonl:1: .*record of a known shape"),
        ("a.jsonl", b'{"text": 7}\n', r"a\.jsonl:1: int where text is wanted"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_leaves_nothing(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        prepare(recipe(name), tmp_path, tmp_path / "out")
    assert [*(tmp_path / "out").iterdir()] == []


def command(folder: Path, name: str) -> list[str]:
    toml = folder / "recipe.toml"
    numbers = 'seed = 1\noptimizer = "adamw"\ncheckpoint_every = 1\nprobe_every = 1\n'
    toml.write_text(f'{numbers}[model]\n[tokenizer]\n[supervised]\n[pretrain.sources]\n"{name}" = 100_000_000\n')
    return [sys.executable, "-m", "llm.data", str(toml), "--data", str(folder), "--out", str(folder / "out")]


def test_the_verb_prepares_and_says_where(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, write(tmp_path, "a.txt", *sentences(10))),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "DATA.md" in done.stdout
    assert (tmp_path / "out" / "text.train.jsonl.gz").exists()


def test_ctrl_c_ends_it_with_a_word_and_leaves_nothing(tmp_path: Path) -> None:
    name = write(tmp_path, "a.txt", *sentences(200_000))
    process = subprocess.Popen(command(tmp_path, name), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out" / "text.train.jsonl.gz.part").exists():
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode != 0
    assert "stopped; nothing was written" in said
    assert "Traceback" not in said
    assert [*(tmp_path / "out").iterdir()] == []


def test_every_set_of_the_shipped_recipe_has_its_notice() -> None:
    notices = (ROOT / "llm" / "weights" / "starter" / "DATA_NOTICES.md").read_text("utf-8")
    sources = read_recipe(ROOT / "llm" / "recipes" / "starter.toml")["pretrain"]["sources"]
    assert [name for name in sources if f"`{name.partition('/')[0]}`" not in notices] == []
