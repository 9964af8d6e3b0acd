"""Shows the settings that can be changed in a chat, and changes one."""

from zoneinfo import available_timezones

from bot.changeable import CHANGEABLE, MOST_A_DAY, MOST_DAYS, MOST_MINUTES, MOST_POSTS, in_force
from bot.commands.base import Call
from bot.commands.mode import MODES
from bot.messages import Outgoing, Role
from storage import members
from storage import settings as stored

role = Role.ADMIN
usage = "[NAME [VALUE]]"
DEFAULT = "default"
OF_CHAT = {"language": ("en", "zh"), "mode": MODES, "timezone": ("Europe/London", "Asia/Shanghai")}
NAMES = (*CHANGEABLE, *OF_CHAT)


async def run(call: Call) -> Outgoing:
    """Without words it lists them, with NAME it shows one, with a VALUE it changes it; `default` takes that back."""
    words = call.words[1:] if call.words[:1] == ["set"] else call.words
    name = words[0].lower() if words else ""
    if name and name not in NAMES:
        text = call.say("“{word}” can't be changed here. What can be: {names}", word=words[0], names=", ".join(NAMES))
        return call.reply(text)
    if len(words) < 2:
        return await _show(call, [name] if name else list(NAMES))
    value = "".join(words[1:]) if name == "timezone" else "".join(words[1:]).lower()
    return await (_change_shop if name in CHANGEABLE else _change_chat)(call, name, value)


async def _show(call: Call, names: list[str]) -> Outgoing:
    settings = await call.tools.database.read(lambda tx: in_force(tx, call.shop.id, call.tools.settings))
    values = {
        **{name: getattr(settings, name) for name in CHANGEABLE},
        "language": call.chat.language or call.shop.language,
        "mode": call.mode,
        "timezone": call.chat.timezone or call.shop.timezone,
    }
    lines = [f"{name} = {'none' if values[name] == '' else values[name]} – {_meaning(call, name)}" for name in names]
    example = call.say("For example: /settings {name} {value}", name=names[0], value=_example(names[0]))
    return call.reply("\n".join((*lines, example)))


async def _change_shop(call: Call, name: str, value: str) -> Outgoing:
    try:
        kept = None if value == DEFAULT else value
        if kept is not None:
            CHANGEABLE[name].read(kept)
    except ValueError:
        return _wrong(call, name, value)
    await call.tools.database.write(lambda tx: stored.change(tx, call.shop.id, name, kept))
    return _done(call, name, kept)


async def _change_chat(call: Call, name: str, value: str) -> Outgoing:
    right = {one.lower(): one for one in (available_timezones() if name == "timezone" else OF_CHAT[name])}
    if value.lower() not in (*right, DEFAULT):
        return _wrong(call, name, value)
    kept = right.get(value.lower(), "")
    await call.tools.database.write(lambda tx: members.change_chat(tx, call.chat.id, **{name: kept}))
    return _done(call, name, kept)


def _done(call: Call, name: str, value: str | None) -> Outgoing:
    if value:
        return call.reply(call.say("Done: {name} = {value}", name=name, value=value))
    return call.reply(call.say("Done: {name} is again as the shop's settings say.", name=name))


def _wrong(call: Call, name: str, value: str) -> Outgoing:
    text = call.say(
        "“{value}” is not right for {name}: {meaning}", value=value, name=name, meaning=_meaning(call, name)
    )
    example = call.say("For example: /settings {name} {value}", name=name, value=_example(name))
    return call.reply(f"{text}\n{example}")


def _example(name: str) -> str:
    return CHANGEABLE[name].example if name in CHANGEABLE else OF_CHAT[name][-1]


def _meaning(call: Call, name: str) -> str:
    return {
        "quiet_hours": call.say("when nothing is sent unasked; two times, or none"),
        "daily_cap": call.say("suggestions that a subscriber gets in a day at most; 0 to {most}", most=MOST_A_DAY),
        "weekly_cap": call.say("the same in a week from Monday; 0 to {most}", most=MOST_A_DAY * 7),
        "chat_daily_cap": call.say("posts that a chat gets in a day at most; 0 to {most}", most=MOST_POSTS),
        "chat_weekly_cap": call.say("the same in a week from Monday; 0 to {most}", most=MOST_POSTS * 7),
        "post_gap": call.say("minutes at least between two posts in a chat; 0 to {most}", most=MOST_MINUTES),
        "weekly_report": call.say("whether admins get the week's figures on Mondays; on or off"),
        "retention_days": call.say("days after which members' words are erased; 1 to {most}", most=MOST_DAYS),
        "language": call.say("of what I say by myself in this chat; en or zh"),
        "mode": call.say("when I speak in this chat; /mode explains it"),
        "timezone": call.say("of this chat's schedules and quiet hours; an IANA name"),
    }[name]
