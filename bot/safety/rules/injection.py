"""Words that try to give the bot orders. The model has no authority to abuse; this only chooses a fitting reply."""

import re

from bot.language import normalise, sentences
from bot.safety.rules.base import Rule, Subject, Terms

ORDERS = re.compile(
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|rule|prompt|guideline|previous|above|prior|training|everything)"
    r"|\bsystem prompt\b|\byour (hidden |secret |initial |system )?(prompt|instructions)\b|\bthe (hidden|secret|initial|system) (prompt|instructions)\b|\byou are now\b|\bpretend (to be|you)\b|(?:^|\byou (?:will |must |should |now )?|please )act as\b|\bact as (?:an? )?(?:admin|owner|developer|system|unrestricted)"
    r"|\bdeveloper mode\b|\bjailbreak|\bdan mode\b|\badmin (mode|override|access)\b|\b(i am|i'm) (your|the) (developer|admin|creator|owner)\b(?! of (an?|my|our)\b)"
    r"|\b(say|print|repeat|output|write|reply with|respond with) (exactly|only|the following|after me)\b|\brole ?play\b|<\|"
    r"|\bset (the |all )?(price|prices|discount)\b|\b(change|make|mark) .{0,30}\b(price|cost)s?\b.{0,15}(\b(to|zero|free)\b|[$£€0])|\b(everything|all of it|my order) (is|as) free\b|\bmake (the|my|this) \w+ free\b"
    r"|<(?:start|end)_of_turn>|\[/?inst\]|</?(?:s|bos|eos)>|^\W*(?:system|assistant)\s*:|\bnote to (?:the )?(?:ai|bot)\b|\bai (?:assistant|model|agent)s? must\b|\b(?:answer|reply|respond) (?:only )?with (?:the (?:word|phrase)|nothing)|\banswer only with\b"
    r"|\bfrom now on\b|\bnew (rule|instruction|policy)s?:|\bdrop table\b|\bsql\b"
    r"|^\W*(?:系统|助手)\s*[:：]|(?:一律|必须|务必)(?:回答|回复|复述)|机器人.{0,3}请注意|忽略.{0,12}(指令|规则|设定|提示|要求|内容)|无视.{0,12}(指令|规则|设定)|系统(提示(?!我|[：:，,]?(?:库存|支付|付款|错误|失败|超时|余额|订单))|指令)|提示词|你现在是|从现在(起|开始)|(?<!角色)扮演(?!游戏|类|用|服)|假装你|开发者模式|管理员(模式|权限|身份)"
    r"|我是(管理员|开发者|(你的?|你们的?|本店的?|系统)(开发者|管理员|老板|店主|主人))|(忘记|忘掉).{0,10}(指令|规则|设定|之前)|越狱|(价格|售价|全部|全场|所有.{0,8}).{0,10}(改成|设为|改为|调成)|重复(我的话|以下)|(只|直接)(回复|输出|说)[:：“\"]"
    r"|(把|将).{0,20}(价格|售价).{0,6}(改|设|调)"
)

# What stands in a merchant's row and speaks to a machine rather than to a customer: somebody planted it.
PLANTED = re.compile(
    r"^\W*(?:system|assistant|instructions?|note to (?:the )?(?:bot|ai|assistant))\s*[:：]|(?:<|&lt;)(?:start|end)_of_turn|(?:<|&lt;)/?(?:s|bos|eos)(?:>|&gt;)|\b(?:answer|reply|respond) (?:only )?with (?:the (?:word|phrase|following)|nothing)\b|\[/?inst\]|<\|\w*|(?:<|&lt;)/?[a-z]+[1-9](?:>|&gt;)"
    r"|^\W*(?:say|answer|reply|claim|repeat|respond)\b (?:that|with|to)\b|\brepeat (?:it|this|after me)\b"
    r"|\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:instructions?|rules?|prompts?|guidelines?)\b"
    r"|\b(?:tell|inform|reply to|say to) (?:all|every|any|each)\w* (?:member|customer|user|visitor)|\btell (?:every(?:one|body)|all of them|them all)\b(?:\W*$| (?:that )?(?:it|this|everything) (?:costs?|is (?:free|sold|gone)))|\b(?:ai|language) (?:assistant|model|agent)s?\b.{0,20}\b(?:must|should|has to|have to)\b"
    r"|^\W*(?:系统|助手|指令)\s*[:：]|^\W*(?:系统|助手|机器人|客服)们?，?请?(?:务必)?注意|(?:忽略|无视|忘掉|忘记).{0,12}(?:指令|规则|设定|提示)|告诉(?:所有|每位|每个|全部|全体)(?:成员|顾客|客户|会员|用户|人)|(?:请|务必|并|快|记得)(?:转告|转发给|告诉|通知)(?:大家|各位|所有|每)|(?:转告|告诉|通知)(?:大家|各位|所有人)\W*$|转告(?:大家|各位|所有)|(?:请|一律|必须|务必|都)(?:回答|回复|复述)|机器人.{0,4}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
# One of these stands in each of them: most rows hold none, and need no closer look.
HINTS = ("system", "assistant", "instruction", "note to", "inst]", "<", "&lt;", "ignore", "disregard", "forget", "override",
         "say ", "answer", "reply", "claim", "repeat", "respond", "tell ", "inform", "model", "agent", "ai ",
         "系统", "助手", "指令", "规则", "设定", "提示", "告诉", "转告", "转发", "通知", "回答", "回复", "复述", "机器人")  # fmt: skip


def without_orders(text: str) -> str:
    """A merchant's text without the sentences that give a machine orders; the text as it is where there are none."""
    lowered = text.lower()
    if not any(hint in lowered for hint in HINTS):
        return text
    found = sentences(text)
    kept = [one for one in found if not PLANTED.search(one)]
    return text if kept == found else (" " if kept and kept[0][-1:].isascii() else "").join(kept)


class Injection:
    def check(self, subject: Subject) -> str | None:
        if subject.direction == "in" and ORDERS.search(normalise(subject.text)):
            return "unsafe"
        return None


def build(terms: Terms) -> Rule:
    return Injection()
