"""A lease is one holder's own: nobody gives it back but the holder, or its end."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_modelserve.lifeline import Lease


def is_free(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_is_held_until_closed(lease_path: Path) -> None:
    lease = Lease(lease_path)
    assert lease.is_held
    assert not is_free(lease_path)
    lease.close()
    lease.close()
    assert not lease.is_held
    assert is_free(lease_path)


def test_is_given_back_by_the_end_of_a_block_and_of_the_object(lease_path: Path) -> None:
    with Lease(lease_path):
        assert not is_free(lease_path)
    assert is_free(lease_path)
    lease = Lease(lease_path)
    del lease
    assert is_free(lease_path)


def test_knows_whether_it_is_the_only_one(lease_path: Path) -> None:
    with Lease(lease_path) as lease:
        assert lease.is_only()
        with Lease(lease_path) as other:
            assert [lease.is_only(), other.is_only()] == [False, False]
        assert lease.is_only()
        assert not is_free(lease_path)  # to ask gives nothing up
    with pytest.raises(ValueError, match="closed"):
        lease.is_only()


def test_nobody_takes_a_share_while_the_only_holder_is_alone(lease_path: Path) -> None:
    with Lease(lease_path) as lease, lease_path.open() as other:
        with lease.alone() as is_alone:
            assert is_alone
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with lease.alone() as is_alone:
            assert not is_alone
        fcntl.flock(other, fcntl.LOCK_UN)
        assert not is_free(lease_path)


def test_does_not_pass_to_programs_that_the_holder_starts(lease_path: Path) -> None:
    lease = Lease(lease_path)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as program:
        lease.close()
        assert is_free(lease_path)
        program.kill()


def test_a_forked_child_cannot_give_it_back(lease_path: Path) -> None:
    code = f"""
import fcntl, os
from pathlib import Path
from pytest_modelserve.lifeline import Lease
lease = Lease(Path({str(lease_path)!r}))
if os.fork() == 0:
    lease.close()
    os._exit(0)
os.wait()
with lease.path.open() as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(42)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 42


@pytest.mark.parametrize("others", [0, 1])
def test_leaving_tells_whether_it_was_the_last(lease_path: Path, others: int) -> None:
    lease = Lease(lease_path)
    rest = [Lease(lease_path) for _ in range(others)]
    assert lease.leave() is (others == 0)
    assert not lease.is_held
    assert lease.leave() is False
    for other in rest:
        other.close()
    assert is_free(lease_path)


def test_leaving_is_the_last_where_the_supervisor_was_faster(lease_path: Path) -> None:
    lease = Lease(lease_path)
    with lease_path.open() as file:
        fcntl.flock(lease._descriptor or 0, fcntl.LOCK_UN)  # the moment in which the exchange gave up the old lock
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lease.leave() is True


def test_a_lease_on_a_file_that_was_removed_is_taken_on_the_new_one(lease_path: Path) -> None:
    with Lease(lease_path), lease_path.open() as old:
        lease_path.unlink()
        with Lease(lease_path):
            assert not os.path.samestat(os.fstat(old.fileno()), lease_path.stat())
            assert not is_free(lease_path)


def test_a_file_removed_while_the_lock_was_awaited_does_not_count(
    lease_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, locked = fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        locked.append(descriptor)
        if len(locked) == 1:
            lease_path.unlink()

    monkeypatch.setattr(fcntl, "flock", late)
    lease = Lease(lease_path)
    monkeypatch.undo()
    assert len(locked) == 2
    assert not is_free(lease_path)
    lease.close()


def test_ctrl_c_while_the_lock_is_awaited_leaves_no_descriptor(
    lease_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def interrupted(descriptor: int, operation: int) -> None:
        opened.append(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Lease(lease_path)
    monkeypatch.undo()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_says_what_it_holds(lease_path: Path) -> None:
    lease = Lease(lease_path)
    assert repr(lease) == f"Lease({str(lease_path)!r}, held)"
    lease.close()
    assert repr(lease) == f"Lease({str(lease_path)!r}, closed)"


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Lease(tmp_path / "file" / "lease")


def test_a_share_that_is_not_needed_is_had_only_where_the_file_is(lease_path: Path) -> None:
    lease_path.unlink(missing_ok=True)
    with Lease(lease_path, is_needed=False) as lease:
        assert not lease.is_held
        assert not lease.leave()
    assert not lease_path.exists()
    lease_path.touch(0o400)
    with Lease(lease_path, is_needed=False) as lease:
        assert lease.is_held
        assert not is_free(lease_path)
    assert is_free(lease_path)


def test_others_may_do_with_the_file_what_the_mode_says(lease_path: Path) -> None:
    for mode in (0o600, 0o644):
        lease_path.unlink(missing_ok=True)
        Lease(lease_path, mode=mode).close()
        assert lease_path.stat().st_mode & 0o777 == mode
