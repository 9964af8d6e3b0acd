"""Somebody who may be in danger from themselves: answered with help and a human, from selfharm.toml."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("selfharm", __file__)
