"""Where a place is: who asks of Belfast means the line on Northern Ireland. The places stand in places.toml."""

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from bot.language import HAN

MOST, LONG = 2, 120  # places of a text that are looked at; signs of a story, in which a place matters little


def located(text: str) -> str:
    """The text, with the regions behind it that its places lie in."""
    if len(text) > LONG:
        return text
    pattern, regions = _known(han=HAN.search(text) is not None)
    found = dict.fromkeys(regions[one.lower()] for one in pattern.findall(text)[:MOST])
    missing = [one for one in found if one.lower() not in text.lower()]
    return f"{text} ({', '.join(missing)})" if missing else text


@lru_cache(maxsize=2)
def _known(*, han: bool) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """A pattern of every place, and place -> region."""
    held = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["zh" if han else "en"]
    regions = {place: region for region, places in held.items() for place in places}
    either = "|".join(map(re.escape, sorted(regions, key=len, reverse=True)))
    return re.compile(either if han else rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), regions
