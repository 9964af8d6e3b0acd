"""The check that what is offered in a plural is not called "it": the small model knows a slot, not the name in it."""

import re

from bot.knowledge.unfit import Unfit
from llm.protocol import Act, Plan

OFFERS = (Act.SUGGEST, Act.ARRIVAL, Act.PROMOTION)
# What follows the noun: "(set of 6)", ", 125 g tub", "300 ml", "'Sweet Genovese'", "with saucer".
BEHIND = re.compile(
    r"(?:\s*(?:\(.*\)|,.*|['‘\"“].*['’\"”]|\b\d\S*(?:\s\w+)?|\b(?:of|with|for|in)\s.*))+$", re.IGNORECASE
)
PLURAL = re.compile(r"(?<![sui'’])s$", re.IGNORECASE)  # not glass, stylus, chassis
IT = re.compile(r"\b(?:it|its|this one|that one)\b", re.IGNORECASE)
IS = re.compile(r"<name1>[,;]? (?:is|was|has|costs|fits|suits|goes|comes|makes|looks|works)\b")


def plural(name: str) -> bool:
    """Does an English name end in a plural noun: Cold Brew Bags, Holiday Drip Spikes (set of 6)?"""
    return PLURAL.search(BEHIND.sub("", name.strip())) is not None


def check(text: str, plan: Plan) -> None:
    """Raises Unfit where a template speaks of one thing and the product is several."""
    if plan.language != "en" or plan.act not in OFFERS:
        return
    name = next((fact.value for fact in plan.facts if fact.slot == "name1"), "")
    if (IT.search(text) or IS.search(text)) and plural(name):
        raise Unfit("it, of a plural")
