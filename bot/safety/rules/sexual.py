"""What is sexual, from sexual.toml."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("sexual", __file__)
