"""Pictures and documents of ours, attached to a message: files beside its JSON in a multipart form."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)
FILES = "files"  # of a body, the paths of what is attached to it; the API never sees this
DOCUMENT = "document"  # the same of a file's name and text


def name(at: int) -> str:
    """What the file in this place is called in its message."""
    return f"picture{at}.png"


async def form(body: Any) -> dict[str, Any]:
    """A call's body as arguments of the library's: JSON, or a form where it has files. A file that is not there any
    more is left out, and the card stands without it."""
    inside = body.get("data", body) if isinstance(body, dict) else {}
    paths = inside.get(FILES, ()) if isinstance(inside, dict) else ()
    document = inside.get(DOCUMENT) if isinstance(inside, dict) else None
    if not paths and not document:
        return {"json": body}
    found: dict[int, bytes] = {}
    for at, path in enumerate(paths):
        try:
            found[at] = await asyncio.to_thread(Path(path).read_bytes)
        except OSError as error:
            log.warning("a message goes without its picture: %s", error)
    made = {key: value for key, value in inside.items() if key not in (FILES, DOCUMENT)}
    gone = {f"attachment://{name(at)}" for at in range(len(paths)) if at not in found}
    made["embeds"] = [_without(embed, gone) for embed in made["embeds"]]
    made["attachments"] = [{"id": at, "filename": name(at)} for at in found]
    files = [_part(at, name(at), content, "image/png") for at, content in found.items()]
    if document:
        made["attachments"].append({"id": len(paths), "filename": document[0]})
        files.append(_part(len(paths), document[0], document[1].encode(), "application/json"))
    whole = made if inside is body else body | {"data": made}
    if not files:
        return {"json": whole}
    return {"form": [{"name": "payload_json", "value": json.dumps(whole)}, *files]}


def _part(at: int, called: str, content: bytes, kind: str) -> dict[str, Any]:
    return {"name": f"files[{at}]", "value": content, "filename": called, "content_type": kind}


def _without(embed: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    shown = embed.get("image", {}).get("url") in gone
    return {key: value for key, value in embed.items() if key != "image"} if shown else embed
