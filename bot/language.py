"""Text as retrieval and rules see it: language, sentences, and tokens that match though the words are bent."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from threading import Lock

from snowballstemmer import stemmer

CJK = r"\u3400-\u4dbf\u4e00-\u9fff"
WORD = re.compile(rf"[a-zà-öø-ÿ0-9]+(?:[.'’][a-z0-9]+)*|[{CJK}]+")
HAN = re.compile(f"[{CJK}]")
LATIN = re.compile(r"[a-zA-Z]+")
QUALITY = re.compile(r"[01](?:\.\d{1,3})?")
# `T-34` and `歼20` are what a model is called.
CODE = re.compile(rf"(?<![a-z0-9])([a-z]{{1,4}}-|[{CJK}]-?)(\d{{1,4}})(?![\d.])")
NAME_NUMBER = re.compile(r"([a-zà-öø-ÿ]{3,})(\d+)")  # a model's name and number, typed as one
NUMBER_UNIT = re.compile(r"(\d+(?:\.\d+)?)([a-z]{1,4})")
SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?](?![\s\n]|$)[^.!?。！？\n]*)*(?:[.!?。！？]+[\"”’)）]*|\n|$)")
ENGLISH_STOP = frozenset(
    """a an the and or but if of to in on at by for with from as is are was were be been am do does did doing have has had i
    you he she it we they me him her us them my your his its our their this that these those there here what which who
    whom whose when where why how can could will would shall should may might must not no yes so too very just really
    any some all each also than then s t d ll re ve m don didn doesn isn aren got get gets gotta gonna wanna want need
    know tell please pls hi hey hello thanks ok okay anyone guys folks about up out into over one ones like say says
    come comes make makes thing things much many u ur im dont does doesnt if lol hmm oh well still even actually
    uve youve ive weve theyve id ill hes shes theyre whats wheres hows whos thats gotta cuz cos bc idk btw lemme dunno aint rn
    tho smth sth yous ya yall n r what'd how'd talking wondering wonder curious question quick im i'm i've it's what's that's don't doesn't can't you're is there's""".split()
)
CHINESE_STOP = frozenset(
    "的了吗呢啊吧呀哦嗯我你您他她它们这那是有在和也都就很还要会能可以请问下么什怎哪个啦嘛给对与或及被把让想跟没不"
)


# Text direction, line and paragraph separators, tags, blanks that are letters, control characters; not what joins and
# colours emoji.
UNSEEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e001f]|(?<=[a-zA-Z0-9])[\u200c\u200d](?=[a-zA-Z0-9])|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def seen(text: str) -> str:
    """The text without what can't be seen and turns, hides or joins what can."""
    return UNSEEN.sub("", text)


def normalise(text: str) -> str:
    """One form for what looks alike: width, case, quotes; nothing invisible."""
    if text.isascii():
        return text.casefold()
    seen = unicodedata.normalize("NFKC", text)
    if not seen.isprintable():  # as it nearly always is, in which case there is nothing to look for
        seen = "".join(sign for sign in seen if unicodedata.category(sign) != "Cf")
    return seen.casefold().replace("’", "'").replace("‘", "'")


def language(text: str, default: str = "en") -> str:
    """`zh` or `en`, by script; the default where the text has neither."""
    if text.isascii():
        return "en" if LATIN.search(text) else default
    han = len(HAN.findall(text))
    latin = len(LATIN.findall(text))
    if not han and not latin:
        return default
    return "zh" if han * 2 > latin or (han >= 2 and han >= latin) else "en"


OURS = ("en", "zh")


def wanted(codes: str) -> str:
    """The language of ours that a client asks for: the one it names first, or weighs most, in a code such as `zh-Hans`
    or an Accept-Language header; "" where it names none."""
    best, found = 0.0, ""
    for one in "".join(codes.lower().split()).split(","):
        code, _, weight = one.partition(";q=")
        head, quality = re.split("[-_]", code, maxsplit=1)[0], float(weight) if QUALITY.fullmatch(weight) else 1.0
        if head in OURS and quality > best:
            best, found = quality, head
    return found


DIGITS = {sign: number for number, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2}
POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
NUMERAL = re.compile("[一二两三四五六七八九十百千万]*[十百千万][零一二三四五六七八九十百千万]*")
SLANG = {"fiver": "5", "tenner": "10", "grand": "1000", "half a dozen": "6"}


def numerals(text: str) -> str:
    """The text with Chinese numerals of ten and more, and a few English names of sums, as digits: `一百五` is 150."""
    for name, number in SLANG.items():
        text = re.sub(rf"\b(?:a )?{name}\b", number, text)
    return NUMERAL.sub(lambda found: str(_number(found.group())), text)


def _number(signs: str) -> int:
    total, last, power = 0, 0, 1
    for sign in signs:
        if sign in POWERS:
            power = POWERS[sign]
            total, last = (total + last) * power if power == POWERS["万"] else total + (last or 1) * power, 0
        else:
            last = DIGITS[sign]
            power = 10 if sign == "零" else power
    return total + last * (power // 10 or 1)


def sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed; a line end ends a sentence too."""
    return [found for match in SENTENCE.finditer(text) if (found := match.group().strip())]


SENTENCE_END = re.compile(r"[.!?]+[\"”’)]*\s+|[。！？…]+[”’）]*\s*|\n+")
PHRASE_END = re.compile(r"\s+|[，、；：,;]\s*")


def units(text: str) -> int:
    """How long a text is for a chat network: UTF-16 code units."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def cut(text: str, limit: int, whole: Iterable[str] = ()) -> list[str]:
    """The text in parts of at most `limit` (at least 2) UTF-16 units: at sentence ends, else between words, and never
    inside one of the values `whole` that fits into a part."""
    parts: list[str] = []
    kept = [value for value in whole if value and units(value) <= limit]
    while units(text) > limit:
        most = len(text)
        while units(text[:most]) > limit:
            most -= max(1, (units(text[:most]) - limit) // 2)
        end = _end(text, most, kept)
        parts.append(text[:end].strip())
        text = text[end:].strip()
    return [part for part in (*parts, text) if part] or [text]


def _end(text: str, most: int, whole: list[str]) -> int:
    """Where to cut so that at most so many signs come before it."""
    spans = [(at.start(), at.end()) for value in whole for at in re.finditer(re.escape(value), text)]
    for pattern in (SENTENCE_END, PHRASE_END):
        ends = [found.end() for found in pattern.finditer(text) if len(text[: found.end()].rstrip()) <= most]
        fit = [end for end in ends if not any(start < end < stop for start, stop in spans)]
        if fit and text[: fit[-1]].strip():
            return fit[-1]
    inside = [start for start, stop in spans if start < most < stop and start > 0]
    return min(inside, default=most)


_english = stemmer("english")
_stemming = Lock()  # it keeps the word that it works on


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of an English word; numbers and codes stay as they are."""
    if any(letter.isdigit() for letter in word):
        return word
    with _stemming:
        return str(_english.stemWord(word.replace("colour", "color").replace("grey", "gray").removesuffix("'s")))


def tokens(text: str) -> list[str]:
    """English stems without stop words; Chinese single characters and pairs."""
    plain = normalise(text)
    found = [letters.removesuffix("-") + number for letters, number in CODE.findall(plain)]
    for word in WORD.findall(plain):
        if HAN.match(word):
            found += [one for one in word if one not in CHINESE_STOP]
            found += [word[i : i + 2] for i in range(len(word) - 1) if not CHINESE_STOP.issuperset(word[i : i + 2])]
        elif word not in ENGLISH_STOP:
            found += [stem(word)]
            if match := NUMBER_UNIT.fullmatch(word) or NAME_NUMBER.fullmatch(word):
                found += match.groups()
    return found
