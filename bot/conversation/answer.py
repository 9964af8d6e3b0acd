"""Says what was planned: one plan after the other, each worded and checked, together one message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.budgets import Cost
from bot.clock import Clock, SystemClock
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.knowledge.wording import Show, Voice, Worded
from bot.messages import Button, Card
from bot.texts import Texts
from llm.protocol import Act, Fact, Plan

REFUSING = (Act.UNKNOWN, Act.OFFTOPIC, Act.ABUSE, Act.UNSAFE)
CHAT = (Act.GREET, Act.THANKS, Act.BYE, Act.SMALLTALK)  # which agree with whatever was said
HELP = (
    "I'm sorry that things are so hard. I'm only a program: please talk to somebody you trust, and if you are in "
    "danger, call the emergency number where you are. I've asked somebody from the team to write to you."
)
DANGER = "danger"  # why such an answer was given: a human is called for it
WEIGHT = {"model": 0, "quote": 1, "code": 2}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply, ready for the outbox. `by` is model only if a model worded all of it, `model` says which."""

    action: str
    text: str
    by: str
    language: str
    act: str
    facts: tuple[Fact, ...] = ()
    sources: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()
    why: str = ""
    worded: tuple[tuple[Plan, str], ...] = ()  # each plan that the model worded, with its words and slots
    plans: tuple[Plan, ...] = ()  # everything that it says
    note: str = ""  # a line beneath it
    trace: Mapping[str, Any] = field(default_factory=dict)  # how it came about, for /trace: small, without words
    model: str = ""
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Plans and words replies."""

    planner: Planner
    voice: Voice
    texts: Texts
    clock: Clock = field(default_factory=SystemClock)
    help: str = ""  # SAFETY_HELP

    async def answer(
        self, text: str, context: Context, verdict: str | None, show: Show | None = None, seed: int | None = None
    ) -> Answer:
        """The reply to one addressed message. `verdict` is what the rules said of it."""
        began = self.clock.now()
        if verdict:
            plans = [self._refused(verdict, context.language)]
        else:
            plans = self._cold(text, context, await self.planner.plan(text, context))
        planned = self.clock.now()
        worded: list[Worded] = []
        for plan in plans:
            said = " ".join(one.text for one in worded)

            async def part(more: str, said: str = said) -> None:
                if show:
                    await show(f"{said} {more}".strip())

            worded.append(
                await self.voice.say(plan, context.turns, part, seed=seed, chat=context.chat, place=context.place)
            )
        answer = self._join(plans, worded)
        if verdict == "selfharm":
            answer = replace(answer, why=DANGER)
        done = self.clock.now()
        cost = Cost(sum(one.tokens for one in worded), (done - began).total_seconds())
        return replace(answer, cost=cost, trace=self._trace(plans, worded, context, (began, planned, done)))

    def _cold(self, text: str, context: Context, plans: list[Plan]) -> list[Plan]:
        """The plans; no friendly word for what the bot itself would not say."""
        if not any(plan.act in CHAT for plan in plans) or not self.voice.safety.dark(text, context.place):
            return plans
        return [Plan(Act.OFFTOPIC, plan.language, fixed=True) if plan.act in CHAT else plan for plan in plans]

    def _refused(self, verdict: str, language: str) -> Plan:
        """What is said to a message that the rules stopped, by code: no model is shown it. Whoever may be in danger is
        not turned away."""
        if verdict != "selfharm":
            return Plan(Act.ABUSE if verdict == "abuse" else Act.UNSAFE, language, fixed=True)
        said = self.texts.say(language, HELP)
        return Plan(Act.HANDOFF, language, quote=f"{said} {self.help}".strip(), fixed=True)

    def _trace(
        self, plans: Sequence[Plan], worded: Sequence[Worded], context: Context, moments: tuple[datetime, ...]
    ) -> dict[str, Any]:
        """What can't be worked out again later. Words of members are left to the messages, which are erased in time."""
        first, second, third = moments
        return {
            "version": self.planner.library.products.version,
            "rows": list(context.rows[:3]),
            "before": context.act,
            "ms": [_milliseconds(first, second), _milliseconds(second, third)],
            "plans": [_made(plan, one) for plan, one in zip(plans, worded, strict=True)],
        }

    def _join(self, plans: Sequence[Plan], worded: Sequence[Worded]) -> Answer:
        first = plans[0]
        language = first.language
        gap = "\n" if len(worded) > 1 else ""
        sources = tuple(dict.fromkeys(source for plan in plans for source in plan.sources))
        by = max((one.by for one in worded), key=WEIGHT.__getitem__)
        facts = tuple(fact for one in worded for fact in one.facts)
        why = "; ".join(one.why for one in worded if one.why)
        text = gap.join(one.text for one in worded)
        own = tuple((plan, one.template) for plan, one in zip(plans, worded, strict=True) if one.template)
        model = ", ".join(dict.fromkeys(one.model for one in worded)) if by == "model" else ""
        made = Answer(action(plans), text, by, language, first.act, facts, sources, self._buttons(first), (), why, own)
        return replace(made, plans=tuple(plans), model=model)

    def _buttons(self, plan: Plan) -> tuple[Button, ...]:
        """The choices of a question back, as buttons."""
        if plan.act is not Act.ASK_BACK:
            return ()
        return tuple(Button(fact.value, f"/product {fact.value}") for fact in plan.facts if fact.kind == "name")


def _made(plan: Plan, worded: Worded) -> dict[str, Any]:
    rows = list(plan.sources[:4])
    return {"act": plan.act, "states": list(plan.states), "rows": rows, "by": worded.by, "why": worded.why[:200]}


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)


def action(plans: Sequence[Plan]) -> str:
    """DESIGN's word for what a reply does."""
    if any(plan.act is Act.HANDOFF for plan in plans):
        return "handoff"
    return "refuse" if all(plan.act in REFUSING for plan in plans) else "reply"
