"""Trying: run a script file on a request, compare two texts, or see what a file would change for the last requests."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson, ScriptFile, SourceName, read_script
from gateway.cli.output import Bar, note, out, progress, show_fields, show_json, show_rows, visible
from gateway.cli.remote import ConsoleUrl, KeyFile, console_at
from gateway.cli.session import operate

if TYPE_CHECKING:
    from gateway.operations.operator import Operator
    from gateway.operations.trial_requests import TrialRequest

TextName = Annotated[str, typer.Argument(help="draft, live, a version's number or its id.", show_default=True)]
_BAD = ("newly_failing",)
_COLOURS = {"same": "dim", "changed": "yellow", "newly_failing": "red", "newly_passing": "green"}


def try_(
    source: SourceName,
    file: ScriptFile,
    event: Annotated[str | None, typer.Option(help="On the request of this event.", show_default=False)] = None,
    fixture: Annotated[
        str | None, typer.Option(help="On a fixture: the source's own, else its plugin's.", show_default=False)
    ] = None,
    sample: Annotated[str | None, typer.Option(help="On this captured request.", show_default=False)] = None,
    request: Annotated[
        Path | None, typer.Option(help="On a file whose bytes are the body.", exists=True, show_default=False)
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="With --request: `Name: value`.", show_default=False)
    ] = None,
    is_signed: Annotated[bool, typer.Option("--sign", help="With --request: sign it as the plugin's sender.")] = False,
    is_vouched: Annotated[bool, typer.Option("--vouched", help="Start at transform: it is known genuine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a script on one request in the real sandbox; nothing is stored or queued. Exit code 1 if it fails.

    Shows the verdict, the answer that the sender would get, the actions with the fault of every bad place, the log,
    and what it took of time and of the memory that it may have.
    """
    text = read_script(file)
    named = {"event": event, "fixture": fixture, "sample": sample}
    references = [f"{kind}:{name}" for kind, name in named.items() if name is not None]
    if len(references) + (request is not None) != 1:
        raise typer.BadParameter("name one request: --event, --fixture, --sample or --request")
    body = request.read_bytes() if request is not None else None

    async def act(op: "Operator") -> dict[str, Any]:
        from gateway.operations.trying import try_script

        if body is not None:
            asked = await _paste(op, source, body, header or [], is_signed)
        else:
            asked = await _find(op, source, references[0])
        return await try_script(op, source, asked, text=text, is_vouched=is_vouched)

    tried = operate(act)
    if as_json:
        show_json(tried)
    else:
        _show_tried(tried, file)
    if tried["problems"] or tried["faults"] or tried["status"] in ("failed", "broken"):
        raise typer.Exit(1)


async def _paste(op: "Operator", source: str, body: bytes, headers: list[str], is_signed: bool) -> "TrialRequest":
    from gateway.operations.trial_requests import paste_request, read_headers

    pairs = read_headers("\n".join(headers))
    return await paste_request(op, source, body=body, headers=pairs, is_signed=is_signed)


async def _find(op: "Operator", source: str, reference: str) -> "TrialRequest":
    from gateway.errors import NotFound
    from gateway.operations.trial_requests import find_request

    try:
        return await find_request(op, source, reference)
    except NotFound:
        if not reference.startswith("fixture:"):
            raise
        return await find_request(op, source, f"plugin:{reference.partition(':')[2]}")


def _show_tried(tried: dict[str, Any], file: Path) -> None:
    for problem in tried["problems"]:
        typer.echo(f"{file}:{problem['line']}:{problem['column']}: {problem['message']}")
    if tried["problems"]:
        return
    response = tried["response"]
    show_fields(
        {
            "status": tried["status"],
            "reason": tried["reason"],
            "answer": f"{response['status']} {response['body'] or ''}".rstrip(),
            "unique_key": tried["unique_key"],
            "occurred_at": tried["occurred_at"],
            "actions": tried["actions"],
            "faults": tried["faults"],
            "log": tried["logs"].rstrip(),
            "trace": [f"line {line['line']}: {line['text']}" for line in tried["trace"]],
            "time": ", ".join(f"{name.removesuffix('_ms')} {ms:g} ms" for name, ms in tried["timing"].items()),
            "memory": _in_mebibytes(tried["memory"]),
        }
    )


def _in_mebibytes(memory: dict[str, int] | None) -> str | None:
    if memory is None:
        return None
    return f"{memory['peak_bytes'] / 2**20:.1f} of {memory['limit_bytes'] / 2**20:.1f} MiB"


def diff(source: SourceName, before: TextName = "live", after: TextName = "draft", as_json: AsJson = False) -> None:
    """Show the difference of two texts of a source, as `diff -u` does."""
    from gateway.operations.drafts import diff_texts

    found = operate(lambda op: diff_texts(op, source, before, after))
    if as_json:
        show_json(found)
    elif found["unified"]:
        typer.echo(found["unified"], nl=False)
    else:
        note("there is no difference")


def compare(
    source: SourceName,
    file: ScriptFile,
    last: Annotated[int, typer.Option(min=1, max=500, help="How many of the newest requests.")] = 100,
    url: ConsoleUrl = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the live version and a file over the last real requests, and show what the file would change.

    Exit code 1 if anything is newly failing.
    """
    text = read_script(file)
    if url is not None:
        body = {"text": text, "count": last}
        results = console_at(url, key_file).ask("POST", "sources", source, "compare", body=body)["results"]
    else:
        with progress(f"comparing {file}", last) as bar:
            results = operate(lambda op: _compare(op, source, text, last, bar))
    if as_json:
        show_json(results)
    else:
        _show_compared(results)
    if any(result["kind"] in _BAD for result in results):
        raise typer.Exit(1)


async def _compare(op: "Operator", source: str, text: str, last: int, bar: Bar) -> list[dict[str, Any]]:
    from gateway.operations import comparing

    results: list[dict[str, Any]] = []
    async for result in comparing.compare(op, source, text, count=last):
        results.append(result)
        bar.reach(len(results))
    return results


def _show_compared(results: list[dict[str, Any]]) -> None:
    for result in results:
        if result["kind"] == "same":
            continue
        out().print(f"[{_COLOURS[result['kind']]}]{result['kind'].replace('_', ' ')}[/]  {result['event_id']}")
        for side in ("live", "draft"):
            if result["kind"] != "changed" or result["live"]["status"] != result["draft"]["status"]:
                typer.echo(f"  {side}: {result[side]['status']} {visible(result[side]['reason'] or '')}".rstrip())
        if result["changes"]:
            show_rows(result["changes"], ["action", "contact", "pointer", "before", "after"], empty="")
    counts = [f"{sum(one['kind'] == kind for one in results)} {kind.replace('_', ' ')}" for kind in _COLOURS]
    typer.echo(f"{len(results)} requests: {', '.join(counts)}")
