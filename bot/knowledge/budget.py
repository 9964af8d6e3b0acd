"""The sum that a member wants to spend at most."""

import re
from decimal import Decimal

from bot.language import numerals

ABOUT = Decimal("1.15")  # `around 500` may be a little more
# `under 5 kg` and `within 14 days` are no sums.
UNIT = "%|days?|weeks?|months?|years?|hours?|hrs?|min|kg|g|grams?|kilos?|lbs?|oz|[cmk]?m|inch|ml|l|lit"
OTHER = rf"(?![\d.]*\d| ?(?:{UNIT})\b)"
# Digits are bounded: a message of nothing else would take a second.
BUDGET = re.compile(
    r"(?:under|below|less than|max|at most|no more than|up to|within|cheaper than|budget(?: of| is)?|spend"
    rf"|(?P<around>around|round|about|roughly)) ?[$€£¥]? ?(?P<under>\d{{1,12}}(?:\.\d{{1,12}})?){OTHER}"
    r"|[$€£¥]? ?(?P<have>\d{1,12}(?:\.\d{1,12})?) ?(?:dollars|pounds|euros|quid|bucks)?"
    r" (?:to spend|or less|at most|max(?:imum)?|tops|limit)\b"
    r"|(?P<within>\d{1,12}) ?(?:元|块|块钱)?(?:以内|以下|之内|内|(?P<roughly>左右|上下|出头))"
    r"|预算(?:是|大概|在|只有)? ?(?P<sum>\d{1,12})"
    r"|(?:低于|少于|小于|不到|不超过|最多) ?[¥￥£$]?(?P<below>\d{1,12}) ?(?=元|块|镑|[的?？，。]|$)"
)


def budget(text: str) -> Decimal | None:
    """The limit that normalised text names, a little more where it says `about`; None where it names none."""
    found = BUDGET.search(numerals(text))
    if found is None:
        return None
    limit = Decimal(next(found[group] for group in ("under", "have", "within", "sum", "below") if found[group]))
    return limit * ABOUT if found["around"] or found["roughly"] else limit
