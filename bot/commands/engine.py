"""Shows how the model is doing: what waits, how fast it writes, what it did not have to read again."""

from bot.commands.base import Call
from bot.messages import Outgoing, Role
from llm.engine import OUTCOMES, Priority, Report

role = Role.ADMIN


async def run(call: Call) -> Outgoing:
    report = call.tools.report()
    return call.reply("\n".join([*_now(call, report), *_waits(call, report), *_ended(call, report)]), private=True)


def _now(call: Call, report: Report) -> list[str]:
    device = f" ({report.device})" if report.device else ""
    lines = [f"{report.name}{device}"]
    lines.append(
        call.say("{active} under way, {waiting} waiting, room for {slots} at a time",
                 active=report.active, waiting=report.waiting, slots=report.slots)
    )  # fmt: skip
    if report.speed:
        lines.append(
            call.say("{speed} tokens a second while it works; {written} written", speed=f"{report.speed:.0f}",
                     written=report.written)
        )  # fmt: skip
    if prompts := report.read + report.reused:
        share, held = f"{report.reused / prompts:.0%}", f"{report.held / 2**20:.1f}"
        lines.append(call.say("{share} of what was to be read was known ({held} MB kept)", share=share, held=held))
    return [*lines, report.note] if report.note else lines


def _waits(call: Call, report: Report) -> list[str]:
    names = {
        Priority.REPLY: call.say("replies"),
        Priority.SUGGESTION: call.say("suggestions"),
        Priority.POST: call.say("posts"),
        Priority.PROFILE: call.say("profiles"),
    }
    return [
        call.say("{kind} waited {median} s, at most {most} s in 19 of 20 cases", kind=names[priority],
                 median=f"{median:.2f}", most=f"{most:.2f}")
        for priority, (median, most) in sorted(report.waits.items())
    ]  # fmt: skip


def _ended(call: Call, report: Report) -> list[str]:
    names = {
        "done": call.say("done"),
        "cancelled": call.say("cancelled"),
        "refused": call.say("refused, too many at once"),
        "expired": call.say("out of time"),
        "failed": call.say("failed"),
    }
    ended = [f"{names[one]}: {report.outcomes[one]}" for one in OUTCOMES if report.outcomes.get(one)]
    return [call.say("Requests since the start: {ended}", ended=", ".join(ended))] if ended else []
