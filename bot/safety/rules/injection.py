"""Words that try to give the bot orders. The model has no authority to abuse; this only chooses a fitting reply."""

import re

from bot.language import normalise
from bot.safety.rules._planted import planted
from bot.safety.rules.base import Rule, Subject, Terms

ORDERS = re.compile(
    r"(?<!not )(?<!n't )(?<!never )\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|rule|prompt|guideline|previous|above|prior|training|everything)"
    r"|\bsystem prompt\b|\b(?:your|ur|yr) (hidden |secret |initial |system )?(prompt|instructions)\b|\bthe (hidden|secret|initial|system) (prompt|instructions)\b|\byou are now\b|\bpretend (to be|you)\b|(?:^|\byou (?:will |must |should |now )?|please )act as\b|\bact as (?:an? )?(?:admin|owner|developer|system|unrestricted)"
    r"|\bdeveloper mode\b|\bjailbreak|\bdan mode\b|\badmin (mode|override|access)\b|\b(i am|i'm) (your|the) (developer|admin|creator|owner)\b(?! of (an?|my|our)\b)"
    r"|\b(say|print|repeat|output|write|reply with|respond with) (exactly|only|the following|after me)\b|\brole ?play\b|<\|"
    r"|\bset (the |all )?(price|prices|discount)\b|\b(change|make|mark) .{0,30}\b(price|cost)s?\b.{0,15}(\b(to|zero|free)\b|[$£€0])|\b(everything|all of it|my order) (is|as) free\b|\bmake (the|my|this) \w+ free\b"
    r"|<(?:start|end)_of_turn>|\[/?inst\]|</?(?:s|bos|eos|system|assistant|instructions?)>|^\W*(?:system|assistant)\s*:|\bnote to (?:the )?(?:ai|bot)\b|\bai (?:assistant|model|agent)s? must\b|\b(?:answer|reply|respond) (?:only )?with (?:the (?:word|phrase)|nothing)|\banswer only with\b"
    r"|\bfrom now on,? (?:you|answer|reply|respond|act|speak|talk|say|i am|i'm|every|all)\b|\bnew (rule|instruction|policy)s?:|\bdrop table\b|\bsql\b"
    r"|^\W*(?:系统|助手)\s*[:：]|(?:一律|必须|务必)(?:回答|回复|复述)|机器人.{0,3}请注意|忽略.{0,12}(指令|规则|设定|提示|要求|内容)|无视.{0,12}(指令|规则|设定)|系统(提示(?!我|[：:，,]?(?:库存|支付|付款|错误|失败|超时|余额|订单))|指令)|提示词|你现在是|从现在(?:起|开始)，?(?:你|我是|扮演|只|都|回|假)|(?:^\W*|你(?:来|要|现在)?|请|开始|，)扮演(?!游戏|类|用|服)|假装你|(?:开发者|调试|上帝)模式|管理员(模式|权限|身份|口令)|复述.{0,8}(?:设定|指令|规则|提示)|(?:设定|指令|规则|提示)(?:原文|逐字)"
    r"|我是(管理员|开发者|(你的?|你们的?|本店的?|系统)(开发者|管理员|老板|店主|主人))|(忘记|忘掉).{0,10}(指令|规则|设定|之前)|越狱|(价格|售价|全部|全场|所有.{0,8}).{0,10}(改成|设为|改为|调成)|重复(我的话|以下)|(只|直接)(回复|输出|说)[:：“\"]"
    r"|(把|将).{0,20}(价格|售价).{0,6}(改|设|调)"
)


class Injection:
    def check(self, subject: Subject) -> str | None:
        if subject.direction == "in":
            return "unsafe" if ORDERS.search(normalise(subject.text)) else None
        return "planted" if subject.direction == "row" and planted(subject.text) else None


def build(terms: Terms) -> Rule:
    return Injection()
