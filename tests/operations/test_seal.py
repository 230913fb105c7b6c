"""Sealing: a value opens where it was sealed for, with a key that is listed, and nowhere else."""

from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.errors import BadSetting
from gateway.seal import Sealer, open_sealer, write_secret_key

OLD, NEW = "old-" + "k" * 32, "new-" + "k" * 32


def test_what_is_sealed_opens_only_where_it_was_sealed_for() -> None:
    sealer = Sealer([OLD])
    sealed = sealer.seal("value", "shop", "word")
    assert sealer.unseal(sealed, "shop", "word") == "value"
    assert sealer.seal("value", "shop", "word") != sealed, "the same value never looks the same"
    for source, name in (("shop", "other"), ("other", "word"), ("shopw", "ord")):
        with pytest.raises(BadSetting, match="does not open"):
            sealer.unseal(sealed, source, name)
    for damaged in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:5], b""):
        with pytest.raises(BadSetting, match="does not open"):
            sealer.unseal(damaged, "shop", "word")


def test_of_several_keys_the_first_seals_and_all_open() -> None:
    by_old = Sealer([OLD]).seal("value", "shop", "word")
    both = Sealer([NEW, OLD])
    assert both.unseal(by_old, "shop", "word") == "value"
    assert Sealer([NEW]).unseal(both.seal("value", "shop", "word"), "shop", "word") == "value"
    with pytest.raises(BadSetting):
        Sealer([NEW]).unseal(by_old, "shop", "word")


def test_a_short_or_missing_key_is_a_bad_setting(tmp_path: Path) -> None:
    for listed in ("short", "short, " + OLD, ","):
        with pytest.raises(BadSetting, match="HOOKWRIGHT_SECRET_KEY"):
            open_sealer(load_settings(data_dir=tmp_path, secret_key=listed))
    with pytest.raises(BadSetting, match=r"secret\.key"):
        open_sealer(load_settings(data_dir=tmp_path))


def test_the_written_key_is_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    write_secret_key(path)
    written = path.read_bytes()
    write_secret_key(path)
    assert path.read_bytes() == written
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]
