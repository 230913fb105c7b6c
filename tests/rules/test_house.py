"""The house rules that a linter does not know: the error tree, the settings, the shape of files and functions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import gateway
from gateway import errors
from gateway.cli.app import app
from gateway.config import PREFIX, Settings

HOUSE = Path(gateway.__file__).parent
ROOT = HOUSE.parent
HOUSES = (HOUSE, ROOT / "console")
MODULES = sorted(path for house in HOUSES for path in house.rglob("*.py") if "__pycache__" not in path.parts)
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "__pycache__" not in path.parts)

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60

# What may be longer, and why.
LONG_FILES = {
    "tests/cli/test_up.py": "one program from its start to its end, and all that can happen to it on the way",
    "tests/path/test_path.py": "the whole way of a webhook, turn by turn",
}
LONG_FUNCTIONS = {
    "gateway/store/migrations/versions/0001_all_tables.py:upgrade": "a list of tables, never changed again",
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give each function with its lines, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            text = ast.get_docstring(node, clean=False) or ""
            yield f"{relative(path)}:{node.name}", node.end_lineno - node.lineno + 1 - len(text.splitlines())


def tree_of_docstring() -> dict[str, str | None]:
    """Read the drawn tree: each class with the class above it."""
    found: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"^((?:[│ ] {3})*)(?:[├└]── )?([A-Z]\w+)(?:\s|$)", line)
        if drawn is None or not (line.startswith("HookwrightError") or "── " in line):
            continue
        depth = len(drawn[1]) // 4 + ("── " in line)
        above = [*above[:depth], drawn[2]]
        found[drawn[2]] = above[depth - 1] if depth else None
    return found


def statuses_of_docstring() -> dict[str, int]:
    drawn = re.findall(r"── (\w+) +(\d{3}) ", errors.__doc__ or "")
    return {name: int(status) for name, status in drawn}


def classes() -> dict[str, type[errors.HookwrightError]]:
    every = (each for each in vars(errors).values() if isinstance(each, type))
    return {each.__name__: each for each in every if issubclass(each, errors.HookwrightError)}


def test_the_error_tree_that_is_drawn_is_the_one_that_is_coded() -> None:
    coded = {
        name: None if each is errors.HookwrightError else each.__bases__[0].__name__ for name, each in classes().items()
    }
    assert tree_of_docstring() == coded


def test_the_status_that_is_drawn_is_the_one_that_is_answered() -> None:
    drawn = statuses_of_docstring()
    assert len(drawn) >= 10
    assert {name: classes()[name].status for name in drawn} == drawn


def test_every_error_of_a_sender_has_a_status_and_a_title_of_its_own() -> None:
    leaves = [
        each for each in classes().values() if issubclass(each, errors.SenderError) and each is not errors.SenderError
    ]
    assert all(each.status != 500 or each is errors.AuthenticateBroke for each in leaves)
    assert all(each.title != errors.HookwrightError.title for each in leaves)
    assert not any(each.is_kept for each in leaves), "nothing is kept of what a sender hears as an error"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_means(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        assert first.endswith((".", ":", "?", "…")), f"line 1 of the docstring is a sentence, not {first!r}"


def test_no_file_is_too_long() -> None:
    long = {relative(path) for path in [*MODULES, *TESTS] if len(path.read_text().splitlines()) > FILE_LINES_MAX}
    assert long == set(LONG_FILES)


def test_no_function_is_too_long() -> None:
    long = {name for path in [*MODULES, *TESTS] for name, lines in functions(path) if lines > FUNCTION_LINES_MAX}
    assert long == set(LONG_FUNCTIONS)


def test_no_room_is_called_after_nothing() -> None:
    nameless = {"utils", "util", "helpers", "common", "manager", "core", "misc", "base"}
    assert not [relative(path) for path in [*MODULES, *TESTS] if nameless & {*path.parts[len(ROOT.parts) :], path.stem}]


def test_the_names_of_tests_are_sentences() -> None:
    names = [name.partition(":")[2] for path in TESTS for name, _ in functions(path)]
    short = [name for name in names if name.startswith("test_") and name.count("_") < 3]
    assert short == []


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_readme_names_every_setting(name: str) -> None:
    """In full, or without the prefix in a table of settings."""
    assert re.search(rf"\b(?:{PREFIX})?{name.upper()}\b", readme())


def commands() -> list[str]:
    command: Any = get_command(app)
    return sorted(command.commands)


@pytest.mark.parametrize("name", commands())
def test_the_readme_names_every_command(name: str) -> None:
    assert re.search(rf"hookwright {name}\b|`{name}[ `]", readme())
