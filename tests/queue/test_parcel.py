"""What one job carries: every field there and back, and bytes that this program must not trust."""

import pickle
from dataclasses import fields, replace
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.event import Event, Status
from gateway.queue.parcel import (
    Events,
    Replay,
    Replays,
    Retake,
    UnknownParcel,
    join_events,
    pack_event,
    pack_replays,
    pack_retake,
    unpack,
)

FULL = Event(
    id="evt_01",
    root="evt_00",
    source="shop",
    received_at=1_700_000_000_000_001,
    status=Status.FAILED,
    actions=b'[{"n": 123456789012345678901234567890}]',
    head=b'{"method":"POST"}',
    body=bytes(range(256)),
    version_id="ver_01",
    unique_key="d-1",
    occurred_at=1_600_000_000_000_000,
    is_authenticated=False,
    stage="transform",
    reason="why — ü",
    trace="[]",
    logs="said\n",
    key_id="key_01",
    edited_from="evt_0",
    bulk_id="blk_0",
)


def test_the_example_differs_from_the_default_in_every_field() -> None:
    plain = Event("", "", "", 0, Status.QUEUED)
    same = [field.name for field in fields(Event) if getattr(FULL, field.name) == getattr(plain, field.name)]
    assert same == []


def test_every_field_of_an_event_comes_back_as_it_was() -> None:
    assert unpack(join_events([pack_event(FULL)])) == Events((FULL,))


@pytest.mark.parametrize("status", Status)
def test_every_status_comes_back_as_it_was(status: Status) -> None:
    (event,) = unpack(join_events([pack_event(replace(FULL, status=status))])).events
    assert event.status is status


@pytest.mark.parametrize("many", [1, 15, 16, 256, 70_000])
def test_events_of_a_flush_keep_their_number_and_order(many: int) -> None:
    packed = [pack_event(Event(f"evt_{number}", "", "s", 0, Status.QUEUED)) for number in range(many)]
    parcel = unpack(join_events(packed))
    assert isinstance(parcel, Events)
    assert [event.id for event in parcel.events] == [f"evt_{number}" for number in range(many)]


def test_ids_to_retake_and_replays_come_back_as_they_were() -> None:
    assert unpack(pack_retake(["evt_1", "evt_2"])) == Retake(("evt_1", "evt_2"))
    replays = (Replay("evt_3", "evt_1"), Replay("evt_4", "evt_2"))
    assert unpack(pack_replays(replays)) == Replays(replays)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "version none"),
        (b"\x01", "version 01"),
        (b"\x02\x00\x90", "version 02"),
        (b"\x01\x09\x90", "kind 9"),
        (b"\x01\x00\xc1", "damaged"),
        (b"\x01\x00\x91\xc0", "damaged"),
        (b"\x01\x00\x91\x93\x01\x02\x03", "damaged"),
        (b"\x01\x02\x91\x91\x01", "damaged"),
        (join_events([pack_event(FULL)])[:-3], "damaged"),
        (b"\x01\x01" + msgpack.packb(7), "damaged"),
    ],
)
def test_bytes_that_cannot_be_read_are_an_unknown_parcel(data: bytes, why: str) -> None:
    with pytest.raises(UnknownParcel, match=why):
        unpack(data)


SCALARS = st.none() | st.integers(-(2**40), 2**40) | st.binary(max_size=4) | st.text(max_size=4) | st.booleans()
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner), max_leaves=20
)


@given(
    st.binary(max_size=80) | DOCUMENTS.map(msgpack.packb), st.sampled_from([b"", b"\x01\x00", b"\x01\x01", b"\x01\x02"])
)
@settings(max_examples=200, deadline=None)
def test_no_bytes_at_all_make_reading_break_in_another_way(noise: bytes, head: bytes) -> None:
    try:
        parcel = unpack(head + noise)
    except UnknownParcel:
        return
    assert isinstance(parcel, Events | Retake | Replays)


class Trap:
    """What arq's own serialiser would run when it reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    pickled = pickle.dumps(Trap(sprung))
    pickle.loads(pickled)
    assert sprung.exists(), "the trap works"
    sprung.unlink()
    for data in (pickled, b"\x01\x00" + pickled):
        with pytest.raises(UnknownParcel):
            unpack(data)
    assert not sprung.exists()
