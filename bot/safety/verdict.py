"""Runs every rule on what comes in and goes out. Fails closed: a rule that breaks stops the text."""

import logging
from collections.abc import Sequence
from typing import Literal

from bot.safety.rules.base import Rule, Subject

log = logging.getLogger(__name__)


class Safety:
    """Holds the rules that were found in the folder."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def verdict(self, text: str, direction: Literal["in", "out"], quoted: tuple[str, ...] = ()) -> str | None:
        """The first rule's reason to stop this text, or None."""
        subject = Subject(text, direction, quoted)
        for rule in self.rules:
            try:
                reason = rule.check(subject)
            except Exception:
                log.exception("rule %s failed, the text is stopped", type(rule).__module__)
                return "failed"
            if reason:
                return reason
        return None
