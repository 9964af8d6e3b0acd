"""The layout rules, as tests: imports point one way, each library has one home, files stay small."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = 400
HOMES = {
    "torch": ("llm/",),
    "transformers": ("llm/",),
    "tokenizers": ("llm/",),
    "safetensors": ("llm/",),
    "peft": ("llm/tuner.py",),
    "sqlalchemy": ("storage/", "migrations/"),
    "alembic": ("storage/", "migrations/"),
    "asyncpg": ("storage/",),
    "apscheduler": ("bot/scheduler.py",),
    "aiohttp": (
        "bot/platforms/web/",
        "bot/platforms/discord/",
        "bot/platforms/telegram/serving.py",
        "bot/listener.py",
        "llm/engines/openai.py",
    ),
    "httpx": ("bot/platforms/telegram/client.py",),
    "telegram": ("bot/platforms/telegram",),
    "discord": ("bot/platforms/discord",),
    "matplotlib": ("bot/charts.py", "llm/"),
    "pydantic_settings": ("bot/config.py",),
    "babel": ("bot/texts.py", "bot/knowledge/importers/", "bot/content/when.py"),
    "defusedxml": ("bot/knowledge/importers/",),
    "nh3": ("bot/knowledge/importers/",),
    "openpyxl": ("bot/knowledge/importers/",),
    "pypdf": ("bot/knowledge/importers/",),
    "ahocorasick_rs": ("bot/safety/rules/",),
    "phonenumbers": ("bot/safety/rules/", "llm/cleaning.py"),
    "stdnum": ("bot/safety/rules/", "llm/cleaning.py"),
    "scipy": ("bot/members/",),
    "snowballstemmer": ("bot/language.py",),
    "PIL": ("bot/content/picture.py",),
    "rich": ("bot/tools/", "llm/"),
}
# Upper may import lower; rooms on one line are strangers. `tools` stands beside `app`.
LAYERS = [
    ["__main__"],
    ["tools"],
    ["app"],
    ["intake", "scheduler", "platforms", "listener"],
    ["router", "opening", "runs", "weekly", "patience"],
    ["privately", "arrivals"],
    ["people"],
    ["commands"],
    ["conversation", "content", "moderation"],
    ["members"],
    ["knowledge"],
    ["outbox", "attention", "safety"],
    ["changeable", "weights", "lease"],
    ["charts"],
    ["registry", "clock", "budgets", "config", "logs", "messages", "pictures", "texts", "language", "demo", "locales"],
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(path for top in ("bot", "llm", "storage", "migrations") for path in ROOT.glob(f"{top}/**/*.py"))


def imported(path: Path) -> Iterator[str]:
    """Full names of what a module imports, those under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_library_has_one_home(path: Path) -> None:
    for used in imported(path):
        homes = HOMES.get(used.partition(".")[0])
        assert homes is None or name(path).startswith(homes), f"{name(path)} imports {used}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_one_way(path: Path) -> None:
    top = name(path).partition("/")[0]
    for used in imported(path):
        other = used.partition(".")[0]
        if top in ("llm", "storage"):
            assert other not in ({"bot", "llm", "storage"} - {top}), f"{name(path)} imports {used}"
        if top == "bot" and other == "bot":
            check_layer(path, used)


def check_layer(path: Path, used: str) -> None:
    parts = path.relative_to(ROOT / "bot").with_suffix("").parts
    here = parts[0]
    if here == "__init__":
        return
    there = used.split(".")[1]
    if there not in LEVEL or here == there:
        return
    assert LEVEL[here] < LEVEL[there], f"{name(path)} imports {used}: {there} is not below {here}"


def test_only_the_edge_names_a_platform() -> None:
    allowed = ("bot/app.py", "bot/config.py", "bot/__main__.py", "bot/tools/", "bot/platforms/")
    named = re.compile(r"telegram|discord|[\"']web[\"']", re.IGNORECASE)
    for path in MODULES:
        if name(path).startswith("bot/") and not name(path).startswith(allowed):
            assert not named.search(path.read_text("utf-8")), name(path)


def test_the_environment_is_read_in_one_place() -> None:
    for path in MODULES:
        if name(path) != "bot/config.py":
            assert not re.search(r"os\.environ|getenv", path.read_text("utf-8")), name(path)


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_files_stay_small() -> None:
    for file in tracked("*.py", "*.js", "*.css"):
        lines = len((ROOT / file).read_text("utf-8").splitlines())
        assert lines <= LINES, f"{file} has {lines} lines"


def test_every_room_says_what_happens_in_it() -> None:
    for path in (ROOT / "bot").glob("*/__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), name(path)
    for path in MODULES:
        if path.name != "__init__.py" and "versions" not in path.parts:
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{name(path)} has no docstring"


def test_nothing_names_a_machine() -> None:
    machine = re.compile(r"/w[o]rk/\w|/r[o]ot/|/[o]pt/\w|/h[o]me/\w+/|pyth[o]nhosted|pyp[i]\.org|npmj[s]\.org")
    for file in tracked():
        path = ROOT / file
        if path.suffix not in (".safetensors", ".png") and path.exists():
            found = machine.search(path.read_text("utf-8", errors="replace"))
            assert not found, f"{file}: {found.group()}"


def test_nothing_is_swallowed_or_left_running() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"{name(path)}:{node.lineno}"
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = ast.unparse(node.value.func)
                owned = called.startswith("tasks.")  # of a TaskGroup
                assert owned or not called.endswith("create_task"), (
                    f"{name(path)}:{node.lineno}: a task without an owner"
                )
