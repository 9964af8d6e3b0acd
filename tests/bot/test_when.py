from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.said import describe
from bot.content.times import is_event
from bot.content.when import NotATime, expand, parse

NOW = datetime.fromisoformat("2026-05-04T12:07")


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("every day at 9", "0 9 * * *"),
        ("Daily at 9:05", "5 9 * * *"),
        ("every weekday at 9:30", "30 9 * * 1-5"),
        ("every monday at 18:00", "0 18 * * 1"),
        ("Mondays at 6pm", "0 18 * * 1"),
        ("every tues and fri at 8", "0 8 * * 2,5"),
        ("every saturday, sunday at 10", "0 10 * * 0,6"),
        ("every day at 12am", "0 0 * * *"),
        ("every day at 12 pm", "0 12 * * *"),
        ('"every day at 9"', "0 9 * * *"),
        ("每天9点", "0 9 * * *"),
        ("每天早上九点", "0 9 * * *"),
        ("每天晚上8点半", "30 20 * * *"),
        ("每周一 10:00", "0 10 * * 1"),
        ("每周一、周四下午3点一刻", "15 15 * * 1,4"),
        ("星期天10点", "0 10 * * 0"),
        ("工作日9点半", "30 9 * * 1-5"),
        ("周末 十点", "0 10 * * 0,6"),
        ("每天：十八点", None),
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("*/15 8-20 * * mon-fri", "*/15 8-20 * * 1-5"),
        ("0 9 1 jan,jul *", "0 9 1 1,7 *"),
        ("0 9 * * 0-7", "0 9 * * *"),
        ("0 9 * * */2", "0 9 * * */2"),  # a field with a star restricts no day
        ("every day at noon", "0 12 * * *"),
        ("every 2 hours", "every 7200"),
        ("every two hours", "every 7200"),
        ("every 30 minutes", "*/30 * * * *"),
        ("every 45 min", "every 2700"),
        ("hourly", "0 * * * *"),
        ("每两小时", "every 7200"),
        ("每隔30分钟", "*/30 * * * *"),
        ("每半小时", "*/30 * * * *"),
        ("每小时", "0 * * * *"),
        ("first of the month at 9", "0 9 1 * *"),
        ("on the 15th of each month at 9:30", "30 9 15 * *"),
        ("monthly on the 3rd at 6pm", "0 18 3 * *"),
        ("每月1号9点", "0 9 1 * *"),
        ("every 24 December at 18:00", "0 18 24 12 *"),
        ("每年12月24日18点", "0 18 24 12 *"),
        ("on new products", "on new"),
        ("when new products arrive", "on new"),
        ("after an import brought new products", "on new"),
        ("when stock falls under 5", "on stock 5"),
        ("when a price drops", "on price"),
        ("when something is back in stock", "on restock"),
        ("上新时", "on new"),
        ("库存少于5件时", "on stock 5"),
        ("降价时", "on price"),
    ],
)
def test_words_and_fields_are_understood(words: str, cron: str | None) -> None:
    if cron is None:
        with pytest.raises(NotATime):
            parse(words)
    else:
        assert parse(words).rule == cron


@pytest.mark.parametrize(
    "words",
    [
        *("", "soon", "every day", "every blursday at 9", "every day at 25", "every day at 9:70", "every day at 13pm"),
        *("every 0 minutes", "every 2 days", "每天", "每天二五点", "9 0 * *", "0 9 31 2 *", "every 31 june at 9"),
        *("30 February 2027 at 9", "tomorrow at 25", "12月32日9点", "on the 32nd of each month at 9"),
    ],
)
def test_what_is_no_time_gets_an_example_of_one(words: str) -> None:
    with pytest.raises(ValueError, match="every day at 9"):
        parse(words)


@pytest.mark.parametrize(
    ("words", "once"),
    [
        ("on 24 December at 18:00", "2026-12-24T18:00"),
        ("December 24th at 6pm", "2026-12-24T18:00"),
        ("the 3rd of march at 9", "2027-03-03T09:00"),
        ("on 29 February at 9", "2028-02-29T09:00"),
        ("24 December 2027 at 18:00", "2027-12-24T18:00"),
        ("2026-12-24 18:00", "2026-12-24T18:00"),
        ("tomorrow at 9", "2026-05-05T09:00"),
        ("today at 15:30", "2026-05-04T15:30"),
        ("in 2 hours", "2026-05-04T14:07"),
        ("in one minute", "2026-05-04T12:08"),
        ("明天9点", "2026-05-05T09:00"),
        ("后天下午3点半", "2026-05-06T15:30"),
        ("12月24日18点", "2026-12-24T18:00"),
        ("2027年1月2号晚上8点", "2027-01-02T20:00"),
        ("10分钟后", "2026-05-04T12:17"),
    ],
)
def test_a_time_that_comes_once(words: str, once: str) -> None:
    rule = parse(words, NOW).rule
    assert rule == f"once {once}"
    for language in ("en", "zh"):
        assert parse(describe(rule, language), NOW).rule == rule


@pytest.mark.parametrize("words", ["today at 9", "2026-05-04 12:07", "24 December 2025 at 18:00", "今天8点"])
def test_what_is_over_is_refused_as_such(words: str) -> None:
    with pytest.raises(NotATime, match="is over"):
        parse(words, NOW)


@pytest.mark.parametrize(
    ("cron", "names"),
    [
        ("60 9 * * *", '"60".* 0 to 59'),
        ("0 24 * * *", '"24".* 0 to 23'),
        ("0 9 0 * *", '"0".* 1 to 31'),
        ("0 9 * 13 *", '"13".* 1 to 12'),
        ("0 9 * * 8", '"8".* 0 to 7'),
        ("0 17-9 * * *", '"17-9"'),
        ("*/0 9 * * *", r'"\*/0"'),
        ("0 9 * * monday!", '"monday!"'),
    ],
)
def test_a_wrong_cron_field_is_named_with_what_it_takes(cron: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        parse(cron)


def test_a_schedule_is_described_as_people_say_it() -> None:
    assert describe("0 9 * * *", "en") == "every day at 9:00"
    assert describe("30 9 * * 1-5", "zh") == "工作日 9:30"
    assert describe("0 18 * * 0,1,4", "en") == "every Monday and Thursday and Sunday at 18:00"
    assert describe("0 18 * * 1,4", "zh") == "每周一、周四 18:00"
    assert describe("*/15 9 * * *", "en") == "*/15 9 * * *"
    assert describe("0 9 3 * *", "en") == "every month on the 3rd at 9:00"
    assert describe("0 18 24 12 *", "zh") == "每年12月24日 18:00"
    assert describe("once 2026-12-24T18:00", "en") == "on 24 December 2026 at 18:00"
    assert describe("every 7200", "zh") == "每2小时"
    assert describe("on stock 5", "en") == "when stock falls under 5"


@pytest.mark.parametrize("rule", ["on new", "on price", "on restock", "on stock 12", "every 7200", "every 2700"])
def test_events_and_intervals_are_described_as_they_are_typed(rule: str) -> None:
    for language in ("en", "zh"):
        assert parse(describe(rule, language)).rule == rule


fields = st.tuples(
    st.one_of(st.integers(0, 59).map(str), st.sampled_from(["*", "*/20", "5,35", "10-20/5"])),
    st.one_of(st.integers(0, 23).map(str), st.sampled_from(["*", "8-18"])),
    st.sampled_from(["*", "*", "1", "1-7", "*/2"]),
    st.sampled_from(["*", "*", "1,7", "jan-mar"]),
    st.one_of(st.sets(st.integers(0, 7), min_size=1).map(lambda days: ",".join(map(str, days))), st.just("*")),
)


@given(fields=fields, language=st.sampled_from(["en", "zh"]))
def test_a_description_can_be_typed_in_again(fields: tuple[str, ...], language: str) -> None:
    cron = parse(" ".join(fields)).rule
    assert parse(cron).rule == cron
    assert parse(describe(cron, language)).rule == cron


@given(st.text(max_size=30))
def test_any_text_is_understood_or_refused_with_advice(text: str) -> None:
    said = ""
    try:
        rule = parse(text, NOW).rule
        if len(fields := rule.split()) == 5:
            expand(fields[4], 0, 7)
        else:
            assert is_event(rule) or rule.startswith(("once ", "every "))
    except NotATime as error:
        said = str(error)
    assert not said or "right are" in said or "Right would be" in said
