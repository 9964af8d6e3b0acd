"""The check of a reply that compares: who is called cheaper, and whose price stands where."""

import re

from bot.knowledge.unfit import Unfit
from llm.protocol import Act, State

CHEAPER = r"\bcheape[rs]|\bless expensive|\bcosts? less|\blower price|(?<!不)便宜|更实惠|更划算"
DEARER = r"\bmore expensive|\bpricier|\bdearer|\bcosts? more|\bhigher price|(?<![名昂珍谁])贵(?!宾|重|姓)"
COMPARED = ((re.compile(CHEAPER, re.I), True), (re.compile(DEARER, re.I), False))
ORDER = re.compile(r"(?P<first>\bfirst\b|\bformer\b|前者|第一)|\bsecond\b|\blatter\b|后者|第二", re.I)
NAMES = re.compile(r"<(name[12])>")
PLACED = re.compile(r"<(name|price)([12])>")
STOPS = ".!?。！？;；"


def check(text: str, act: Act, states: set[State]) -> None:
    """Raises Unfit where the plan doesn't hold the comparison, or a price stands beside the other's name."""
    for word, cheap in COMPARED:
        for found in word.finditer(text):
            _check_word(text, found.start(), found.end(), cheap, states)
    if act is Act.COMPARE:
        _check_places([(kind, number) for kind, number in PLACED.findall(text)])


def _check_word(text: str, start: int, end: int, cheap: bool, states: set[State]) -> None:
    """Who is called cheaper has to be: not the one behind `than`, the one before `比`, else the nearest."""
    if not states & {State.CHEAPER1, State.CHEAPER2}:
        raise Unfit("a comparison that the plan doesn't hold")
    begin = max(text.rfind(stop, 0, start) for stop in STOPS) + 1
    stops = [place for stop in STOPS if (place := text.find(stop, end)) >= 0]
    before, after = text[begin:start], text[end : min(stops, default=len(text))]
    names_before, names_after = NAMES.findall(before), NAMES.findall(after)
    if "比" in before and len(names_before) > 1:
        subject = names_before[-2]
    elif re.match(r"\W*(?:\w+\W+){0,2}than\b", after) and names_after:
        subject = "name2" if names_after[0] == "name1" else "name1"
    else:
        subject = (names_before[-1:] or names_after[:1] or [_ordered(text, before)])[0]
    if subject != ("name1" if (State.CHEAPER1 in states) == cheap else "name2"):
        raise Unfit("the wrong one is called cheaper")


def _ordered(text: str, before: str) -> str:
    """Whom `the first` means."""
    found = ORDER.search(before)
    names: list[str] = list(dict.fromkeys(NAMES.findall(text)))
    if found is None or len(names) < 2:
        return ""
    return names[0] if found["first"] else names[1]


def _check_places(said: list[tuple[str, str]]) -> None:
    """Names and prices pair off by turns ("A at P, B at Q") or in the same order ("A and B: P and Q")."""
    prices = [at for at, (kind, _) in enumerate(said) if kind == "price"]
    names = [number for kind, number in said if kind == "name"]
    if len(prices) != 2 or len(set(names)) != 2:
        return
    first, second = prices
    if second > first + 1:  # by turns; the name before a price, or behind it where the text opens with the price
        step = 1 if first == 0 else -1
        pairs = [said[at + step] for at in prices if at + step < len(said)]
    elif first == 1:
        pairs = [said[0], *said[3:4]]
    else:
        pairs = said[first - 2 : first] or said[2:4]
    for at, (kind, number) in zip(prices, pairs, strict=False):
        if kind == "name" and number != said[at][1]:
            raise Unfit("a price beside the other's name")
