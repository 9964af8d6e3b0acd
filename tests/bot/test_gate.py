"""When the bot speaks: always when it is addressed, unasked only for a confident question to the shop."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.conversation.bursts import PART
from bot.conversation.context import Context
from bot.conversation.gate import STALE, Gate, Manners, Place, Silent, Speak
from bot.conversation.plan import Planner
from bot.conversation.talk import Scene
from bot.knowledge.library import Library
from bot.language import language
from bot.messages import Chat, Message, Sender
from storage import shops
from storage.database import Database
from tests.bot.demo_library import START, import_demo, open_library
from tests.tables import make_tables


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return import_demo(tmp_path_factory.mktemp("gate"))


@pytest.fixture
async def library(url: str) -> AsyncIterator[Library]:
    async with open_library(url) as library:
        yield library


def message(text: str, **more: object) -> Message:
    held = {"chat": Chat("test", "group"), "sender": Sender("ann", "Ann"), "at": START} | more
    return Message("key", "1", text=text, **held)


async def speaks(library: Library, said: Message, mode: str, names: tuple[str, ...] = ()) -> bool:
    """Alone in the chat: nothing is to be waited for."""
    spoken = language(said.text, "en")

    async def recall(text: str) -> Context:
        return Context(spoken)

    gate = Gate(Planner(library), Manners())
    decision = await gate.decide(said, Place(mode, spoken, 1, names), Scene(), START, recall)
    assert isinstance(decision, Speak | Silent)
    return isinstance(decision, Speak)


def certainly_silent(library: Library, said: Message, mode: str, names: tuple[str, ...] = ()) -> bool:
    return Gate(Planner(library), Manners()).certainly_silent(said, mode, names)


CONFIDENT = [
    "how much is the gooseneck kettle?",
    "is the copper gooseneck kettle in stock?",
    "which colours does the hand grinder come in?",
    "how much is the moka pot these days?",
    "which is cheaper, the hand grinder or the electric burr grinder?",
    "when is delivery free?",
    "满多少包邮？",
    "西湖龙井 100 克多少钱？",
    "手冲壶还有货吗？",
]
CHATTER = [
    "nice weather today",
    "haha yes",
    "I love my gooseneck kettle",
    "the moka pot is great.",
    "see you on Saturday?",
    "did you watch the match?",
    "what time is it?",
    "how much is the fish?",
    "lol",
    "👍",
    "",
    "今天天气真好",
    "大家吃了吗？",
    "你们周末去哪？",
    "我的手冲壶很好用",
]
TO_SOMEBODY = [
    "did you buy the gooseneck kettle?",
    "does anyone here have the moka pot, how much was it?",
    "do you think the hand grinder is cheaper?",
    "my parcel arrived broken, how much is the moka pot?",
    "你觉得手冲壶多少钱合适？",
    "有人用过手冲壶吗，多少钱买的？",
]


@pytest.mark.parametrize("mode", ["questions", "lively"])
@pytest.mark.parametrize("text", CONFIDENT)
async def test_a_confident_question_is_answered_unasked(library: Library, text: str, mode: str):
    assert await speaks(library, message(text), mode)


@pytest.mark.parametrize("text", CHATTER + TO_SOMEBODY)
async def test_what_members_say_to_each_other_is_left_alone(library: Library, text: str):
    assert not await speaks(library, message(text), "questions")


async def test_the_glance_at_a_message_settles_remarks_and_leaves_questions_open(library: Library):
    asked, remarks = [*CONFIDENT, "how much is the fish?"], ["nice weather today", "haha yes", "今天天气真好", ""]
    assert not any(certainly_silent(library, message(text), "questions") for text in asked)
    assert all(certainly_silent(library, message(text), "questions") for text in [*remarks, *TO_SOMEBODY])
    assert certainly_silent(library, message("Jo, how much is it?"), "questions", ("Joe", "Jo"))
    assert not certainly_silent(library, message("Jo, how much is it?"), "questions", ("Joe", "J"))


@pytest.mark.parametrize("text", ["how much is the gooseneck kettle?", "haha yes", "手冲壶多少钱？", "你好", ""])
@pytest.mark.parametrize(
    ("mode", "addressed", "wanted"),
    [("off", True, False), ("off", False, False), ("mention", True, True), ("mention", False, False),
     ("questions", True, True), ("lively", True, True)],
)  # fmt: skip
async def test_modes(library: Library, text: str, mode: str, addressed: bool, wanted: bool):
    said = message(text, addressed=addressed, at=START - PART)  # what hangs in the air has waited for its rest
    assert await speaks(library, said, mode) is wanted


@pytest.mark.parametrize(("mode", "wanted"), [("off", False), ("mention", True), ("questions", True)])
async def test_a_direct_chat_is_always_to_the_bot(library: Library, mode: str, wanted: bool):
    said = message("haha yes", chat=Chat("test", "ann", direct=True))
    assert await speaks(library, said, mode) is wanted


async def test_a_reply_to_somebody_else_is_left_alone(library: Library):
    asked = "how much is the gooseneck kettle?"
    assert not await speaks(library, message(asked, reply_to="7"), "questions")
    assert await speaks(library, message(asked, reply_to="7", addressed=True), "questions")


NAMED = [
    ("Tom, how much is the gooseneck kettle?", ("Tom",), False),
    ("how much is the gooseneck kettle, TOM?", ("Maya", "tom"), False),
    ("how much is the gooseneck kettle?", ("Tom", "Maya"), True),
    ("how much is the gooseneck kettle?", ("Goose", "Neck"), True),
    ("how much is the gooseneck kettle?", ("k", "?", ""), True),
    ("how much is the gooseneck kettle?", (".*", "(kettle"), True),
    ("小林，西湖龙井 100 克多少钱？", ("小林",), False),
]


@pytest.mark.parametrize(("text", "names", "wanted"), NAMED)
async def test_a_question_that_calls_a_member_by_name_is_theirs(
    library: Library, text: str, names: tuple, wanted: bool
):
    assert await speaks(library, message(text), "questions", names) is wanted


@pytest.mark.parametrize(
    ("age", "addressed", "wanted"),
    [(STALE, False, True), (STALE + timedelta(seconds=1), False, False), (timedelta(hours=5), True, True)],
)
async def test_an_old_question_is_answered_only_if_it_was_addressed(
    library: Library, age: timedelta, addressed: bool, wanted: bool
):
    said = message("how much is the gooseneck kettle?", at=START - age, addressed=addressed)
    assert await speaks(library, said, "questions") is wanted


@pytest.mark.parametrize("mode", ["mention", "questions", "lively"])
async def test_bots_are_never_answered(library: Library, mode: str):
    said = message("how much is the gooseneck kettle?", addressed=True, sender=Sender("b", "Bot", bot=True))
    assert not await speaks(library, said, mode)


async def test_a_shop_without_a_catalogue_is_silent(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/empty.db"
    make_tables(url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))
        assert not await speaks(Library(database, 1), message("how much is the gooseneck kettle?"), "questions")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shopkeeper, how much is the moka pot?", True),
        ("hey Shopkeeper how much is the moka pot", True),
        ("how much is the moka pot, shopkeeper?", True),
        ("店小二，你是谁", True),
        ("the shopkeeper was nice to me", False),
        ("is shopkeeper a bot?", False),
    ],
)
async def test_called_by_name_it_is_addressed(library: Library, text: str, wanted: bool):
    assert await speaks(library, message(text), "mention") is wanted


@pytest.mark.parametrize(
    "text",
    [
        "what's your cheapest tea?",
        "do you guys ship to Germany?",
        "have you got the moka pot for six cups?",
        "does anyone know how much the moka pot is?",
        "你们家西湖龙井多少钱？",
    ],
)
async def test_a_question_to_the_shop_may_say_you(library: Library, text: str):
    assert not certainly_silent(library, message(text), "questions")
