"""Without a whole wall the product says so by the name of each missing layer: at start, in `up`, to `doctor`."""

from pathlib import Path

import pytest
from running import prepare, serving, working
from structlog.testing import capture_logs

from gateway.cli.checks import Finding, examine
from gateway.cli.up import _announce
from gateway.operations.operator import open_operator
from gateway.operations.readiness import readiness
from gateway.sandbox import nursery
from gateway.sandbox.proof import WALL

REPORT = dict.fromkeys(WALL, "on") | {"landlock": "on", "user": "off: not started as root"}
WITHOUT = REPORT | {"seccomp": "off: an old kernel", "self_test": "off: without seccomp there is no wall to test"}
MISSING = {"seccomp": "off: an old kernel", "self_test": WITHOUT["self_test"], "user": "off: not started as root"}


def report(monkeypatch: pytest.MonkeyPatch, layers: dict[str, str]) -> None:
    """Let every sandbox say this of itself, as on another machine."""

    async def tell(*_: object) -> dict[str, str]:
        return dict(layers)

    monkeypatch.setattr(nursery, "prove_wall", tell)


async def test_gateway_and_worker_warn_at_start_of_each_missing_layer(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report(monkeypatch, WITHOUT)
    settings = prepare(tmp_path, f"{valkey_url}?db=21")
    with capture_logs() as lines:
        async with serving(settings), working(settings), open_operator(settings, actor="test") as op:
            await _announce(settings, 1.0, is_demo=False)
            checks = (await readiness(op))["checks"]
    warned = [(line["layer"], line["why"]) for line in lines if line["event"] == "sandbox_layer_missing"]
    assert sorted(warned) == sorted([*MISSING.items()] * 2)
    assert {line["log_level"] for line in lines if line["event"] == "sandbox_layer_missing"} == {"warning"}
    banner = capsys.readouterr().err
    assert "Hookwright is ready" in banner
    for layer, why in MISSING.items():
        assert f"warning: sandbox layer {layer} is {why}" in banner
        for role in ("gateways", "workers"):
            assert any(told.endswith(f"sandbox layer {layer} is {why}") for told in checks[role]["why"])


async def test_a_whole_wall_warns_of_nothing_though_what_is_not_needed_is_off(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report(monkeypatch, REPORT)
    settings = prepare(tmp_path, f"{valkey_url}?db=21")
    with capture_logs() as lines:
        async with serving(settings):
            await _announce(settings, 1.0, is_demo=False)
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == []
    assert "sandbox" not in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "state"), [("auto", "warning"), ("strict", "fault")])
async def test_to_doctor_a_missing_layer_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, state: str
) -> None:
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOOKWRIGHT_SANDBOX", mode)
    report(monkeypatch, WITHOUT)
    found = await look()
    assert {name: found[f"sandbox {name}"].detail for name in MISSING} == MISSING
    assert {found[f"sandbox {name}"].state for name in MISSING} == {found["sandbox"].state} == {state}
    assert found["sandbox landlock"].state == "ok"
    report(monkeypatch, REPORT)
    user = (await look())["sandbox user"]
    assert (user.state, user.detail) == ("ok", "off: not started as root; the wall is whole without it")


async def test_what_runs_and_is_not_whole_is_not_told_to_start(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=21")
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HOOKWRIGHT_REDIS_URL", settings.redis_url)
    report(monkeypatch, WITHOUT)
    async with serving(settings):
        found = await look()
    assert found["gateways"].state == "warning"
    assert "Linux with seccomp" in found["gateways"].way_out
    assert found["workers"].way_out == "start `hookwright worker`"


async def look() -> dict[str, Finding]:
    return {finding.name: finding async for finding in examine()}
