"""The door to the database, the same contract on both: all or nothing, one writer, one moment, honest errors."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from gateway.errors import StoreBusy
from gateway.store import dialect, engine
from gateway.store.engine import IntegrityError, Store
from gateway.store.lists import create_lists, find_lists

Open = Callable[..., Store]


def in_thread(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def make_list(store: Store, name: str = "VIP") -> None:
    with store.writing() as connection:
        create_lists(connection, [name], 0)


def test_an_exception_takes_back_all_of_a_transaction(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        raise RuntimeError
    with store.reading() as connection:
        assert find_lists(connection, ["VIP"]) == set()


def test_a_writer_locks_before_it_reads(
    store_url: str, store: Store, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a writer has read cannot be changed by another before it writes: that one does not even begin."""
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_SECONDS", 0.01)
    other = opened(store_url)
    with store.writing(), pytest.raises(StoreBusy), other.writing():
        pass


def test_a_writer_that_has_waited_sees_what_was_committed_meanwhile(store: Store, store_url: str, opened: Open) -> None:
    other, seen = opened(store_url), set[str]()

    def look() -> None:
        with other.writing() as connection:
            seen.update(find_lists(connection, ["VIP"]))

    with store.writing() as connection:
        thread = in_thread(look)
        thread.join(0.2)
        create_lists(connection, ["VIP"], 0)
    thread.join()
    assert seen == {"VIP"}


def test_a_reader_sees_one_moment_while_somebody_writes(store: Store) -> None:
    with store.reading() as reading:
        assert find_lists(reading, ["VIP"]) == set()
        in_thread(lambda: make_list(store)).join()
        assert find_lists(reading, ["VIP"]) == set()
    with store.reading() as reading:
        assert find_lists(reading, ["VIP"]) == {"VIP"}


def test_a_reader_waits_for_no_writer(store: Store) -> None:
    make_list(store)
    with store.writing() as connection:
        create_lists(connection, ["more"], 0)
        with store.reading() as reading:
            assert find_lists(reading, ["VIP", "more"]) == {"VIP"}


def test_a_clash_is_not_taken_for_a_busy_database(store: Store) -> None:
    make_list(store)
    with pytest.raises(IntegrityError):
        make_list(store)


def test_a_mistake_in_sql_is_not_taken_for_a_busy_database(store: Store) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), store.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_errors_never_repeat_what_was_to_be_written(store: Store) -> None:
    make_list(store, "a secret name")
    with pytest.raises(IntegrityError) as caught:
        make_list(store, "a secret name")
    told: BaseException | None = caught.value
    while told is not None:
        assert "a secret name" not in f"{told}{told.args}"
        told = told.__cause__


def test_any_number_of_values_is_looked_up_in_one_statement(store: Store) -> None:
    names = [f"list {number}" for number in range(50_000)]
    with store.writing() as connection:
        create_lists(connection, names[:10], 0)
        assert find_lists(connection, names) == set(names[:10])


def test_more_threads_than_connections_wait_for_each_other_and_then_hear_it(
    store: Store, store_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, many in (("CONNECTIONS_KEPT", 1), ("CONNECTIONS_MORE", 1), ("FREE_CONNECTION_SECONDS", 0.1)):
        monkeypatch.setattr(engine, name, many)
    small = opened(store_url)
    with small.reading(), small.reading(), pytest.raises(StoreBusy, match="in use"), small.reading():
        pass
    with suppress(StoreBusy), small.reading() as connection:
        assert find_lists(connection, ["VIP"]) == set()
