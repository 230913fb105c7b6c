"""A wrong address is said in one clear sentence: which setting, what is wrong, the way out; never the password."""

from collections.abc import Callable
from pathlib import Path

import pytest
from postgres import PASSWORD, Server, name_of
from running import free_port

from gateway.errors import BadSetting, HookwrightError, StoreBusy
from gateway.store.address import read_address
from gateway.store.engine import Store
from gateway.store.migrate import migrate

Open = Callable[..., Store]
Trouble = Callable[[str], HookwrightError]


@pytest.fixture
def trouble(opened: Open) -> Callable[[str], HookwrightError]:
    """Give what gives the error that whoever opens this database meets, the same to read and to migrate."""

    def trouble(url: str) -> HookwrightError:
        with pytest.raises((BadSetting, StoreBusy)) as reading, opened(url).reading():
            pass
        with pytest.raises((BadSetting, StoreBusy)) as migrating:
            migrate(url)
        assert type(reading.value) is type(migrating.value)
        return reading.value

    return trouble


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is no address of a database"),
        ("nonsense", "is no address of a database"),
        ("postgresql://u:sesame@host:port/name", "is no address of a database"),
        ("mysql://u:sesame@host/name", "begins with mysql://"),
        ("postgresql+asyncpg://u:sesame@host/name", "begins with postgresql+asyncpg://"),
        ("sqlite+aiosqlite:///x.db", "begins with sqlite+aiosqlite://"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////tmp/x.db?mode=ro", "no options behind"),
        ("postgresql://u:sesame@host", "names no database"),
        ("postgresql://u:s@same@host/name", "%40"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(trouble: Trouble, url: str, words: str) -> None:
    error = trouble(url)
    assert isinstance(error, BadSetting)
    assert error.detail.startswith("HOOKWRIGHT_DATABASE_URL")
    assert words in error.detail
    assert "same" not in error.detail


@pytest.mark.parametrize("spelling", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken(postgres: Server, opened: Open, spelling: str) -> None:
    with postgres.database() as url:
        store = opened(url.replace("postgresql", spelling, 1))
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_password_of_any_characters_is_taken_in_percent_signs(postgres: Server, opened: Open) -> None:
    with postgres.database() as url:
        written = "".join(f"%{byte:02X}" for byte in PASSWORD.encode())
        store = opened(f"postgresql://postgres:{written}@127.0.0.1:{postgres.port}/{name_of(url)}")
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgres:sesame@127.0.0.1:{port}/postgres", "the user or the password is wrong"),
        ("nobody:sesame@127.0.0.1:{port}/postgres", "the user or the password is wrong"),
        ("postgres@127.0.0.1:{port}/postgres", "it asks for a password"),
        ("postgres@/nowhere?host={folder}&port={port}", "there is no such database"),
        ("nobody@/postgres?host={folder}&port={port}", "no such user"),
        ("postgres@/postgres?host={folder}&port={port}&nonsense=1", "none of PostgreSQL's"),
        ("postgres@/postgres?host={folder}&port={port}&sslmode=nonsense", "no such sslmode"),
        ("postgres:sesame@127.0.0.1:{port}/postgres?sslmode=require", "does not speak TLS"),
    ],
)
def test_a_server_that_does_not_let_in_is_a_wrong_setting(
    trouble: Trouble, postgres: Server, address: str, words: str
) -> None:
    error = trouble("postgresql://" + address.format(port=postgres.port, folder=postgres.folder))
    assert isinstance(error, BadSetting)
    assert error.detail.startswith("HOOKWRIGHT_DATABASE_URL")
    assert words in error.detail
    assert "sesame" not in error.detail


def test_a_user_who_may_not_make_tables_is_a_wrong_setting(postgres: Server) -> None:
    with postgres.database(is_migrated=False) as url:
        postgres.execute("CREATE ROLE guest LOGIN")
        with pytest.raises(BadSetting, match="this user may not use it"):
            migrate(url.replace("postgres@", "guest@"))
        postgres.execute("DROP ROLE guest")


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_server_that_is_not_there_may_come(trouble: Trouble, host: str) -> None:
    error = trouble(f"postgresql://u:sesame@{host}:{free_port()}/name")
    assert isinstance(error, StoreBusy)
    assert f'the database "name" on {host} is busy or away' in error.detail
    assert "sesame" not in error.detail


def test_what_has_worked_once_is_away_and_not_wrong(postgres: Server, opened: Open) -> None:
    """A password that is changed while a worker runs must not make it give up on events."""
    url = postgres.create()
    store = opened(url)
    with store.reading():
        pass
    postgres.drop(url)
    with pytest.raises(StoreBusy), store.reading():
        pass


def test_a_file_that_is_not_there_is_not_made_by_looking(tmp_path: Path, opened: Open) -> None:
    with pytest.raises(BadSetting, match="hookwright migrate"), opened(f"sqlite:///{tmp_path}/no.db").reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path, trouble: Trouble) -> None:
    error = trouble(f"sqlite:///{tmp_path}")
    assert isinstance(error, BadSetting)
    assert "cannot be opened" in error.detail


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, trouble: Trouble) -> None:
    error = trouble(f"sqlite:///{tmp_path}/nowhere/x.db")
    assert isinstance(error, BadSetting)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, trouble: Trouble) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 100)
    error = trouble(f"sqlite:///{path}")
    assert isinstance(error, BadSetting)
    assert "no SQLite database" in error.detail
    assert path.read_text() == "dear diary, " * 100


def test_what_is_shown_of_an_address_is_its_place() -> None:
    assert str(read_address("postgres://u:p%40w@h:1/n").render_as_string(hide_password=False)) == (
        "postgresql+psycopg://u:p%40w@h:1/n"
    )
