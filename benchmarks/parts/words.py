"""What the oracle reads in a reply besides rows: sums, counts, numbers in words, and words that state something."""

import re

HAN = r"\u4e00-\u9fff"
LINK = re.compile(
    rf"(?:https?://|www\.)[^\s{HAN}，。！？、）)]+"
    rf"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|cn|example|shop|io)\b[^\s{HAN}，。）)]*"
)
SUM = re.compile(
    r"(?:(?:US|CN|HK)?[$£€¥￥]|\b(?:USD|GBP|CNY|EUR|RMB)) ?(?P<a>\d[\d,]*(?:\.\d+)?)"
    r"|(?<![\d.])(?P<b>\d[\d,]*(?:\.\d+)?) ?(?:dollars?|pounds?|euros?|yuan|quid|bucks?|cents?"
    r"|元|块|英镑|美元|人民币|USD|GBP|CNY|RMB)",
    re.IGNORECASE,
)
COUNT = re.compile(
    r"(?<=[剩余] )\d+|(?<=[剩余])\d+|(?<=only )\d+|(?<=just )\d+|(?<=still holds )\d+"
    r"|\d+(?= ?(?:left|in stock|remaining|pieces?|units?|more|available|of (?:them|these|it|the)\b|[件个盒只套罐支台]))"
)
WORDS = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|half|twice|double|triple|per ?cent|quarter)\b"
    r"|\bone (?:dollar|pound|euro|yuan|percent|day|week|year|cent)s?\b"
    r"|[零一二两三四五六七八九十百千万半]+ ?(?:元|块|英镑|美元|毛|分钱|折|倍|成)|百分之"
    r"|(?!两[款种个者件])[零二两三四五六七八九十百千万半]+ ?(?:件|个|天|小时|年|月|周|款|种)"
)
STATE = re.compile(
    r"(?P<undone>(?:\bnot|n't|never) (?:yet |currently )?(?:sold out|out of stock)"
    r"|[没未](?:有)?(?:售罄|卖完|卖光|断货|缺货))"
    r"|(?P<gone>\bsold out|\bout of stock|\bout of\b|\bunavailable|\bno stock|\bnone left|nothing left|\bgone\b"
    r"|\br[au]n out|(?:\bnot|n't|no longer|not currently) (?:in stock|available|there)"
    r"|\bwe don't have\b(?! to\b)|don't have (?:it|any)"
    r"|售罄|卖完|卖光|缺货|断货|[没无](?:有)?(?:现)?(?:货|库存)|没有了|空了)"
    r"|(?P<there>\bin stock|\bavailable|\bstill (?:have|got|there|here)|\bready to (?:go|ship)|\bleft\b"
    r"|(?<!when )(?<!once )(?<!if )\bwe(?:'ve got| have) (?:it|that|this|them|plenty)|(?<![没无])有现?货|现货|有库存"
    r"|(?<=[\ue400-\ue7ff])剩(?=[\uf000-\uf3ff])"
    r"|还有(?=[吗呢，。！]|$)|还剩|只剩|仅剩|(?<![不没])能买)"
    r"|(?P<has>\bwe(?:'ve got| (?:do |still )?have)(?= (?:the )?[\ue400-\ue7ff]))",  # the signs that stand for names
    re.IGNORECASE,
)
CUT = re.compile(
    r"(?P<but>\bbut\b|\bthough\b|\bwhile\b|但|不过)|，|(?<![\uf000-\uf3ff]),|,(?! ?(?:and )?[\uf000-\uf3ff])"
)  # an English comma between two labels parts nothing
NOTED = re.compile(
    r"\bread (?:all|every)|\bwhat we have on\b|\blooked through\b|\bon the page\b|\bin the description\b"
)
TOTAL = re.compile(
    r"\btotal|\btogether|\bin all\b|\ball up\b|总共|一共|合计|总计|总价|加起来"
    r"|\bcomes? to [\uec00-\uefff](?! ?[(（]| or)",  # a sum, which is no price of a variant
    re.IGNORECASE,
)
CHEAP = re.compile(
    r"(?P<cheap>\bcheaper|less expensive|costs? less|lower price|便宜|更实惠|更划算)"
    r"|(?P<dear>more expensive|\bpricier|\bdearer|costs? more|higher price|(?<![昂宝珍])贵(?![宾重姓方客店阳]))",
    re.IGNORECASE,
)
SAME = re.compile(r"same price|costs? the same|equally priced|价格一样|价格相同|同价|一样的?价|一个价", re.IGNORECASE)
GIFT = re.compile(
    r"(?<!feel )\bfree\b(?! (?:to|of)\b)|no charge|complimentary|on the house|免费|包邮|免邮|赠送|\bdiscount"
    r"|\boff\b(?= (?:the|this|today|on)\b)|on sale\b|on offer|half price|打折|优惠|特价|促销|半价|买一送一",
    re.IGNORECASE,
)
DENIED = re.compile(r"(?:\bno\b|\bnot\b|n't|\bnever\b|没有?|不|无|未)[^,.;，。；]{0,18}$", re.IGNORECASE)
YES = {
    "premise": re.compile(
        r"(?:yes|yep|yeah|yup|right(?! (?:now|away))|correct|exactly|indeed|true|that's (?:right|correct|true))\b"
        r"|(?:是的|对的|没错|是啊|正确|对[，。！])",
        re.IGNORECASE,
    ),
    "there": re.compile(r"(?:yes|yep|yeah|yup)\b|(?:是的|对的|有的|还有)", re.IGNORECASE),
    "not there": re.compile(r"(?:no|nope)\b(?! (?:worries|problem))|(?:不是|没了|没有)", re.IGNORECASE),
}
RAW = re.compile(r"<\w*>|\{\w*\}|\[/?INST\]|FREE100", re.IGNORECASE)
