"""Slash commands, buttons, menus, autocomplete and modals on the fake Discord, with their deadlines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.fakes.discord_checks import (
    ACKED,
    INTERACTION_GONE,
    Refused,
    answer,
    check_commands,
    check_edit,
    check_message,
)
from tests.fakes.discord_limits import API
from tests.fakes.discord_rest import Rest
from tests.fakes.discord_world import EPHEMERAL, LOADING, Json, World, numbered, shown

ACK = timedelta(seconds=3)
TOKEN = timedelta(minutes=15)
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
TYPES = {"string": 3, "integer": 4, "boolean": 5, "attachment": 11}


@dataclass(slots=True)
class Interaction:
    """One use of a command or component. `acked` is the type of the first response, 0 before it."""

    data: Json
    member: str  # by name
    acked: int = 0
    original: str = ""
    choices: Sequence[Json] = ()
    modal: Json | None = None


class Interactions:
    """`routes` adds the endpoints; `use`, `press`, `complete` and `submit` are members' hands."""

    def __init__(self, world: World, rest: Rest) -> None:
        self.world, self.rest = world, rest
        self.commands: dict[str, list[Json]] = {}  # guild id, or "" for the global ones
        self.held: dict[str, Interaction] = {}  # by token
        self.put = 0  # bulk overwrites so far

    def routes(self, router: web.UrlDispatcher) -> None:
        for path in ("/applications/{app}/commands", "/applications/{app}/guilds/{guild}/commands"):
            router.add_put(API + path, self._overwrite)
            router.add_get(API + path, self._list)
        router.add_post(API + "/interactions/{id}/{token}/callback", self._callback)
        router.add_post(API + "/webhooks/{app}/{token}", self._followup)
        for method in ("GET", "PATCH", "DELETE"):
            router.add_route(method, API + "/webhooks/{app}/{token}/messages/{message}", self._one)

    # what members do

    def _start(self, chat: Json, member: str, kind: int, data: Json, **more: Any) -> Json:
        world, guild = self.world, self.world.guild_of(chat)
        user = world.user(member)
        made: Json = {
            "id": world.snowflake(), "application_id": world.app_id, "type": kind, "data": data, "version": 1,
            "token": f"aW50ZXJhY3Rpb24{len(self.held)}x{world.snowflake()}", "channel_id": chat["id"], "channel": chat,
            "locale": world.locales.get(member, "en-US"), "entitlements": [],
            "authorizing_integration_owners": {"0": guild.id if guild else "0"},
            "context": 0 if guild else 1, "attachment_size_limit": 10_485_760, **more,
        }  # fmt: skip
        if guild:
            may = str(world.permissions(guild, user["id"], chat))
            made |= {"guild_id": guild.id, "guild": {"id": guild.id, "locale": "en-US", "features": []}}
            made |= {"member": world.member(guild, user) | {"permissions": may}, "guild_locale": "en-US"}
            made["app_permissions"] = str(world.permissions(guild, world.app_id, chat))
        else:
            made |= {"user": user, "app_permissions": str((1 << 53) - 1)}
        self.held[made["token"]] = Interaction(made, member)
        return made

    def command(self, name: str, chat: Json) -> Json:
        guild = self.world.guild_of(chat)
        known = [*self.commands.get("", ()), *self.commands.get(guild.id if guild else "-", ())]
        found = next((one for one in known if one["name"] == name), None)
        assert found, f"no command {name!r} is registered; {[one['name'] for one in known]}"
        return found

    def use(
        self,
        chat: Json,
        member: str,
        name: str,
        values: Mapping[str, Any],
        files: Mapping[str, Json],
        focused: str = "",
    ) -> Json:
        """Use a slash command as the client would: refused where it is not offered to this member."""
        command, guild = self.command(name, chat), self.world.guild_of(chat)
        needs = command.get("default_member_permissions")
        may = self.world.permissions(guild, self.world.user(member)["id"], chat) if guild else 0
        assert not needs or not guild or may & int(needs) == int(needs), f"/{name} is not offered to {member}"
        assert guild or command.get("contexts") is None or 1 in command["contexts"], f"/{name} is not offered here"
        options = []
        for option in command.get("options") or []:
            if option["name"] in values:
                value = values[option["name"]]
                known = [one["value"] for one in option.get("choices") or []]
                assert not known or value in known, f"{value!r} is no choice of {option['name']}"
                held = {"name": option["name"], "type": option["type"], "value": value}
                options.append(held | ({"focused": True} if option["name"] == focused else {}))
            else:
                assert not option.get("required") or focused, f"/{name} needs {option['name']}"
        assert set(values) <= {one["name"] for one in command.get("options") or []}, (
            f"{values} are no options of /{name}"
        )
        data = {"id": command["id"], "name": name, "type": 1, "options": options}
        if files:
            data["resolved"] = {"attachments": dict(files)}
        return self._start(chat, member, AUTOCOMPLETE if focused else COMMAND, data)

    def press(self, message: Json, member: str, label: str) -> Json:
        """Press the button, or choose the option, of this label."""
        chat = self.world.channels[message["channel_id"]]
        for row in message["components"]:
            for one in row["components"]:
                data = {"component_type": one["type"], "custom_id": one["custom_id"], "id": 1}
                if one["type"] == 2 and one["label"] == label:
                    return self._start(chat, member, COMPONENT, data, message=shown(message))
                for option in one.get("options", ()):
                    if option["label"] == label:
                        chosen = data | {"values": [option["value"]]}
                        return self._start(chat, member, COMPONENT, chosen, message=shown(message))
        raise AssertionError(f"no {label!r} under {message['content']!r}")

    def submit(self, opened: Interaction, values: Mapping[str, str]) -> Json:
        """Fill in the form that an interaction opened."""
        assert opened.modal is not None
        rows = [
            {"type": 1, "components": [one | {"value": values[one["custom_id"]]} for one in row["components"]]}
            for row in opened.modal["components"]
        ]
        chat = self.world.channels[opened.data["channel_id"]]
        return self._start(chat, opened.member, MODAL, {"custom_id": opened.modal["custom_id"], "components": rows})

    # what the bot does

    async def _overwrite(self, request: web.Request) -> web.Response:
        commands, guild = json.loads(await request.text()), request.match_info.get("guild", "")
        check_commands(commands)
        known = {one["name"]: one["id"] for one in self.commands.get(guild, ())}
        self.put += 1
        self.commands[guild] = [
            {
                "id": known.get(one["name"]) or self.world.snowflake(), "application_id": self.world.app_id, "type": 1,
                "version": self.world.snowflake(), "default_member_permissions": None, "nsfw": False,
                "integration_types": [0], "contexts": None, "name_localizations": None, "options": [],
                "description_localizations": None, **one, **({"guild_id": guild} if guild else {}),
            }
            for one in commands
        ]  # fmt: skip
        return answer(self.commands[guild])

    async def _list(self, request: web.Request) -> web.Response:
        return answer(self.commands.get(request.match_info.get("guild", ""), []))

    async def _callback(self, request: web.Request) -> web.Response:
        held, data = self.held.get(request.match_info["token"]), await self.rest.body(request)
        if held is None or held.data["id"] != request.match_info["id"]:
            raise Refused(*INTERACTION_GONE)
        if held.acked:
            raise Refused(*ACKED)
        if self.world.clock.now() - self.world.born(held.data["id"]) > ACK:
            raise Refused(*INTERACTION_GONE)
        kind, inside = data["type"], data.get("data") or {}
        message = await self._respond(held, kind, inside, data.get("_files", ()))
        held.acked = kind
        if request.query.get("with_response", "").lower() not in ("1", "true"):
            return web.Response(status=204)
        told = {"id": held.data["id"], "type": held.data["type"], "activity_instance_id": None}
        told |= {"response_message_id": message["id"] if message else None, "response_message_loading": kind == 5}
        told["response_message_ephemeral"] = bool(message and message["flags"] & EPHEMERAL)
        resource = {"type": kind} | ({"message": shown(message)} if message else {})
        return answer({"interaction": told, "resource": resource})

    async def _respond(self, held: Interaction, kind: int, data: Json, files: Sequence[Any]) -> Json | None:
        asked = held.data["type"]
        if (kind == 8) != (asked == AUTOCOMPLETE) or (kind in (6, 7) and asked not in (COMPONENT, MODAL)):
            raise Refused(400, 50035, "Invalid Form Body")
        if kind == 4:
            check_message(data | {"_files": files})
            return await self._say(held, data, files, first=True)
        if kind == 5:
            return await self._say(held, {"flags": (data.get("flags") or 0) | LOADING}, (), first=True)
        if kind in (6, 7):
            message = self.world.messages[held.data["message"]["id"]]
            held.original = message["id"]
            if kind == 7:
                self.rest.change(message, data)
                await self.rest.gateway.tell_message(message, "MESSAGE_UPDATE")
            return message
        if kind == 8:
            held.choices = data["choices"]
            if len(held.choices) > 25 or any(not 1 <= len(one["name"]) <= 100 for one in held.choices):
                raise Refused(400, 50035, "Invalid Form Body")
        if kind == 9:
            held.modal = data
        return None

    async def _say(self, held: Interaction, data: Json, files: Sequence[Any], *, first: bool = False) -> Json:
        """A response or followup as a message in the channel."""
        chat, flags = self.world.channels[held.data["channel_id"]], data.get("flags") or 0
        kind = 20 if first and held.data["type"] == COMMAND else 19 if first else 0
        message = self.world.message(
            chat, self.world.bot, data.get("content") or "", type=kind, flags=flags, webhook_id=self.world.app_id,
            embeds=data.get("embeds") or [], components=data.get("components") or [], application_id=self.world.app_id,
            attachments=[self.rest.attach(*one) for one in files], _token=held.data["token"],
            _answers=held.data["id"], _allowed=data.get("allowed_mentions"),
        )  # fmt: skip
        if first:
            held.original = message["id"]
        if not flags & LOADING:
            self.rest.show(message, data.get("allowed_mentions"), private_to=held.member if flags & EPHEMERAL else "")
        if not flags & EPHEMERAL:
            await self.rest.gateway.tell_message(message)
        return message

    def _of(self, request: web.Request) -> Interaction:
        """The interaction of a token that still holds; raises Refused."""
        held = self.held.get(request.match_info["token"])
        if held is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if self.world.clock.now() - self.world.born(held.data["id"]) > TOKEN:
            raise Refused(401, 50027, "Invalid Webhook Token")
        if not held.acked:
            raise Refused(404, 10015, "Unknown Webhook")
        return held

    async def _followup(self, request: web.Request) -> web.Response:
        held, data = self._of(request), await self.rest.body(request)
        check_message(data)
        original = self.world.messages.get(held.original)
        if original is not None and original["flags"] & LOADING:  # the first followup fills what was deferred
            return await self._fill(held, original, data)
        return answer(shown(await self._say(held, data, data.get("_files", ()))))

    async def _fill(self, held: Interaction, message: Json, data: Json) -> web.Response:
        check_edit(data)
        loading, private = message["flags"] & LOADING, bool(message["flags"] & EPHEMERAL)
        message["flags"] &= ~LOADING
        to = held.member if private else ""
        if loading:
            check_message(data)
            for name in ("content", "embeds", "components"):
                message[name] = data.get(name) or message[name]
            self.rest.take_files(message, data)
            message["components"] = numbered(message["components"])
            self.rest.show(message, data.get("allowed_mentions"), private_to=to)
        else:
            self.rest.change(message, data, private_to=to)
        if not private:
            await self.rest.gateway.tell_message(message, "MESSAGE_UPDATE")
        return answer(shown(message))

    async def _one(self, request: web.Request) -> web.Response:
        held, wanted = self._of(request), request.match_info["message"]
        message = self.world.messages.get(held.original if wanted == "@original" else wanted)
        mine = message is not None and (message["id"] == held.original or message.get("_token") == held.data["token"])
        if message is None or not mine:
            raise Refused(404, 10008, "Unknown Message")
        if request.method == "PATCH":
            return await self._fill(held, message, await self.rest.body(request))
        if request.method == "DELETE":
            del self.world.messages[message["id"]]
            return web.Response(status=204)
        return answer(shown(message))
