"""Locks exclude other processes, and a file system without them is refused."""

import errno
import os
from types import SimpleNamespace

import filelock._unix
import pytest

from workbench.doctor import _locks, examine
from workbench.errors import BadInput
from workbench.locks import excludes, file_lock


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused_and_no_soft_lock_is_left(tmp_path, monkeypatch, number):
    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", fails)
    with pytest.raises(BadInput, match="has no locks"), file_lock(tmp_path / "a.lock"):
        pass
    assert not file_lock(tmp_path / "a.lock").is_locked


def test_a_lock_keeps_another_process_out_and_a_held_one_is_noticed(tmp_path):
    assert excludes(tmp_path / "a.lock") is True
    with file_lock(tmp_path / "a.lock"):
        assert excludes(tmp_path / "a.lock") is None


def test_the_doctor_says_whether_a_stores_locks_exclude(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.doctor.task_ids", tuple)
    for answer, usable, told in (
        (True, True, "locks exclude"),
        (False, False, "two could work on one run"),
        (None, True, "another process holds"),
    ):
        monkeypatch.setattr("workbench.doctor.excludes", lambda _, answer=answer: answer)
        row = examine(tmp_path).iloc[0]
        assert (row["kind"], row["usable"]) == ("store", usable)
        assert told in row["detail"]
    assert _locks(tmp_path / "none") == (False, "there is no such folder; make it first")


def test_mounts_whose_locks_stay_on_one_machine_are_refused(tmp_path, monkeypatch):
    mount = SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4", opts="rw,local_lock=all")
    monkeypatch.setattr("workbench.doctor.psutil.disk_partitions", lambda all: [mount])
    assert _locks(tmp_path) == (
        False,
        "on nfs4, mounted with local_lock=all, locks keep no other machine out",
    )
    mount.opts = "rw,local_lock=none"
    usable, detail = _locks(tmp_path)
    assert usable
    assert f"run `flock {tmp_path / '.doctor.lock'} sleep 60` on another machine" in detail
