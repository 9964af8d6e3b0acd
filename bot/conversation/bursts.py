"""Short messages of one member, sent one after the other, are one question: which parts are plainly unfinished."""

import re
from datetime import timedelta

from bot.language import normalise

PART = timedelta(seconds=8)  # an unfinished part waits so long for the rest
GAP = timedelta(seconds=20)  # and the rest follows within this

MENTION = re.compile(r"@[\w.-]+")
GREETING = re.compile(
    r"(?:(?:hi|hello|hey|hiya|heya|yo|ok|okay|so|um+|er+|hm+|quick question|question|excuse me|sorry"
    r"|good (?:morning|evening|afternoon)|morning|evening|there|shop|shopkeeper|bot|all|please|pls)[ ,.!:-]*)+"
    r"|(?:(?:你好|您好|在吗|在么|在不在|请问(?:一下)?|问一下|我?想问(?:一下|下|问)?|咨询(?:一下|下)?|打扰(?:一下|了)"
    r"|老板|店家|客服|店小二|哈喽|嗨|有人吗|那个|嗯|呃|亲)[ ,，。.!！~～?？]*)+"
)
HANGING = re.compile(
    r"(?:^|.*[ ,])(?:the|an?|of|for|and|or|with|to|in|on|your|is|are|does|do|has|can|if|about|between|than|which|that"
    r"|also|plus|like|from)(?:\.{2,}|…|,|-)?"
    r"|(?:so |and |ok |hi |hey )*(?:how (?:much|many|long|big|about)|what about"
    r"|what(?:'s| is)?(?: the)?(?: price of)?|when|where"
    r"|do (?:you|u) (?:have|sell|stock|do)|(?:have (?:you|u) )?got any|can (?:i|you)"
    r"|i(?:'m| am) looking for|looking for"
    r"|i want|i need|is there)(?: (?:is|are|does|do|the|an?|it|any|some|to))*(?:\.{2,}|…|,|-)?"
    r"|.*(?:\.{3}|…|,|，|、|:|：)"
    r"|(?:那个?|这个?|你们|还有|有没有|想买|想要|我想|能不能|可不可以|多少钱的?|怎么)+(?:\.{2,}|…|。{2,})?"
    r"|.*(?:和|跟|还有|以及|或者|那个|的话)"
)


def unfinished(text: str) -> bool:
    """Is more sure to come: a greeting alone, or words that hang in the air?"""
    plain = _plain(text)
    return not plain or greets(text) or bool(HANGING.fullmatch(plain))


def greets(text: str) -> bool:
    """Is it a greeting and nothing else?"""
    return bool(GREETING.fullmatch(_plain(text)))


def _plain(text: str) -> str:
    return normalise(MENTION.sub(" ", text)).strip()


def joined(parts: list[str]) -> str:
    """One text of all parts; greetings before the question say nothing more."""
    kept = [part.strip().rstrip(".…,，- ") for part in parts[:-1] if _plain(part) and not greets(part)]
    return " ".join([*kept, parts[-1]]).strip()
