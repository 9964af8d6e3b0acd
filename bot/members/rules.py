"""The rules of segments: a small language of comparisons, `bought > 0 and last_seen > 30d`, and what it means.

    rule       = part { "or" part }
    part       = fact { ("and" | ",") fact }
    fact       = ["not"] ( "(" rule ")" | comparison )
    comparison = NAME [ ("=" | "!=" | ">" | ">=" | "<" | "<=") VALUE ]     of KEYED names: NAME WORD [ … ]
    VALUE      = number | number with h, d, w, m or y (time that has passed) | word | "words"

Nothing in a rule is ever run: it is parsed into comparisons of the names below, and compared.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

LONGEST, DEEPEST = 500, 20  # characters of a rule, and parentheses inside each other
NUMBER, TIME, YES_NO, WORD = "number", "time", "yes or no", "word"
NAMES = {
    "bought": NUMBER, "spent": NUMBER, "asked": NUMBER, "messages": NUMBER, "complained": NUMBER, "pressed": NUMBER,
    "recency": NUMBER, "frequency": NUMBER, "money": NUMBER,
    "unanswered": NUMBER, "budget": NUMBER, "last_seen": TIME, "first_seen": TIME, "last_bought": TIME,
    "buying": YES_NO, "subscribed": YES_NO, "stage": WORD, "language": WORD,
}  # fmt: skip
KEYED = ("category", "brand", "product", "attribute", "liked", "disliked")  # numbers, each of something
CHINESE = {
    "购买": "bought", "下单": "bought", "消费": "spent", "提问": "asked", "消息": "messages", "投诉": "complained",
    "点击": "pressed", "未答": "unanswered", "预算": "budget", "最近出现": "last_seen", "首次出现": "first_seen",
    "上次购买": "last_bought", "想买": "buying", "订阅": "subscribed", "阶段": "stage", "语言": "language",
    "近度": "recency", "频度": "frequency", "额度": "money",
    "品类": "category", "品牌": "brand", "商品": "product", "属性": "attribute", "喜欢": "liked", "不满": "disliked",
    "并且": "and", "且": "and", "或者": "or", "或": "or", "非": "not", "是": "yes", "否": "no", "新": "new",
    "活跃": "active", "沉默": "quiet", "流失": "lapsed", "中文": "zh", "英文": "en",
}  # fmt: skip
VALUES = {"stage": ("new", "active", "quiet", "lapsed"), "language": ("en", "zh")}
UNITS = {
    "h": 1, "小时": 1, "d": 24, "天": 24, "日": 24, "w": 168, "周": 168, "m": 730, "个月": 730, "月": 730, "y": 8766,
    "年": 8766,
}  # hours  # fmt: skip
SIGNS = {
    "＞": ">",
    "＜": "<",
    "＝": "=",
    "==": "=",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "<>": "!=",
    "（": "(",
    "）": ")",
    "，": ",",
}
PIECE = re.compile(
    r"(?P<text>\"[^\"]*\"|“[^”]*”|「[^」]*」|'[^']*')|(?P<sign>>=|<=|!=|<>|==|[><=≥≤≠＞＜＝(),（），])"
    r"|(?P<number>\d{1,12}(?:\.\d{1,4})?)(?P<unit>小时|个月|[hdwmy](?![a-z_])|[天日周月年])?"
    rf"|(?P<word>{'|'.join(sorted(CHINESE, key=lambda word: -len(word)))}|[^\W\d]\w*(?:-\w+)*)",
    re.IGNORECASE,
)
Value = float | timedelta | bool | str


class BadRule(ValueError):
    """`template` with `values` says what is wrong, at which sign of the rule, and what would be right."""

    def __init__(self, template: str, at: int, **values: object) -> None:
        self.template, self.values = template, {"at": at + 1, **values}
        super().__init__(template.format(**self.values))


@dataclass(frozen=True, slots=True)
class Comparison:
    """`key` is what a keyed name is of."""

    name: str
    key: str
    sign: str
    value: Value


@dataclass(frozen=True, slots=True)
class Joined:
    """`word`: and, or, not (of one part)."""

    word: str
    parts: tuple["Rule", ...]


Rule = Comparison | Joined
Facts = Mapping[tuple[str, str], Value]  # (name, key) -> what is known; what isn't there is not known


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # text, sign, number, word, end
    text: str
    at: int
    unit: str = ""


def parse(text: str) -> Rule:
    """The rule that a text is. Raises BadRule."""
    if len(text) > LONGEST:
        raise BadRule("At sign {at}: a rule has at most {most} signs.", LONGEST, most=LONGEST)
    reader = Reader(list(_tokens(text)))
    found = reader.rule(0)
    if reader.now.kind != "end":
        raise reader.bad_rule("At sign {at}: “{word}” can't stand here. Right would be: and, or, the end")
    return found


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = PIECE.match(text, at)
        if found is None:
            raise BadRule("At sign {at}: I can't read “{word}”.", at, word=text[at])
        kind = str(found.lastgroup) if found["unit"] is None else "number"
        word = found["number"] if kind == "number" else found[kind]
        if kind == "text":
            word = word[1:-1]
        elif kind == "sign":
            word = SIGNS.get(word, word)
        elif kind == "word":
            word = CHINESE.get(word, word)
        yield Token(kind, word, at, (found["unit"] or "").lower())
        at = found.end()
    yield Token("end", "", len(text))


class Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0

    @property
    def now(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *words: str) -> bool:
        return self.now.kind in ("word", "sign") and self.now.text.lower() in words

    def _next(self) -> Token:
        found = self.now
        self._at += found.kind != "end"
        return found

    def bad_rule(self, template: str, **values: object) -> BadRule:
        return BadRule(template, self.now.at, word=self.now.text, **values)

    def rule(self, depth: int) -> Rule:
        parts = [self._part(depth)]
        while self._is("or"):
            self._next()
            parts.append(self._part(depth))
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def _part(self, depth: int) -> Rule:
        parts = [self._fact(depth)]
        while self._is("and", ","):
            self._next()
            parts.append(self._fact(depth))
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _fact(self, depth: int) -> Rule:
        if depth > DEEPEST:
            raise self.bad_rule("At sign {at}: no more than {most} parentheses inside each other.", most=DEEPEST)
        if self._is("not"):
            self._next()
            return Joined("not", (self._fact(depth + 1),))
        if self._is("("):
            self._next()
            found = self.rule(depth + 1)
            if not self._is(")"):
                raise self.bad_rule("At sign {at}: a closing parenthesis is right here.")
            self._next()
            return found
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self.now.text.lower()
        if self.now.kind != "word" or name not in (*NAMES, *KEYED):
            names = ", ".join((*NAMES, *KEYED))
            if self.now.kind == "end":
                raise self.bad_rule("At sign {at}: something is missing. Right would be one of: {names}", names=names)
            raise self.bad_rule("At sign {at}: I don't know “{word}”. Right would be one of: {names}", names=names)
        self._next()
        kind, key = NAMES.get(name, NUMBER), ""
        if name in KEYED:
            if self.now.kind not in ("word", "text") or not self.now.text.strip():
                raise self.bad_rule("At sign {at}: say which, for example: {example}", example=f'{name} "Lights"')
            key = self._next().text.strip().casefold()
        if not self._is("=", "!=", ">", ">=", "<", "<="):
            if name in KEYED:
                return Comparison(name, key, ">", 0.0)
            if kind == YES_NO:
                return Comparison(name, "", "=", True)
            raise self.bad_rule(
                "At sign {at}: a comparison is right here, for example: {example}", example=_example(name)
            )
        sign = self._next().text
        if kind in (YES_NO, WORD) and sign not in ("=", "!="):
            self._at -= 1
            raise self.bad_rule("At sign {at}: {name} takes = or != only.", name=name)
        return Comparison(name, key, sign, self._value(name, kind))

    def _value(self, name: str, kind: str) -> Value:
        token, low = self.now, self.now.text.casefold()
        found: Value | None = None
        if kind == NUMBER and token.kind == "number" and not token.unit:
            found = float(token.text)
        elif kind == TIME and token.kind == "number" and token.unit:
            found = timedelta(hours=min(float(token.text), 1e6) * UNITS[token.unit])
        elif kind == YES_NO and low in ("yes", "no"):
            found = low == "yes"
        elif kind == WORD and token.kind in ("word", "text") and low in VALUES[name]:
            found = low
        if found is None:
            raise self.bad_rule(
                "At sign {at}: {name} can't be compared with “{word}”. Right would be: {example}",
                name=name,
                example=_example(name),
            )
        self._next()
        return found


def _example(name: str) -> str:
    kind = NAMES.get(name, NUMBER)
    if kind == WORD:
        return " | ".join(f"{name} = {value}" for value in VALUES[name])
    return {NUMBER: f"{name} > 0", TIME: f"{name} > 30d", YES_NO: f"{name} = yes"}[kind]


def holds(rule: Rule, facts: Facts) -> bool:
    """Does it hold for these? What is not known is 0 as a number, and nothing else that could be compared."""
    if isinstance(rule, Joined):
        found = (holds(part, facts) for part in rule.parts)
        return all(found) if rule.word == "and" else any(found) if rule.word == "or" else not any(found)
    known = facts.get((rule.name, rule.key))
    if known is None:
        if isinstance(rule.value, timedelta | str) or rule.name == "budget":
            return rule.sign == "!="
        known = type(rule.value)(0)
    return _compared(known, rule.sign, rule.value)


def _compared(known: Value, sign: str, value: Value) -> bool:
    if sign in ("=", "!="):
        return (known == value) is (sign == "=")
    assert isinstance(known, float | timedelta)
    more = known > value  # type: ignore[operator]
    same = known == value
    return {">": more, ">=": more or same, "<": not more and not same, "<=": not more}[sign]


def written(rule: Rule, inside: bool = False) -> str:
    """The rule as text, which parses into the same."""
    if isinstance(rule, Joined):
        if rule.word == "not":
            return f"not {written(rule.parts[0], inside=True)}"
        text = f" {rule.word} ".join(written(part, inside=True) for part in rule.parts)
        return f"({text})" if inside else text
    key = f' "{rule.key}"' if rule.key else ""
    return f"{rule.name}{key} {rule.sign} {_shown(rule.value)}"


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 3600:.4f}".rstrip("0").rstrip(".") + "h"
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def named(rule: Rule) -> list[tuple[str, str]]:
    """What a rule compares, in its order, each once."""
    if isinstance(rule, Comparison):
        return [(rule.name, rule.key)]
    return list(dict.fromkeys(one for part in rule.parts for one in named(part)))
