"""A group chat page on this computer, for trying the shop and for whoever has no other network set up.

`server.py` is the platform: it serves the page, hears what is said in it and shows what the bot says. `wire.py` reads
and writes the frames of its websocket, `pages.py` holds the open pages, `guard.py` keeps other sites and computers out,
`uploads.py` saves dropped files, `views.py` has the values that the app hands in. The page itself is in `static/`.
It comes in by the app, which hands it what it shows, and imports nothing of the bot's but the words and the clock.
"""

from bot.platforms.web.server import Web
from bot.platforms.web.views import BOT, SEATS, Seat, ShopInfo, Shown, bot_said, member_said

__all__ = ["BOT", "SEATS", "Seat", "ShopInfo", "Shown", "Web", "bot_said", "member_said"]
