"""What a member means to buy, read off the question: how many of which product. Unsure about any of it is None."""

import re
from dataclasses import dataclass
from decimal import Decimal

from bot.conversation import link as links
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge.library import Library
from bot.knowledge.rows import Product, Variant
from bot.language import HAN, normalise, numerals, stem, tokens

WORDS = {
    "a dozen": 12, "a couple of": 2, "a couple": 2, "both": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "thirty": 30,
}  # fmt: skip
SPELT = re.compile(rf"\b(?:{'|'.join(WORDS)})\b(?!-)")
PIECES = "件个盒包袋罐瓶本支只套双条把台饼份顶张枚"
SPELT_ZH = re.compile(rf"([一两俩二三四五六七八九])(?=[{PIECES}])")
TIMES = re.compile(r"(?<![\d.a-z])(?<!\d )[x×*] ?(\d{1,3})\b(?! ?[x×*])")  # `mugs x3`
DIGITS_ZH = dict(zip("一两俩二三四五六七八九", (1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
PARTS = re.compile(r"\b(?:and|plus|with|for|including)\b|[,+&，、；;]|再加|加上|外加|还有|以及|[和加跟]")
MONEY = r"\s?(?:元|块|英镑|镑|欧元?|美[元金]|港[币元]|quid\b|pounds?\b|euros?\b|dollars?\b)"
NUMBER = re.compile(
    rf"(?<![\d.,£$€¥a-z])(?P<n>\d{{1,3}})(?![.,]?\d|[a-wyz%°]|{MONEY})\s*(?P<next>×|[a-z']+|[\u4e00-\u9fff])?"
)
COUNTING = frozenset(
    "of x × times pcs pcs. pieces piece units packs pack bags bag boxes box tins tin bottles bottle sets set these those them".split()
)
DOZENS = 20  # a bigger number that its text says too measures it
POINTS = re.compile(r"\b(?:these|those|them|it|this|that|this one|that one|ones)\b|[这那]|它")
# Words of these questions that name no product.
ASKED = frozenset(
    tokens(
        "total altogether sum pay paying owe qualify qualifies free ship ships shipped shipping deliver delivers delivery "
        "delivered postage post fee fees buy buying bought take taking order ordering if enough would come comes expect today "
        "包邮 免邮 运费 邮费 快递费 免运费 一共 总共 合计 加起来 要付 付 买 拿 订 下单 到手 算上 包含 含 连 够 可以 需要 是否 多少 一起 如果 的话"
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product, of one of these variants."""

    product: Product
    among: tuple[Variant, ...]
    count: int
    counted: bool  # the number was said

    @property
    def prices(self) -> list[Decimal]:
        """The different prices of one, lowest first; empty where any has none."""
        known = [one.price for one in self.among if one.price is not None]
        return sorted(set(known)) if len(known) == len(self.among) else []


def plain(text: str) -> str:
    """The text with its small numbers as digits."""
    text = TIMES.sub(r" \1 x ", text)
    text = SPELT.sub(lambda found: str(WORDS[found.group()]), text)
    return numerals(SPELT_ZH.sub(lambda found: str(DIGITS_ZH[found.group()]), text))


class Unsure(Exception):
    """What is meant is not sure. `between` are the products that a counted name leaves open."""

    def __init__(self, between: tuple[int, ...] = ()) -> None:
        super().__init__("not sure what is meant")
        self.between = between


async def lines(reading: Reading, context: Context, library: Library) -> list[Line]:
    """The lines of the basket, in the order said; none where no product is meant. Raises Unsure."""
    found: dict[int, Line] = {}
    parts = [
        (part, tuple(word for word in tokens(part) if word not in ASKED)) for part in PARTS.split(plain(reading.text))
    ]
    named = [_named(words, library) for _, words in parts]
    back = () if any(named) else tuple(context.products[:1])  # `it` is what was spoken of only where nothing is named
    for (part, words), ids in zip(parts, named, strict=True):
        if not ids and POINTS.search(part):
            ids = back
        products = await library.read(ids[:1])
        number, rest = _counted(part, products[0] if products else None)
        if number == 0 or len(ids) > 1:
            raise Unsure(ids)
        if not products or ids[0] in found:
            if number is not None or (ids and not products):
                raise Unsure
            continue
        if any(_within(words, line.product) for line in found.values()):
            raise Unsure  # the rest of a name with a comma in it rather than another product
        found[ids[0]] = Line(products[0], _among(rest, products[0]), number or 1, number is not None)
    return list(found.values())


def _within(words: tuple[str, ...], product: Product) -> bool:
    title = set(tokens(product.title))
    return any(word in title for word in words if not word.isdigit())


def _among(part: str, product: Product) -> tuple[Variant, ...]:
    """The variants of which the part says most options, in all their words; all where it says none."""
    title = set(tokens(product.title))  # a word of the name says no option
    words = [*(word for word in tokens(part) if word not in title), *links.size_words(part)]
    if one := links.variant(words, product):
        return (one,)
    said = {one.id: sum(_says(words, value) for value in one.options.values()) for one in product.variants}
    most = max(said.values())
    return tuple(one for one in product.variants if said[one.id] == most)


def _says(words: list[str], value: str) -> bool:
    parts = [part for part in tokens(value) if len(part) > 1 or not HAN.match(part)]
    return bool(parts) and set(parts) <= set(words)


def _named(words: tuple[str, ...], library: Library) -> tuple[int, ...]:
    """The product that these words name; several where they leave it open which."""
    linked = links.link(words, library)
    if linked.guessed or not linked.hits:
        return ()
    best = linked.hits[0]
    return tuple(linked.ids) if best.evidence >= links.EVIDENCE or best.called >= links.CALLED else ()


def _counted(part: str, product: Product | None) -> tuple[int | None, str]:
    """How many are meant, and the text without that number. None: no number is said; 0: one that may be no count."""
    title, labels = (
        (normalise(product.title), [normalise(one.label) for one in product.variants]) if product else ("", [])
    )
    names = {*tokens(title), *(token for label in labels for token in tokens(label))}
    if product:
        names |= {token for text in (product.category, *product.tags) for token in tokens(text)}
    counts, rest = [], part
    for found in NUMBER.finditer(part):
        number, following = found["n"], found["next"] or ""
        measured = product is not None and int(number) > DOZENS and number in tokens(product.description)
        if number in tokens(title) or measured or any(_measures(label, number, following) for label in labels):
            continue  # a size or the like, not a number of pieces
        pieces = following in ("x", "×") or (following != "" and following in PIECES)
        option = any(number in re.findall(r"\d+", label) for label in labels)
        named = following != "" and (following in COUNTING or stem(following) in names or _reaches(part, found, names))
        counted = pieces or (named and not option)
        counts.append(int(number) if counted or (number == "1" and not option) else 0)
        rest = part[: found.start("n")] + " " + part[found.end("n") :]
    return (None, part) if not counts else (counts[0] if len(counts) == 1 else 0, rest)


def _measures(label: str, number: str, following: str) -> bool:
    """Is `6 cup` what an option is called, as `6 cups`?"""
    said = re.search(rf"(?<!\d){number} ?([a-z\u4e00-\u9fff]+)", label)
    return said is not None and bool(following) and stem(said[1])[:2] == stem(following)[:2]


def _reaches(part: str, found: re.Match[str], names: set[str]) -> bool:
    """`2 of the red mugs`, `2 large mugs`: the name comes within two words."""
    after = part[found.end("n") :].split()[:3]
    return any(stem(word.strip(".,?!")) in names for word in after) or (
        bool(HAN.search(part)) and any(token in names for token in tokens(part[found.end("n") : found.end("n") + 8]))
    )
