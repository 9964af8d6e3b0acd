"""The rows behind an answer, named beneath it: a button where the platform has them, a line of titles elsewhere."""

from dataclasses import replace

from bot.conversation.answer import Answer
from bot.conversation.trace import titles
from bot.knowledge.library import Library
from bot.messages import Button, Capabilities
from bot.texts import Texts
from llm.protocol import Act

MOST = 3  # rows that are named


async def cited(answer: Answer, library: Library, texts: Texts, platform: Capabilities) -> Answer:
    """The answer with its sources; as it is where it has none, or asks back about them."""
    rows = answer.sources[:MOST]
    if not rows or answer.act == Act.ASK_BACK:
        return answer
    if platform.buttons:
        button = Button(texts.say(answer.language, "Source"), f"/source {' '.join(rows)}")
        return replace(answer, buttons=(*answer.buttons, button))
    names = await titles(library, rows)
    shown = "; ".join(names[row] for row in rows if row in names)
    return replace(answer, note=texts.say(answer.language, "Source: {titles}", titles=shown)) if shown else answer
