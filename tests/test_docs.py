"""What the two READMEs and `.env.example` say is so: commands, settings, files, recipes, pictures."""

import ast
import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bot import commands as folder
from bot import config
from bot.__main__ import parser
from bot.commands.base import Command, command, typed
from bot.config import Settings
from bot.messages import Role
from bot.registry import load
from bot.texts import Texts

ROOT = Path(__file__).parent.parent
READMES = {"en": "README.md", "zh": "README.zh.md"}
WHO = {"en": {Role.MEMBER: "member", Role.ADMIN: "admin"}, "zh": {Role.MEMBER: "成员", Role.ADMIN: "管理员"}}
SETTINGS = {name.upper() for name in Settings.model_fields}
WORDS = {"NAME=VALUE"}  # stand for what the reader puts there
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read(language: str) -> str:
    return (ROOT / READMES[language]).read_text("utf-8")


def blocks(language: str, *kinds: str) -> list[str]:
    """The fenced blocks of these kinds."""
    return [body for kind, body in FENCE.findall(read(language)) if kind in kinds]


def prose(language: str) -> str:
    return FENCE.sub("", read(language))


def code(language: str) -> list[str]:
    """Every piece of code between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(language))


def commands(language: str) -> list[str]:
    """Every command line, without the words of the language that explain it."""
    lines = [line for block in blocks(language, "sh", "bat") for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines if line]


def mapped(language: str) -> list[str]:
    """The paths of the map of files."""
    return [line.split()[0] for line in blocks(language, "text")[0].splitlines()]


def tables(language: str) -> list[list[list[str]]]:
    """Every table as rows of cells."""
    found = re.findall(r"(?:^\|.*\n)+", prose(language), re.MULTILINE)
    return [
        [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()] for table in found
    ]


def settings_named(language: str) -> set[str]:
    """Names of settings: known ones, and everything else that looks like one."""
    pieces = [*code(language), *blocks(language, "sh", "bat")]
    names = {word for piece in pieces for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[A-Z_]+(?==)", piece)}
    known = {word for piece in pieces for word in re.findall(r"\b[A-Z_]+\b", piece)} & SETTINGS
    return (names | known) - {word.partition("=")[0] for word in WORDS}


@pytest.fixture(params=READMES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_example_of_settings_is_what_the_command_prints() -> None:
    written = (ROOT / ".env.example").read_text("utf-8")
    assert written == config.example(), "python -m bot env > .env.example"


def test_both_readmes_have_the_same_shape() -> None:
    def shape(language: str) -> list[str]:
        return re.findall(r"^(?:#+(?= )|```\w+|\|(?: -+ \|)+|- |!\[)", read(language), re.MULTILINE)

    assert shape("en") == shape("zh")


def test_both_readmes_hold_the_same_commands_and_examples() -> None:
    assert commands("en") == commands("zh")
    assert blocks("en", "python", "toml", "json") == blocks("zh", "python", "toml", "json")


def test_both_readmes_hold_the_same_tables() -> None:
    english, chinese = tables("en"), tables("zh")
    assert [[len(row) for row in table] for table in english] == [[len(row) for row in table] for table in chinese]
    for ours, theirs in zip(english, chinese, strict=True):
        assert codes(ours) == codes(theirs)


def codes(table: list[list[str]]) -> list[set[str]]:
    """The code and the numbers of each row, without command names in Chinese."""
    pieces = [re.findall(r"`[^`]+`|\d[\d.,]*", " ".join(row)) for row in table]
    return [{piece for piece in row if piece.isascii()} for row in pieces]


def test_both_readmes_name_the_same_settings_and_each_exists(language: str) -> None:
    assert settings_named(language) == settings_named("en")
    assert settings_named(language) <= SETTINGS


def test_every_command_stands_in_the_table(language: str) -> None:
    texts = Texts()
    rows = {row[0]: row for table in tables(language) for row in table if row[0].startswith("`/")}
    found = [command(module) for module in load(folder)]
    for one in found:
        usage = f"/{one.name} {one.usage}".strip().replace("|", "\\|")
        right = [f"`{usage}`", WHO[language][one.role], described(texts, one, language)]
        assert rows.get(f"`{usage}`") == right, f"{READMES[language]}: | {' | '.join(right)} |"
    assert len(rows) == len(found)


def described(texts: Texts, one: Command, language: str) -> str:
    """What the table says of a command: its help, behind its name where that is another one."""
    name, text = typed(texts, one, language), texts.say(language, one.help)
    return text if name == one.name else f"`/{name}` {text}"


def test_every_slash_command_named_exists(language: str) -> None:
    names = {command(module).name for module in load(folder)}
    absent: set[str] = set()  # the README says that they are not there yet
    used = {word for piece in code(language) for word in re.findall(r"^/([a-z]+)\b", piece)}
    assert used <= names | absent
    assert not absent & names, "take it off the list of what is not there yet"


def test_the_map_is_whole_and_true(language: str) -> None:
    paths = mapped(language)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert len(paths) == len(set(paths))
    assert paths == mapped("en")
    missing = {entry for entry in (*top_level(), *inside("bot"), *inside("llm")) if entry not in paths}
    assert not missing, f"{READMES[language]}: the map lacks {', '.join(sorted(missing))}"


def files() -> list[Path]:
    """What git has or would take."""
    arguments = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def top_level() -> set[str]:
    hidden = (".gitignore", ".gitattributes", ".ci")
    tops = {path.parts[0] + ("/" if len(path.parts) > 1 else "") for path in files()}
    return {top for top in tops if top.rstrip("/") not in hidden}


def inside(room: str) -> set[str]:
    """Files and folders right below a folder."""
    found = [path for path in files() if path.parts[0] == room and len(path.parts) > 1 and path.name != "__init__.py"]
    return {"/".join(path.parts[:2]) + ("/" if len(path.parts) > 2 else "") for path in found}


def test_every_path_named_exists(language: str) -> None:
    tops = {path.parts[0] for path in files()}
    named = [piece for piece in code(language) if re.fullmatch(r"[\w.]+/[\w./]*", piece)]
    assert [path for path in named if path.split("/")[0] in tops and not (ROOT / path).exists()] == []


def test_links_and_pictures_lead_somewhere(language: str) -> None:
    text = prose(language)
    headings = {
        re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file(), target
    assert re.search(r"!\[[^]]+\]\(docs/", text), "no picture"


def test_every_command_line_works(language: str) -> None:
    for line in [*commands(language), *code(language)]:
        for target in re.findall(r"(?:^|&& )make (\w[\w-]*)", line):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), line
        if found := re.search(r"python -m bot (.+)", line):
            parser().parse_args(shlex.split(found[1].replace("...", "")))  # exits on what it doesn't know
        elif found := re.search(r"python -m ((?:llm|benchmarks)\.\w+)(.*)", line):
            check_options(found[1], found[2])
        elif found := re.search(r"python -m pytest (\S+)", line):
            assert (ROOT / found[1]).is_file(), line


def check_options(module: str, arguments: str) -> None:
    source = ROOT / f"{module.replace('.', '/')}.py"
    assert source.is_file(), module
    for option in re.findall(r"--[\w-]+", arguments):
        assert f'"{option}"' in source.read_text("utf-8"), f"{module} {option}"
    for recipe in re.findall(r"\S+\.toml", arguments):
        assert (ROOT / recipe).is_file(), recipe


def test_each_recipe_names_a_base_that_holds_it(language: str) -> None:
    bases = re.findall(r"^\*\*[^*]+\*\*[:：] ?`([\w/]+\.py)`", prose(language), re.MULTILINE)
    found = {path.as_posix() for path in files() if path.name == "base.py" and path.parts[0] == "bot"}
    assert {*bases} == {*found, "llm/engine.py"}
    for base in found:
        opening = ast.get_docstring(ast.parse((ROOT / base).read_text("utf-8"))) or ""
        assert re.search(r"^1\. ", opening, re.MULTILINE), f"{base} opens without a recipe"


def test_the_examples_use_what_is_there() -> None:
    for block in blocks("en", "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == [], node.module
        assert (ROOT / block.split("\n")[0].removeprefix("# ")).parent.is_dir()
