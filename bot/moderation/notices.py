"""What members and admins read about a decision."""

from typing import Any

from bot.texts import Texts

KIND = "moderation"  # of the outbox rows


def why(texts: Texts, language: str, reason: str) -> str:
    say = texts.say
    return {
        "flood": say(language, "too many messages at once"),
        "repeated": say(language, "the same text again and again"),
        "invite": say(language, "an invitation to another group"),
        "spam": say(language, "looks like advertising"),
        "link": say(language, "a link by somebody who just came"),
        "forward": say(language, "forwarded advertising"),
        "raid": say(language, "many came at once"),
        "joined": say(language, "the button was not pressed"),
        "admin": say(language, "an admin decided it"),
    }[reason]


def notice(texts: Texts, language: str, name: str, kind: str, reason: str) -> str:
    """What the group sees of a decision."""
    values = {"name": name[:40], "why": why(texts, language, reason)}
    say = texts.say
    text = {
        "delete": say(language, "{name}, I removed a message of yours: {why}.", **values),
        "warn": say(
            language, "{name}, I removed another message: {why}. At the next one you can't write for an hour.", **values
        ),
        "mute": say(language, "{name} can't write here for an hour: {why}.", **values),
        "ban": say(language, "{name} is banned for now: {why}.", **values),
    }[kind]
    return text + " " + say(language, "If that is wrong: /appeal")


def line(texts: Texts, language: str, row: Any, name: str) -> str:
    """One decision as admins see it in a list."""
    excerpt = " ".join(row.text.split())
    quoted = f" “{excerpt[:60]}…”" if len(excerpt) > 60 else f" “{excerpt}”" if excerpt else ""
    return f"#{row.id} {kind(texts, language, row.kind)} – {name}: {why(texts, language, row.reason)}{quoted}"


def kind(texts: Texts, language: str, kind: str) -> str:
    say = texts.say
    return {
        "delete": say(language, "removed"),
        "warn": say(language, "warned"),
        "mute": say(language, "muted"),
        "ban": say(language, "banned"),
        "ask": say(language, "asked"),
    }[kind]
