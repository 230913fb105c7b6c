"""The data folder: private, and one `up` at a time."""

import os
import stat
import subprocess

import pytest

from gateway.errors import BadSetting, Conflict
from gateway.supervise.folder import LOCK_NAME, lock_folder, prepare_folder


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_data_folder_is_for_its_user_alone(tmp_path):
    prepare_folder(tmp_path / "deep" / "data")
    assert mode(tmp_path / "deep" / "data") == 0o700


@pytest.mark.parametrize("names", [[], [LOCK_NAME, "hookwright.db"]], ids=["empty", "ours"])
def test_an_existing_folder_that_is_empty_or_ours_is_closed_to_others(tmp_path, names):
    tmp_path.chmod(0o755)
    for name in names:
        (tmp_path / name).touch()
    prepare_folder(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_folder_with_other_files_keeps_its_permissions(tmp_path):
    (tmp_path / "thesis.odt").touch()
    tmp_path.chmod(0o755)
    prepare_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_data_folder_that_is_a_file_is_refused_with_the_name_of_the_setting(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(BadSetting, match="HOOKWRIGHT_DATA_DIR"):
        prepare_folder(tmp_path / "data")


def test_a_second_holder_is_refused_and_hears_who_has_the_folder(tmp_path):
    with lock_folder(tmp_path), pytest.raises(Conflict) as caught, lock_folder(tmp_path):
        pass
    assert f"process {os.getpid()}" in caught.value.detail
    assert str(tmp_path) in caught.value.detail


def test_a_folder_that_was_let_go_can_be_taken_again(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path):
            assert (tmp_path / LOCK_NAME).read_text() == str(os.getpid())
    assert (tmp_path / LOCK_NAME).read_text() == ""


def test_after_a_killed_up_the_lock_waits_until_its_last_child_has_gone(tmp_path):
    """The child holds the inherited lock; the process that is named in the file is dead."""
    with subprocess.Popen(["/bin/true"]) as gone:
        pass
    with lock_folder(tmp_path) as lock:
        child = subprocess.Popen(["/bin/sleep", "0.3"], pass_fds=(lock,))
    (tmp_path / LOCK_NAME).write_text(str(gone.pid))
    with child, lock_folder(tmp_path):
        assert child.poll() is not None or child.wait(1) == 0
