"""Texts that may or may not be scripts, for hypothesis: grown from the grammar, torn out of real ones, or plain odd."""

import re
from pathlib import Path

from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
REAL = [path.read_text() for path in sorted((ROOT / "plugins").glob("*/script.py"))]
REAL += [path.read_text() for path in sorted((ROOT / "tests" / "hostile" / "own").glob("*.py"))]

_TOKENS = re.compile(r"\w+|\n[ ]*|[^\w\n]")
_BUILTINS = (
    "str",
    "dict",
    "list",
    "sorted",
    "range",
    "isinstance",
    "print",
    "repr",
    "iter",
    "next",
    "map",
    "Exception",
)
_TOOLS = ("verify_hmac", "upsert_contact", "parse_json", "money", "Ignore", "Reject", "Answer", "match_text")
_OWN = ("a", "b", "c", "request", "context", "transform", "authenticate", "_x", "__class__", "self", "_getattr_")
_FIELDS = (
    "json",
    "headers",
    "body",
    "secrets",
    "args",
    "format",
    "__class__",
    "gi_frame",
    "append",
    "items",
    "_x",
    "mro",
)

names = st.sampled_from([*_BUILTINS, *_TOOLS, *_OWN])
literals = st.one_of(
    st.integers(-5, 10).map(str),
    st.sampled_from(["None", "True", "...", "1e308", "b'\\xff'", "'%s %(a)d'", "''", "1j", "0x" + "f" * 50, "'é'"]),
    st.text(max_size=6).map(repr),
    st.sampled_from(
        ["f'{a!r:>9}'", "f'{str}{dict!s}'", "f'{b:{a}}'", "request.json", "request.headers", "context.secrets"]
    ),
)
operators = st.sampled_from(["+", "-", "*", "%", "//", "|", "and", "is", "in", "==", "<", "if a else"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, st.sampled_from(_FIELDS)).map(".".join),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}]"),
        st.tuples(inner, st.lists(inner, max_size=2)).map(lambda parts: f"{parts[0]}({', '.join(parts[1])})"),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}(*{parts[1]}, **{{}})"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(inner, inner).map(lambda parts: f"{{{parts[0]}: {parts[1]}, **{{}}}}"),
        st.tuples(inner, names, inner).map(lambda parts: f"[{parts[0]} for {parts[1]} in {parts[2]}]"),
        st.tuples(names, inner).map(lambda parts: f"(lambda {parts[0]}=1: {parts[1]})"),
        st.tuples(names, inner).map(lambda parts: f"({parts[0]} := {parts[1]})"),
    )


expressions = st.recursive(names | literals, _grow, max_leaves=8)


def _indent(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for text in lines for line in text.split("\n")) or "    pass"


_SIMPLE = st.one_of(
    expressions,
    st.tuples(expressions, expressions).map(lambda parts: f"{parts[0]} = {parts[1]}"),
    st.tuples(names, st.sampled_from(["+=", "%=", "**=", "|="]), expressions).map(" ".join),
    st.tuples(names, expressions).map(lambda parts: f"{parts[0]}: {parts[1]} = 1"),
    st.tuples(names, names, expressions).map(lambda parts: f"{parts[0]}, *{parts[1]} = {parts[2]}"),
    expressions.map(lambda part: f"return {part}"),
    expressions.map(lambda part: f"yield {part}"),
    expressions.map(lambda part: f"raise {part}"),
    names.map(lambda name: f"global {name}"),
    names.map(lambda name: f"del {name}"),
    names.map(lambda name: f"from gateway.toolbox import {name}"),
    st.sampled_from(
        ["pass", "break", "continue", "import os", "from gateway import toolbox", "import gateway.toolbox"]
    ),
)


def _nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(_indent)
    heads = st.one_of(
        expressions.map(lambda part: f"if {part}:"),
        st.tuples(names, expressions).map(lambda parts: f"for {parts[0]} in {parts[1]}:"),
        st.tuples(names, names).map(lambda parts: f"def {parts[0]}({parts[1]}=1, /, *b, **c):"),
        st.tuples(names, expressions).map(lambda parts: f"class {parts[0]}({parts[1]}):"),
        st.tuples(expressions, names).map(lambda parts: f"with {parts[0]} as {parts[1]}:"),
        expressions.map(lambda part: f"match {part}:\n  case 1:"),
        st.sampled_from(["async def f():", "while a:", "if 1:"]),
    )
    blocks = st.tuples(heads, body).map("\n".join)
    tries = st.tuples(body, names, body).map(lambda parts: f"try:\n{parts[0]}\nexcept {parts[1]} as a:\n{parts[2]}")
    return blocks | tries


statements = st.recursive(_SIMPLE, _nest, max_leaves=6)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw a script of the grammar: whole where its parts happen to be."""
    top = [*draw(st.lists(statements, max_size=1)), "a, b, c = 1, 'two', [3, {'four': 5}]"]
    yes = draw(st.sampled_from(["return True", "return 1", "return context.secrets", "raise a"]))
    body = _indent(draw(st.lists(statements, min_size=1, max_size=4)))
    top.reverse()
    parts = [*top, f"def authenticate(request, context):\n    {yes}", f"def transform(request, context):\n{body}"]
    return "\n".join(parts)


@st.composite
def torn(draw: st.DrawFn) -> str:
    """Draw a real script with tokens that are deleted, doubled, swapped or replaced."""
    tokens = _TOKENS.findall(draw(st.sampled_from(REAL)))
    places = st.integers(0, len(tokens) - 1)
    for change, here, there in draw(
        st.lists(st.tuples(st.sampled_from("dtsrx"), places, places), min_size=1, max_size=6)
    ):
        match change:
            case "d":
                tokens[here] = ""
            case "t":
                tokens[here] += tokens[here]
            case "s":
                tokens[here], tokens[there] = tokens[there], tokens[here]
            case "r":
                tokens[here] = draw(names)
            case "x":
                tokens[here] += draw(st.sampled_from(ODD_PIECES))
    return "".join(tokens)


ODD_PIECES = (
    *(
        "\0",
        "\ufeff",
        "\u202e",
        "\u2028",
        "\x0c",
        "\r",
        "\\\n",
        "\ud800",
        "ｅｖａｌ",
        "ᵉ",
        "＿",
        "\N{SNOWMAN}",
        "\\N{BULLET}",
    ),
    *("'''", '"', "{", "f'{", "#", ";", "\t", ":=", "*", "**", "@", "...", "9" * 5000, "x" * 3000, "1" + "_1" * 500),
)
_DEEP = ("(", "[", "{1:", "f(", "not ", "-", "a.b", "lambda:", "a[", "f'{", "a if b else ", "**", "a or ")
_BLOCKS = ("if 1:", "for a in b:", "def f():", "class A:", "with a:", "try:")


@st.composite
def odd(draw: st.DrawFn) -> str:
    """Draw what no person writes: cookies, marks, nests, floods."""
    count = draw(st.sampled_from([50, 99, 101, 250, 1_000, 30_000]))
    deep = draw(st.sampled_from(_DEEP)) * count
    block = draw(st.sampled_from(_BLOCKS))
    nest = "\n".join(f"{' ' * depth}{block}" for depth in range(min(count, 200)))
    first = draw(st.sampled_from(["", "# coding: utf-7\n", "# -*- coding: rot13 -*-\n", "\ufeff", "#!/bin/sh\n"]))
    piece = draw(st.sampled_from([deep, f"x = {deep}1", nest, *ODD_PIECES]) | st.text(max_size=40))
    return f"{first}{piece}\ndef transform(request, context):\n    return [{{'a': {draw(literals)}}}]\n"


texts = programs() | torn() | odd()
