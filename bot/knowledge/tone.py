"""How the shop sounds: what SHOP_TONE changes in the words of a reply, never in its facts.

A model that follows instructions reads the tone in its system text. For the shipped one, which knows no tones, code
takes emoji out (plain) or puts one behind a greeting, thanks or a recommendation that has none (playful).
"""

import re
from dataclasses import dataclass

from llm.engine import Turn
from llm.protocol import Act, Plan

NAMED = {
    "plain": {"en": "plain and to the point, no emoji, no exclamation marks", "zh": "朴实、直接，不用表情和感叹号"},
    "warm": {},  # what every model is asked for anyway
    "playful": {"en": "light and playful, an emoji now and then", "zh": "轻松俏皮，偶尔用个表情"},
}
SAYS = {"en": "Tone of the shop: {words}", "zh": "店铺的语气：{words}"}
EMOJI = re.compile(" ?[\U0001f000-\U0001faff☀-➿⬀-⯿️‍\U0001f1e6-\U0001f1ff]+")
SIGNS = {
    Act.GREET: "👋",
    Act.BYE: "👋",
    Act.WELCOME: "👋",
    Act.THANKS: "😊",
    Act.SMALLTALK: "😄",
    Act.ABOUT: "🤖",
    Act.RECOMMEND: "✨",
    Act.SUGGEST: "✨",
    Act.PROMOTION: "🎉",
    Act.ARRIVAL: "🎉",
}


@dataclass(frozen=True, slots=True)
class Tone:
    """`setting` is one of NAMED, or the merchant's own words."""

    setting: str = "warm"

    @property
    def by_name(self) -> bool:
        """May a member be called by name?"""
        return self.setting != "plain"

    def turns(self, plan: Plan) -> tuple[Turn, ...]:
        """What a model is told of it; the shipped one leaves it out."""
        words = NAMED.get(self.setting, {}).get(plan.language, "" if self.setting in NAMED else self.setting)
        return (Turn("system", SAYS[plan.language].format(words=words)),) if words else ()

    def dressed(self, words: str, plan: Plan, *, whole: bool = True) -> str:
        """Words with their slots, or a text of the catalogue, in this tone; `whole` where nothing comes after them."""
        if self.setting == "plain":
            return EMOJI.sub("", words).rstrip()
        sign = SIGNS.get(plan.act, "")
        if self.setting != "playful" or not whole or not sign or EMOJI.search(words):
            return words
        return f"{words} {sign}"
