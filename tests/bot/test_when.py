import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.when import NotATime, describe, expand, parse


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
    ],
)
def test_words_and_fields_are_understood(words: str, cron: str | None) -> None:
    if cron is None:
        with pytest.raises(NotATime):
            parse(words)
    else:
        assert parse(words).cron == cron


@pytest.mark.parametrize(
    "words",
    [
        *("", "soon", "every day", "every blursday at 9", "every day at 25", "every day at 9:70", "every day at 13pm"),
        *("every 5 minutes", "每天", "每天二五点", "9 0 * *", "0 9 31 2 *"),
    ],
)
def test_what_is_no_time_gets_an_example_of_one(words: str) -> None:
    with pytest.raises(ValueError, match="every day at 9"):
        parse(words)


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


fields = st.tuples(
    st.one_of(st.integers(0, 59).map(str), st.sampled_from(["*", "*/20", "5,35", "10-20/5"])),
    st.one_of(st.integers(0, 23).map(str), st.sampled_from(["*", "8-18"])),
    st.sampled_from(["*", "*", "1", "1-7", "*/2"]),
    st.sampled_from(["*", "*", "1,7", "jan-mar"]),
    st.one_of(st.sets(st.integers(0, 7), min_size=1).map(lambda days: ",".join(map(str, days))), st.just("*")),
)


@given(fields=fields, language=st.sampled_from(["en", "zh"]))
def test_a_description_can_be_typed_in_again(fields: tuple[str, ...], language: str) -> None:
    cron = parse(" ".join(fields)).cron
    assert parse(cron).cron == cron
    assert parse(describe(cron, language)).cron == cron


@given(st.text(max_size=30))
def test_any_text_is_understood_or_refused_with_advice(text: str) -> None:
    said = ""
    try:
        expand(parse(text).cron.split()[4], 0, 7)
    except NotATime as error:
        said = str(error)
    assert not said or "right are" in said or "Right would be" in said
