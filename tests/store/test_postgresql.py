"""What only PostgreSQL has: a server that may be elsewhere, stop, or hang up in the middle of a transaction."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from postgres import Server
from sqlalchemy import Connection, bindparam
from sqlalchemy.exc import IntegrityError

from gateway.errors import StoreBusy
from gateway.store import postgresql
from gateway.store.engine import Store
from gateway.store.lists import create_lists, find_lists
from gateway.store.tables import lists

Open = Callable[..., Store]


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def store(url: str, opened: Open) -> Store:
    return opened(url)


def ask(connection: Connection, statement: str) -> object:
    return connection.exec_driver_sql(statement).scalar()


def pid_of(connection: Connection) -> object:
    return ask(connection, "SELECT pg_backend_pid()")


def lists_of(store: Store) -> set[str]:
    with store.reading() as connection:
        return find_lists(connection, ["VIP", "new"])


def test_a_connection_says_whose_it_is_and_waits_for_nothing_for_ever(store: Store) -> None:
    with store.writing() as connection:
        names = ("application_name", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        assert [ask(connection, f"SHOW {name}") for name in names] == ["hookwright", "30s", "1min", "1min"]


def test_readers_have_a_snapshot_and_cannot_write_and_writers_see_what_is_committed(store: Store) -> None:
    with store.reading() as connection:
        assert ask(connection, "SHOW transaction_isolation") == "repeatable read"
        assert ask(connection, "SHOW transaction_read_only") == "on"
    with store.writing() as connection:
        assert ask(connection, "SHOW transaction_isolation") == "read committed"
        assert ask(connection, "SHOW transaction_read_only") == "off"


def test_a_connection_that_was_lost_in_the_middle_passes_by_itself_and_leaves_nothing(
    store: Store, postgres: Server
) -> None:
    with pytest.raises(StoreBusy, match="connection"), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        postgres.execute(f"SELECT pg_terminate_backend({pid_of(connection)})")
        create_lists(connection, ["new"], 0)
    assert lists_of(store) == set(), "the next transaction has a new connection"


def test_a_connection_that_is_lost_at_the_commit_passes_by_itself(store: Store, postgres: Server) -> None:
    with pytest.raises(StoreBusy), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        postgres.execute(f"SELECT pg_terminate_backend({pid_of(connection)})")
    assert lists_of(store) == set()


def test_connections_that_were_lost_while_nobody_used_them_are_not_noticed(store: Store, postgres: Server) -> None:
    with store.reading() as connection:
        pid = pid_of(connection)
    postgres.execute(f"SELECT pg_terminate_backend({pid})")
    assert lists_of(store) == set()


def test_a_statement_that_takes_too_long_is_ended(url: str, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql.SETTINGS, "statement_timeout", "50ms")
    store = opened(url)
    with pytest.raises(StoreBusy, match="statement timeout"), store.reading() as connection:
        ask(connection, "SELECT pg_sleep(10)")


def test_a_writer_that_sleeps_on_the_lock_loses_it(url: str, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is stopped in the middle of a transaction must not stop all others."""
    sleeper, other = opened(url), opened(url)
    assert lists_of(other) == set(), "it is connected, and may take its time: what follows is for the sleeper alone"
    monkeypatch.setitem(postgresql.SETTINGS, "idle_in_transaction_session_timeout", "1s")
    with pytest.raises(StoreBusy), sleeper.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        with other.writing() as second:
            create_lists(second, ["VIP"], 0)
        create_lists(connection, ["new"], 0)
    assert lists_of(other) == {"VIP"}


def test_a_server_that_stops_answering_is_given_up_and_found_again(
    url: str, opened: Open, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 1.0)
    monkeypatch.setitem(postgresql.ARGUMENTS, "connect_timeout", 2)
    store = opened(url)
    assert lists_of(store) == set()
    with postgres.frozen(), pytest.raises(StoreBusy):
        lists_of(store)
    give_up_at = time.monotonic() + 30
    while True:
        try:
            assert lists_of(store) == set()
            break
        except StoreBusy:
            assert time.monotonic() < give_up_at


def test_a_server_that_stops_in_the_middle_of_a_transaction_is_given_up(
    url: str, opened: Open, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 0.2)
    store = opened(url)
    with pytest.raises(StoreBusy), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        with postgres.frozen():
            create_lists(connection, ["new"], 0)


def test_one_wrong_row_of_many_is_a_clash_and_costs_no_connection(store: Store) -> None:
    names = [{"name": f"list {number % 2000}", "created_at": 0} for number in range(4000)]
    with store.writing() as connection:
        before = pid_of(connection)
    for _ in range(3):
        # Each row is a statement of its own, and further ones are on their way when the first answer is a refusal.
        with pytest.raises(IntegrityError), store.writing() as connection:
            connection.execute(lists.insert().values(name=bindparam("name"), created_at=bindparam("created_at")), names)
    with store.writing() as connection:
        assert pid_of(connection) == before


def test_writers_of_other_processes_wait_in_line(url: str, opened: Open) -> None:
    """Each adds one to what it has read: without the lock some of them would be lost."""
    with opened(url).writing() as connection:
        connection.exec_driver_sql("INSERT INTO registry VALUES (1, 0)")

    def count() -> None:
        store = opened(url)
        for _ in range(20):
            with store.writing() as connection:
                before = ask(connection, "SELECT generation FROM registry")
                connection.exec_driver_sql(f"UPDATE registry SET generation = {before} + 1")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened(url).reading() as connection:
        assert ask(connection, "SELECT generation FROM registry") == 80
