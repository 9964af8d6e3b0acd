"""Log lines, without what is secret in them: tokens, keys and passwords of the settings, in whichever form a library
writes them, and what looks like a token though no setting holds it."""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from urllib.parse import quote, quote_plus

SHORTEST = 4  # characters; hiding less would hide the log itself
HIDDEN = "***"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOUD = ("httpx", "httpcore")  # they write the address of every request at INFO, and a bot's token may stand in it
# A token in an address (`/bot123:abc/getMe`, `/webhooks/1/abc`, `/interactions/1/abc`) or in a header.
SHAPES = re.compile(
    r"(?P<before>\bbot(?=\d+(?::|%3[Aa]))|/(?:webhooks|interactions)/\d+/|\bAuthorization\W{1,5}(?:Bot|Bearer) )"
    r"[\w:%.-]+"
)

Redact = Callable[[str], str]


def redactor(secrets: Iterable[str]) -> Redact:
    """Hides these wherever they stand in a text."""
    forms = {
        form
        for secret in secrets
        if len(secret) >= SHORTEST
        for form in (
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
            repr(secret)[1:-1],
            ascii(secret)[1:-1],
            json.dumps(secret)[1:-1],
        )
    }
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    known = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def redact(text: str) -> str:
        if known:
            text = known.sub(HIDDEN, text)
        return SHAPES.sub(rf"\g<before>{HIDDEN}", text)

    return redact


class Redacting(logging.Formatter):
    """Formats a whole record, its exceptions too, and only then hides."""

    def __init__(self, redact: Redact, format_: str = FORMAT) -> None:
        super().__init__(format_)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def prepare(level: str, secrets: Iterable[str]) -> None:
    """Logging of this process to stderr, and what it prints of an error that nothing caught."""
    redact = redactor(secrets)
    handler = logging.StreamHandler()
    handler.setFormatter(Redacting(redact))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)

    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = uncaught
    threading.excepthook = lambda given: uncaught(given.exc_type, given.exc_value, given.exc_traceback)
