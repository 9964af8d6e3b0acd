"""Turns of phrase that decide how a plan is put: what is carried over, counted, claimed, compared."""

import re

from bot.language import numerals

ELLIPSIS = re.compile(
    r"(?:^|^.{1,12}[.!,;] )(?:and|or|what about|how about|but|also|same for|ok and)\b(?!.*\b(?:is|are|does|do|can|how|will|where|when)\b)|[呢嘞咧哩][?？。!！~]*$|^(?:那|还有|另外)"
)
COUNTED = re.compile(
    r"(?<![\d.])(?P<n>[2-9]|[1-9]\d) ?(?:x(?![\w ]*\d)|of\b|times (?:the|its) price\b|pieces\b|pcs\b|[件个盒包袋罐瓶本支只套双条把])"
    r"|(?<=[买来拿订购])(?P<of>[2-9]|[1-9]\d) ?块(?!钱)"  # elsewhere `5块` is a sum
)


def counted(text: str) -> int:
    """How many pieces are spoken of; 1 where no number is."""
    found = COUNTED.search(numerals(text))
    return int(found["n"] or found["of"]) if found else 1


# To these a yes of what is in stock would agree with something else.
PREMISE = re.compile(
    r"\bsold out|\bout of stock|\bgone\b|\bunavailable|\bdiscount|\bsale\b|\boffers?\b|\bdeals?\b|\bfree\b|\bcheaper\b|\boff\b|\bbuy one\b|\bhalf price\b|%"
    r"|没货|缺货|售罄|卖完|卖光|断货|没了|打折|半价|送一|折扣|优惠|特价|活动|免费|包邮|便宜"
)
# What is said to be so, rather than asked: a yes would be the shop's word for it.
CLAIM = re.compile(
    r"^so\b|\byou (?:said|told)|\bconfirm\b|\bsays\b|说过|\b(?:right|correct|true|yes|isn.t it|aren.t they)\W*$|\d|[对是]吧|对不对|是不是|没错"
)
TOLD_SO = re.compile(r"\byou (?:said|told)|\bconfirm\b|\b(?:website|page|site|he|she) says\b|说过")
DIFFER = re.compile(r"\bdifferen|区别|差别|不同|不一样|差(啥|什么|在哪)|对比|比较一下|\bcompare")
BY_PRICE = re.compile(
    r"\bcheap|\bexpensive|\bpric|\bcosts?\b|\bdearer|on the (?:purse|wallet|pocket)|便宜|贵|划算|实惠|价"
)
