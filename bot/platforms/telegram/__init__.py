"""Telegram: groups, topics of forums, and direct chats of one bot.

`edge.py` is the platform. What comes in: `serving.py` fetches updates, or takes them by a webhook, and confirms each
only once it is durable; `incoming.py` makes messages of them, with `rights.py` for who is an admin. What goes out:
`outgoing.py` words a message for Telegram, `limits.py` spaces the calls, `client.py` makes them and says what an error
means. `kept.py` is what must survive a restart; `setup.py` registers commands and looks at the set-up.
It comes in by the app, and imports nothing of the bot's but the words, texts, the clock and the tables.
"""

from bot.platforms.telegram.edge import Telegram

__all__ = ["Telegram"]
