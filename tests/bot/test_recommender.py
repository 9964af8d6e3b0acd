"""What a member of a real shop is suggested, and that the reasons given are the whole of it."""

import math
from datetime import timedelta
from pathlib import Path

import pytest

from bot.members.profiles import profile
from bot.members.recommender import Candidate
from tests.bot.running_shop import RunningShop, running_shop


async def found(shop: RunningShop, member_id: int, count: int = 10, said: tuple[str, ...] = ()) -> list[Candidate]:
    await shop.library.refresh()
    now = shop.clock.now()
    known = await shop.database.read(lambda tx: profile(tx, shop.shop_id, member_id, now))
    return await shop.suggestions.recommender.recommend(known, now, count, said=said)


async def test_what_others_did_speaks_once_there_are_three_of_them(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        for count, name in enumerate(("Ann", "Ben", "Cid"), 1):
            member = await shop.member(name)
            for about in ("Mesa Flat Pedals", "Beacon 800"):
                await shop.ask(member, about, ago=timedelta(hours=30 - count))
            stranger = await found(shop, await shop.member("Tom"))
            assert bool(stranger) is (count == 3)
            shop.suggestions.recommender.forget()
        assert {one.product.title for one in stranger} == {"Mesa Flat Pedals", "Beacon 800 Front Light"}
        assert [reason.kind for one in stranger for reason in one.reasons] == ["popular", "popular"]
        suggested = await shop.suggestions.suggest(await shop.member("Tom"), "Tom", "en", chat_id=None)
        assert suggested is not None
        assert suggested.reason == "Many members ask about it these days."

        maya = await shop.member("Maya")
        await shop.ask(maya, "Beacon 800")
        both = await found(shop, maya)
        pedals = next(one for one in both if one.product.title == "Mesa Flat Pedals")
        assert ("together", "Beacon 800 Front Light") in [(one.kind, one.about) for one in pedals.reasons]
        tail = next(one for one in both if one.product.title == "Beacon Tail Light")
        assert (tail.reasons[0].kind, tail.reasons[0].about) == ("asked", "Beacon 800 Front Light")

        held = await shop.suggestions.recommender.fitted(shop.clock.now())
        assert held.blend is not None
        for one in both:
            assert one.score == math.fsum(reason.value for reason in one.reasons)
            weights = held.blend.active  # she asked just now
            assert one.score == pytest.approx(
                sum(weights[name] * value for name, value in one.values.items()), abs=1e-9
            )


async def test_the_first_words_are_enough_and_the_list_is_varied(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        tom = await shop.member("Tom")
        assert await found(shop, tom) == []
        pumps = await found(shop, tom, said=("pump", "floor"))
        assert "Pump" in pumps[0].product.title
        assert pumps[0].reasons[0].kind == "said"
        titles = [one.product.title for one in await found(shop, tom, 4, said=("pump", "chain", "light"))]
        assert len(titles) == len(set(titles))
        kinds = {word for title in titles[:3] for word in ("Pump", "Chain", "Light") if word in title}
        assert len(kinds) > 1


async def test_after_an_optout_nothing_is_learnt_from_a_member(tmp_path: Path) -> None:
    async with running_shop(tmp_path, profiles="optin") as shop:
        for name in ("Ann", "Ben", "Cid"):
            await shop.ask(await shop.member(name), "Beacon 800")
        assert await found(shop, await shop.member("Tom")) == []
