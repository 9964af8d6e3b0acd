"""Is a message advertising or fraud, as groups get it? One classifier for English, Chinese and Russian.

It reads a text with bent spellings made straight, addresses by their kind, and behind it the signs that it holds: those
of weights/spam/words.toml (pay, contact, betting …) and how it is written. Weighing is that of `llm/harm.py`.
`python -m llm.spam llm/recipes/spam.toml --data DIR --held tests/data/spam/dev.txt` trains it and sets its limits.
"""

import argparse
import random
import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from llm import harm

NAME = "spam"
WEIGHTS, CORPUS = Path(__file__).parent / "weights" / NAME, Path(__file__).parent / "corpus"
LANGUAGES = ("en", "zh", "ru")
LONGEST = 1_500  # characters of a text that are read
LATIN, CYRILLIC = "aeopcyxkmhtbgidsjurn", "аеорсухкмнтвгіԁѕјипп"
TO_CYRILLIC = str.maketrans("aeopcyxkmhtbiur3046", "аеорсухкмнтвиигзоч" + "б")
TO_LATIN = str.maketrans("аеорсухкмнтвіԁѕјԛԝαεικνορτυχη", "aeopcyxkmhtbidsjqwaeiknoptuxn")
DIGITS = str.maketrans("0134578@$!|€", "oieastbasile")
SIMPLE = str.maketrans(
    "結賺錢貸賣買號碼連簡單軟體會員費優惠紅證辦發財機訊資領獎讓獨驗戶萬龍東車門時開賬",
    "结赚钱贷卖买号码连简单软体会员费优惠红证办发财机讯资领奖让独验户万龙东车门时开账",
)
HAN = re.compile(r"[\u3400-\u9fff]")
BETWEEN = re.compile(r"(?<=[\u3400-\u9fff])[\s.·•*_\-/|~]+(?=[\u3400-\u9fff])")
LETTERS = re.compile(r"(?<!\w)(?:[^\W\d_][ .,*_\-/|·]{1,3}){3,}[^\W\d_](?!\w)")
ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+[a-z]{2,10})(/[^\s，。]*)?")
INVITE = re.compile(r"(?:t\.me(?!/c/)|telegram\.me|discord\.gg|discord\.com/invite|chat\.whatsapp\.com)/?\S*")
HANDLE = re.compile(r"(?<![\w.])@\w{4,}")
SUM = re.compile(r"[$€£]\s?\d|\d[\d.,]*\s?(?:\$|€|usd|dollars|eur|k\b|btc|eth|usdt|u\b|руб|р\b|т\.р|元|万|тыс|долл)")
MAIL = re.compile(r"\w@[\w-]+\.\w")
PHONE = re.compile(r"\+?\d[\d\s()-]{8,}\d")
WORD = re.compile(r"[^\W_]+")
SHINY = frozenset("👉➡👇🔥🚀💰💵💸💎🎁🎰✅⚡💋🔞💦😘👋✋⚠🌟💼➕♥❤㊙🈶🚗")
ENCLOSED = {base + at: ord("a") + at for base in (0x1F130, 0x1F150, 0x1F170) for at in range(26)}


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """Hosts, and each group as one pattern."""
    held = tomllib.loads((WEIGHTS / "words.toml").read_text("utf-8"))
    held["groups"] = {name: _pattern(every) for name, every in held["groups"].items()}
    return held


def _pattern(every: list[str]) -> re.Pattern[str]:
    free = [re.escape(one) for one in every if not one[0].isalpha() or HAN.search(one)]
    bound = [re.escape(one.removesuffix("*")) + (r"\w*" if one.endswith("*") else "") for one in every
             if one[0].isalpha() and not HAN.search(one)]  # fmt: skip
    return re.compile("|".join([rf"(?<!\w)(?:{'|'.join(bound)})(?!\w)", *free]))


def read(text: str) -> str:
    """What the classifier reads of a text: itself, tidied, and its signs between ‹ and ›."""
    plain, bent = straight(text[:LONGEST])
    signs = [*bent, *_written(text[:LONGEST])]
    plain = ADDRESS.sub(lambda found: _address(found, signs), INVITE.sub(lambda found: _invite(signs), plain))
    for name, pattern in ((">handle", HANDLE), (">sum", SUM), (">phone", PHONE)):
        if pattern.search(plain):
            signs.append(name[1:])
    plain = PHONE.sub(" 0 ", HANDLE.sub(" @ ", plain))
    found = [name for name, pattern in words()["groups"].items() if pattern.search(plain)]
    pairs = [f"{one}+{other}" for at, one in enumerate(found) for other in found[at + 1 :]]
    signs += found + pairs + ["much" for _ in range(len(found) > 3)]
    return " ".join([re.sub(r"\d+", "0", plain), *(f"‹{one}›" for one in dict.fromkeys(signs))])


def straight(text: str) -> tuple[str, list[str]]:
    """In small letters with bent spellings made straight, and signs of how it was bent."""
    signs: list[str] = []
    drawn = text.translate(ENCLOSED)
    plain = unicodedata.normalize("NFKC", drawn)
    if drawn != text or sum(one.isalpha() and ord(one) > 0xFFFF for one in text) > 3:
        signs.append("drawn")
    plain = "".join(one for one in plain if unicodedata.category(one) not in ("Cf", "Mn")).casefold()
    plain = plain.translate(SIMPLE).replace("ё", "е").replace("’", "'")
    spaced = BETWEEN.sub("", plain)
    if len(plain) - len(spaced) > 3:
        signs.append("spaced")
    plain = LETTERS.sub(lambda found: _joined(found[0], signs), spaced)
    cyrillic = sum("а" <= one <= "я" for one in plain) > sum("a" <= one <= "z" for one in plain) * 0.3
    plain = " ".join(_unbent(one, cyrillic, signs) for one in plain.split(" "))
    return " ".join(plain.split()), signs


def _joined(letters: str, signs: list[str]) -> str:
    signs.append("spaced")
    return "".join(WORD.findall(letters))


def _unbent(word: str, cyrillic: bool, signs: list[str]) -> str:
    """One word in one script: letters of the other that look alike, and digits for letters."""
    if "/" in word or word.startswith("@") or not word or MAIL.search(word):
        return word
    latin, other = (sum(low <= one <= high for one in word) for low, high in (("a", "z"), ("а", "я")))
    if latin and other:
        signs.append("mixed")
        only = sum("а" <= one <= "я" and one not in CYRILLIC for one in word)
        foreign = sum("a" <= one <= "z" and one not in LATIN for one in word)
        word = word.translate(TO_CYRILLIC if cyrillic and only >= foreign else TO_LATIN)
    elif latin and cyrillic and latin > 2 and all(one in LATIN for one in word if one.isalpha()):
        word = word.translate(TO_CYRILLIC)
    core = word.strip("0123456789.,:;!?()'\"$€+-%")
    letters = sum(one.isalpha() for one in core)
    if letters >= 2 and letters < sum(not one.isspace() for one in core) and re.search(r"[a-zа-я][0-9@$€|!]", core):
        straight_ = word.translate(TO_CYRILLIC if "а" <= max(core) <= "я" else DIGITS)
        if straight_ != word and letters > sum(one.isdigit() for one in core):
            signs.append("bent")
            word = straight_
    return word


def _written(text: str) -> Iterator[str]:
    if sum(one in SHINY for one in text) >= 1:
        yield "shiny"
    if sum(one in SHINY for one in text) >= 3:
        yield "shinier"
    if text.count("\n") >= 2:
        yield "lines"
    if sum(one.isupper() for one in text) > max(12, 0.4 * len(text)):
        yield "loud"
    if "%" in text:
        yield "percent"
    if len(text) > 60:
        yield "long"
    elif len(text) < 20:
        yield "short"
    if text.rstrip().endswith("?") or "？" in text:
        yield "asks"


def _address(found: re.Match[str], signs: list[str]) -> str:
    host = found[1]
    ending = host.rpartition(".")[2]
    held = words()
    if any(host == one or host.endswith("." + one) for one in held["known"]):
        signs.append("known")
    elif host in held["short"]:
        signs.append("shortened")
    elif ending in held["odd"]:
        signs.append("odd")
    else:
        signs.append("link")
    if "-" in host and "known" not in signs:
        signs.append("hyphen")
    return " " + host.replace(".", " ").replace("-", " ") + " "


def _invite(signs: list[str]) -> str:
    signs.append("invite")
    return " "


@lru_cache(maxsize=1)
def load() -> harm.Judge:
    """Raises ModelNotUsable where the weights are missing or broken."""
    return harm.load(NAME, WEIGHTS)


def language(text: str) -> str:
    """By its script."""
    return "zh" if HAN.search(text) else "ru" if re.search("[а-яА-Я]", text) else "en"


def score(text: str) -> float:
    """How much more than the other messages of its language a text is like spam, in their standard deviations; what
    counts say the `limits`."""
    return scored(load(), text)


def scored(judge: harm.Judge, text: str) -> float:
    spoken = language(text)
    return (judge.score(read(text)) - judge.limits[f"{spoken} mean"]) / judge.limits[f"{spoken} deviation"]


def limits() -> dict[str, float]:
    return load().limits


# Training.

Held = list[tuple[str, str, bool, str]]  # theme, language, whether it is spam, text


def drawn(template: str, chance: random.Random) -> str:
    """One text of a template."""
    while (found := re.search(r"\{([^{}]*)\}", template)) is not None:
        template = template[: found.start()] + chance.choice(found[1].split("|")) + template[found.end() :]
    return template


def bend(text: str, chance: random.Random) -> str:
    """The same, spelt as who hides from filters does."""
    kind = chance.randrange(4)
    if HAN.search(text):
        return " ".join(text) if kind == 0 else "".join(one + chance.choice(["", "", "", "·", " "]) for one in text)
    if kind == 0:
        return "".join(LOOKS.get(one, one) if chance.random() < 0.5 else one for one in text)
    if kind == 1:
        return "".join(NUMBERS.get(one.lower(), one) if chance.random() < 0.4 else one for one in text)
    if kind == 2:
        return text.upper()
    first, _, rest = text.partition(" ")
    return f"{'.'.join(first)} {rest}"


LOOKS = dict(zip(LATIN[:13], CYRILLIC[:13], strict=True)) | dict(zip(CYRILLIC[:13], LATIN[:13], strict=True))
NUMBERS = dict(zip("oieasозч", "01345034", strict=True))


def texts(recipe: dict[str, Any], data: Path) -> harm.Texts:
    """What is learnt: our own texts, drawn and bent, and the public talk that the recipe names."""
    chance = random.Random(recipe["seed"])
    own = tomllib.loads((CORPUS / "spam.toml").read_text("utf-8"))
    found: list[tuple[str, int]] = []
    for language in LANGUAGES:
        for label, kind in ((1, "spam"), (0, "ham")):
            for template in own[language][kind]:
                every = dict.fromkeys(drawn(template, chance) for _ in range(recipe["draws"][kind]))
                found += [(one, label) for one in every]
                bent = [bend(one, chance) for one in every if label and chance.random() < recipe["bent"]]
                found += [(one, label) for one in bent]
    for name, most in recipe["talk"].items():
        talk = harm.talk([data / name])
        found += [(one, 0) for one in chance.sample(talk, min(most, len(talk)))]
    if corpus := recipe.get("corpus"):
        for language in ("en", "zh"):
            kinds = tomllib.loads((CORPUS / f"intents.{language}.toml").read_text("utf-8"))
            customers = [text for kind, held in kinds.items() if kind not in harm.HARMFUL for text in held]
            found += [(one, 0) for one in chance.sample(customers, min(corpus, len(customers)))]
    labels = np.array([label for _, label in found])
    return harm.Texts([harm.tidy(read(text)) for text, _ in found], labels, np.array([""] * len(found)))


def labelled(path: Path) -> Held:
    """Of a file such as tests/data/spam/dev.txt."""
    found, theme, language, spam = [], "", "", False
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("= "):
            kind, language, theme = line[2:].split(" ", 2)
            spam = kind == "spam"
        elif line and not line.startswith(";"):
            found.append((theme, language, spam, line.replace("\\n", "\n")))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llm.spam", description="Train what tells spam from talk.")
    parser.add_argument("recipe", type=Path, help="llm/recipes/spam.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder of public sets that the recipe names")
    parser.add_argument("--held", type=Path, required=True, help="labelled messages that set the limits")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    try:
        recipe = tomllib.loads(options.recipe.read_text("utf-8"))
        judge = harm.fit(texts(recipe, options.data), recipe["fit"])
        held = labelled(options.held)
    except OSError as error:
        sys.exit(str(error))
    harm.save(judge, options.out / f"{NAME}.safetensors")
    judge = harm.load(NAME, options.out)  # as it is kept, in a byte a weight: the limits are of that
    judge = replace(judge, limits=_limits(judge, held, recipe["limits"]))
    harm.save(judge, options.out / f"{NAME}.safetensors")


def _limits(judge: harm.Judge, held: Held, shares: dict[str, float]) -> dict[str, float]:
    """The usual score of harmless messages in each language, and from where on a message counts."""
    found: dict[str, float] = {}
    for one in LANGUAGES:
        calm = [judge.score(read(text)) for _, spoken, is_spam, text in held if spoken == one and not is_spam]
        found |= {f"{one} mean": float(np.mean(calm)), f"{one} deviation": float(np.std(calm))}
    judge = replace(judge, limits=found)
    scores = np.array([scored(judge, text) for *_, text in held])
    spam = np.array([one[2] for one in held])
    for name, share in shares.items():
        found[name] = round(float(np.quantile(scores[~spam], 1 - share)), 3)
        caught, wrong = ((scores[spam == one] > found[name]).mean() for one in (True, False))
        print(f"{name}: from {found[name]} on: {caught:.1%} of spam, {wrong:.2%} of other messages")
    return found


if __name__ == "__main__":
    main()
