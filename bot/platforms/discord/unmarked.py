"""Messages that were sent, and of which a kill or a lost answer kept us from knowing.

Discord forgets a nonce after minutes; a message that is older is found in its channel. What is sent to a chat goes in
order, so that only what stands after the last message that the outbox knows can be one of these.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.messages import Outgoing
from bot.platforms.discord.answering import Call

Said = Callable[[Sequence[str]], Awaitable[Mapping[str, Outgoing]]]  # of these messages, those that the outbox sent
PAGES, PAGE = 5, 100  # messages that are looked through, at most
CHANNELS = 5_000  # that are remembered


class Unmarked:
    """`find` before a message is sent, `sure` after it was. `me` is the bot's user id."""

    def __init__(self, call: Call, said: Said, me: str) -> None:
        self._call, self._said, self._me = call, said, me
        self._left: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()  # by channel
        self._doubtful: set[str] = set()  # channels to which something was sent that nobody saw arrive

    def sure(self, channel: str) -> None:
        """What was sent to this channel after the last `find` is known."""
        self._doubtful.discard(channel)

    async def find(self, channel: str, content: str, reply_to: str) -> dict[str, Any] | None:
        """The message that is this one, sent before. Raises as the call."""
        if channel not in self._left or channel in self._doubtful:
            self._left[channel] = await self._look(channel)
            if len(self._left) > CHANNELS:
                self._doubtful.discard(self._left.popitem(last=False)[0])
        self._doubtful.add(channel)
        left = self._left[channel]
        for message in left:
            to = (message.get("message_reference") or {}).get("message_id", "")
            same = message["content"] == content
            # an unfinished one is finished where it stands
            if to == reply_to if reply_to and to else same or (not reply_to and content.startswith(message["content"])):
                left.remove(message)
                return message
        return None

    async def _look(self, channel: str) -> list[dict[str, Any]]:
        """Ours that the outbox doesn't know, oldest first."""
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": PAGE}
        for _ in range(PAGES):
            page = await self._call("GET", "/channels/{channel_id}/messages", None, params, channel_id=channel)
            mine = [one for one in page if one["author"]["id"] == self._me]
            known = await self._said([one["id"] for one in mine]) if mine else {}
            for one in mine:
                if one["id"] in known:
                    return found[::-1]
                found.append(one)
            if len(page) < PAGE:
                break
            params["before"] = page[-1]["id"]
        return found[::-1]
