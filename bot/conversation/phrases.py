"""Turns of phrase that decide how a plan is put: what is carried over, counted, claimed, compared."""

import re

from bot.language import numerals

ELLIPSIS = re.compile(
    r"(?:^|^.{1,12}[.!,;] )(?:and|n|&|or|what about|how about|but|also|same for|ok and)(?!\w)(?!.*\b(?:is|are|does|do|can|how|will|where|when)\b)|[呢嘞咧哩][?？。!！~]*$|^(?:那|还有|另外)"
)
# What is said to an answer before the next question.
REMARK = re.compile(
    r"^(?:ah |oh |aw+ |well )?(?:bummer|shoot|gutted|damn|darn|ok(?:ay)?|cool|nice|great|grand|sweet|perfect|lovely|right|h+m+|ah+|oh+|aw+|ugh|no worries|fair enough|shame|"
    r"pity|too bad|gotcha|got it|sound|deadly|good to know)\b[ ,.!…~]+|^(?:好吧|好的|好滴|哦+|噢|嗯+|行吧?|可惜|唉|哎呀?|这样啊|明白了?|知道了|晓得了|懂了)[ ,.!…~，。！]+",
    re.IGNORECASE,
)
# What is more than a name and what it is called by.
SAYS = re.compile(
    r"\b(?:is|are|am|was|does|do|did|can|could|will|would|should|has|have|had|got|how|why|where|when|who|any|not|no|too|like|want|need|take|get)\b"
    r"|[有能会要是吗么嘛怎咋为哪几谁好行买用]"
)
COUNTED = re.compile(
    r"(?<![\d.])(?P<n>[2-9]|[1-9]\d) ?(?:x(?![\w ]*\d)|of\b|times (?:the|its) price\b|pieces\b|pcs\b|[件个盒包袋罐瓶本支只套双条把])"
    r"|(?<=[买来拿订购])(?P<of>[2-9]|[1-9]\d) ?块(?!钱)"  # elsewhere `5块` is a sum
)


def counted(text: str) -> int:
    """How many pieces are spoken of; 1 where no number is."""
    found = COUNTED.search(numerals(text))
    return int(found["n"] or found["of"]) if found else 1


# How many of it there are, which is a number rather than a yes.
COUNTS = re.compile(
    r"\bhow many\b(?!.{0,30}\b(?:kinds?|types?|sorts?|colou?rs?|sizes?|different|flavou?rs?|styles?)\b).{0,40}"
    r"\b(?:left|remain\w*|in stock|on the shel(?:f|ves)|(?:you|u|ya|ye|yous|youse|you guys)(?: still)? (?:have|got)|have (?:you|u|ya|ye|yous|youse) (?:still )?got)\b"
    r"|(?<!每个)(?:还?剩|还有|库存)(?:下|有|是)?(?:几|多少)(?!种|款|颜色|钱)|(?:几|多少)[个件把支双台只套].{0,4}(?:货|库存)"
)
# What is done for a fee, rather than what a thing costs.
SERVICE = re.compile(
    r"\b(?:how much|what(?:.?s| is| does| do)?(?: \w+){0,3} (?:cost|charge|damage|price))\b.{0,30}\bto (?!buy|get (?:one|it|the|a|some)\b|order|purchase|own|me\b|you\b|make\b)[a-z]{3,}"
    r"|(?:修|磨|换|洗|装|刻|打蜡|补|改|裁|租|借|上课|课|培训|保养|清洗|代)[^，。？?]{0,8}(?:多少钱|多少米|多钱|啥价|[咋怎]么?个?算|几块|怎么收|咋收|收多少)|收费|手工费|工钱"
)
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
    r"\bcheap|\bexpensive|\bpric|\bcosts?\b|\bdearer|on the (?:purse|wallet|pocket)|便宜|贵|划算|实惠|价|差(?:多少|几)(?:钱|块|元)"
)
APART = re.compile(
    r"\bpric\w* (?:diff|gap)|\b(?:diff|gap)\w* (?:in|of) (?:the )?pric|\bhow much (?:more|less|cheaper|dearer)\b|差(?:多少|几)(?:钱|块|元)|差价|价差|(?:贵|便宜)(?:多少|几)"
)
