"""Do the first ten hold what a member takes to next? Our blend, its signals, and others in the same run.

Three questions to a log of events. *Time*: everything before a cut is known; is a member's next event among the ten
(R@10), and, of what they did not have yet, is any that they took to after it (hit@10)? *Last*: each member's last event
is to be foretold from all before it. *Communities*: the same among a few sampled members, whose signals know nobody
else. Products that score the same as the right one are taken to stand before it, half of them.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.parts.logs import Log, days, online_retail, read
from benchmarks.parts.peers import Scorer, absent, peers
from benchmarks.parts.report import Row, main
from bot.members import signals as folder
from bot.members.blend import Blend, fit
from bot.members.signals.base import Events, Floats, History, Shop
from bot.members.vectors import words_of
from bot.registry import load

TOP = 10
MOST = 3_000  # members that are asked about
HISTORY = 12  # events of a member in a community
COMMUNITIES = ((50, 16), (200, 8), (1_000, 3))  # members, and how many such communities are drawn


@dataclass(frozen=True, slots=True)
class Asked:
    """One member's history, and what they took to next: the next event first. `now` in days."""

    history: History
    targets: np.ndarray
    now: float


def of_members(events: Events) -> list[np.ndarray]:
    """The places of each member's events, oldest first."""
    order = np.argsort(events.member, kind="stable")
    return [one for one in np.split(order, np.flatnonzero(np.diff(events.member[order])) + 1) if len(one)]


def history(events: Events, places: np.ndarray) -> History:
    return History(events.item[places], events.at[places], events.worth[places])


def sampled(asked: list[Asked], most: int) -> list[Asked]:
    chosen = np.sort(np.random.default_rng(5).permutation(len(asked))[:most])
    return [asked[place] for place in chosen]


def after_cut(events: Events, cut: float, most: int) -> list[Asked]:
    """Members with events after the cut; those without one before it have an empty history."""
    found = []
    for places in of_members(events):
        early, late = places[events.at[places] < cut], places[events.at[places] >= cut]
        late = late[events.worth[late] > 0]
        if len(late):
            found.append(Asked(history(events, early), events.item[late], float(events.at[late[0]])))
    return sampled(found, most)


def last_out(events: Events, most: int) -> tuple[Events, list[Asked]]:
    """All but the last event of each member with three or more, and those."""
    kept = np.ones(len(events), bool)
    found = []
    for places in of_members(events):
        if len(places) > 2 and events.item[places[-1]] not in events.item[places[:-1]]:
            kept[places[-1]] = False
            last = places[-1]
            found.append(Asked(history(events, places[:-1]), events.item[[last]], float(events.at[last])))
    return events.among(kept), sampled(found, most)


def ranks(scores: Floats, targets: np.ndarray) -> np.ndarray:
    """How many products stand above each target."""
    own = scores[targets][:, None]
    return np.asarray((scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2)


@dataclass(frozen=True, slots=True)
class Found:
    """Per member: is the next event among the ten; the next new one; any new one (hit). NaN where there is none."""

    again: Floats
    new: Floats
    hit: Floats


def tried(score: Scorer, asked: Sequence[Asked]) -> Found:
    rows = []
    for one in asked:
        scores = np.array(score(one.history, one.now), dtype=np.float64)
        again = float(ranks(scores, one.targets[:1])[0] < TOP)
        fresh = one.targets[~np.isin(one.targets, one.history.item)]
        scores[one.history.item] = -np.inf
        among = ranks(scores, fresh) < TOP
        rows.append((again, float(among[0]) if len(among) else np.nan, float(among.any()) if len(among) else np.nan))
    return Found(*(np.array(column) for column in zip(*rows, strict=True)))


def ours(shop: Shop, now: float, *, again: bool) -> Blend:
    return fit(shop, {one.__name__.rpartition(".")[2]: one.fit for one in load(folder)}, now, again=again)


def told(blend: Blend) -> str:
    """Which way was chosen for members who are not active and for those who are, and its weights."""
    shown = []
    for chosen, held in zip(blend.chosen, (blend.idle, blend.active), strict=True):
        shown.append(f"{chosen}: " + ", ".join(f"{name} {one:.2f}" for name, one in held.items() if one > 0.005))
    return "; ".join(shown)


def best_of(settings: Sequence[Callable[[Shop], Scorer]], shop: Shop, asked: Sequence[Asked]) -> list[Found]:
    return [tried(one(shop), asked) for one in settings]


def mean(values: Floats, warm: np.ndarray) -> float:
    return float(np.nanmean(values[warm]))


def by_time(log: Log, cut: float, quick: bool) -> list[Row]:
    """Both halves of the first question, for members with a history."""
    shop = log.shop(log.events.before(cut))
    asked = after_cut(log.events, cut, 300 if quick else MOST)
    warm = np.array([len(one.history) > 0 for one in asked])
    others = {name: best_of(settings, shop, asked) for name, settings in peers(quick).items()}
    again, new = ours(shop, cut, again=True), ours(shop, cut, again=False)
    mine = tried(again.score, asked)
    mine_new = tried(new.score, asked)
    rows = [Row("time: members asked about, and with a history", len(asked), note=f"{warm.sum()} with one")]
    for kind in ("again", "new", "hit"):
        label = {"again": "R@10, next event", "new": "R@10, next new product", "hit": "hit@10, new products only"}[kind]
        worths = {name: max(mean(getattr(one, kind), warm) for one in tries) for name, tries in others.items()}
        rows += [Row(f"time: {label}: {name}", 100 * worth, "%") for name, worth in worths.items()]
        own = mine if kind == "again" else mine_new
        worth, best = mean(getattr(own, kind), warm), max(worths.values())
        note = told(again if kind == "again" else new)
        if kind == "hit":
            rows.append(Row(f"time: {label}: ours", 100 * worth, "%", at_least=105 * best, note=note))
        else:
            apart = (getattr(own, kind) - getattr(others["popularity of late"][0], kind))[warm]
            apart = apart[~np.isnan(apart)]
            error = float(apart.std() / np.sqrt(len(apart)))
            note += (
                f"; ahead of popularity of late by {100 * apart.mean():.1f} points, standard error {100 * error:.1f}"
            )
            least = 100 * (worths["popularity of late"] - error)
            rows.append(Row(f"time: {label}: ours", 100 * worth, "%", at_least=least, note=note))
    rows += [
        Row(f"time: R@10, members without a history: {name}", 100 * float(one.again[~warm].mean()), "%")
        for name, one in (("popularity of late", others["popularity of late"][0]), ("ours", mine))
        if not warm.all()
    ]
    return rows


def by_last(log: Log, quick: bool) -> list[Row]:
    events, asked = last_out(log.events, 300 if quick else MOST)
    shop = log.shop(events)
    everyone = np.ones(len(asked), bool)
    rows = []
    for name, settings in peers(quick).items():
        worth = max(mean(one.new, everyone) for one in best_of(settings, shop, asked))
        rows.append(Row(f"last: R@10: {name}", 100 * worth, "%"))
    blend = ours(shop, float(events.at[-1]), again=False)
    for name, signal in blend.signals.items():
        worth = mean(tried(signal.score, asked).new, everyone)
        rows.append(Row(f"last: R@10: signal {name}", 100 * worth, "%"))
    worth = mean(tried(blend.score, asked).new, everyone)
    rows.append(Row("last: R@10: ours", 100 * worth, "%", note=told(blend)))
    return rows


def communities(log: Log, quick: bool) -> list[Row]:
    """Ours against the signal that is best on average over the communities of a size."""
    rows = []
    everybody = np.unique(log.events.member)
    for size, draws in COMMUNITIES:
        if size > len(everybody):
            continue
        worths: list[Mapping[str, float]] = []
        chosen: list[str] = []
        for draw in range(2 if quick else draws):
            members = np.random.default_rng(100 + draw).choice(everybody, size, replace=False)
            community = log.of_members(members, HISTORY)
            events, asked = last_out(community.events, MOST)
            blend = ours(community.shop(events), float(events.at[-1]), again=False)
            everyone = np.ones(len(asked), bool)
            scorers: dict[str, Scorer] = {name: one.score for name, one in blend.signals.items()}
            worths.append(
                {name: mean(tried(one, asked).new, everyone) for name, one in {**scorers, "ours": blend.score}.items()}
            )
            chosen.append(blend.chosen[1])
        names = {name for one in worths for name in one}
        means = {name: float(np.mean([one.get(name, 0.0) for one in worths])) for name in names}
        mine = means.pop("ours")
        best = max(means, key=lambda name: means[name])
        shown = ", ".join(f"{name} {worth:.3f}" for name, worth in sorted(means.items(), key=lambda one: -one[1]))
        note = f"ours {mine:.3f}, {shown}; chosen {', '.join(sorted(set(chosen)))}"
        rows.append(
            Row(f"community of {size}: R@10 of ours by the best signal's", mine / means[best], at_least=1.0, note=note)
        )
    return rows


def big(items: int, members: int) -> Shop:
    """A shop of as many products: popularity by rank, texts of words by rank, tastes for a neighbourhood."""
    rng = np.random.default_rng(9)
    count = members * 10
    member = np.repeat(np.arange(members), 10)
    centre = rng.integers(items, size=members)[member]
    near = (centre + rng.normal(0, items / 50, count)).astype(np.int64) % items
    item = np.where(rng.random(count) < 0.7, near, (items * rng.random(count) ** 3).astype(np.int64))
    order = rng.permutation(count)
    said = [
        {f"w{int(word)}": 1.0 for word in (20_000 * rng.random(8) ** 3).tolist()} | {f"k{place * 500 // items}": 1.0}
        for place in range(items)
    ]
    events = Events(member[order], item[order], np.sort(rng.uniform(0, 180, count)), np.ones(count))
    return Shop(events, members, items, words_of(said).matrix)


def speed(quick: bool) -> list[Row]:
    """CPU time for one member on one thread: every product scored, the best forty found; their rows are not read."""
    rows = []
    for items, members, aim in ((2_000, 2_000, 1.0), (100_000, 50_000, 2.0)):
        if quick and items > 10_000:
            continue
        begun = time.perf_counter()
        shop = big(items, members)
        made = time.perf_counter()
        blend = ours(shop, 180.0, again=False)
        took = time.perf_counter() - made
        own = [history(shop.events, places) for places in of_members(shop.events)[:300]]
        spent = []
        for one in own:
            start = time.thread_time()
            blend.scored(one, 181.0).best(40, one.item)
            spent.append(1_000 * (time.thread_time() - start))
        middle, late = np.percentile(spent, [50, 95])
        note = f"p95 {late:.2f} ms; fitted in {took:.0f} s, of {members * 10:,} events (made in {made - begun:.0f} s)"
        rows.append(
            Row(f"speed: one member, {items:,} products, median", float(middle), "ms CPU", at_most=aim, note=note)
        )
    return rows


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    if not given.online_retail and not given.events:
        return speed(quick)  # the rest needs a log
    log = online_retail(given.online_retail) if given.online_retail else read(given.events, given.items)
    cut = days(given.cut, Path("--cut"), 0) if given.cut else float(np.quantile(log.events.at, 0.8))
    rows = [Row("events", len(log.events), note=f"{log.members} members, {log.items} items")]
    if reason := absent():
        rows.append(Row("ALS, BPR", float("nan"), note=reason))
    begun = time.perf_counter()
    parts = {
        "time": lambda: by_time(log, cut, quick),
        "last": lambda: by_last(log, quick),
        "communities": lambda: communities(log, quick),
        "speed": lambda: speed(quick),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            rows += part()
    rows.append(Row("seconds", time.perf_counter() - begun, "s"))
    return rows


def extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events", type=Path, metavar="CSV", help="member,item,time,kind; without a log only speed is measured"
    )
    parser.add_argument("--items", type=Path, metavar="CSV", help="item,title,text,price")
    parser.add_argument("--online-retail", type=Path, metavar="CSV", help="the UCI set instead, as CSV, may be gzipped")
    parser.add_argument("--cut", metavar="DATE", help="where time is split (default: 80 %% of the events lie before)")
    parser.add_argument("--only", choices=("time", "last", "communities", "speed"), help="one part of it")


def summary(rows: Sequence[Row]) -> str:
    return f"{len(rows)} rows"


if __name__ == "__main__":
    how = {"takes": "ten minutes", "quick": "300 members, few communities"}
    sys.exit(main("recommender", __doc__, measure, summary, extend=extend, **how))
