"""Every hostile script, ours and others', posted to a running gateway: contained as its line says, nobody else hurt.

HOOKWRIGHT_TEST_HOSTILE names a folder with the scripts of others and their INDEX.jsonl. A sample of them runs by
default, all with CI=true or HOOKWRIGHT_TEST_EXAMPLES of 1,000 and more.
"""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from hostile_ground import Ground, open_ground
from hostile_neighbour import latencies
from hostile_scripts import DEVIATIONS, Hostile, read_all
from hostile_verdicts import complaints

from gateway.sandbox import seccomp

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine"),
]

SAMPLE_STEP = 5
STORM_SECONDS = 3.0


def is_whole() -> bool:
    return os.environ.get("CI") == "true" or int(os.environ.get("HOOKWRIGHT_TEST_EXAMPLES", "0")) >= 1_000


def chosen() -> dict[str, list[Hostile]]:
    """Give the scripts by group: ours all, of the others a sample unless all are asked for."""
    found: dict[str, list[Hostile]] = {}
    for number, hostile in enumerate(read_all()):
        if is_whole() or hostile.is_own or hostile.name in DEVIATIONS or not number % SAMPLE_STEP:
            found.setdefault(WALL_ALONE if hostile.is_raw else hostile.group, []).append(hostile)
    return found


WALL_ALONE = "plain Python"
GROUPS = chosen()
FENCE_AND_WALL = [group for group in GROUPS if group != WALL_ALONE]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(request: pytest.FixtureRequest, valkey_url: str) -> AsyncIterator[Ground]:
    url = f"{valkey_url}?db={16 + request.param}"
    with TemporaryDirectory(prefix="hw-") as folder:
        async with open_ground(Path(folder), url, is_fenced=request.param) as ground:
            yield ground


@pytest.mark.parametrize("group", FENCE_AND_WALL)
@pytest.mark.parametrize("ground", [True], ids=["fenced"], indirect=True)
async def test_scripts_are_contained_while_a_neighbour_is_served(
    ground: Ground, group: str, figure: Callable[[str], None]
) -> None:
    await must_be_contained(ground, group, figure)


@pytest.mark.parametrize("ground", [False], ids=["unfenced"], indirect=True)
async def test_plain_python_is_contained_by_the_wall_alone_while_a_neighbour_is_served(
    ground: Ground, figure: Callable[[str], None]
) -> None:
    await must_be_contained(ground, WALL_ALONE, figure)


@pytest.mark.parametrize("ground", [False], ids=["unfenced"], indirect=True)
async def test_a_neighbour_is_served_while_all_of_ours_attack_again_and_again(
    ground: Ground, figure: Callable[[str], None]
) -> None:
    scripts = [replace(each, name=f"again_{each.name}") for each in GROUPS[WALL_ALONE] if each.is_own]
    heard, beside = await ground.storm(scripts, STORM_SECONDS)
    figure(f"a neighbour beside {len(scripts)} that attack again and again: {latencies(beside)}")
    for name, answers in heard.items():
        assert answers[0].status == 202, name
        assert {answer.status for answer in answers} <= {202, 503}, name
    assert {post.status for post in beside} == {202}
    await ground.require_whole()


async def must_be_contained(ground: Ground, group: str, figure: Callable[[str], None]) -> None:
    scripts = GROUPS[group]
    seen = await ground.attack(scripts)
    figure(
        f"a neighbour beside {len(scripts)} scripts ({group}): {latencies(seen.beside)} in {len(seen.beside)} answers;"
        f" alone {latencies(seen.alone)}"
    )
    assert {post.status for post in (*seen.alone, *seen.beside)} == {202}
    found = [f"{each.name}: {what}" for each in scripts for what in complaints(each, seen.came[each.name])]
    assert not found, "\n".join(found)
    await ground.require_whole()
