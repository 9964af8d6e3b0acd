"""The catalogues hold what the code says, in every language; money, numbers and dates are as people write them."""

import ast
import string
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot import commands as folder
from bot.commands.base import command
from bot.registry import load
from bot.texts import LOCALES, Texts, listing, moment, money, number

BOT = LOCALES.parent


def said_in(path: Path) -> set[str]:
    """Every text that a file says: `say("...")`, `say(language, "...")`, and templates that an error carries."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if called in ("say", "NotATime", "NoSuchPlace", "BadRule", "bad_rule"):
                found |= {text for one in node.args[:2] if isinstance(text := constant(one, named), str)}
    return found


def constant(node: ast.expr, named: dict[str, object]) -> object:
    if isinstance(node, ast.Name):
        return named.get(node.id)
    return node.value if isinstance(node, ast.Constant) else None


def used() -> set[str]:
    """Everything that the bot may say by itself, with names, helps and usages of its commands."""
    texts = {text for path in BOT.rglob("*.py") for text in said_in(path)}
    for one in map(command, load(folder)):
        texts |= {one.help, f"command:{one.name}"} | ({one.usage} if one.usage else set())
    return texts


def catalogue(language: str) -> dict[str, str]:
    with (LOCALES / language / "LC_MESSAGES" / "shopkeeper.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, abort_invalid=True) if one.id}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_everything_said_has_a_chinese_text() -> None:
    held = catalogue("zh")
    missing = {text for text in used() if not held.get(text)}
    assert not missing


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_entry_is_unused(language: str) -> None:
    assert not set(catalogue(language)) - used()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_translations_keep_the_placeholders(language: str) -> None:
    for english, translated in catalogue(language).items():
        assert placeholders(english) == placeholders(translated), english


def test_every_command_has_a_name_of_its_own_in_chinese() -> None:
    names = [catalogue("zh")[f"command:{one.name}"] for one in map(command, load(folder))]
    assert len(set(names)) == len(names)
    assert all(name.isalpha() for name in names)


def test_a_text_is_said_in_the_language_asked_for() -> None:
    texts = Texts()
    assert texts.say("en", "I know nobody called {name} here.", name="Ann") == "I know nobody called Ann here."
    assert texts.say("zh", "I know nobody called {name} here.", name="小林") == "这里没有叫“小林”的人。"


def test_a_language_without_a_catalogue_gets_english() -> None:
    assert Texts().say("fr", "You're welcome!") == "You're welcome!"


@pytest.mark.parametrize(
    ("amount", "currency", "english", "chinese"),
    [
        ("58", "USD", "$58.00", "$58.00"),
        ("1299.5", "CNY", "¥1,299.50", "¥1,299.50"),
        ("3200", "JPY", "¥3,200", "¥3,200"),
        ("19.50", "GBP", "£19.50", "£19.50"),
    ],
)
def test_money(amount: str, currency: str, english: str, chinese: str) -> None:
    assert money(Decimal(amount), currency, "en") == english
    assert money(Decimal(amount), currency, "zh") == chinese


def test_numbers() -> None:
    assert number(12345, "en") == number(12345, "zh") == "12,345"
    assert number(Decimal("0.5"), "en") == "0.5"


def test_listings() -> None:
    assert listing(["oak", "walnut", "ash"], "en") == "oak, walnut and ash"
    assert listing(["橡木", "胡桃木", "白蜡木"], "zh") == "橡木、胡桃木和白蜡木"


def test_a_moment_is_told_in_the_zone_of_the_shop() -> None:
    noon = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    assert moment(noon, "Europe/London", "en") == "Jul 1, 2026, 1:30:00\u202fPM"
    assert moment(noon, "Asia/Shanghai", "zh") == "2026年7月1日 20:30:00"
