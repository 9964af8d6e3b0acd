"""Words that try to give the bot orders. The model has no authority to abuse; this only chooses a fitting reply."""

import re

from bot.language import normalise
from bot.safety.rules.base import Rule, Subject

ORDERS = re.compile(
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|rule|prompt|guideline|previous|above|prior|training|everything)"
    r"|\bsystem prompt\b|\byour (hidden |secret |initial |system )?(prompt|instructions)\b|\bthe (hidden|secret|initial|system) (prompt|instructions)\b|\byou are now\b|\bpretend (to be|you)\b|(?:^|\byou (?:will |must |should |now )?|please )act as\b|\bact as (?:an? )?(?:admin|owner|developer|system|unrestricted)"
    r"|\bdeveloper mode\b|\bjailbreak|\bdan mode\b|\badmin (mode|override|access)\b|\b(i am|i'm) (your|the) (developer|admin|creator|owner)\b"
    r"|\b(say|print|repeat|output|write|reply with|respond with) (exactly|only|the following|after me)\b|\brole ?play\b|<\|"
    r"|\bset (the |all )?(price|prices|discount)\b|\b(change|make|mark) .{0,30}\b(price|cost)s?\b.{0,15}(\b(to|zero|free)\b|[$£€0])|\b(everything|all of it|my order) (is|as) free\b|\bmake (the|my|this) \w+ free\b"
    r"|\bfrom now on\b|\bnew (rule|instruction|policy)s?:|\bdrop table\b|\bsql\b"
    r"|忽略.{0,12}(指令|规则|设定|提示|要求|内容)|无视.{0,12}(指令|规则|设定)|系统(提示|指令)|提示词|你现在是|从现在(起|开始)|扮演|假装你|开发者模式|管理员(模式|权限|身份)"
    r"|我是(管理员|开发者|(你的?|你们的?|本店的?|系统)(开发者|管理员|老板|店主|主人))|(忘记|忘掉).{0,10}(指令|规则|设定|之前)|越狱|(价格|售价|全部|全场|所有.{0,8}).{0,10}(改成|设为|改为|调成)|重复(我的话|以下)|(只|直接)(回复|输出|说)[:：“\"]"
    r"|(把|将).{0,20}(价格|售价).{0,6}(改|设|调)"
)


class Injection:
    def check(self, subject: Subject) -> str | None:
        if subject.direction == "in" and ORDERS.search(normalise(subject.text)):
            return "unsafe"
        return None


def build(allowed_hosts: frozenset[str]) -> Rule:
    return Injection()
