"""The check of a reply that compares: who is called cheaper, and whose price stands where."""

import re

from bot.knowledge.unfit import Unfit
from llm.protocol import Act, State

CHEAPER = r"\bcheape[rs]|\bless expensive|\bcosts? less|\blower price|(?<!不)便宜|更实惠|更划算"
DEARER = r"\bmore expensive|\bpricier|\bdearer|\bcosts? more|\bhigher price|(?<![名昂珍谁])贵(?!宾|重|姓)"
COMPARED = ((re.compile(CHEAPER, re.I), True), (re.compile(DEARER, re.I), False))
# Between two prices these say it too; elsewhere they are common words ("only £9 for the tray").
LESS = (
    r"\bless\b(?! expensive)|\bsaves?\b|(?:on|to) the wallet|\bbudget\b|\bwins\b|\b(?:smaller|lower) (?:price|one)"
    r"|\bfavou?r(?= of\b)|\bprice (?:decides|matters)|\babout price\b|\bI.d (?:take|say)\b"
    r"|\b(?:only|just)\b(?=\s*<price)"
    r"|省(?![心事])|实惠|(?<!更)划算|低[些点]|更低|低一[些点]|只[要需卖]|预算|价格优先|看价格"
)
MORE = r"\bmore(?= for\b)|\bpay more\b|\bhigher\b(?! price)|高[些点]|更高|高一[些点]"
BETWEEN = (*COMPARED, (re.compile(LESS, re.I), True), (re.compile(MORE, re.I), False))
FOR = re.compile(r"\s*(?:to pay )?(?:for|with|of) the (?:<name|first|second|former|latter)", re.I)
THAN = re.compile(r"\W*(?:\w+\W+){0,2}than\b")
ORDER = re.compile(r"(?P<first>\bfirst\b|\bformer\b|前者|第一)|\bsecond\b|\blatter\b|后者|第二", re.I)
NAMES = re.compile(r"<(name[12])>")
PLACED = re.compile(r"<(name|price)([12])>")
STOPS = ".!?。！？;；"


def check(text: str, act: Act, states: set[State]) -> None:
    """Raises Unfit where the plan doesn't hold the comparison, or a price stands beside the other's name."""
    for word, cheap in BETWEEN if act is Act.COMPARE else COMPARED:
        for found in word.finditer(text):
            _check_word(text, found.start(), found.end(), cheap, states)
    if act is Act.COMPARE:
        _check_places([(kind, number) for kind, number in PLACED.findall(text)])


def _check_word(text: str, start: int, end: int, cheap: bool, states: set[State]) -> None:
    """Who is called cheaper has to be: not the one behind `than`; the one before `比`, behind `for`, or the nearest."""
    if not states & {State.CHEAPER1, State.CHEAPER2}:
        raise Unfit("a comparison that the plan doesn't hold")
    begin = max(text.rfind(stop, 0, start) for stop in STOPS) + 1
    stops = [place for stop in STOPS if (place := text.find(stop, end)) >= 0]
    before, after = text[begin:start], text[end : min(stops, default=len(text))]
    names_before, names_after = NAMES.findall(before), NAMES.findall(after)
    if re.search("比(?!较)", before) and len(names_before) > 1:
        subject = names_before[-2]
    elif THAN.match(after) and names_after:
        subject = "name2" if names_after[0] == "name1" else "name1"
    elif aimed := FOR.match(after):
        subject = names_after[0] if aimed.group().endswith("<name") else _ordered(text, after)
    else:
        subject = (names_before[-1:] or names_after[:1] or [_ordered(text, before)])[0]
    if subject != ("name1" if (State.CHEAPER1 in states) == cheap else "name2"):
        raise Unfit("the wrong one is called cheaper")


def _ordered(text: str, part: str) -> str:
    """Whom `the first` in a part of the text means."""
    found = ORDER.search(part)
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
