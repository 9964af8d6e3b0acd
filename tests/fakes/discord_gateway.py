"""The gateway of the fake Discord: sessions with intents, resuming, close codes, zlib-stream."""

import asyncio
import json
import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.base import Faults
from tests.fakes.discord_world import CONTENT_FLAG, DM, MEMBERS_FLAG, Json, World, shown

GUILDS, MEMBERS, MESSAGES, REACTIONS = 1 << 0, 1 << 1, 1 << 9, 1 << 10
DIRECTS, DIRECT_REACTIONS, CONTENT = 1 << 12, 1 << 13, 1 << 15
NEEDS = {
    "GUILD_MEMBER_ADD": MEMBERS, "GUILD_MEMBER_REMOVE": MEMBERS, "MESSAGE_CREATE": MESSAGES, "MESSAGE_UPDATE": MESSAGES,
    "MESSAGE_DELETE": MESSAGES, "MESSAGE_REACTION_ADD": REACTIONS, "MESSAGE_REACTION_REMOVE": REACTIONS,
    "GUILD_CREATE": GUILDS, "GUILD_DELETE": GUILDS, "GUILD_ROLE_UPDATE": GUILDS, "THREAD_CREATE": GUILDS,
    "CHANNEL_CREATE": GUILDS, "CHANNEL_UPDATE": GUILDS,
}  # fmt: skip
IN_DIRECT = {MESSAGES: DIRECTS, REACTIONS: DIRECT_REACTIONS, GUILDS: 0}
KEPT = timedelta(minutes=3)  # for which a dropped session can be resumed
MANY = 120  # events that a connection may send in a minute
UNREADABLE: tuple[Json, ...] = ({"id": "1"}, {"id": "x", "channel_id": "y", "author": None, "content": 5}, {})


class Line(web.WebSocketResponse):
    """One connection, compressed where the client asked for it."""

    def __init__(self, *, compressed: bool) -> None:
        super().__init__(max_msg_size=15 * 1024)
        self._packer = zlib.compressobj() if compressed else None
        self._one = asyncio.Lock()

    async def put(self, payload: Json) -> None:
        await self.put_text(json.dumps(payload))

    async def put_text(self, text: str) -> None:
        async with self._one:
            if self.closed:
                return
            if self._packer is None:
                await self.send_str(text)
            else:
                await self.send_bytes(self._packer.compress(text.encode()) + self._packer.flush(zlib.Z_SYNC_FLUSH))


@dataclass(slots=True)
class Session:
    """What a client was told, and can have again."""

    id: str
    intents: int
    shard: tuple[int, int]
    line: Line | None
    seq: int = 0
    told: deque[Json] = field(default_factory=lambda: deque(maxlen=5000))
    left: datetime | None = None


class Gateway:
    """`serve` is its route; `emit` tells every session an event that its intents let through."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world, self.faults = world, faults
        self.sessions: dict[str, Session] = {}
        self.identified = self.resumed = self.unreadable = 0
        self.refuse_resume = self.no_intents = False  # no_intents: privileged ones are refused, whatever the flags say
        self.shards = 1
        self.starts = 999  # sessions that may still be opened today

    @property
    def served(self) -> bool:
        """Is a client there, with a session?"""
        return any(one.line is not None and not one.line.closed for one in self.sessions.values())

    async def emit(self, event: str, data: Json, guild_id: str | None = None) -> None:
        need = NEEDS.get(event, 0)
        if guild_id is None and need:
            need = IN_DIRECT.get(need, need)
        for session in list(self.sessions.values()):
            if (need and not session.intents & need) or not self._of_shard(session, guild_id):
                continue
            told = self._seen(session, event, data, guild_id)
            if event != "INTERACTION_CREATE" and self.faults.chance.random() < self.faults.malformed:
                self.unreadable += 1
                bad = self.faults.chance.choice(UNREADABLE)
                await self._tell(session, "MESSAGE_CREATE", bad, keep=False)
            await self._tell(session, event, told)

    @staticmethod
    def _of_shard(session: Session, guild_id: str | None) -> bool:
        return (int(guild_id) >> 22 if guild_id else 0) % session.shard[1] == session.shard[0]

    def _seen(self, session: Session, event: str, data: Json, guild_id: str | None) -> Json:
        """The event as this session sees it: without the content intent only what concerns the bot has any."""
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or session.intents & CONTENT or guild_id is None:
            return data
        mine = data["author"]["id"] == self.world.app_id
        if mine or any(one["id"] == self.world.app_id for one in data["mentions"]):
            return data
        return data | {"content": "", "embeds": [], "attachments": [], "components": []}

    async def _tell(self, session: Session, event: str, data: Json, *, keep: bool = True) -> None:
        session.seq += 1
        payload = {"op": 0, "t": event, "s": session.seq, "d": data}
        if keep:
            session.told.append(payload)
        if session.line is not None:
            try:
                await session.line.put(payload)
            except ConnectionError:  # it is told when it resumes
                self._lose(session)

    def _lose(self, session: Session) -> None:
        session.line, session.left = None, self.world.clock.now()

    async def malformed(self) -> None:
        """Tell every session an event that no client can read."""
        for session in self.sessions.values():
            await self._tell(session, "MESSAGE_CREATE", UNREADABLE[0], keep=False)

    async def garbage(self) -> None:
        """Send every session a frame that is no payload at all."""
        for session in self.sessions.values():
            if session.line is not None:
                await session.line.put_text("<html>502 Bad Gateway</html>")

    async def drop(self, code: int = 4000, *, reconnect: bool = False, forget: bool = False) -> None:
        """Close every connection; `forget` the sessions too, so that they can't be resumed."""
        for session in list(self.sessions.values()):
            line, session.line, session.left = session.line, None, self.world.clock.now()
            if forget or code in (1000, 1001):
                del self.sessions[session.id]
            if line is not None and not line.closed:
                if reconnect:
                    await line.put({"op": 7, "d": None})
                await line.close(code=code)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        line = Line(compressed=request.query.get("compress") == "zlib-stream")
        await line.prepare(request)
        await line.put({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        session: Session | None = None
        heard: deque[datetime] = deque(maxlen=MANY)
        async for frame in line:
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            now = self.world.clock.now()
            if len(heard) == MANY and now - heard[0] < timedelta(minutes=1):
                await line.close(code=4008, message=b"Rate limited.")
                break
            heard.append(now)
            session = await self._hear(line, request, frame.data, session)
            if line.closed:
                break
        if session is not None and session.line is line:
            self._lose(session)
            if line.close_code in (1000, 1001):
                self.sessions.pop(session.id, None)
        return line

    async def _hear(
        self, line: Line, request: web.Request, frame: str | bytes, session: Session | None
    ) -> Session | None:
        """One frame of a client's; the session that its connection has then."""
        try:
            payload = json.loads(frame)
            code, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            await line.close(code=4002, message=b"Decode error.")
            return session
        if code == 1:
            await line.put({"op": 11})
        elif code in (2, 6):
            return await self._open(line, request, code, data, session)
        elif session is None:
            await line.close(code=4003, message=b"Not authenticated.")
        elif code == 8:
            await self._chunk(session, data)
        elif code not in (3, 4, 31):
            await line.close(code=4001, message=b"Unknown opcode.")
        return session

    async def _open(
        self, line: Line, request: web.Request, code: int, data: Json, session: Session | None
    ) -> Session | None:
        if session is not None:
            await line.close(code=4005, message=b"Already authenticated.")
        elif data.get("token") != self.world.token:
            await line.close(code=4004, message=b"Authentication failed.")
        elif code == 6:
            return await self._resume(line, data)
        elif self._disallowed(data["intents"]):
            await line.close(code=4014, message=b"Disallowed intent(s).")
        else:
            return await self._identify(line, request, data)
        return session

    def _disallowed(self, intents: int) -> bool:
        flags = 0 if self.no_intents else self.world.flags
        content, members = flags & (CONTENT_FLAG | 1 << 18), flags & (MEMBERS_FLAG | 1 << 14)
        return bool((intents & CONTENT and not content) or (intents & MEMBERS and not members))

    async def _identify(self, line: Line, request: web.Request, data: Json) -> Session:
        shard = tuple(data.get("shard", (0, 1)))
        session = Session(self.world.snowflake(), data["intents"], (shard[0], shard[1]), line)
        now = self.world.clock.now()
        self.sessions = {
            one.id: one for one in self.sessions.values() if one.line or one.left is None or now - one.left < KEPT
        }
        self.sessions[session.id] = session
        self.identified += 1
        guilds = [one for one in self.world.guilds.values() if self._of_shard(session, one.id)]
        await self._tell(session, "READY", {
            "v": 10, "user": self.world.bot, "guilds": [{"id": one.id, "unavailable": True} for one in guilds],
            "session_id": session.id, "session_type": "normal", "resume_gateway_url": f"ws://{request.host}/gateway",
            "application": {"id": self.world.app_id, "flags": self.world.flags}, "shard": list(shard),
            "private_channels": [], "relationships": [], "presences": [], "user_settings": {}, "_trace": [],
        })  # fmt: skip
        for guild in guilds:
            await self._tell(session, "GUILD_CREATE", self.world.guild_create(guild))
        return session

    async def _resume(self, line: Line, data: Json) -> Session | None:
        session = self.sessions.get(data["session_id"])
        late = session is not None and session.left is not None and self.world.clock.now() - session.left > KEPT
        if session is None or late or self.refuse_resume:
            self.sessions.pop(data["session_id"], None)
            await line.put({"op": 9, "d": False})
            return None
        self.resumed += 1
        seq = data["seq"]
        while missed := [payload for payload in session.told if payload["s"] > seq]:  # also what is told meanwhile
            for payload in missed:
                await line.put(payload)
                seq = payload["s"]
        session.line, session.left = line, None
        await self._tell(session, "RESUMED", {"_trace": []})
        return session

    async def _chunk(self, session: Session, data: Json) -> None:
        guild = next((one for one in self.world.guilds.values() if one.id == str(data["guild_id"])), None)
        if guild:
            chunk: dict[str, Any] = {"guild_id": guild.id, "members": list(guild.members.values())}
            chunk |= {"chunk_index": 0, "chunk_count": 1, "not_found": [], "nonce": data.get("nonce")}
            await self._tell(session, "GUILD_MEMBERS_CHUNK", chunk)

    async def tell_message(self, message: Json, event: str = "MESSAGE_CREATE", nonce: Any = None) -> None:
        """What is said, or changed, with what the gateway adds to it."""
        data, channel = shown(message), self.world.channels[message["channel_id"]]
        data["channel_type"] = channel["type"]
        if nonce is not None:
            data["nonce"] = nonce
        guild = self.world.guild_of(channel)
        if guild is not None:
            data["guild_id"] = guild.id
            if held := guild.members.get(message["author"]["id"]):
                data["member"] = {name: value for name, value in held.items() if name != "user"}
        assert guild is not None or channel["type"] == DM
        await self.emit(event, data, guild.id if guild else None)
