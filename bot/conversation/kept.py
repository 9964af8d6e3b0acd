"""What a row of the outbox keeps of how an answer was made."""

from typing import Any

from bot.conversation.answer import Answer
from bot.conversation.handoff import unsure


def product_of(answer: Answer) -> int | None:
    """The product that an answer is about."""
    return next((int(row.partition(":")[2]) for row in answer.sources if row.startswith("product:")), None)


def made_of(answer: Answer) -> dict[str, Any]:
    """What the row keeps of how a reply was made; `worded`: the plans that the model worded, to learn from."""
    worded = [
        {
            "act": plan.act,
            "language": plan.language,
            "states": list(plan.states),
            "slots": list(plan.slots),
            "template": words,
        }
        for plan, words in answer.worded
    ]
    held = {"act": answer.act, "language": answer.language, "why": answer.why, "trace": answer.trace}
    return held | ({"worded": worded} if worded else {}) | ({"unsure": True} if unsure(answer) else {})
