"""Goods and deeds that no shop may help with, from illegal.toml."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("illegal", __file__)
