"""Every hostile script, ours and others', through real children: contained as its line says, and nobody else hurt.

HOOKWRIGHT_TEST_HOSTILE names a folder with the scripts of others and their INDEX.jsonl. A sample of them runs by
default, all with CI=true or HOOKWRIGHT_TEST_EXAMPLES of 1,000 and more.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_scripts import Hostile, complaints, corpus_folder, play, read_corpus, read_own

from gateway.sandbox import seccomp
from gateway.sandbox.pool import Pool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine"),
]

SAMPLE_STEP = 5

# Where we do something else than the corpus expects, and why that is right as well.
DEVIATIONS = {
    "cpu_class_body_loop": ("reject", "its top level never ends, so that it is killed when it is pushed: never live"),
    "esc_augassign_item": ("ok", "x[k] += 1 is part of our language; PWNED is its own harmless return value"),
    "raw_mprotect_exec": ("ok", "it catches the refusal itself and returns the word refused"),
}
# What these say when nothing happened to anybody.
HARMLESS = {"esc_augassign_item": '[{"r":"PWNED"}]', "raw_mprotect_exec": '[{"r":"\'refused\'"}]'}

OWN = sorted((Path(__file__).parent / "own").glob("*.py"))


def is_whole() -> bool:
    return os.environ.get("CI") == "true" or int(os.environ.get("HOOKWRIGHT_TEST_EXAMPLES", "0")) >= 1_000


def chosen() -> list[Hostile]:
    folder = corpus_folder()
    scripts = read_corpus(folder) if folder else []
    return (
        scripts
        if is_whole()
        else [each for n, each in enumerate(scripts) if not n % SAMPLE_STEP or each.name in DEVIATIONS]
    )


async def must_be_contained(pool: Pool, hostile: Hostile) -> None:
    came = await play(pool, hostile)
    assert not complaints(hostile, came), came
    healthy = Hostile("healthy", _HEALTHY, frozenset({"ok"}))
    assert [each.outcome.actions for each in await play(pool, healthy)] == [b'[{"n":1}]']


_HEALTHY = """
def authenticate(request, context):
    return True

def transform(request, context):
    return [{"n": request.json["n"]}]
"""


@pytest.mark.skipif(corpus_folder() is None, reason="HOOKWRIGHT_TEST_HOSTILE names no folder with an INDEX.jsonl")
@pytest.mark.parametrize("hostile", chosen(), ids=lambda hostile: hostile.name)
async def test_a_script_of_others_is_contained(pool: Pool, unfenced_pool: Pool, hostile: Hostile) -> None:
    if hostile.name in DEVIATIONS:
        verdict, _ = DEVIATIONS[hostile.name]
        hostile = replace(hostile, expect=frozenset({verdict}))
    if (harmless := HARMLESS.get(hostile.name)) is not None:
        (came,) = await play(unfenced_pool if hostile.is_raw else pool, hostile)
        assert came.outcome.actions.decode() == harmless
        return
    await must_be_contained(unfenced_pool if hostile.is_raw else pool, hostile)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
async def test_a_script_of_ours_is_contained(pool: Pool, path: Path) -> None:
    await must_be_contained(pool, read_own(path))
