"""Of a text, the sentences that answer."""

from bot.knowledge.passages import prose
from bot.knowledge.retrieval import Index


def test_of_a_long_text_the_nearest_sentences_are_said() -> None:
    said = ["It holds 1.2 litres and weighs little.", "Made in Iwate by hand.", "Rusts unless dried. " * 4]
    near = {said[0]: 0.1, said[1]: 0.6, said[2].strip(): 0.0}
    assert prose(["where"], " ".join(said), Index(), near=near)[0] == said[1]
