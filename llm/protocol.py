"""What is put before a model, and how its reply refers to facts: the one text that training and bot share.

Code decides what to say (the act, the facts, the states); the model words it. A fact's value never passes through the
model: it writes a slot such as `<price1>` and `bot/knowledge/facts.py` fills it from the row. Slots end in the number
of the row that they speak of: 1 is the row asked about, 2 and 3 are those beside it.
"""

import re
from dataclasses import dataclass
from dataclasses import field as field_
from enum import StrEnum

LANGUAGES = ("en", "zh")
ROWS = 3


class Act(StrEnum):
    """What a reply does. The comment names the slots that it may use."""

    PRICE = "price"  # name1 price1
    TOTAL = "total"  # count1 name1 total1: several of one product
    STOCK = "stock"  # name1 stock1, or there1 gone1 where only some variants are in stock
    OPTIONS = "options"  # name1 label1 options1
    DETAIL = "detail"  # name1 label1 value1
    DESCRIBE = "describe"  # name1 text1
    POLICY = "policy"  # text1
    SHIPPING = "shipping"  # fee1 threshold1 days1
    HOURS = "hours"  # day1 hours1
    LINK = "link"  # name1 link1
    COMPARE = "compare"  # name1 price1 name2 price2
    CONTRAST = "contrast"  # name1 text1 name2 text2: two products in their own sentences
    RECOMMEND = "recommend"  # name1 price1, up to three rows; text1 says why
    COUNT = "count"  # count1 name1 name2: how many there are of a kind
    ASK_BACK = "ask_back"  # name1 name2
    UNKNOWN = "unknown"  # name1 where the product is known
    HANDOFF = "handoff"
    GREET = "greet"  # member shop
    THANKS = "thanks"  # member
    BYE = "bye"  # member
    SMALLTALK = "smalltalk"  # member
    ABOUT = "about"  # shop
    OFFTOPIC = "offtopic"
    ABUSE = "abuse"
    UNSAFE = "unsafe"
    SUGGEST = "suggest"  # member name1 price1 reason1
    TIP = "tip"  # name1 price1 text1
    ARRIVAL = "arrival"  # name1 price1 text1 link1, up to three rows: new in the shop
    PROMOTION = "promotion"  # name1 price1 was1 date1 link1
    ANNOUNCE = "announce"  # text1 shop
    POLL = "poll"  # name1 name2 name3
    DIGEST = "digest"  # topic1 topic2 topic3 count1: what a group talked about
    WELCOME = "welcome"  # member shop
    NOTE = "note"  # topic1 topic2 topic3: what a profile says, to the member

    @property
    def names_often(self) -> bool:
        """Whether a reply may say a slot more than once, as "A is cheaper than B: A costs ..." does with its names."""
        return self in (Act.COMPARE, Act.CONTRAST)


class State(StrEnum):
    """What code found out. A reply may say a state only if its plan holds it."""

    IN_STOCK = "in_stock"
    FEW = "few"
    SOLD_OUT = "sold_out"
    RANGE = "range"  # the price depends on the variant
    CHEAPER1 = "cheaper1"
    CHEAPER2 = "cheaper2"
    SAME_PRICE = "same_price"
    COMPLAINT = "complaint"
    REQUEST = "request"  # a member asked for a human
    NOT_SOLD = "not_sold"  # nothing like it in the catalogue
    LIST = "list"  # they asked what there is, not for advice
    MIXED = "mixed"  # some variants are in stock and some are not
    ABSENT = "absent"  # the product is known, what is asked of it is not
    FREE = "free"  # what they mean to buy is delivered free of charge
    NOT_FREE = "not_free"
    OPEN = "open"  # now
    CLOSED = "closed"


ROW_KINDS = ("name", "price", "stock", "label", "options", "value", "text", "link", "reason")
SINGLE = ("there1", "gone1", "count1", "total1", "was1", "fee1", "threshold1", "days1", "day1", "hours1", "date1")
TOPICS = ("topic1", "topic2", "topic3")
SLOTS = ("member", "shop", *(f"{kind}{row}" for kind in ROW_KINDS for row in range(1, ROWS + 1)), *SINGLE, *TOPICS)
SLOT = re.compile(r"<([a-z]+[1-9]?)>")

# Marks of the starter model's prompt; each is one token of its tokenizer.
TURN, BOT, PLAN, REPLY, END = "<|turn|>", "<|bot|>", "<|plan|>", "<|reply|>", "<|end|>"
MARKS = (TURN, BOT, PLAN, REPLY, END)
SPECIAL_TOKENS = (
    "<|pad|>",
    *MARKS,
    *(f"<{slot}>" for slot in SLOTS),
    *(f"<|{word}|>" for word in (*Act, *State, *LANGUAGES)),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one row, ready to be shown: `value` is already formatted for the plan's language."""

    slot: str  # "price1"
    value: str  # "$58.00"
    row: str  # "product:12", "variant:31", "article:4", or "shop"
    field: str  # the column, option or attribute that it comes from
    variants: tuple[str, ...] = field_(default=(), compare=False)  # the labels of those it is of; empty: of all

    @property
    def kind(self) -> str:
        return self.slot.rstrip("0123456789")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to say. Without the slots in `needs` a reply does not answer; `quote` is the row in its own words."""

    act: Act
    language: str = "en"
    facts: tuple[Fact, ...] = ()
    states: tuple[State, ...] = ()
    needs: tuple[str, ...] = ()
    quote: str = ""
    sure: float = 1.0
    sources: tuple[str, ...] = ()
    yes: bool = True  # a reply may open with it; not where the question states the opposite ("sold out, right?")
    rows: tuple[str, ...] = ()  # the rows in one line each, for a model that can read them
    fixed: bool = False  # said as its quote stands: code worked it out, and no model was taught to word it

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(fact.slot for fact in self.facts)


def plan_line(plan: Plan) -> str:
    """The plan as the starter model reads it: language, act, states and slots, no values."""
    words = [plan.language, plan.act, *plan.states]
    return "".join(f"<|{word}|>" for word in words) + "".join(f"<{slot}>" for slot in plan.slots)


def prompt(turns: list[tuple[str, str]], plan: Plan) -> str:
    """The starter model's whole prompt. `turns` are (speaker, text), oldest first; the bot's speaker is ''."""
    said = "".join(f"{TURN}{name}: {text}" if name else f"{BOT}{text}" for name, text in turns)
    return f"{said}{PLAN}{plan_line(plan)}{REPLY}"
