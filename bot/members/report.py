"""The merchant's numbers as a table of words and as one picture: for `/stats` and the weekly report."""

from collections.abc import Callable, Sequence

from bot import charts
from bot.language import HAN
from bot.members.stats import BOT, HUMAN, NOBODY, Cohort, Numbers
from bot.texts import short_day

Say = Callable[..., str]
TITLE = 70  # characters


def table(say: Say, found: Numbers, language: str) -> list[str]:
    """Every figure in a line of its own."""
    lines = [
        say("Members: {count} seen so far, {new} of them new, {active} spoke.", count=found.members, new=found.new,
            active=len(found.active_days)),
        say("Messages: {count}; most at {hours}.", count=found.messages, hours=_hours(found)),
        *_days(say, found),
        *_answered(say, found),
        *_named(say("Asked about most:"), found.products),
        *_named(say("What the shop answered most:"), found.topics),
    ]  # fmt: skip
    if found.cohorts:
        lines.append(say("Of those who joined in a week, spoke again in the 1st, 2nd … week after it:"))
        lines += [_cohort(say, one, language) for one in found.cohorts]
    return lines


def _hours(found: Numbers) -> str:
    """The three hours with most messages."""
    best = sorted(range(24), key=lambda hour: (-found.by_hour[hour], hour))[:3]
    return ", ".join(f"{hour:02}:00 ({found.by_hour[hour]})" for hour in sorted(best) if found.by_hour[hour]) or "–"


def _days(say: Say, found: Numbers) -> list[str]:
    if not found.active_days:
        return []
    mean = sum(found.active_days) / len(found.active_days)
    values = {"mean": f"{mean:.1f}", "of": len(found.by_day), "most": found.active_days[0]}
    return [say("Active days of who spoke: {mean} of {of} on average, {most} at most.", **values)]


def _answered(say: Say, found: Numbers) -> list[str]:
    if not found.questions:
        return [say("Questions: none.")]
    shares = {who: f"{found.answered[who]} ({found.share(who):.0%})" for who in (BOT, HUMAN, NOBODY)}
    lines = [say("Questions: {count}; answered by me {bot}, by a human {human}, by nobody {nobody}.",
                 count=found.questions, **shares)]  # fmt: skip
    if wait := found.wait(BOT):
        lines.append(say("My answers took {middle} in the middle, nine in ten no longer than {slow}.", **_times(wait)))
    if wait := found.wait(HUMAN):
        lines.append(say("A human's took {middle} in the middle, nine in ten no longer than {slow}.", **_times(wait)))
    return lines


def _times(wait: tuple[float, float]) -> dict[str, str]:
    return {"middle": _time(wait[0]), "slow": _time(wait[1])}


def _time(seconds: float) -> str:
    """`4 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _named(title: str, rows: Sequence[tuple[str, int]]) -> list[str]:
    return [title, *(f"- {name}: {count}" for name, count in rows)] if rows else []


def _cohort(say: Say, one: Cohort, language: str) -> str:
    shares = ", ".join(f"{count / one.size:.0%}" for count in one.spoke)
    return say("- {week}: {size} joined; {shares}", week=short_day(one.week, language), size=one.size, shares=shares)


def picture(say: Say, found: Numbers, title: str, language: str) -> bytes:
    """Messages by day and by hour, who answered, and who came back, as a PNG picture."""
    after = max((len(one.spoke) for one in found.cohorts), default=0)
    back = [_back(found.cohorts, at) for at in range(after)]
    days = [f"{day.month}/{day.day}" if language == "zh" else short_day(day, language) for day, _ in found.by_day]
    who = (say("bot"), say("human"), say("nobody"))
    panels = (
        charts.Panel(say("Messages by day"), "Messages by day", days, [count for _, count in found.by_day]),
        charts.Panel(say("Messages by hour"), "Messages by hour", [*map(str, range(24))], found.by_hour),
        charts.Panel(
            say("Questions, by who answered"), "Questions, by who answered", who,
            [found.answered[one] for one in (BOT, HUMAN, NOBODY)], plain_names=("bot", "human", "nobody"),
        ),
        charts.Panel(say("Back, by weeks since joining"), "Back, by weeks since joining",
                     [str(at + 1) for at in range(after)], back, " %"),
    )  # fmt: skip
    short = title if len(title) <= TITLE else title[: TITLE - 1] + "…"
    chinese = HAN.search(" ".join((short, *who)))
    return charts.sheet(short, "Figures", panels, font=charts.chinese_font() if chinese else None)


def _back(cohorts: Sequence[Cohort], at: int) -> int:
    """Per cent of all who joined so long ago that spoke again in that week after it."""
    known = [one for one in cohorts if len(one.spoke) > at]
    return round(100 * sum(one.spoke[at] for one in known) / sum(one.size for one in known))
