"""When the bot speaks: how many of what is for it it takes up, and how much of what is not.

Three days of a group of eight run through the whole bot (tests/data/three_days.jsonl). With --data DIR also IRC
channels in which the bot has a helper's part, and small talk in English and Chinese. `floor` is what answering
mentions alone comes to, or a coin that answers every tenth message. sure.toml has learnt from the labelled shops; what
it reaches on shops that it has not learnt from is printed by benchmarks/parts/calibrate.py.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.parts.channels import turns
from benchmarks.parts.labelled import DEMO, FILES, NOW, SHOPS, chatter, logs, opened
from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from bot.app import make_encoders
from bot.config import load
from bot.conversation.context import Context
from bot.conversation.gate import Gate, Manners, Place, Speak
from bot.conversation.plan import Planner
from bot.conversation.talk import Scene
from bot.language import language
from bot.messages import Chat, Message, Sender
from bot.tools import replay
from llm.engines.scripted import ScriptedEngine

GROUP = ROOT / "tests" / "data" / "three_days.jsonl"
OTHERS = ROOT / "tests" / "data" / "groups"  # whose shop is the file's name, and at which the gate was not looked at
CHINESE = SHOPS / "chaju"


async def measure(folder: Path, quick: bool, data: Path | None) -> list[Row]:
    rows = await three_days(folder)
    for path in sorted(OTHERS.glob("*.jsonl")):
        shop = SHOPS / path.stem
        files = [shop / name for name in FILES if (shop / name).exists()]
        rows += shown(await talked(folder, path, files), f"held-out group, {path.stem}", ("unasked",))
    if data:
        rows += channels(data, "dev", "held-out channels")
        rows += await small_talk(folder, data, 500 if quick else 2000)
    return rows


def wanted(turn: dict[str, Any], result: dict[str, Any]) -> str:
    """right, wrong (spoke where a good host is silent), missed, or either; what a host says is compared as well."""
    action = result["action"] if result["action"] in ("silent", "handoff") else "speak"
    if turn["wanted"] == "either":
        return "either"
    if turn["wanted"] != action:
        return "missed" if action == "silent" else "wrong"
    told = turn.get("says", "").lower() in result["text"].lower()
    return "silent" if action == "silent" else "right" if told else "wrong"


async def three_days(folder: Path) -> list[Row]:
    return shown(await talked(folder, GROUP, []), "three days", ("all", "en", "zh", "unasked"))


async def talked(folder: Path, path: Path, shop: list[Path]) -> dict[str, Counter[str]]:
    """A group's talk through the whole bot, with the bundled encoders and a scripted engine."""
    settings = load({"DATABASE_URL": f"sqlite:///{folder}/none.db"}, env_file=None)
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("all", "en", "zh", "unasked")}
    async with replay.opened(settings, shop, ScriptedEngine()) as player:
        for line in replay.read_lines(path):
            played = await player.play(line)
            for turn, result in zip(line["turns"], played["results"], strict=True):
                found = wanted(turn, result)
                counts["all"][found] += 1
                counts[language(turn["text"], "en")][found] += 1
                counts["unasked"][found] += not turn.get("mentions_bot")
    return counts


def shown(counts: dict[str, Counter[str]], group: str, names: Sequence[str]) -> list[Row]:
    rows = []
    for name in names:
        held = counts[name]
        spoke, asked = held["right"] + held["wrong"], held["right"] + held["missed"]
        told = f"of {spoke} replies, {held['silent'] + held['wrong']} lines not for it"
        rows.append(Row(f"{group}, {name}: precision", held["right"] / max(1, spoke), "", at_least=0.95, note=told))
        found = held["right"] / max(1, asked)
        rows.append(Row(f"{group}, {name}: recall", found, "", at_least=0.8, note=f"of {asked}"))
    return rows


def channels(data: Path, split: str, name: str) -> list[Row]:
    """Whom lines are said to, in IRC logs: by name, by a reply, or going on from the bot's answer."""
    found: Counter[str] = Counter()
    gate = Gate(None, Manners())  # type: ignore[arg-type]  # whom a line is said to needs no shop
    for log in logs(data, split):
        for turn in turns(log):
            said = gate.directed(turn.message, Place("questions", "en", turn.member_id, turn.names), turn.scene)
            found["asked"] += turn.wanted
            found["right"] += said and turn.wanted
            found["wrong"] += said and not turn.wanted
            found["named"] += turn.named and turn.wanted
            found["lines"] += 1
    precision = found["right"] / max(1, found["right"] + found["wrong"])
    lines = f"{found['asked']} of {found['lines']} lines"
    return [
        Row(f"{name}: precision of what is taken as said to it", precision, "", at_least=0.95),
        Row(f"{name}: recall", found["right"] / max(1, found["asked"]), "", at_least=0.8, note=lines),
        Row(f"{name}: recall, floor: by name alone", found["named"] / max(1, found["asked"]), ""),
    ]


async def small_talk(folder: Path, data: Path, how_many: int) -> list[Row]:
    """How much of it is answered, said in a shop's group as if nobody else were there, so that nothing waits."""
    rows, encoders = [], make_encoders(load({}, env_file=None))
    lines = chatter(data, how_many, held_out=True)
    for shop in (DEMO, CHINESE):
        async with opened(folder, shop, encoders) as library:
            gate, spoke, looked, count = Gate(Planner(library), Manners()), Counter[str](), 0, Counter[str]()
            for one in lines:
                spoken = language(one.text, "en")
                message = Message("k", "1", Chat("irc", "g"), Sender("ann", "Ann"), one.text, NOW)
                count[spoken] += 1
                if gate.certainly_silent(message, "questions", ()):
                    continue
                looked += 1

                async def recall(text: str, spoken: str = spoken) -> Context:
                    return Context(spoken)

                decision = await gate.decide(message, Place("questions", spoken, 1), Scene(), NOW, recall)
                spoke[spoken] += isinstance(decision, Speak)
            for spoken in ("en", "zh"):
                rows.append(
                    Row(f"{shop.name}: small talk answered, {spoken}", 1000 * spoke[spoken] / max(1, count[spoken]),
                        "per 1,000", at_most=3, note=f"of {count[spoken]}; floor, a coin: 100")
                )  # fmt: skip
            rows.append(Row(f"{shop.name}: share that the encoder looked at", 100 * looked / len(lines), "%"))
    await encoders.close()
    return rows


def summary(rows: Sequence[Row]) -> str:
    found = {row.name: row.value for row in rows}
    text = (
        f"three days {found['three days, all: precision']:.2f} precision, {found['three days, all: recall']:.2f} recall"
    )
    answered = [row.value for row in rows if "small talk answered" in row.name]
    return text + (f"; small talk answered {max(answered):.1f} per 1,000 at most" if answered else "")


if __name__ == "__main__":
    sys.exit(
        main(
            "gate", __doc__, measure, summary, takes="five minutes with --data, else one",
            quick="fewer lines of small talk", data="the folder of public text: irc_disentanglement and others",
        )
    )  # fmt: skip
