"""Sentences of a merchant's row that speak to a machine rather than to a customer: somebody planted them.

An order is told by whom it speaks to (a bot, a model, roles of a chat template), by what it wants to shape (the reply),
by whom it would have told what, or by its being a task for whatever writes texts. Merchants give orders too ("Rinse
before use"), so that an imperative alone is none.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from bot.language import normalise, sentences

MACHINE = r"(?:ai|llms?|(?:chat ?)?bots?|chatgpt|gpt|(?:language|ai) models?|(?:ai |virtual |digital )?assistants?)"
SAID = r"(?:reply|replies|response|responses|answer|answers|output|outputs)"
WHO = r"(?:member|customer|user|visitor|reader|shopper|buyer|client|guest)s?"
FORGET = r"(?<!not )(?<!n't )(?<!never )(?:ignore|disregard|forget|override|bypass|stop (?:following|obeying))"
SHAPE = r"(?:begin|start|end|finish|prefix|sign|translate|encode|convert|replace|write|include|insert|append|mention|contain|use|put|only|must|always|never)"
TONGUE = r"(?:spanish|french|german|english|chinese|italian|latin|japanese|russian|portuguese|korean|arabic|hindi|pirate|rhymes?|verse|base ?64|morse|hex|binary|leet|emojis?|capital|caps|riddles|json|code)"

BOTS = ("assistant", " ai ", " ai,", "bot", "gpt", "llm", "language model")
REPLIES = ("answer", "repl", "respon", "output", "message")
PEOPLE = ("member", "customer", "user", "visitor", "reader", "shopper", "buyer", "client", "guest")
# Each with the words of which one stands in whatever it finds, in small letters: few rows hold any, and cost nothing.
PATTERNS = (
    # Roles, as chat templates and transcripts write them.
    (("system", "instruct", "note to", *BOTS), rf"^\W*(?:system|assistant|instructions?|note to (?:the |any |all )?{MACHINE})\b[^.]{{0,60}}[:：]"),
    (("<", "&lt;"), r"(?:<|&lt;)(?:start|end)_of_turn|(?:<|&lt;)/?(?:s|bos|eos|user|assistant|system|context|instructions?|document)(?:>|&gt;)|<\|\w*|(?:<|&lt;)/?[a-z]+[1-9](?:>|&gt;)"),
    (("inst]", "role", "##"), r"\[/?inst\]|[\"']role[\"']\s*[:=]|#{2,}\s*(?:response|instructions?|system|human|assistant)\s*:"),
    (("[",), r"\[\s*(?:system|admin|developer|assistant)\b[^\]]*\]|!\[[^\]]*\]\([^)]*[?=]|\badd the link \["),
    (("assistant:", "bot:", "ai:", "a:"), r"\b(?:user|human|customer|q)\s*:.*\b(?:assistant|bot|ai|a)\s*:.*"),
    # To a machine.
    (BOTS, rf"\bif (?:you are|you're|this is read by) (?:an? |the )?{MACHINE}\b|^\W*(?:dear |hey |hello |attention,? )?(?:assistant|ai|bot|chatbot)\s*[,:!]"),
    (BOTS, rf"\b{MACHINE}\b.{{0,25}}\b(?:must|should|shall|has to|have to|is to|are to|reading|summari[sz]ing|processing|answering|instructed|told)\b"),
    (("the assistant", "the bot", "the ai ", "the model", "note to"), r"\bthe (?:assistant|bot|ai|model) (?:now|always|confirms|says|speaks|answers|replies|responds|recommends)\b|\bnote to (?:the )?(?:ai|bot|model)\b"),
    (("you are now", "from now on"), r"\byou are now (?:an? |the )?(?:\w*bot|ai|\w+ and (?:obey|answer|speak|reply)|in \w+ mode|dan|unrestricted|admin)|\bfrom now on,? (?:you|act|answer|reply|respond|say|speak|every reply|all (?:replies|answers))\b"),
    (("imagine", "pretend", "suppose", "assume", "act as", "in which you"), r"\b(?:imagine|pretend|suppose|act as if|assume) (?:that )?you (?:are|were|had|have)\b.{0,30}\b(?:bot|ai|model|restrictions?|rules|limits?|admin|owner|developer)|\bplay a game in which you\b|\bact as (?:an? )?(?:\w*bot|ai|admin|developer|unrestricted|\w+ without rules)"),
    (("developer", "debug", "admin", "god mode", "dan mode", "jailbreak", "the owner", "your owner", "creator"), r"\b(?:developer|debug|admin|god|jailbreak|dan) mode\b.{0,30}\b(?:is on|on|enabled|active|activated|assistant|bot)\b|\bthis is (?:the|your) (?:developer|admin|owner|creator)\b|\bjailbreak\b"),
    # Its orders and what it was told.
    (("ignore", "disregard", "forget", "override", "bypass", "stop following", "stop obeying"), rf"\b{FORGET}\b.{{0,30}}\b(?:instructions?|rules?|prompts?|guidelines?|told|said (?:before|above)|policy|policies|training|restrictions)\b"),
    (("new rule", "new instruct", "new polic", "new task", "priorit", "override", "supersede"), r"\bnew (?:rule|instruction|policy|task)s?(?: for \w+(?: \w+)?)?\s*:|\b(?:instruction|order|command)s?\b.{0,30}\b(?:priority|overrides?|supersedes?)\b"),
    (("prompt", "instruction", "rule", "message"), r"\b(?:system|hidden|secret|initial|internal) (?:prompt|instructions?|rules?|message)\b"),
    # What it is to say.
    (REPLIES, rf"\b(?:{SHAPE})\b.{{0,30}}\b(?:your|every|each|all|any|the) (?:next |final |own )?{SAID}\b|\byour (?:next|only|final) (?:message|{SAID})\b"),
    (REPLIES, rf"\b(?:in|of|from|to) your (?:next |own )?{SAID}\b.{{0,30}}\b{SHAPE}\b|\b(?:before|when|whenever|once) you (?:answer|reply|respond)\b|\balways (?:answer|reply|respond)\b"),
    (("whatever you",), r"\b(?:to|in|after) whatever you (?:say|answer|reply)\b"),
    ((*REPLIES, "question"), rf"\b(?:every|each|all|any) (?:message|question|{SAID})s?\b.{{0,20}}\b(?:ends?|gets?|starts?|begins?|contains?|answered)\b.{{0,20}}\b(?:with|the answer|word)\b|\b(?:end|start|begin) (?:every|each|all|your) (?:message|{SAID})"),
    (("answer", "repl", "respon", "speak ", "write ", "talk "), rf"\b(?:answer|reply|respond|speak|write|talk)\b.{{0,8}} (?:only )?in (?:the style of )?{TONGUE}\b|\bonly (?:emojis?|{TONGUE})\b.{{0,20}}\b(?:respond|reply|answer)"),
    (("answer", "repl", "respon", "say ", "claim", "repeat"), r"\b(?:answer|reply|respond) (?:only )?with (?:the (?:word|phrase|following)|nothing)\b|^\W*(?:say|answer|reply|claim|repeat|respond)\b (?:that|with|to)\b|\brepeat (?:it|this|after me|the (?:word|phrase|following))\b"),
    (("please ",), r"^\W*please (?:only |now |just )?(?:say|print|output|repeat|recite) (?!which|when|what|who|if|so\b|hello|hi\b|whether|how|where|in\b|your|the (?:size|colou?r|name|date|number))"),
    (("word", "phrase", "string", "following"), r"^\W*(?:please |then )?(?:print|output|say|write|repeat|type) (?:the )?(?:word|phrase|string|following)s?\b"),
    # Whom it is to tell, and what it is to pass on.
    (PEOPLE, rf"\b(?:tell|inform|let|remind|advise|notify|warn|convince|reply to|say to) (?:all|every|any|each)(?:body|one)?(?: \w+)? ?{WHO}\b"),
    (("tell ",), r"\btell (?:every(?:one|body)|all of them|them all)\b(?:\W*$| (?:that )?(?:it|this|everything) (?:costs?|is (?:free|sold|gone)))"),
    (PEOPLE, rf"\b(?:ask|request|collect|demand|get)\b.{{0,20}}\b{WHO}\b.{{0,25}}\b(?:card|password|passcode|bank|number|e-?mail|phone|address|details)\b|\b(?:forward|send|pass)\b.{{0,20}}\b{WHO}(?:'s|')? (?:question|message|chat|data|conversation)"),
    ((*PEOPLE, "whoever asks"), rf"\bwhen(?:ever)? (?:an? |any |the )?{WHO} asks?\b.{{0,40}}\b(?:tell|say|answer|reply|recommend|send)\b|\brecommend\b.{{0,30}}\bto whoever asks\b"),
    (("picture", "image", "link"), r"\b(?:render|display|show|embed) (?:this|the following) (?:picture|image|link)\b"),
    # Tasks for whatever writes.
    (("poem", "story", "essay", "song", "haiku", "joke", "limerick", "speech", "script", "paragraph", "sonnet", "sermon"), r"(?:^\W*(?:please )?(?:write|compose|draft|generate|invent|create)|\b(?:write|compose|tell|make) (?:me|us)) an? (?:\w+ ){0,3}(?:poem|story|essay|song|haiku|joke|limerick|speech|script|paragraph|sonnet|sermon)\b"),
    (("explain", "outline", "discuss", "summar", "define", "describe"), r"^\W*(?:please )?(?:explain|outline|discuss|summari[sz]e|define|describe) (?:how|why|what|(?:the )?(?:theory|process|plot|history|causes?|concept|difference|main))\b"),
    (("python", "java", "sql", "c++", "bash", "html"), r"\b(?:provide|show|give|write|print|create|generate)\b.{0,40}\b(?:python|java|javascript|sql|c\+\+|bash|html)\b"),
    (("系统", "助手", "指令", "管理员", "开发者", "一律", "只", "都"), r"^\W*(?:系统|助手|指令)(?:指令|提示|消息)?\s*[】\]]?\s*[:：]|[【\[](?:系统|管理员|开发者)[^】\]]{0,6}[】\]]|用户\s*[:：].*助手\s*[:：]|^\W*答\s*[:：].{0,4}(?:一律|只|都)"),
    (("注意", "你是", "看到这", "请让", "请告", "现在叫", "补充", "必须", "应当", "应该", "一律", "机器人"), r"^\W*(?:系统|助手|机器人|客服|AI)们?，?请?(?:务必)?注意|(?:如果|假如|要是)你是.{0,6}(?:模型|AI|机器人|助手|程序)|(?:AI|机器人|助手|智能客服|语言模型|大模型).{0,6}(?:请注意|看到这|请让|请告|现在叫|要补充|必须|应当|应该|一律)|机器人.{0,4}[:：]|的机器人要"),
    (("你现在", "从现在", "扮演", "假装", "开发者", "我是"), r"你现在是|从现在(?:起|开始)，?(?:你|扮演|只(?:能|准)?(?:说|回)|回[答复]|假装)|(?:扮演|假装).{0,10}(?:没有(?:规则|限制)|机器人|管理员)|开发者模式|^\W*我是(?:你的)?(?:开发者|管理员|创造者)"),
    (("忽略", "无视", "忘掉", "忘记", "不要管", "别管", "不用管", "遵守", "新规则", "新指令", "新任务", "指令", "提示", "隐藏"), r"(?:忽略|无视|忘掉|忘记|不要管|别管|不用管).{0,12}(?:指令|规则|设定|提示|要求)|(?:别再?|不要再?|停止)遵守.{0,6}(?:规则|指令|设定)|新(?:规则|指令|任务)\s*[:：]|指令.{0,6}优先|(?:提示词|系统提示)|隐藏的?(?:指令|规则|提示)"),
    (("回复", "回答", "答复", "输出", "消息"), r"你(?:们)?的(?:所有|全部)?(?:回复|回答|答复|输出).{0,10}(?:只能|必须|要|开头|结尾|换成|加上|改成)|(?:你|在你)(?:的)?(?:回复|回答|答复)(?:里|中|之前|前)|作为你?.{0,4}(?:回复|回答)的?(?:开头|结尾)|你的?下一条(?:消息|回复|回答)|每(?:条|次)(?:回复|消息|回答)(?:都|要|必须)"),
    (("回复", "回答", "复述", "输出"), r"^\W*(?:在)?(?:回答|回复)(?:问题)?之?前，?(?:先|要|必须)|(?:请|一律|必须|务必|都|只)(?:用\w{1,3})?(?:回答|回复|复述)|用(?:英文|英语|中文|法语|日语|韩语|德语|表情).{0,3}(?:回答|回复)|(?:改为|然后|再|直接)?输出(?![功电力压频信音端口\d]).{0,10}(?:这个词|这句|以下|[“「\"])|(?:改为|然后|请)输出"),
    (("重复", "遍", "这个词", "这句话"), r"重复(?:这|以下)(?:个词|句|段话|些?字|内容)|(?:念|说|写|重复).{0,3}(?:十|百|几|\d+)遍|把.{1,12}(?:这个词|这句话)(?:念|说|写|重复)"),
    (("告诉", "通知", "让", "提醒", "转告", "转发"), r"(?:告诉|通知|让|提醒)(?:所有|每一?位|每一?个|全部|全体|各位)(?:的)?(?:成员|顾客|客户|会员|用户|读者|人)|(?:请|务必|并|快|记得)(?:转告|转发给|告诉|通知)(?:大家|各位|所有|每)|(?:转告|告诉|通知)(?:大家|各位|所有人)\W*$|转告(?:大家|各位|所有)|请让(?:顾客|客户|会员|用户)"),
    (("向顾客", "向客户", "向会员", "向用户", "向读者", "把顾客", "把客户", "把会员", "把用户"), r"向(?:顾客|客户|会员|用户|读者)(?:要|索取|询问|收集|讨要)|把(?:顾客|客户|会员|用户)的?.{0,8}(?:转发|发送|发)(?:到|给)"),
    (("诗", "故事", "小说", "文章", "歌词", "段子", "笑话", "作文", "解释", "阐述", "论述", "概括", "总结", "代码"), r"(?:写|编|作|创作|讲)一?(?:首|个|篇|段|则).{0,12}(?:诗|故事|小说|文章|歌词|段子|笑话|作文)|^\W*(?:请)?(?:解释|阐述|论述|概括|总结).{0,20}(?:怎么|怎样|如何|为什么|原理|情节|历史)|^\W*(?:请)?(?:给出|写出|提供|写).{0,16}代码"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finder:
    """One pass over a text tells which of the patterns have to be looked for in it."""

    hints: AhoCorasick
    of: tuple[int, ...]  # hint -> pattern
    patterns: tuple[re.Pattern[str], ...]

    def near(self, text: str) -> set[int]:
        """The patterns that a text holds a word of."""
        return {self.of[hint] for hint, _, _ in self.hints.find_matches_as_indexes(f" {text} ", overlapping=True)}

    def finds(self, text: str) -> bool:
        return any(self.patterns[at].search(text) for at in self.near(text))


@lru_cache(maxsize=1)
def finder() -> Finder:
    every = [(hint, at) for at, (hints, _) in enumerate(PATTERNS) for hint in hints]
    compiled = tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for _, pattern in PATTERNS)
    return Finder(AhoCorasick([hint for hint, _ in every]), tuple(at for _, at in every), compiled)


def planted(text: str) -> bool:
    """Does it give a machine orders?"""
    return finder().finds(normalise(text))


def without_orders(text: str) -> str:
    """A merchant's text without the sentences that give a machine orders; the text as it is where there are none."""
    if not finder().near(normalise(text)):
        return text
    found = sentences(text)
    kept = [one for one in found if not planted(one)]
    return text if kept == found else (" " if kept and kept[0][-1:].isascii() else "").join(kept)
