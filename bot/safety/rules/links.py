"""Links that go out lead to the shop's own hosts, or stand in a row of the merchant's."""

import re
from urllib.parse import urlsplit

from bot.safety.rules.base import Rule, Subject, Terms

ADDRESS = re.compile(
    r"(?:[a-z]+:)?//\S+|javascript:\S*|www\.\S+|(?<![@\w])(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE
)


class Links:
    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self._hosts = allowed_hosts

    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        return (
            "link"
            if any(
                not self._allowed(found[0].rstrip(".,!?)"))
                for text in subject.shown
                for found in ADDRESS.finditer(text)
            )
            else None
        )

    def _allowed(self, address: str) -> bool:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            return False
        host = (parts.hostname or "").removeprefix("www.")
        return any(host == allowed or host.endswith(f".{allowed}") for allowed in self._hosts)


def build(terms: Terms) -> Rule:
    return Links(terms.hosts)
