"""No fee, threshold, hour, measure, date or discount is read out of an article but as it stands there."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.conversation.due import Dispatch, read_dispatch
from bot.knowledge.delivery import read_delivery
from bot.knowledge.discounts import asked_discount, read_discounts
from bot.knowledge.hours import read_week, shown
from bot.knowledge.rows import Article
from bot.knowledge.units import asked_unit, converted, fitting, quantities

LONDON = partial(datetime, tzinfo=ZoneInfo("Europe/London"))

SUMS = st.decimals(min_value=1, max_value=500, places=2)
RULES = [
    ("en", "How much is delivery?", "UK delivery costs £{fee} per order. It is free for orders of £{over} or more."),
    ("en", "Shipping", "Shipping is £{fee} flat. Orders of £{over} or more ship free."),
    ("en", "How much is delivery?", "Delivery is £{fee} and free from £{over}."),
    ("zh", "运费怎么算？", "满{over}英镑包邮，不满{over}英镑收{fee}英镑运费。"),
    ("zh", "运费多少，满多少包邮？", "每单运费 {fee} 英镑。订单满 {over} 英镑包邮。新疆满999英镑包邮。"),
]


@given(rule=st.sampled_from(RULES), fee=SUMS, over=SUMS, order=SUMS)
def test_fee_and_threshold_are_what_the_article_says(
    rule: tuple[str, str, str], fee: Decimal, over: Decimal, order: Decimal
) -> None:
    language, title, body = rule
    found = read_delivery([Article(1, title, body.format(fee=fee, over=over), language)])
    if found is None or fee == over:  # two sums alike are not told apart
        return
    assert found.threshold == over
    assert found.fee == fee
    assert found.free(order) is (order >= over)


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("How much is delivery?", "Free over £30 in Wales, free over £50 in Kent."),
        ("Returns", "Returns are free for orders of £30 or more."),
        ("Delivery", "Delivery depends on weight."),
        ("国外运费？", "满99元包邮。"),
    ],
)
def test_a_rule_that_is_not_plain_is_no_rule(title: str, body: str) -> None:
    assert read_delivery([Article(1, title, body, "en")]) is None


def test_over_a_sum_leaves_that_sum_open() -> None:
    rule = read_delivery([Article(1, "Delivery", "Delivery is €4.95 and free over €49.", "en")])
    assert rule is not None
    assert [rule.free(Decimal(one)) for one in ("48.99", "49", "49.01")] == [False, None, True]


HOUR = st.integers(min_value=0, max_value=23 * 60)
WEEKS = [
    ("Monday to Friday {a} to {b}, Saturday {c} to {d}, closed on Sunday.", "en"),
    ("We are open Mon-Fri {a}-{b} and Sat {c}-{d}; Sunday we are closed.", "en"),
    ("周一至周五 {a}-{b}，周六 {c}-{d}，周日休息。", "zh"),
    ("门店周一到周五{a}到{b}营业，周六{c}到{d}，周日店休。", "zh"),
]


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


@given(
    week=st.sampled_from(WEEKS),
    times=st.lists(HOUR, min_size=4, max_size=4),
    ahead=st.integers(0, 13),
    minute=st.integers(0, 24 * 60 - 1),
)
def test_open_is_what_the_week_says(week: tuple[str, str], times: list[int], ahead: int, minute: int) -> None:
    (first, last), (start, end) = sorted(times[:2]), sorted(times[2:])
    assume(first < last and start < end)
    body = week[0].format(a=_clock(first), b=_clock(last), c=_clock(start), d=_clock(end))
    found = read_week("Opening hours 营业时间", body)
    moment = LONDON(2026, 3, 2) + timedelta(days=ahead, minutes=minute)
    assert found is not None
    assert found.sure
    day = moment.weekday()
    truth = first <= minute < last if day < 5 else start <= minute < end if day == 5 else False
    assert found.at(moment) is truth


@pytest.mark.parametrize(
    ("body", "sure"),
    [
        ("Mon-Fri 9-18, closed on holidays", False),
        ("Monday to Saturday 10 am to 7 pm. We're closed on Christmas Day.", False),
        ("每天11:00到21:30营业，春节初一到初三休息。", False),
        ("周一到周五 11:00 到 19:00，周末 10:00 到 21:00，全年不休。", True),
        ("Monday to Saturday 9:30 to 18:00, Thursday until 20:00, closed on Sunday.", True),
    ],
)
def test_a_week_with_exceptions_is_not_sure(body: str, sure: bool) -> None:
    found = read_week("When are you open? 营业", body)
    assert found is not None
    assert found.sure is sure


async def test_with_exceptions_the_article_is_quoted_beside_the_time() -> None:
    week = read_week("Opening hours", "Mon-Fri 9 am to 6:30 pm, closed on holidays")
    assert week is not None
    assert shown(week.days[0], "en", twelve=week.twelve) == "9 am to 6:30 pm"


@given(
    value=st.decimals(min_value="0.1", max_value=5000, places=1),
    pair=st.sampled_from(
        [
            ("g", "lb", "weight"),
            ("kg", "lb", "w"),
            ("cm", "in", "l"),
            ("in", "cm", "l"),
            ("ml", "floz", "v"),
            ("c", "f", "t"),
        ]
    ),
)
def test_conversions_are_right_to_three_digits(value: Decimal, pair: tuple[str, str, str]) -> None:
    unit, asked, _ = pair
    written = {"c": "°C"}.get(unit, unit)
    [held] = quantities(f"It has {value} {written} of it")
    exact = {
        ("g", "lb"): Fraction(value) / Fraction("453.59237"),
        ("kg", "lb"): Fraction(value) / Fraction("0.45359237"),
        ("cm", "in"): Fraction(value) / Fraction("2.54"),
        ("in", "cm"): Fraction(value) * Fraction("2.54"),
        ("ml", "floz"): Fraction(value) / Fraction("29.5735295625"),
        ("c", "f"): Fraction(value) * 9 / 5 + 32,
    }[unit, asked]
    shown_value = re.search(r"= (about )?([\d,.]+)", converted(held, asked, "en"))
    assert shown_value
    said = Fraction(shown_value[2].replace(",", ""))
    assert abs(said - exact) <= max(Fraction(1, 200) * exact, Fraction(0)) or (
        asked == "f" and abs(said - exact) <= Fraction(1, 2)
    )
    assert shown_value[1] or said == exact


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("how much is it in pounds?", None),
        ("how heavy is it in pounds?", "lb"),
        ("is it in stock", None),
        ("多少斤", "jin"),
        ("几英寸", "in"),
        ("in fl oz?", "floz"),
        ("how many inches", "in"),
    ],
)
def test_the_unit_asked_for(text: str, unit: str | None) -> None:
    assert asked_unit(text) == unit


def test_ounces_of_a_volume_are_fluid_ones() -> None:
    [held] = quantities("holds 400 ml")
    assert fitting("oz", held) == "floz"
    assert [one.value for one in quantities("a case of 17 x 12 cm")] == [17, 12]


@given(start=st.dates(date(2026, 1, 1), date(2027, 12, 31)), days=st.integers(1, 15))
def test_working_days_are_counted_without_weekends(start: date, days: int) -> None:
    day = Dispatch(days, "", "").by(start)
    between = [start + timedelta(days=one) for one in range(1, (day - start).days + 1)]
    assert sum(one.weekday() < 5 for one in between) == days
    assert day.weekday() < 5


@pytest.mark.parametrize(
    "body",
    [
        "Orders before 1 pm ship the same day, others within 2 working days.",
        "We ship the new size within 2 business days.",
    ],
)
def test_a_date_that_hangs_on_more_is_not_worked_out(body: str) -> None:
    assert read_dispatch([Article(1, "When does it ship?", body, "en")]) is None


@settings(max_examples=50)
@given(percent=st.integers(1, 99))
def test_discounts_are_read_as_they_stand(percent: int) -> None:
    english = Article(1, "Discounts", f"Students get {percent}% off with a code. It is {percent}.", "en")
    [found] = read_discounts([english])
    assert found.percent == percent
    assert asked_discount("how much with the student discount", [found]) is found
    assert asked_discount("how much is it", [found]) is None
    if percent > 10:
        [chinese] = read_discounts([Article(2, "优惠", f"会员打{percent}折。", "zh")])
        assert chinese.percent == 100 - percent
