"""Discord: servers' channels, threads and forum posts, and direct chats, each a chat of its own.

`platform.py` is the edge: it sends, and keeps a client running. `client.py` is discord.py pointed where the settings
say, `hearing.py` makes messages of its events, `catchup.py` has what was said while nobody listened, `admins.py` asks
who is one, `files.py` keeps what they drop. `saying.py` is what a message looks like, `answering.py` answers commands
and buttons within their deadlines, `unmarked.py` finds what was sent before a kill, `slash.py` registers commands,
`checks.py` looks at the set-up. It comes in by the app, which hands it what it asks the inside, and imports nothing of
the bot's but the words and the clock.
"""

from bot.platforms.discord.platform import Discord

__all__ = ["Discord"]
