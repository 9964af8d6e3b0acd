"""Says a plan: the model's words around slots, filled and checked sentence by sentence, or the row in its own words."""

import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bot.config import Settings, listed
from bot.knowledge.facts import check, fill, needed, said, slotted
from bot.knowledge.tone import Tone
from bot.knowledge.unfit import Unfit
from bot.language import HAN, normalise, sentences
from bot.safety.judge import Judge
from bot.safety.rules.grounded import told
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engine import Engine, EngineError, Priority, Request, SamplingParams, Turn
from llm.protocol import SLOT, Act, Fact, Plan, State

log = logging.getLogger(__name__)
ATTEMPTS = 2  # a second try costs less than a stiff quote
CALM = 0.5  # the temperature of posts and suggestions at most: an odd word in what nobody asked for is read by all
# The starter was taught on short messages; to one of so many characters it says a no badly.
NOTHING, LONG = (Act.UNKNOWN, Act.OFFTOPIC), 300
PROSE = ("text", "reason", "value")  # slots in which the merchant's own sentences stand
Show = Callable[[str], Awaitable[None]]
# A sentence ends where its mark is followed by something else, so that nothing is shown that may still grow.
END = re.compile(r"[.!?]+[\"”’)]*(?=\s)|[。！？…]+[”’）]*(?=[^。！？…”’）])")


@dataclass(frozen=True, slots=True)
class Worded:
    """What is sent. `by` is model, quote or code; `why` says what kept the model's words back.

    `model` is the name of the one that worded it, '' where none did.
    """

    text: str
    by: str
    facts: tuple[Fact, ...] = ()
    why: str = ""
    template: str = ""  # the model's words with their slots, where it is by the model
    model: str = ""
    tokens: int = 0  # that a model wrote for it, refused ones too


@dataclass(frozen=True, slots=True)
class Strategy:
    """How each kind of text is written: `reply` to somebody, `unasked` a post or a suggestion, in which an odd word is
    read by all. What holds one of the words in `banned` is not said."""

    reply: SamplingParams = field(default_factory=SamplingParams)
    unasked: SamplingParams | None = None
    banned: tuple[str, ...] = ()

    def of(self, priority: Priority) -> SamplingParams:
        if priority is Priority.REPLY:
            return self.reply
        return self.unasked or replace(self.reply, temperature=min(CALM, self.reply.temperature))

    def holds(self, text: str) -> bool:
        """Does a text hold a banned word?"""
        said = normalise(text)
        return any(
            word in said if HAN.search(word) else re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said)
            for word in map(normalise, self.banned)
        )


def make_strategy(settings: Settings) -> Strategy:
    """The strategy of the settings."""
    calm = min(settings.llm_post_temperature, settings.llm_temperature)
    return Strategy(
        SamplingParams(temperature=settings.llm_temperature, max_tokens=settings.llm_reply_tokens),
        SamplingParams(temperature=calm, max_tokens=settings.llm_post_tokens),
        listed(settings.llm_banned),
    )


@dataclass(frozen=True, slots=True)
class Voice:
    """The engine behind the check. Nothing that it says can hold a fact that the plan doesn't."""

    engine: Engine
    safety: Safety
    texts: Texts
    strategy: Strategy = field(default_factory=Strategy)
    deadline: float = 20.0
    attempts: int = ATTEMPTS
    tone: Tone = field(default_factory=Tone)
    judge: Judge | None = None  # of a model that is free in its words

    async def say(
        self,
        plan: Plan,
        turns: tuple[Turn, ...] = (),
        show: Show | None = None,
        *,
        priority: Priority = Priority.REPLY,
        seed: int | None = None,
        chat: str = "",
        place: str = "",
    ) -> Worded:
        """Word the plan. `show` gets the text so far whenever a sentence passed while more is coming. `place` is the
        chat as rules know it: `platform:id`."""
        plan = self._fit(plan, place)
        if plan.fixed or (plan.act in NOTHING and turns and len(turns[-1].content) > LONG):
            return replace(self.quote(plan), by="code")
        why, params, wrote = "", self.strategy.of(priority), [0]
        for attempt in range(self.attempts):
            chosen = params if seed is None else replace(params, seed=seed + attempt)
            request = Request((*self.tone.turns(plan), *turns), plan, chosen, priority, self.deadline, chat)
            seen: list[str] = []
            try:
                template, model = await self._template(request, show, seen, place, wrote)
                text = fill(self.tone.dressed(template, plan), plan)
                return Worded(text, "model", tuple(said(text, plan)), template=template, model=model, tokens=wrote[0])
            except (Unfit, EngineError) as error:
                why = str(error)
                log.info("act %s: %s", plan.act, why)
                if seen or isinstance(error, EngineError):
                    break
        return replace(self.quote(plan, why), tokens=wrote[0])

    def _fit(self, plan: Plan, place: str) -> Plan:
        """The plan without sentences of rows that the rules stop, for somebody may have planted them; unknown, where
        nothing is left of a value that it needs."""
        kept = [self.safety.passed(one, place) for one in (plan.quote, *(fact.value for fact in plan.facts))]
        if kept == [plan.quote, *(fact.value for fact in plan.facts)]:
            return plan
        quote, values = kept[0], kept[1:]
        if not all(values) or (plan.quote and not quote):
            return Plan(Act.UNKNOWN, plan.language)
        facts = tuple(replace(fact, value=value) for fact, value in zip(plan.facts, values, strict=True))
        return replace(plan, quote=quote, facts=facts)

    async def _template(
        self, request: Request, show: Show | None, seen: list[str], place: str, wrote: list[int]
    ) -> tuple[str, str]:
        """A model's whole text with slots, every sentence checked, and its name; `seen` gets what was shown of it, and
        the only number in `wrote` counts pieces, which are tokens or a few at once.

        Raises Unfit, EngineError.
        """
        plan, text, shown, model = request.plan, "", 0, self.engine.name
        values = tuple(
            fact.value for fact in plan.facts if fact.kind != "member"
        )  # a name is no word of the merchant's
        async with contextlib.aclosing(self.engine.stream(request)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                text, model = text + piece, piece.model
                wrote[0] += 1
                ends = [match.end() for match in END.finditer(text) if not inside(text[: match.end()], plan)]
                if ends and ends[-1] > shown:
                    begun, shown = shown, ends[-1]
                    template = slotted(text[:shown], plan)
                    self._pass(template, request, values, place)
                    await self._proper(text[begun:shown], plan)
                    if show:
                        seen.append(fill(self.tone.dressed(template, plan, whole=False), plan))
                        await show(seen[-1])
        rest, text = text[shown:], slotted(text.strip(), plan)
        if not text:
            raise Unfit("nothing was said")
        self._pass(text, request, values, place)
        await self._proper(rest, plan)
        needed(text, plan)
        return text, model

    def _pass(self, text: str, request: Request, values: tuple[str, ...], place: str) -> None:
        plan = request.plan
        check(text, plan)
        if self.strategy.holds(text):
            raise Unfit("it holds a word of LLM_BANNED")
        names = tuple(fact.value for fact in plan.facts if fact.kind == "member")
        turns = (turn.content if turn.role == "user" else told(turn.content) for turn in request.turns)
        shown = (*map(told, (*plan.rows, plan.quote)), *turns)
        if reason := self.safety.verdict(fill(text, plan), "out", values, place, names, known=shown):
            raise Unfit(f"safety: {reason}")

    async def _proper(self, more: str, plan: Plan) -> None:
        """Raises Unfit where the model's own sentences are improper, EngineError where that can't be told."""
        if self.judge is None:
            return
        short = {fact.slot: fact.value for fact in plan.facts if fact.kind not in PROSE}
        said = SLOT.sub(lambda found: short.get(found[1], "\n"), slotted(more, plan))
        if await self.judge.improper([one for one in sentences(said) if re.search(r"\w", one)], plan.language):
            raise Unfit("safety: improper")

    async def chances(self, plan: Plan, template: str) -> tuple[float, ...]:
        """How likely the model finds a wording of a plan: the logarithms of its tokens' chances. () where the engine
        can't tell."""
        request = Request(self.tone.turns(plan), plan, self.strategy.of(Priority.POST), Priority.POST, self.deadline)
        try:
            return await self.engine.score(request, template)
        except EngineError as error:
            log.info("act %s: %s", plan.act, error)
            return ()

    def quote(self, plan: Plan, why: str = "") -> Worded:
        """The row's own words; for an act without a row, a text of the catalogue."""
        if plan.quote:
            return Worded(plan.quote, "quote", tuple(said(plan.quote, plan)), why)
        return Worded(self.tone.dressed(plain(plan, self.texts), plan), "code", (), why)


def inside(text: str, plan: Plan) -> bool:
    """Whether the text ends inside a value of several sentences that the model writes out."""
    return any(text.endswith(fact.value[: end.end()]) for fact in plan.facts for end in END.finditer(fact.value))


def plain(plan: Plan, texts: Texts) -> str:
    """What code says for an act that has no row."""
    say = texts.say
    language = plan.language
    if plan.act is Act.UNKNOWN and State.NOT_SOLD in plan.states:
        return say(language, "I can't find that in our shop. I'll pass it on to the team.")
    if plan.act is Act.HANDOFF and State.COMPLAINT in plan.states:
        return say(language, "I'm sorry about that. I've called somebody from the team, they will take it from here.")
    return {
        Act.UNKNOWN: lambda: say(language, "Sorry, I don't know that. I'll pass it on to the team."),
        Act.HANDOFF: lambda: say(language, "I've called somebody from the team, they will be with you here."),
        Act.GREET: lambda: say(language, "Hello! Ask me about our products, delivery or returns."),
        Act.THANKS: lambda: say(language, "You're welcome!"),
        Act.BYE: lambda: say(language, "See you soon!"),
        Act.ABOUT: lambda: say(language, "I'm the shop's assistant, a program. I answer questions about what we sell."),
        Act.OFFTOPIC: lambda: say(language, "I only know about the shop, sorry. Ask me about our products any time."),
        Act.ABUSE: lambda: say(language, "Let's keep it friendly, please. I'm happy to help with the shop."),
        Act.UNSAFE: lambda: say(language, "Sorry, but I can't do that. I'm happy to help with the shop."),
    }.get(plan.act, lambda: say(language, "Nice to hear from you! Ask me about the shop any time."))()
