"""Compiler: from the text of a script to code that holds its guards.

Takes text, gives Compiled; raises Refused with every problem's line and column. Runs in the locked child
only: the parser itself can be made to crash.
"""

import ast
import sys
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from gateway.errors import Problem
from gateway.sandbox.language import Language
from gateway.sandbox.limits import describe_excess

FILE_NAME = "script.py"

# Far above any real script (64 KiB of dense Python has about 20,000 nodes), far below what hurts the parser.
_BRACKETS_DEPTH_MAX = 100
_TREE_DEPTH_MAX = 200
_NODES_MAX = 50_000
_COMPILING_RECURSION_LIMIT = 3_000

# They make a line read differently from what it does.
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")

_GENERATOR_FLAG = 0x20


class Refused(Exception):
    """A text that is no script, and why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Compiled:
    code: CodeType
    docstring: str


def compile_script(text: str, source_bytes_max: int) -> Compiled:
    """Compile a script under the language of scripts."""
    _check_text(text, source_bytes_max)
    recursion_limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_COMPILING_RECURSION_LIMIT)
    try:
        tree = ast.parse(text, FILE_NAME)
        _check_size(tree)
        docstring = ast.get_docstring(tree) or ""
        _apply_language(tree, text)
        return Compiled(compile(tree, FILE_NAME, "exec", dont_inherit=True), docstring)
    except SyntaxError as error:
        message = f"SyntaxError: {error.msg}"
        raise Refused(Problem(line=error.lineno or 1, column=max(error.offset or 1, 1), message=message)) from None
    except (RecursionError, MemoryError):
        raise Refused(_whole("the script is nested too deeply")) from None
    except (ValueError, OverflowError) as error:
        raise Refused(_whole(str(error)[:200])) from None
    finally:
        sys.setrecursionlimit(recursion_limit)


def check_functions(namespace: dict[str, Any]) -> None:
    """Refuse a script whose two functions cannot be called as (request, context)."""
    if "transform" not in namespace:
        raise Refused(_whole("the script has no transform: write def transform(request, context)"))
    for name in ("authenticate", "transform"):
        if name in namespace:
            _check_function(name, namespace[name], namespace)


def _check_function(name: str, function: Any, namespace: dict[str, Any]) -> None:
    if type(function) is not FunctionType or function.__globals__ is not namespace:
        raise Refused(_whole(f"{name} must be a function of the script: write def {name}(request, context)"))
    code = function.__code__
    place = Problem(line=code.co_firstlineno, column=1, message=f"write def {name}(request, context)")
    has_varargs = bool(code.co_flags & 0x04)
    required = code.co_argcount - len(function.__defaults__ or ())
    if required > 2 or (code.co_argcount < 2 and not has_varargs):
        raise Refused(place)
    if code.co_kwonlyargcount > len(function.__kwdefaults__ or ()):
        raise Refused(place)
    if name == "authenticate" and code.co_flags & _GENERATOR_FLAG:
        message = "authenticate must return True, not yield"
        raise Refused(Problem(line=code.co_firstlineno, column=1, message=message))


def _check_text(text: str, source_bytes_max: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(_whole("the script holds half a character (a lone surrogate)")) from None
    if too_long := describe_excess(text, source_bytes_max):
        raise Refused(_whole(too_long))
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
        elif character == "\0" or character in _BIDIRECTIONAL:
            raise Refused(_at_character(text, character))
    if deepest > _BRACKETS_DEPTH_MAX:
        raise Refused(_whole(f"brackets nested deeper than {_BRACKETS_DEPTH_MAX}"))


def _at_character(text: str, character: str) -> Problem:
    before = text[: text.index(character)]
    kind = "a null byte" if character == "\0" else "a character that changes the direction of text"
    return Problem(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"), message=f"{kind} is refused")


def _check_size(tree: ast.Module) -> None:
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > _TREE_DEPTH_MAX or count > _NODES_MAX:
            raise Refused(Problem(getattr(node, "lineno", 1), 1, "the script is nested too deeply or too large"))
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _apply_language(tree: ast.Module, text: str) -> None:
    language = Language(tree)
    language.visit(tree)
    if language.problems:
        lines = text.splitlines()
        placed = {_in_characters(problem, lines) for problem in language.problems}
        raise Refused(*sorted(placed, key=lambda problem: (problem.line, problem.column, problem.message)))


def _in_characters(problem: Problem, lines: list[str]) -> Problem:
    """Turn a column of bytes, as the parser counts, into one of characters, as people count."""
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    column = len(line.encode()[: problem.column - 1].decode(errors="replace")) + 1
    return Problem(line=problem.line, column=column, message=problem.message)


def _whole(message: str) -> Problem:
    return Problem(line=1, column=1, message=message)
