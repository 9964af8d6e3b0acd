"""The sentence encoders that are installed beside the bot, one for each language.

What a text means is said by two: one that knows its language well (all-MiniLM-L6-v2 for English, the project's own for
Chinese), and a multilingual one. Where that is not installed the first stand alone, and no head reads intents off them,
for heads are trained on both.
"""

from llm import encoder, encoder_e5, encoder_zh
from llm.encoder import Encoder, Encoders, Joined, load_heads
from llm.reader import Reader

SHARES = {"en": 0.5, "zh": 0.7}  # of the multilingual one


def encoders() -> Encoders:
    """All of them, loaded at their first use."""
    found: list[Encoder] = [one for one in (encoder.bundled(), encoder_zh.bundled()) if one]
    both = encoder_e5.bundled()
    if both is None:
        return Encoders(found)
    joined = [Joined(one, both, SHARES[language]) for one in found for language in one.languages]
    return Encoders(joined, load_heads(language for one in joined for language in one.languages), Reader(both))


def of(language: str) -> Encoder | None:
    """The one of a language, as heads are trained on it; None where the packages that carry it are missing."""
    one, both = encoder.bundled() if language == "en" else encoder_zh.bundled(), encoder_e5.bundled()
    return Joined(one, both, SHARES[language]) if one and both else None
