"""When an order leaves that is placed today: the working days of an article, counted on the calendar."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from bot.knowledge.rows import Article
from bot.language import normalise, sentences

ASKED = re.compile(
    r"\b(?:order|buy|place)\w*\b.{0,40}\b(?:now|today|tonight|tomorrow)\b.{0,60}\b(?:when|how soon|which day|what day|arrive|here|get it|ship|sent|leave)"
    r"|\b(?:when|how soon|what day|which day)\b.{0,60}\b(?:order|buy)\w*\b.{0,30}\b(?:now|today|tonight)\b"
    r"|\b(?:ship|sent|dispatched|posted|go out|leave)\b.{0,10}\btoday\b|(?:今[天晚]|现在|这会儿?)(?:下单|买|拍|付款|订).{0,12}(?:什么时候|几号|啥时候|哪天|几时|今天|当天|能发|会发|到)"
    r"|今天.{0,4}(?:能|会|可以)?发(?:货|出)"
)
LEAVES = r"(?:leaves?|dispatch(?:ed)?|ships?|shipped|sent|posted|goe?s? out|packed)"
WITHIN = re.compile(
    rf"\b{LEAVES}\b[^.;]{{0,40}}?\bwithin (?P<n>\d{{1,2}}) (?:working|business) days?|(?P<zh>\d{{1,2}}) ?个?工作日内?(?:[^，。;；]{{0,12}})(?:发出|发货|寄出)"
)
CUT_OFF = re.compile(rf"\b(?:before|by) \d.{{0,60}}\b(?:{LEAVES}|day)\b|\d{{1,2}}(?::\d\d|点)前.{{0,16}}发")
OTHERS = re.compile(
    r"swap|size|sample|express|next[- ]day|return|refund|exchange|warranty|定制|刻字|logo|退|换|维修|发票|礼盒"
)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Orders leave within so many working days; `said` are the article's sentences on it, `row` is the article."""

    days: int
    said: str
    row: str

    def by(self, day: date) -> date:
        """The last day on which an order of this day leaves: that many days from Monday to Friday later."""
        left = self.days
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
        return day


def read_dispatch(articles: Iterable[Article]) -> Dispatch | None:
    """What the articles say; None where they say nothing of it, two things, or name a time of day that decides."""
    found = []
    for article in articles:
        if OTHERS.search(normalise(article.title)):
            continue
        for sentence in sentences(article.body):
            if CUT_OFF.search(normalise(sentence)):
                return None
            if (match := WITHIN.search(normalise(sentence))) and not OTHERS.search(normalise(sentence)):
                found.append(Dispatch(int(match["n"] or match["zh"]), article.body, article.row))
    return found[0] if len(found) == 1 else None
