"""What the planner and the model may know besides the message: recent turns, and what the bot last spoke of."""

from dataclasses import dataclass
from datetime import datetime

from llm.engine import Turn


@dataclass(frozen=True, slots=True)
class Context:
    """`rows` are those of the bot's last reply to this member here, `act` its act; `turns` are oldest first."""

    language: str = "en"
    member: str = ""
    shop: str = ""
    rows: tuple[str, ...] = ()
    act: str = ""
    asked: str = ""  # what the member asked then
    turns: tuple[Turn, ...] = ()
    same: bool = False  # a further question of the same message
    chat: str = ""  # where it is said: an engine takes only so many requests of a chat at a time
    place: str = ""  # the same as `platform:id`, as the rules know it
    earlier: tuple[str, ...] = ()  # the rows of the reply before that
    now: datetime | None = None  # in the shop's own time zone

    @property
    def products(self) -> list[int]:
        return _products(self.rows)

    @property
    def two(self) -> list[int]:
        """The products of the last two replies, those of the last first."""
        return list(dict.fromkeys(_products(self.rows + self.earlier)))


def _products(rows: tuple[str, ...]) -> list[int]:
    return [int(row.partition(":")[2]) for row in rows if row.startswith("product:")]
