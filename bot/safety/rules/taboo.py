"""What a shop's assistant has no call to speak of in words of its own, from taboo.toml; rows may, and are quoted."""

from dataclasses import replace

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Subject, Terms


class Taboo(Listed):
    def check(self, subject: Subject) -> str | None:
        """Members are called what they like: their names are judged by the other lists."""
        return super().check(replace(subject, quoted=(*subject.quoted, *subject.names)))


def build(terms: Terms) -> Rule:
    return Taboo("taboo", __file__)
