"""Send: post a plugin's fixtures to a source, signed as their sender would sign them."""

import secrets as random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from gateway.cli.arguments import AsJson, SourceName
from gateway.cli.output import out, progress, show_json, show_rows
from gateway.cli.session import operate
from gateway.errors import OperatorError

if TYPE_CHECKING:
    from gateway.cli.posting import Post, Tally
    from gateway.operations.operator import Operator
    from gateway.plugins import Fixture, Plugin


def send(
    source: SourceName,
    fixture: Annotated[
        str | None, typer.Option(help="Which of the plugin's requests; default: its usual one.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many requests.")] = 1,
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", min=1, max=1000, help="How many at once.")] = 8,
    is_same: Annotated[
        bool, typer.Option("--same", help="Post the very same delivery every time, as a sender that repeats itself.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="Post here instead of to this machine's gateway.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign and post a plugin's fixture to a source; say what came back and how long it took.

    Each post has a delivery id, an order and a person of its own, unless --same is given.
    Exit code 1 if any answer was not 2xx.
    """

    async def act(op: "Operator") -> "Tally":
        from gateway.cli.posting import post_all

        plugin, chosen = await _load_fixture(op, source, fixture)
        target = url or _url_of(op, source, chosen)
        async with _secret_for(op, source, plugin) as secret:
            make = _maker(plugin, chosen, secret, target, is_same=is_same)
            with progress(f"posting {chosen.name}", count) as bar:
                return await post_all(make, count=count, concurrency=concurrency, on_progress=bar.reach)

    tally = operate(act)
    if as_json:
        show_json(tally.document())
    else:
        _show(tally.document())
    if not tally.is_good:
        raise typer.Exit(1)


async def _load_fixture(op: "Operator", source: str, name: str | None) -> tuple["Plugin", "Fixture"]:
    from gateway.operations.sources import show_source
    from gateway.plugins import load_plugin

    shown = await show_source(op, source)
    if shown["plugin"] is None:
        raise OperatorError(f"{source} was made without a plugin, and fixtures belong to plugins: post with curl")
    plugin = load_plugin(shown["plugin"])
    return plugin, plugin.find_fixture(name)


def _url_of(op: "Operator", source: str, fixture: "Fixture") -> str:
    """Give the source's URL on this machine, with what the fixture says after the question mark."""
    from gateway.supervise.ports import local_url

    query = urlsplit(fixture.path).query
    base = local_url(op.settings.gateway_host, op.settings.gateway_port)
    return f"{base}/in/{source}" + (f"?{query}" if query else "")


@asynccontextmanager
async def _secret_for(op: "Operator", source: str, plugin: "Plugin") -> AsyncIterator[str]:
    """Give what signs: the source's signing secret, or an API key that lives as long as the sending."""
    from gateway.operations.keys import create_key, revoke_key
    from gateway.operations.secrets import unseal_secret
    from gateway.plugins import SIGNING_SECRET

    if plugin.manifest.signing.kind != "api_key":
        yield await unseal_secret(op, source, SIGNING_SECRET)
        return
    key = await create_key(op, f"hookwright send {source}", "sender", [source])
    try:
        yield key["key"]
    finally:
        await revoke_key(op, key["id"])


def _maker(plugin: "Plugin", fixture: "Fixture", secret: str, url: str, *, is_same: bool) -> Callable[[int], "Post"]:
    from gateway.cli.posting import Post
    from gateway.plugins import personalise, sign

    run = random.token_hex(4)  # two runs never post the same deliveries

    def make(number: int) -> Post:
        own = fixture if is_same else personalise(plugin, fixture, f"{run}-{number}")
        return Post(own.method, url, sign(plugin, own, secret, datetime.now(UTC)), own.body)

    return make


def _show(document: dict[str, Any]) -> None:
    show_rows(document["answers"], ["answer", "count", "sample"], empty="nothing was posted")
    latency = "  ".join(f"{name} {value:g} ms" for name, value in document["latency_ms"].items())
    out().print(f"\n{document['count']} in {document['seconds']:g} s, {document['requests_per_second']:g} a second")
    out().print(f"latency  {latency}")
