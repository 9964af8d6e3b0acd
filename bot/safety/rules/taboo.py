"""What a shop's assistant has no call to speak of in words of its own, from taboo.toml; rows may, and are quoted."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("taboo", __file__)
