"""Runner: one request through one script, inside the locked child.

Takes the request's head and body, gives the small fields, the actions and the reply of a result frame.
Each request runs in fresh globals, which are cleared before it is answered. The verdict is on the stage
page before `transform` starts. Never lets an exception of a script out.
"""

import builtins
import gc
import itertools
import marshal
import sys
import time
from types import GeneratorType
from typing import Any

import orjson

from gateway.errors import Problem
from gateway.sandbox import wire
from gateway.sandbox.compiler import FILE_NAME, Compiled, Refused, check_functions, compile_script
from gateway.sandbox.delivery import DeliveryReader
from gateway.sandbox.limits import describe_bytes
from gateway.sandbox.mask import Mask
from gateway.sandbox.reach import script_globals
from gateway.sandbox.result import ResultRefused, write_actions
from gateway.sandbox.script import LoadDocument
from gateway.sandbox.stage import AUTHENTICATE, LOAD, STAGE_NAMES, TRANSFORM, StagePage
from gateway.sandbox.texts import Log, describe_error, tidy, trace_lines
from gateway.toolbox import Answer, Context, Ignore, Reject, Request, TryLater

_YOUNG, _ALL = 1, 2  # generations: what survives the first is looked at with the second

Result = tuple[dict[str, Any], bytes, bytes]


class Runner:
    """One script, loaded; runs its requests one after the other."""

    def __init__(self, document: LoadDocument, page: StagePage, *, is_fenced: bool) -> None:
        self._source = document["source"]
        self._secrets = document["secrets"]
        self._settings = orjson.dumps(document["settings"])
        self._limits = document
        self._lines = document["text"].splitlines()
        self._page = page
        self._mask = Mask(document["secrets"].values())
        self._log = Log(document["log_bytes"], self._mask, page.add_log)
        self._delivery = DeliveryReader(document["unique_by"], document["occurred_at"], document["occurred_at_zone"])
        self._template = script_globals(self._log.print_line) if is_fenced else {"__builtins__": builtins}
        self._compiled: Compiled | None = None
        self._is_fenced = is_fenced
        self._is_authenticated = False
        self._stage = LOAD
        self._started = 0.0
        self._collections = gc.get_count()[1:]

    def load(self, code: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Run the script's top level once; give its problems, or what is known of it, and its code.

        `code`: what an earlier child gave for the same text; without it the text is compiled here.
        """
        self._page.note(0, LOAD)
        namespace = self._template.copy()
        try:
            compiled = Compiled(marshal.loads(code), "") if code else self._compile()  # noqa: S302 (behind the wall)
            exec(compiled.code, namespace)  # noqa: S102 (compiled under the language of scripts, behind the wall)
            check_functions(namespace)
        except Refused as refused:
            return {"problems": [[p.line, p.column, tidy(p.message, self._mask)] for p in refused.problems]}, b""
        except BaseException as error:
            return {"problems": [self._top_level_problem(error)]}, b""
        self._compiled = compiled
        has_authenticate = "authenticate" in namespace
        namespace.clear()
        known = {"problems": [], "has_authenticate": has_authenticate, "docstring": compiled.docstring[:10_000]}
        code = code or marshal.dumps(compiled.code)
        return known, code if len(code) <= self._limits["result_bytes"] else b""

    def _compile(self) -> Compiled:
        text = self._limits["text"]
        if self._is_fenced:
            return compile_script(text, self._limits["source_bytes"])
        return Compiled(compile(text, FILE_NAME, "exec"), "")

    def _top_level_problem(self, error: BaseException) -> list[Any]:
        trace = trace_lines(error.__traceback__, self._lines, self._mask)
        problem = Problem(line=trace[-1]["line"] if trace else 1, column=1, message=self._reason(error))
        return [problem.line, problem.column, problem.message]

    def run(self, sequence: int, operation: int, event_id: str, head: bytes, body: bytes) -> Result:
        """Run one request, from `authenticate` or from `transform`."""
        # Of the only thread: under a CPU limit the kernel counts a process by its ticks, of 1 to 4 ms.
        self._started = time.thread_time()
        self._log.clear()
        self._page.clear_log()
        self._enter(sequence, AUTHENTICATE if operation == wire.AUTHENTICATE else TRANSFORM)
        namespace = self._template.copy()
        marks: dict[str, Any] = {}
        try:
            meta, actions, reply_body = self._play(
                sequence, namespace, event_id, Request(orjson.loads(head), body), marks
            )
        except BaseException as error:
            meta, actions, reply_body = self._explain_within_memory(error)
        namespace.clear()
        self._collect_garbage()
        meta["is_authenticated"] = self._is_authenticated
        meta["cpu_seconds"] = time.thread_time() - self._started
        meta.update(marks)
        if logs := self._log.text():
            meta["logs"] = logs
        return meta, actions, reply_body

    def _collect_garbage(self) -> None:
        """Free what refers to itself, as functions and their globals do: else requests pile up until memory ends."""
        # What no collection of Python's own has moved is young still. To look at all would also throw away the free
        # lists that the next request fills again: a twelfth of the time of both.
        gc.collect(_YOUNG if gc.get_count()[1:] == self._collections else _ALL)
        self._collections = gc.get_count()[1:]

    def _enter(self, sequence: int, stage: int) -> None:
        self._stage = stage
        self._is_authenticated = stage == TRANSFORM
        self._page.note(sequence, stage)

    def _play(
        self, sequence: int, namespace: dict[str, Any], event_id: str, request: Request, marks: dict[str, Any]
    ) -> Result:
        assert self._compiled is not None
        settings = orjson.loads(self._settings)
        context = Context(self._source, event_id, self._secrets, settings, self._log.print_line)
        exec(self._compiled.code, namespace)  # noqa: S102 (compiled under the language of scripts, behind the wall)
        if self._stage == AUTHENTICATE:
            if (refusal := _refusal(namespace, request, context)) is not None:
                return {"kind": "rejected", "status": 401, "reason": refusal}, b"", b""
            marks["authenticate_cpu_seconds"] = time.thread_time() - self._started
            self._enter(sequence, TRANSFORM)
        self._mark(request, marks)
        actions = self._collect(namespace["transform"](request, context))
        meta: dict[str, Any] = {"kind": "actions"} if actions else {"kind": "ignored", "reason": "no actions"}
        reply_body = _put_reply(meta, context.reply) if context.reply is not None else b""
        return meta, write_actions(actions, self._limits["result_bytes"]) if actions else b"", reply_body

    def _mark(self, request: Request, marks: dict[str, Any]) -> None:
        if (key := self._delivery.unique_key(request)) is not None:
            marks["unique_key"] = key.encode(errors="replace").decode()
        if (moment := self._delivery.occurred_at(request)) is not None:
            marks["occurred_at"] = moment

    def _collect(self, given: Any) -> list[Any]:
        """Take what `transform` returned or yields, up to the limit."""
        if given is None:
            return []
        kind = type(given)
        if kind is not list and kind is not tuple and kind is not GeneratorType:
            hint = ": return a list of actions, or yield them" if kind is dict else ", not actions"
            raise ResultRefused(f"transform gave a {kind.__name__}{hint}")
        count_max = self._limits["actions_count"]
        actions = list(itertools.islice(given, count_max + 1))
        if len(actions) > count_max:
            raise ResultRefused(f"limit: {count_max} actions")
        for number, action in enumerate(actions):
            if type(action) is not dict:
                raise ResultRefused(f"action {number} is a {type(action).__name__}, not a dict")
        return actions

    def _explain_within_memory(self, error: BaseException) -> Result:
        try:
            return self._explain(error)
        except MemoryError:
            # What the script holds is held by the frames that it died in: the lines go with them, the reason stays.
            error.__traceback__ = error.__context__ = None
            return self._fail(MemoryError()), b"", b""

    def _explain(self, error: BaseException) -> Result:
        """Turn what a script raised into a result: an early end that it asked for, or a failure."""
        kind = type(error)
        early: Any = error  # mypy concludes nothing from `kind is`
        if kind is Answer:
            meta: dict[str, Any] = {"kind": "answered"}
            return meta, b"", _put_reply(meta, early.reply)
        if kind is Reject or (kind is Ignore and not self._is_authenticated):
            reason = tidy(early.reason, self._mask)
            return {"kind": "rejected", "status": getattr(early, "status", 401), "reason": reason}, b"", b""
        if kind is TryLater:
            seconds = early.retry_after_seconds
            reason = tidy(early.reason, self._mask)
            return {"kind": "try_later", "reason": reason, "retry_after_seconds": seconds}, b"", b""
        if kind is Ignore:
            return {"kind": "ignored", "reason": tidy(early.reason, self._mask)}, b"", b""
        return self._fail(error), b"", b""

    def _fail(self, error: BaseException) -> dict[str, Any]:
        trace = trace_lines(error.__traceback__, self._lines, self._mask)
        return {"kind": "failed", "stage": STAGE_NAMES[self._stage], "reason": self._reason(error), "trace": trace}

    def _reason(self, error: BaseException) -> str:
        """Name the limit that an error stands for, or describe the error."""
        if isinstance(error, MemoryError):
            return f"limit: memory {describe_bytes(self._limits['memory_bytes'])}"
        if isinstance(error, RecursionError):
            return f"limit: recursion {sys.getrecursionlimit()} calls"
        return tidy(str(error), self._mask) if isinstance(error, ResultRefused) else describe_error(error, self._mask)


def _refusal(namespace: dict[str, Any], request: Request, context: Context) -> str | None:
    """Ask `authenticate`; give None for True itself, else why the door stays shut."""
    authenticate = namespace.get("authenticate")
    if authenticate is None:
        return "the script has no authenticate"
    verdict = authenticate(request, context)
    if verdict is True:
        return None
    return "authenticate gave False" if verdict is False else f"authenticate gave a {type(verdict).__name__}, not True"


def _put_reply(meta: dict[str, Any], reply: Any) -> bytes:
    headers = [[name, value] for name, value in reply.headers]
    meta["reply"] = {"status": reply.status, "content_type": reply.content_type, "headers": headers}
    body: bytes = reply.body
    return body
