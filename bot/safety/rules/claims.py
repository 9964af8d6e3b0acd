"""Cures and profits that no shop may promise, from claims.toml."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("claim", __file__)
