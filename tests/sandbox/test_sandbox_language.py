"""What scripts may say: the Python that works, and what is refused with its line and column."""

import pytest

from gateway.sandbox.pool import Pool

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKING = {
    "comprehensions": ("result = [x * 2 for x in range(3)] + sorted({k for k in {'a': 1}})", [0, 2, 4, "a"]),
    "unpacking": ("a, (b, *c) = 1, (2, 3, 4)\nresult = [a, b, c]", [1, 2, [3, 4]]),
    "unpacking in for": ("result = [f'{k}{v}' for k, v in {'a': 1}.items()]", ["a1"]),
    "f-strings": ("x = 3.14159\nresult = f'{x:>8.2f}|{\"q\"!r}|{x=}'", "    3.14|'q'|x=3.14159"),
    "conversions": ("x = 'é\\n'\nresult = f'{x!a}|{x!r}|{1!s:>3}'", "'\\xe9\\n'|'é\\n'|  1"),
    "computed widths": ("w = 5\nresult = f'{7:0{w}d}'", "00007"),
    "percent formatting": ("result = '%s-%05d-%(a)s' % {'a': 1} if False else '%s-%05d' % ('a', 7)", "a-00007"),
    "item += value": ("d = {'n': 1}\nd['n'] += 2\nresult = d", {"n": 3}),
    "slices and negative steps": ("result = [1, 2, 3][::-1]", [3, 2, 1]),
    "annotations": ("x: int = 1\ny: list[Unknown]\nresult = x", 1),
    "walrus": ("result = [y for x in [1, 2] if (y := x + 1) > 2]", [3]),
    "starred arguments": ("def f(*a, **k): return [list(a), k]\nresult = f(*[1], **{'b': 2})", [[1], {"b": 2}]),
    "lambda and sort key": ("result = sorted([3, 1, 2], key=lambda x: -x)", [3, 2, 1]),
    "methods of classes": ("result = list(map(str.strip, [' a ', 'b ']))", ["a", "b"]),
    "dispatch tables": ("def f(x): return x + 1\nresult = {'up': f}['up'](1)", 2),
    "try and finally": ("try:\n    {}['x']\nexcept KeyError as e:\n    result = e.args[0]\nfinally:\n    pass", "x"),
    "bare except": ("try:\n    1 / 0\nexcept:\n    result = 'caught'", "caught"),
    "generators": ("def g():\n    yield 1\n    yield from [2]\nresult = list(g())", [1, 2]),
    "encodings": ("result = 'ß'.encode('utf-8').decode('latin-1')", "Ã\x9f"),
    "str of bytes": ("result = str(b'a', 'utf-8') + str() + str(1)", "a1"),
    "delete": ("d = {'a': 1, 'b': 2}\ndel d['a']\nresult = d", {"b": 2}),
    "chained comparison and ternary": ("result = 'y' if 0 < 1 < 2 else 'n'", "y"),
    "dates": ("result = request.received_at.strftime('%Y-%m')", "2024-01"),
    "imports inside a function": ("from gateway.toolbox import money as m\nresult = str(m('1.50'))", "1.50"),
}


@pytest.mark.parametrize("name", WORKING)
async def test_ordinary_python_works(value_of, name):
    code, expected = WORKING[name]
    assert await value_of(code) == expected


async def test_classes_have_state_and_methods_and_own_exceptions(value_of):
    top = """
class Cart:
    tax = 2
    def __init__(self, total: int) -> None:
        self.total = total
    def add(self, n):
        self.total += n
        return self

class Empty(ValueError):
    pass
"""
    code = """
cart = Cart(1).add(5)
Cart.tax += 1
try:
    raise Empty('nothing')
except ValueError as e:
    result = [cart.total, Cart.tax, cart.tax, e.args[0], isinstance(cart, Cart)]
"""
    assert await value_of(code, top) == [6, 3, 3, "nothing", True]


async def test_in_place_changes_evaluate_owner_and_key_once_and_in_python_order(value_of):
    top = """
def logged(seen, name, value):
    seen.append(name)
    return value
"""
    code = """
seen = []
d = {'k': [1]}
logged(seen, 'owner', d)[logged(seen, 'key', 'k')] += logged(seen, 'value', [2])
def grow():
    d['n'] = 100
    return 1
d['n'] = 1
d['n'] += grow()
result = [seen, d]
"""
    assert await value_of(code, top) == [["owner", "key", "value"], {"k": [1, 2], "n": 2}]


async def test_decorators_of_the_script_work_on_transform_itself(play):
    outcome = await play(
        """
def tagged(function):
    def inner(*arguments):
        return [{**action, "tag": "t"} for action in function(*arguments)]
    return inner

@tagged
def transform(request, context):
    return [{"a": 1}]
"""
    )
    assert outcome.actions == b'[{"a":1,"tag":"t"}]'


@pytest.mark.parametrize(
    "line",
    ["import gateway.toolbox as t", "from gateway import toolbox as t", "import gateway.toolbox\nt = gateway.toolbox"],
)
async def test_the_toolbox_as_a_whole_gives_its_listed_names_only(value_of, line):
    assert await value_of("result = t.encode_base64(b'a')", line) == "YQ=="
    code = "try:\n    t.values\nexcept AttributeError:\n    result = 'hidden'"
    assert await value_of(code, line) == "hidden"


REFUSED = {
    "import os": (1, 8, "only gateway.toolbox can be imported, not os"),
    "x = 1\nfrom json import loads": (2, 1, "use request.json"),
    "from gateway.toolbox import upsert_contakt": (1, 29, "did you mean upsert_contact?"),
    "from gateway.toolbox import *": (1, 1, '"*" imports are not allowed'),
    "from gateway.errors import Problem": (1, 1, "only gateway.toolbox"),
    "from .toolbox import money": (1, 1, "only gateway.toolbox"),
    "x = ().__class__": (1, 5, "starts with"),
    "def f(_getattr_, /): pass": (1, 1, "starts with"),
    "x = '{0.__class__}'.format(1)": (1, 5, "write an f-string"),
    "x = [\n  open('a')]": (2, 3, "open is not available in scripts: scripts have no files"),
    "x = getattr": (1, 5, "getattr is not available"),
    "match 1:\n    case 1: pass": (1, 1, "match is not available"),
    "async def f(): pass": (1, 1, "async is not available"),
    "def f():\n  x = 1\n  def g():\n    nonlocal x": (4, 5, "keep the value in a list"),
    "class A(metaclass=int): pass": (1, 1, "no keyword arguments"),
    "class A:\n  def __getattr__(self, n): pass": (2, 3, "__getattr__"),
    "try:\n  pass\nexcept* ValueError:\n  pass": (1, 1, "except*"),
    "x = [1]\nx[0:1] += [2]": (2, 1, "x[a:b] = x[a:b]"),
    "пример = 1": (1, 1, "ASCII"),
    "é = 'ä'; x = open": (1, 14, "open is not available"),
    "x = (": (1, 5, "SyntaxError"),
    "x = 1 # \u202e": (1, 9, "direction of text"),
    "x = 1\n# \0": (2, 3, "null byte"),
    "x = eval('1')": (1, 5, "eval"),
    "x = gi_frame = 1\ny = x.gi_frame": (2, 5, "gi_frame"),
}


@pytest.mark.parametrize("text", REFUSED)
async def test_what_is_refused_says_line_column_and_why(pool: Pool, text):
    line, column, message = REFUSED[text]
    checked = await pool.check(text)
    assert any((p.line, p.column) == (line, column) and message in p.message for p in checked.problems), checked


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "no transform"),
        ("transform = 3", "must be a function of the script"),
        ("transform = len", "must be a function of the script"),
        ("def transform(request): pass", "write def transform(request, context)"),
        ("def transform(a, b, c): pass", "write def transform(request, context)"),
        ("def transform(a, b, *, c): pass", "write def transform(request, context)"),
        ("def transform(a, b): pass\ndef authenticate(a, b):\n  yield True", "must return True, not yield"),
        ("def transform(a, b): pass\n1 / 0", "ZeroDivisionError"),
        ("x = " + "(" * 150 + ")" * 150, "brackets nested deeper"),
        ("x = " + "-" * 5_000 + "1", "nested too deeply"),
        ("x = '" + "a" * 70_000 + "'", "the limit is 64 KiB"),
        ("x = '\ud800'", "cannot be written as text"),
        ("while True: pass", "limit: load"),
    ],
)
async def test_a_text_that_is_no_script_is_refused_with_its_reason(pool: Pool, text, message):
    checked = await pool.check(text)
    assert message in checked.problems[0].message


async def test_every_problem_of_a_script_is_told_at_once(pool: Pool):
    checked = await pool.check("import os\nimport sys\nx = y.__dict__\n")
    assert [problem.line for problem in checked.problems] == [1, 2, 3]


async def test_a_good_script_is_described(pool: Pool):
    text = '"""Shop: orders."""\n\ndef authenticate(request, context): ...\n\ndef transform(request, context): ...\n'
    checked = await pool.check(text)
    assert (checked.problems, checked.has_authenticate, checked.docstring) == ((), True, "Shop: orders.")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "return request.json.items_list",
            "AttributeError: a dict has no attribute 'items_list': write value['items_list']",
        ),
        ("context.source = 'x'", "TypeError: Context cannot be changed by a script"),
        ("request.headers['x'] = 'y'", "TypeError: Headers cannot be changed by a script"),
        ("int.mro()", "AttributeError: type has no attribute 'mro' that scripts may use"),
        ("f'{1:9999999}'", "ValueError: a width in a format may have three digits"),
        ("'%9999999d' % 1", "ValueError: a width in % formatting may have three digits, and no *"),
        ("'%*d' % (9999999, 1)", "ValueError: a width in % formatting may have three digits, and no *"),
        ("'x'.encode('rot13')", "LookupError: unknown encoding"),
        ("class A(dict): pass", "TypeError: a class of a script cannot be derived from <class 'dict'>"),
        ("raise ValueError(transform)", "ValueError"),
        ("context.secrets['nope']", 'KeyError: secret "nope" is not set: hookwright secrets set'),
        ("def f(): return f()\n    f()", "limit: recursion 1000 calls"),
    ],
)
async def test_what_fails_at_run_time_gives_a_reason_people_can_act_on(play, code, reason):
    outcome = await play(f"def transform(request, context):\n    {code}\n", {"items": []})
    assert (outcome.kind, outcome.stage) == ("failed", "transform")
    assert outcome.reason.startswith(reason)


@pytest.mark.parametrize(
    "form",
    ["str(transform)", "f'{transform}'", "'%s' % transform", "repr([transform])", "f'{transform!r}'"],
)
async def test_no_text_tells_an_address(value_of, form):
    assert "0x" not in await value_of(f"result = {form}")
