"""A greeting on the day of a holiday."""

from datetime import date

from bot.content.base import Desk, Piece
from llm.protocol import Act, Plan

# Holidays of China's lunar calendar, as its observatory gives them: spring festival, dragon boat, mid-autumn.
LUNAR = {
    2026: ("02-17", "06-19", "09-25"), 2027: ("02-06", "06-09", "09-15"), 2028: ("01-26", "05-28", "10-03"),
    2029: ("02-13", "06-16", "09-22"), 2030: ("02-03", "06-05", "09-12"), 2031: ("01-23", "06-24", "10-01"),
    2032: ("02-11", "06-12", "09-19"), 2033: ("01-31", "06-01", "09-08"), 2034: ("02-19", "06-20", "09-27"),
    2035: ("02-08", "06-10", "09-16"),
}  # fmt: skip
MOONS = ("spring", "boat", "autumn")
FIXED = {"01-01": "year", "02-14": "valentine", "10-01": "national", "10-31": "halloween", "12-25": "christmas"}


async def plan(desk: Desk) -> Piece | None:
    """Today's, or the one that the admin named behind the type (`holiday christmas`)."""
    named = desk.words.lower()
    name = named if named in (*MOONS, *FIXED.values()) else today(desk.now.date())
    found = _greetings(desk).get(name)
    if not found:
        return None
    title, text = found
    return Piece(Plan(Act.ANNOUNCE, desk.language, quote=text, fixed=True), title=title, drawn=(desk.shop,))


def today(day: date) -> str:
    """The holiday of a day; '' where it is none."""
    short = day.isoformat()[5:]
    moons = dict(zip(LUNAR.get(day.year, ()), MOONS, strict=False))
    return moons.get(short) or FIXED.get(short, "")


def _greetings(desk: Desk) -> dict[str, tuple[str, str]]:
    """What is drawn and what is said, by holiday."""
    say, shop = desk.say, desk.shop
    greetings = {
        "year": (
            say("Happy New Year!"),
            say(
                "Happy New Year, everyone! All of us at {shop} wish you a good start. Thank you for being here.",
                shop=shop,
            ),
        ),
        "spring": (
            say("Happy Lunar New Year!"),
            say(
                "Happy Lunar New Year! May it bring you and your families health and good company. Yours, {shop}",
                shop=shop,
            ),
        ),
        "boat": (
            say("Happy Dragon Boat Festival!"),
            say("Happy Dragon Boat Festival from {shop}! Savoury or sweet zongzi: which side are you on?", shop=shop),
        ),
        "autumn": (
            say("Happy Mid-Autumn Festival!"),
            say("Happy Mid-Autumn Festival! May you share the full moon with those you love. Yours, {shop}", shop=shop),
        ),
        "valentine": (
            say("Happy Valentine's Day!"),
            say("Happy Valentine's Day from {shop}! Be good to somebody today, yourself included.", shop=shop),
        ),
        "national": (
            say("Happy National Day!"),
            say("Happy National Day! Enjoy the days off, wherever they take you. Yours, {shop}", shop=shop),
        ),
        "halloween": (
            say("Happy Halloween!"),
            say("Happy Halloween from {shop}! What will you be tonight?", shop=shop),
        ),
        "christmas": (
            say("Merry Christmas!"),
            say("Merry Christmas to all who celebrate it! We at {shop} wish you quiet, warm days.", shop=shop),
        ),
    }
    if desk.language != "zh":
        greetings.pop("national")  # China's own
    return greetings
