"""Language: the Python that scripts are written in.

Takes a syntax tree, rewrites it in place so that the guards stand where values are touched, and lists
what is refused: line, column, why, and what to write instead. On top of RestrictedPython it makes
`d[k] += 1`, `x.y += 1` and `x: int = 1` work, keeps formatting harmless, drops annotations (nothing
reads them), and allows one import. Never runs anything.
"""

import ast
import builtins
import difflib
from typing import Any, TypeVar

from RestrictedPython.transformer import IOPERATOR_TO_STR, RestrictingNodeTransformer

from gateway import toolbox
from gateway.errors import Problem
from gateway.sandbox.reach import OFFERED_NAMES

_PROBLEMS_MAX = 50

Node = TypeVar("Node", bound=ast.AST)

_NODE_HINTS = {
    "AsyncFunctionDef": "async is not available: a script has nothing to wait for; write def",
    "AsyncFor": "async is not available: a script has nothing to wait for",
    "AsyncWith": "async is not available: a script has nothing to wait for",
    "Await": "await is not available: a script has nothing to wait for",
    "Match": "match is not available: write if / elif, or a dict of functions",
    "Nonlocal": "nonlocal is not available: keep the value in a list or a dict of the outer function",
    "TryStar": "except* is not available: write except",
    "TypeAlias": "type aliases are not available: annotations are ignored anyway",
    "TemplateStr": "template strings are not available: write an f-string",
    "Interpolation": "template strings are not available: write an f-string",
}

_NAME_HINTS = {
    "open": "scripts have no files",
    "input": "scripts have no terminal",
    "eval": "use parse_json for data",
    "exec": "a script cannot run other code",
    "compile": "a script cannot run other code",
    "getattr": "write value.name, or use a dict",
    "setattr": "write value.name = …, or use a dict",
    "hasattr": "use isinstance, or `in` for a dict",
    "type": "use isinstance",
    "format": "write an f-string",
    "hash": "use hex_digest of the toolbox",
    "id": "compare with `is`",
    "pow": "write a ** b",
    "callable": "use a dict of functions",
    "object": "write class Name:",
    "super": "call the base class by its name",
    "property": "write a method",
    "BaseException": "use Exception",
    "printed": "the log is collected for you",
}

_MODULE_HINTS = {
    "json": "use request.json, parse_json and dump_json",
    "re": "use match_text, find_all, replace_text and split_text",
    "datetime": "use request.received_at, parse_time and format_time",
    "time": "a script has no clock; use request.received_at",
    "hmac": "use verify_hmac, hmac_hex and hmac_base64",
    "hashlib": "use hex_digest",
    "base64": "use encode_base64 and decode_base64",
    "decimal": "use money",
    "csv": "use parse_csv",
    "xml": "use parse_xml",
    "urllib": "use parse_url and parse_query",
    "requests": "scripts have no network",
    "random": "a script gives the same result for the same request",
    "typing": "annotations are ignored: leave them unquoted or out",
}


def bound_names(tree: ast.Module) -> frozenset[str]:
    """List every name that the script gives a meaning to, anywhere."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                bound.add(name)
            case ast.alias(name=name, asname=asname):
                bound.add(asname or name)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
    return frozenset(bound)


class Language(RestrictingNodeTransformer):
    """One pass over one script. `problems` is empty where the tree may be compiled."""

    def __init__(self, tree: ast.Module) -> None:
        super().__init__()
        self.problems: list[Problem] = []
        self._bound = bound_names(tree)
        self._refuse_strange_identifiers(tree)

    def error(self, node: ast.AST, info: str) -> None:
        """Note a refusal with its place (columns are counted in UTF-8 bytes until the compiler converts them)."""
        if len(self.problems) < _PROBLEMS_MAX:
            column = getattr(node, "col_offset", 0) + 1
            self.problems.append(Problem(line=getattr(node, "lineno", 1), column=column, message=info))

    def not_allowed(self, node: ast.AST) -> None:
        kind = type(node).__name__
        self.error(node, _NODE_HINTS.get(kind, f"{kind} is not part of the language of scripts"))

    def _refuse_strange_identifiers(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            for field in ("id", "attr", "name", "arg", "asname"):
                name = getattr(node, field, None)
                if isinstance(name, str) and not name.isascii():
                    self.error(node, f"names are written in ASCII, {name!r} is not: two that look alike may differ")

    # names and attributes

    def visit_Name(self, node: ast.Name) -> Any:  # noqa: N802
        if isinstance(node.ctx, ast.Load):
            if node.id == "print":
                return node
            if node.id not in self._bound and node.id not in OFFERED_NAMES and self._is_known_elsewhere(node.id):
                hint = f": {_NAME_HINTS[node.id]}" if node.id in _NAME_HINTS else ""
                self.error(node, f"{node.id} is not available in scripts{hint}")
                return node
        return super().visit_Name(node)

    def _is_known_elsewhere(self, name: str) -> bool:
        return name in _NAME_HINTS or (hasattr(builtins, name) and not name.startswith("_") and name != "None")

    def visit_Attribute(self, node: ast.Attribute) -> Any:  # noqa: N802
        if node.attr in ("format", "format_map"):
            self.error(node, "str.format is not available: write an f-string")
        return super().visit_Attribute(node)

    def visit_keyword(self, node: ast.keyword) -> Any:
        if node.arg is not None:
            self.check_name(node, node.arg)
        return super().visit_keyword(node)

    def visit_Global(self, node: ast.Global) -> Any:  # noqa: N802
        for name in node.names:
            self.check_name(node, name)
        return super().visit_Global(node)

    # annotations: not evaluated, so that a script may name types that it cannot import

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:  # noqa: N802
        node.returns = None
        return super().visit_FunctionDef(node)

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return super().visit_arg(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:  # noqa: N802
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        plain = ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
        return self.visit_Assign(plain)

    # classes and exceptions

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:  # noqa: N802
        if node.keywords:
            self.error(node, "a class of a script takes no keyword arguments")
            return node
        made: Any = super().visit_ClassDef(node)
        return ast.copy_location(made, node)  # RestrictedPython's own node says line 1

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:  # noqa: N802
        if node.type is None:
            node.type = ast.copy_location(ast.Name("Exception", ast.Load()), node)
        return super().visit_ExceptHandler(node)

    # formatting

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:  # noqa: N802
        node.values = [self._format(v) if isinstance(v, ast.FormattedValue) else self.visit(v) for v in node.values]
        return node

    def _format(self, node: ast.FormattedValue) -> ast.expr:
        arguments: list[ast.expr] = [self.visit(node.value)]
        if node.conversion != -1 or node.format_spec is not None:
            spec = ast.Constant("") if node.format_spec is None else self.visit(node.format_spec)
            arguments += [ast.Constant(node.conversion), spec]
        return _at(node, ast.FormattedValue(value=_call("_format_", *arguments), conversion=-1, format_spec=None))

    def visit_TemplateStr(self, node: ast.AST) -> Any:  # noqa: N802
        self.not_allowed(node)

    def visit_Interpolation(self, node: ast.AST) -> Any:  # noqa: N802
        self.not_allowed(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:  # noqa: N802
        node = self.node_contents_visit(node)
        if isinstance(node.op, ast.Mod):
            return _at(node, _call("_modulo_", node.left, node.right))
        return node

    # x.y += 1 and x[k] += 1: owner and key are evaluated once and the value after the old one is read, as Python does

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:  # noqa: N802
        if isinstance(node.target, ast.Name):
            return super().visit_AugAssign(node)
        steps, read, write = self._take_apart(node.target)
        value = _call("_inplacevar_", ast.Constant(IOPERATOR_TO_STR[type(node.op)]), read, self.visit(node.value))
        steps.append(ast.Assign(targets=[write], value=value))
        return [_at(node, step) for step in steps]

    def _take_apart(self, target: ast.Attribute | ast.Subscript) -> tuple[list[ast.stmt], ast.expr, ast.expr]:
        owner, steps = self._keep(self.visit(target.value))
        guarded = _call("_write_", _load(owner))
        if isinstance(target, ast.Attribute):
            read = self.visit(ast.copy_location(ast.Attribute(ast.Constant(None), target.attr, ast.Load()), target))
            read.args[0] = _load(owner)
            return steps, read, ast.Attribute(guarded, target.attr, ast.Store())
        if isinstance(target.slice, ast.Slice):
            self.error(target, "x[a:b] += … is not available: write x[a:b] = x[a:b] + …")
        key, more = self._keep(self.visit(target.slice))
        read = _call("_getitem_", _load(owner), _load(key))
        return steps + more, read, ast.Subscript(guarded, _load(key), ast.Store())

    def _keep(self, value: ast.expr) -> tuple[str, list[ast.stmt]]:
        name = self.gen_tmp_name()
        return name, [ast.Assign(targets=[ast.Name(name, ast.Store())], value=value)]

    # imports

    def visit_Import(self, node: ast.Import) -> Any:  # noqa: N802
        for alias in node.names:
            if alias.name != "gateway.toolbox":
                self._refuse_module(alias, alias.name)
        return self.check_import_names(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:  # noqa: N802
        names = [alias.name for alias in node.names]
        if node.module == "__future__" and names == ["annotations"]:
            return ast.copy_location(ast.Pass(), node)
        if node.level or (node.module, names) != ("gateway", ["toolbox"]):
            if node.level or node.module != "gateway.toolbox":
                self._refuse_module(node, node.module or ".")
            else:
                self._check_toolbox_names(node)
        return self.check_import_names(node)

    def _check_toolbox_names(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name not in toolbox.__all__ and alias.name != "*":
                near = difflib.get_close_matches(alias.name, toolbox.__all__, 1)
                hint = f": did you mean {near[0]}?" if near else ""
                self.error(alias, f"the toolbox has no {alias.name}{hint}")

    def _refuse_module(self, node: ast.AST, name: str) -> None:
        hint = _MODULE_HINTS.get(name.split(".")[0])
        rest = f": {hint}" if hint else ""
        self.error(node, f"only gateway.toolbox can be imported, not {name[:80]}{rest}")


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(func=_load(name), args=list(arguments), keywords=[])


def _at(place: ast.AST, node: Node) -> Node:
    """Give a new node, and those in it that have none, the place of the old one."""
    return ast.fix_missing_locations(ast.copy_location(node, place))
