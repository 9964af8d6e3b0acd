"""A text in the few forms in which word lists look at it, so that a bent spelling is the word that it stands for."""

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from bot.language import CJK, normalise

# Digits and signs for letters; Cyrillic and Greek letters that look like Latin ones.
LETTERS = str.maketrans(
    "013457@$!|асеоркхуіјѕԁԛԝтнмвαεικνορτυχη", "oieastasi" + "l" + "aceopkxyijsdqwthmb" + "aeiknoptyxn"
)
# Traditional signs of the lists' words.
SIMPLE = str.maketrans("殺媽幹滾賤雞藥槍彈賭錢證廢豬腦殘閉買賣製發號貨購億賺穩傷癒療斷騙處賠償絕對擔證準時終維給寄貸註冊隱賬戶們個",
                       "杀妈干滚贱鸡药枪弹赌钱证废猪脑残闭买卖制发号货购亿赚稳伤愈疗断骗处赔偿绝对担证准时终维给寄贷注册隐账户们个")  # fmt: skip
WORD = re.compile(r"[a-z]+|[0-9]+")
SPACED = re.compile(r"(?<![a-z])(?:[a-z][ .,*_\-/|]{1,2}){2,}[a-z](?![a-z])")
LONG = re.compile(r"([a-z])\1{2,}")
NOT_WORD = re.compile(r"[\W_]+")
NOT_HAN = re.compile(f"[^{CJK}]+")


@dataclass(frozen=True, slots=True)
class Forms:
    """`words`: English words, each between two spaces, as they are and unbent; `signs`: Chinese without separators,
    and without anything that is not Chinese."""

    plain: str
    words: tuple[str, ...]
    signs: tuple[str, ...]


def spaced(words: list[str]) -> str:
    return "".join(f" {word} " for word in words)


@lru_cache(maxsize=256)
def forms(text: str) -> Forms:
    """The same text comes to a dozen rules one after the other, so the last ones are kept."""
    plain = normalise(html.unescape(text) if "&" in text else text).replace("'", "")
    if not plain.isascii():
        bare = (sign for sign in unicodedata.normalize("NFD", plain) if unicodedata.category(sign) != "Mn")
        plain = "".join(bare).translate(SIMPLE)
    readings = dict.fromkeys((plain, plain.translate(LETTERS)))
    readings |= dict.fromkeys(SPACED.sub(lambda found: NOT_WORD.sub("", found[0]), one) for one in [*readings])
    readings |= dict.fromkeys(LONG.sub(r"\1", one) for one in [*readings])
    words = dict.fromkeys(spaced(WORD.findall(one)) for one in readings)
    signs: tuple[str, ...] = ()
    if not plain.isascii():
        signs = tuple(one for one in dict.fromkeys((NOT_WORD.sub("", plain), NOT_HAN.sub("", plain))) if one)
    return Forms(plain, tuple(one for one in words if one), signs)
