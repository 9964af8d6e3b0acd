"""What each table holds of members: the one list that forgetting and /mydata go by, and that a test holds complete.

A new table with a member's id or words gets a line in `HELD`; a column of text or JSON that never holds any is named in
`NOTHING`. What has to outlive its member, such as a ban, keeps a hash in place of them: see `KEEP`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from storage import moderation


@dataclass(frozen=True, slots=True)
class Held:
    """A table. `whose`: columns with the id of the member that a row is of, in this `form`; `words`: columns with what
    they said, did or are called. `quotes`: columns in which rows of anybody may name or quote a member. `stays`: the
    row is the shop's, and stays without saying whose it was. `told`: it stands in /mydata."""

    table: str
    whose: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    form: str = ""
    stays: bool = False
    told: bool = True


# In the order in which rows go: what refers to others first, the member last.
HELD: tuple[Held, ...] = (
    Held("rating", ("member_id",)),
    Held("question", ("member_id",), ("text", "message_id")),
    Held("alias", ("member_id",), ("text",)),
    Held("handoff", ("member_id",)),
    Held("suggestion_log", ("member_id",), ("key", "candidates", "propensities", "expected", "values")),
    Held("reservation", ("target",), ("key", "data"), form="member:{}", told=False),
    Held("link", ("member_id", "other_id"), ("hash",), told=False),
    Held("short_link", ("member_id",), ("code", "address", "post"), stays=True),
    Held("campaign_target", ("member_id",), stays=True),
    Held("draft", ("decided_by",), quotes=("text", "data", "plain", "candidates", "note"), stays=True, told=False),
    Held("audit", ("member_id",), ("action",), quotes=("data",), stays=True),
    Held("lesson", quotes=("question", "answer")),
    Held("run", quotes=("note",)),
    Held("campaign", quotes=("words",)),
    Held("article", quotes=("title", "handle")),
    Held("trait", ("member_id",), ("name",)),
    Held("purchase", ("member_id",), ("order_name", "hash", "title")),
    Held("moderation_action", words=("key", "person", "message_id", "error")),  # theirs by their account: see KEEP
    Held("sanction", ("member_id",), ("person", "cause", "message_id", "text", "appeal")),
    Held("guard", words=("exempt",)),
    Held("outbox", ("member_id",), ("key", "facts", "reply_to", "message_id", "error"), quotes=("text", "extra")),
    Held("interaction", ("member_id",), ("data", "message_id"), quotes=("text",)),
    Held("inbox", words=("key", "chat", "error"), quotes=("message",)),  # theirs by the sender inside the message
    Held("chat", words=("platform_id", "title")),  # a member's own direct chats
    Held("identity", ("member_id",), ("platform_id",)),
    Held("member", ("id", "merged_into"), ("name", "language")),
)
# Columns of text or JSON that hold nothing of a member; what stays of one who was forgotten is made so that it doesn't.
NOTHING: Mapping[str, str] = {
    "alias": "row language origin",
    "article": "body language source digest",
    "campaign": "content bodies state",
    "campaign_target": "state note",
    "change": "kind",
    "chat": "platform mode language claimed_by timezone quiet_hours",
    "draft": "key content language state",
    "forgetting": "state data counts",
    "guard": "state",
    "handoff": "reason",
    "identity": "platform",
    "import_run": "state counts",
    "inbox": "state claimed_by",
    "interaction": "kind",
    "lease": "name process",
    "lesson": "language state",
    "link": "state",
    "moderation_action": "what state",
    "model": "path base digest state scores",
    "outbox": "kind action worded_by model sources rests state",
    "process": "name place",
    "product": "handle title brand category tags description attributes link image digest",
    "question": "language cause state",
    "purchase": "currency",
    "reservation": "kind",
    "run": "local about state",
    "sanction": "kind reason state",
    "schedule": "content words rule timezone name approve unanswered",
    "segment": "name rule",
    "setting": "name value",
    "shop": "name currency timezone language secret",
    "staged": "kind handle digest row",
    "tombstone": "hash",
    "training_export": "path digest members",
    "variant": "sku options currency",
}
# What has to outlive its member is turned into a keyed hash before the rows go, by table: a function of a transaction
# and, by these names, shop_id, ids (of the member) and accounts (platform, id there) that says how many rows it turned.
Keep = Callable[..., Awaitable[int]]
KEEP: Mapping[str, Keep] = {
    "moderation_action": moderation.forget_actions,
    "sanction": moderation.keep_bans,
    "guard": moderation.forget_exempt,
}
