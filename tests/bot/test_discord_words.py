"""How messages and commands are put for Discord."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import commands as folder
from bot.commands.base import command
from bot.messages import Button, Card, Outgoing
from bot.platforms.base import CommandHelp
from bot.platforms.discord import saying, slash
from bot.registry import load
from bot.texts import Texts
from tests.bot.discord_shop import flat
from tests.fakes.discord_checks import check_commands, check_message


@given(st.text(max_size=300))
def test_a_text_shows_as_it_stands(text: str) -> None:
    shown = saying.plain(text)
    assert len(shown) <= saying.LENGTH
    if not any(sign in text for sign in "\\:"):
        assert flat(shown) == text.strip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 * 3 * 4", "2 \\* 3 \\* 4"),
        ("# Sale", "\\# Sale"),
        ("look at https://shop.example/a_b_c.", "look at https://shop.example/a_b_c."),
        ("[here](https://evil.example)", "\\[here](https://evil.example)"),
        ("<@123> and <#5>", "\\<@123> and \\<#5>"),
        ("> said he", "\\> said he"),
        ("- first\n- second", "- first\n- second"),
    ],
)
def test_markup_is_no_markup(text: str, shown: str) -> None:
    assert saying.plain(text) == shown


buttons = st.lists(
    st.builds(Button, st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=150)), max_size=140
)
cards = st.lists(
    st.builds(Card, st.text(min_size=1, max_size=300), st.text(max_size=99), st.text(max_size=900)), max_size=12
)


@given(st.text(max_size=1900), buttons, cards)
def test_whatever_is_said_discord_takes_it(text: str, some: list[Button], held: list[Card]) -> None:
    check_message(saying.body(Outgoing(text, tuple(some), tuple(held))), empty=True)


@given(buttons)
def test_every_button_keeps_its_meaning(some: list[Button]) -> None:
    body = saying.body(Outgoing("x", tuple(some)))
    inside = [one for row in body["components"] for one in row["components"]]
    meanings = [one["custom_id"] for one in inside if one["type"] == 2]
    meanings += [option["value"] for one in inside if one["type"] == 3 for option in one["options"]]
    read = [saying.pressed(one) for one in meanings]
    commands = [some[one].command if isinstance(one, int) else one for one in read]
    short = dict.fromkeys(one.command for one in some if len(one.command) <= 98)
    assert set(short) <= set(commands) or len(commands) == saying.ROWS * saying.OPTIONS
    assert len(meanings) == len(set(meanings))


USAGES = {
    "": ({}, "/x"),
    "QUESTION": ({"question": "how much?"}, "/x how much?"),
    "[on|off]": ({"choice": "on"}, "/x on"),
    "NUMBER ANSWER": ({"number": "12", "answer": "it is blue"}, "/x 12 it is blue"),
    "[NUMBER [no]]": ({"number": "3", "no": True}, "/x 3 no"),
    "[remove NUMBER]": ({"number": "3"}, "/x remove 3"),
    "now TYPE": ({"type": "tip"}, "/x now tip"),
    "QUESTION = ANSWER": ({"question": "open?", "answer": "yes"}, "/x open? = yes"),
    "MINUTES [NAME]": ({"minutes": "30"}, "/x 30"),
    'add "WHEN" TYPE | list | remove NUMBER': ({"words": 'add "every day" tip'}, '/x add "every day" tip'),
    "RIGHT ANSWER": ({"words": "the right one"}, "/x the right one"),
}


@pytest.mark.parametrize("usage", USAGES)
def test_what_is_chosen_is_what_would_be_typed(usage: str) -> None:
    values, line = USAGES[usage]
    (made,) = slash.registered(lambda _: [CommandHelp("x", usage, "Does x.")], completes=True)
    check_commands([made])
    kinds = {one["name"]: one["type"] for one in made["options"]}
    assert set(values) <= set(kinds)
    given = [{"name": name, "type": kinds[name], "value": value} for name, value in values.items()]
    assert slash.line("x", given, usage) == line
    bare = slash.line("x", [], usage)
    assert bare == "/x"


def test_every_command_of_the_folder_can_be_registered() -> None:
    texts, found = Texts(), [command(module) for module in load(folder)]

    def listed(language: str) -> list[Any]:
        said = [(one, one.usage and texts.say(language, one.usage), texts.say(language, one.help)) for one in found]
        return [CommandHelp(one.name, usage, told, one.role > 0) for one, usage, told in said]

    check_commands(slash.registered(listed, completes=True))
    check_commands(slash.registered(listed, completes=False))
