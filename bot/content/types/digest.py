"""The week in the group: what was asked about most, how many questions were answered, and the products in demand.

The week, or the time since the last one.
"""

from collections import Counter
from datetime import timedelta

from bot.content.base import LISTED, Desk, Piece, named, priced
from bot.knowledge.claims import ids
from bot.knowledge.facts import needs_of
from bot.knowledge.topics import about
from bot.language import HAN
from llm.protocol import Act, Fact, Plan
from storage import talk

WEEK = timedelta(days=7)
LEAST = 3  # answers; a quieter week has no digest
SURE = 0.3  # of an article's topic


async def plan(desk: Desk) -> Piece | None:
    """Only what the bot said in this group to everybody counts: rows, by their own names, and nothing of what members
    wrote."""
    since = max(desk.now - WEEK, desk.last or desk.now - WEEK)
    answers = await desk.database.read(lambda tx: talk.answers(tx, desk.chat_id, since))
    if len(answers) < LEAST:
        return None
    products: Counter[int] = Counter()
    topics: Counter[str] = Counter()
    for sources in answers:
        products.update(ids(sources, "product")[:1])
        for one in desk.library.read_articles(ids(sources, "article"))[:1]:
            topics.update(_label(desk, one.title, one.language))
    named_well = chinese if desk.language == "zh" else bool
    asked = await desk.library.named([number for number, _ in products.most_common(20)])
    for product in asked:
        if named_well(called := _called(product.category or product.title, desk.language)):
            topics[called] += products[product.id]
    best = [topic for topic, _ in topics.most_common(LISTED) if topic]
    if not best:
        return None
    facts = [Fact(f"topic{at}", topic, "talk", "topic") for at, topic in enumerate(best, 1)]
    facts.append(Fact("count1", str(len(answers)), "talk", "count"))
    needs = needs_of(Act.DIGEST, tuple(fact.slot for fact in facts))
    names = ("、" if desk.language == "zh" else ", ").join(best)
    quote = desk.say("This week here: {topics}. I answered {count} questions.", topics=names, count=len(answers))
    top = asked[:LISTED]
    made = Plan(Act.DIGEST, desk.language, tuple(facts), (), needs, quote, 1.0, tuple(one.row for one in top))
    lines, claims = [desk.say("Asked about most:")] if top else [], []
    for product in top:
        line, claimed = priced(desk, product)
        lines.append(line)
        claims += claimed
    title, buttons = desk.say("The week in the group"), [*map(named, top)]
    ask = desk.say("What would you like to know next?")
    return Piece(made, title, lines, ask, buttons, claims=claims, title=title, drawn=best)


def chinese(text: str) -> bool:
    return HAN.search(text) is not None


def _called(name: str, language: str) -> str:
    """A category inside a sentence: the last of its path, small where it is plain words."""
    last = name.replace("›", ">").split(">")[-1].strip()
    return last.lower() if language == "en" and last.istitle() else last


def _label(desk: Desk, title: str, language: str) -> list[str]:
    """What an article is about, in a word."""
    found = about(title, language)
    best = max(found, key=lambda one: found[one], default="")
    if not best or found[best] < SURE:
        return []
    say = desk.say
    groups = {
        say("delivery"): "delivery_cost free_delivery delivery_time dispatch_cutoff express track abroad remote_areas "
        "missing_parcel weather_holiday_delays",
        say("returns"): "returns return_cost refund_time exchange cancel_change final_sale damaged",
        say("payment"): "payment instalments invoice",
        say("opening hours"): "hours address parking_access pickup contact appointments",
        say("warranty"): "warranty repair spare_parts",
        say("gifts"): "gift_wrap gift_card",
        say("offers"): "discount loyalty newsletter_offer price_match wholesale",
        say("care"): "care_cleaning storage_shelf_life safety_allergens",
        say("sizes"): "sizing_help",
        say("events"): "workshops_events",
    }
    return [label for label, names in groups.items() if best in names.split()]
