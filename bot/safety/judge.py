"""Whether a model that is free in its words says what no shop's assistant may, by what its sentences mean.

Lists know the words that somebody thought of; this knows what is near them (`llm/improper.py`). It reads a model's own
sentences only: a row's are the merchant's. Where the encoders are missing or others, nothing passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.config import Settings
from bot.safety.verdict import known_words
from llm import improper
from llm.encoder import Encoders
from llm.engine import EngineError


@dataclass(frozen=True, slots=True)
class Judge:
    encoders: Encoders

    async def improper(self, said: Sequence[str], language: str) -> bool:
        """Is one of these sentences improper? Raises EngineError where that can't be told."""
        if not said:
            return False
        try:
            vectors = await self.encoders.encode(said, language)
        except KeyError:
            raise EngineError(f"no encoder knows {language}, so that nobody can tell what is said") from None
        return improper.load(language).holds(vectors)


def make_judge(settings: Settings, encoders: Encoders) -> Judge | None:
    """None where the wording is the shipped model's, or the merchant has no sentence encoder or one of their own."""
    free = not known_words(settings) and settings.embed_model == "bundled"
    return Judge(encoders) if free else None
