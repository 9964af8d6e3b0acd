"""Runs every rule on what comes in and goes out. Fails closed: a rule that breaks stops the text."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast, get_args

from bot.config import Settings, SettingsError, listed
from bot.language import HAN, sentences
from bot.registry import load
from bot.safety import rules as folder
from bot.safety.rules.base import Direction, Rule, Strictness, Subject, Terms

log = logging.getLogger(__name__)
NORMAL: Strictness = "normal"
FIRST = "selfharm"  # who may be in danger is helped, whatever else they write
DARK = ("taboo", "words", "harm", "illegal", "sexual", "claims")
NOWHERE: Mapping[str, Strictness] = MappingProxyType({})


class Safety:
    """Holds the rules by name. `places`: chats, as `platform:id`, that are not as strict as the rest; `dry`: names of
    rules that only say in the log what they would have stopped."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        strictness: Strictness = NORMAL,
        places: Mapping[str, Strictness] = NOWHERE,
        dry: frozenset[str] = frozenset(),
    ) -> None:
        self.rules = dict(rules)
        self._strictness, self._places, self._dry = strictness, dict(places), dry

    @classmethod
    def of(
        cls,
        terms: Terms,
        strictness: Strictness = NORMAL,
        places: Mapping[str, Strictness] = NOWHERE,
        dry: frozenset[str] = frozenset(),
    ) -> "Safety":
        """Every rule of the folder. Raises ValueError for a name in `dry` that no rule has."""
        modules = {module.__name__.rpartition(".")[2]: module for module in load(folder)}
        if unknown := sorted(dry - modules.keys()):
            raise ValueError(f"no rule is called {unknown[0]}; {', '.join(modules)} are there")
        names = sorted(modules, key=lambda name: (name != FIRST, name))
        return cls({name: modules[name].build(terms) for name in names}, strictness, places, dry)

    def verdict(
        self,
        text: str,
        direction: Direction,
        quoted: tuple[str, ...] = (),
        place: str = "",
        names: tuple[str, ...] = (),
        *,
        typed: bool = False,
        known: tuple[str, ...] = (),
    ) -> str | None:
        """The first rule's reason to stop this text, or None. `place`: the chat that it is of, as `platform:id`;
        `names`: of members, that stand in it; `typed`: an admin wrote it; `known`: what its model was shown."""
        subject = Subject(text, direction, quoted, self._places.get(place, self._strictness), names, typed, known)
        for name, rule in self.rules.items():
            try:
                reason = rule.check(subject)
            except Exception:
                log.exception("rule %s failed, the text is stopped", name)
                return "failed"
            if reason and name in self._dry:
                log.warning("rule %s would have stopped a text on its way %s: %s", name, direction, reason)
            elif reason:
                return reason
        return None

    def dark(self, text: str, place: str = "") -> bool:
        """Does a member's text hold what the bot itself would not say, though it was let in?"""
        rules = {name: self.rules[name] for name in DARK if name in self.rules}
        return Safety(rules, self._strictness, self._places).verdict(text, "out", place=place, typed=True) is not None

    def passed(self, text: str, place: str = "") -> str:
        """A row's text without the sentences that the rules have something against; as it is where there are none."""
        said = sentences(text)
        kept = [one for one in said if not self.verdict(one, "row", place=place)]
        return text if kept == said else ("" if any(map(HAN.search, kept)) else " ").join(kept)


def make_safety(settings: Settings) -> Safety:
    """Every rule of the folder, as the settings want them. Raises SettingsError."""
    hosts, competitors = frozenset(listed(settings.allowed_links)), listed(settings.safety_competitors)
    terms = Terms(hosts, competitors, known_words(settings))
    strictness, where = settings.safety_strictness, _places(settings.safety_chats)
    try:
        return Safety.of(terms, strictness, where, frozenset(listed(settings.safety_dry_run)))
    except ValueError as error:
        raise SettingsError(f"SAFETY_DRY_RUN: {error}") from None


def known_words(settings: Settings) -> bool:
    """Is the model held to what is like the replies that the shipped one was taught?"""
    wording, shipped = settings.safety_wording, Settings.model_fields["llm_model"].default
    return wording == "known" or (not wording and not settings.llm_url and settings.llm_model == shipped)


def _places(written: str) -> dict[str, Strictness]:
    """`PLATFORM:ID=strict, PLATFORM:ID=relaxed`. Raises SettingsError."""
    found: dict[str, Strictness] = {}
    for one in listed(written):
        place, _, level = (part.strip() for part in one.rpartition("="))
        if ":" not in place or level not in get_args(Strictness):
            raise SettingsError("SAFETY_CHATS: PLATFORM:ID=LEVEL is right, with relaxed, normal or strict as LEVEL")
        found[place] = cast(Strictness, level)
    return found
