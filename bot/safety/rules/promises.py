"""Refunds, guarantees and gifts that the bot has no power to promise, from promises.toml."""

from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Terms


def build(terms: Terms) -> Rule:
    return Listed("promise", __file__)
