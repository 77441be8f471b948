"""A supervised command ends with the last of its holders, and tells how."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pytest_modelserve.lifeline import Lease, is_over, read_status, supervised

Run = Callable[..., subprocess.Popen[bytes]]
Members = Callable[[], list[psutil.Process]]
Gone = Callable[[list[psutil.Process]], bool]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such call")


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exits_with_the_code_of_its_command(lease: Lease, run: Run, status_path: Path, code: int) -> None:
    assert run(f"echo up; exit {code}").wait(10) == code
    status = read_status(status_path)
    assert status is not None
    assert (status.returncode, status.is_running) == (code, False)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_is_killed_by_the_signal_of_its_command(lease: Lease, run: Run, status_path: Path, number: int) -> None:
    assert run(f"echo up; kill -{int(number)} $$").wait(10) == -number
    status = read_status(status_path)
    assert status is not None
    assert status.returncode == -number


def test_a_command_that_does_not_exist_is_127_and_named(lease: Lease, lease_path: Path, status_path: Path) -> None:
    done = subprocess.run(
        supervised(["no-such-program", "--", "x"], lease_path, status_path=status_path),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 127
    assert "no-such-program" in done.stderr
    status = read_status(status_path)
    assert status is not None
    assert (status.pid, status.returncode, status.is_running) == (0, 127, False)


def test_arguments_arrive_as_they_are(lease: Lease, lease_path: Path) -> None:
    arguments = ["--status", "--", "a b", "-1", ""]
    code = "import sys; print(sys.argv[1:])"
    command = supervised([sys.executable, "-I", "-S", "-c", code, *arguments], lease_path)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == str(arguments)


def test_ends_at_once_without_a_holder(lease_path: Path) -> None:
    lease_path.touch()
    assert (
        subprocess.run(supervised(["sleep", "60"], lease_path), timeout=10, check=False).returncode == -signal.SIGTERM
    )


def test_lives_until_the_last_of_two_holders_leaves(
    lease_path: Path, run: Run, members: Members, gone: Gone, status_path: Path
) -> None:
    first, second = Lease(lease_path), Lease(lease_path)
    process = run("sleep 60 & echo up; wait")
    everyone = members()
    first.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    status = read_status(status_path)
    assert status is not None
    assert status.is_running
    second.close()
    assert process.wait(10) == -signal.SIGTERM
    assert len(everyone) == 2
    assert gone(everyone)


def test_outlives_its_last_holder_for_as_long_as_it_is_kept(
    lease_path: Path, tmp_path: Path, run: Run, members: Members, gone: Gone
) -> None:
    keep, lease = tmp_path / "keep", Lease(lease_path)
    process = run("sleep 60 & echo up; wait", keep_path=keep)
    keep.write_text('{"keep_s": 0.5}')
    os.utime(keep, (0, 0))  # so that it is the end of the lease that counts
    everyone, left = members(), time.time()  # the clock that it is kept by, which may be set meanwhile
    lease.close()
    assert process.wait(10) == -signal.SIGTERM
    assert time.time() - left >= 0.5
    assert gone(everyone)


def test_whoever_comes_in_time_finds_it_alive_and_leaves_it_so(
    lease_path: Path, tmp_path: Path, run: Run, status_path: Path
) -> None:
    keep, lease = tmp_path / "keep", Lease(lease_path)
    process = run("sleep 60 & echo up; wait", keep_path=keep)
    keep.write_text('{"keep_s": 3600}')
    for _ in range(20):  # each gives up the last share, and the next takes one while the supervisor looks
        lease.close()
        lease = Lease(lease_path)
        status = read_status(status_path)
        assert status is not None
        assert status.is_running
        assert lease.is_only()
    lease.close()
    process.terminate()  # it is kept, and ends at once all the same
    assert process.wait(10) == -signal.SIGTERM


def test_a_use_that_nobody_saw_counts_from_its_trace(lease_path: Path, tmp_path: Path, run: Run) -> None:
    keep, lease = tmp_path / "keep", Lease(lease_path)
    process = run("sleep 60 & echo up; wait", keep_path=keep)
    keep.write_text('{"keep_s": 0.4}')
    lease.close()
    began = time.monotonic()
    while time.monotonic() - began < 0.8:  # twice as long as it is kept
        os.utime(keep)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    assert process.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keep_s": "long"}', '{"keep_s": 0}'])
def test_a_note_that_says_nothing_keeps_nothing(lease_path: Path, tmp_path: Path, run: Run, text: str) -> None:
    keep, lease = tmp_path / "keep", Lease(lease_path)
    process = run("echo up; sleep 60", keep_path=keep)
    keep.write_text(text)
    lease.close()
    assert process.wait(10) == -signal.SIGTERM


def test_a_note_from_the_future_prolongs_nothing(lease_path: Path, tmp_path: Path, run: Run) -> None:
    keep, lease = tmp_path / "keep", Lease(lease_path)
    process = run("echo up; sleep 60", keep_path=keep)
    keep.write_text('{"keep_s": 0.3}')
    os.utime(keep, (time.time() + 0.5,) * 2)  # the clock was put back
    lease.close()
    assert process.wait(10) == -signal.SIGTERM


def test_what_it_needs_is_held_until_its_end(lease: Lease, tmp_path: Path, run: Run) -> None:
    needed = tmp_path / "needed"
    needed.touch()
    process = run("echo up; sleep 60", hold=(needed,))

    def is_free() -> bool:
        with needed.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    assert not is_free()
    lease.close()
    process.wait(10)
    assert is_free()


@pytest.mark.parametrize("whole_group", [False, True])
def test_kill_9_of_the_holder_ends_everything(tmp_path: Path, gone: Gone, *, whole_group: bool) -> None:
    code = f"""
import subprocess, sys, time
from pathlib import Path
from pytest_modelserve.lifeline import Lease, supervised
lease = Lease(Path({str(tmp_path / "lease")!r}))
command = supervised(["sh", "-c", "sleep 60 & echo $! $$; wait"], lease.path, status_path=Path({str(tmp_path / "s")!r}))
subprocess.Popen(command)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert holder.stdout is not None
    with holder.stdout:
        everyone = [psutil.Process(int(pid)) for pid in holder.stdout.readline().split()]
    status = read_status(tmp_path / "s")
    assert status is not None
    everyone.append(psutil.Process(status.supervisor_pid))
    if whole_group:
        os.killpg(holder.pid, signal.SIGKILL)
    else:
        holder.kill()
    holder.wait()
    assert gone(everyone)


def test_one_that_ignores_sigterm_is_killed_in_time(lease: Lease, run: Run, members: Members, gone: Gone) -> None:
    process = run("trap '' TERM; sleep 60 & echo up; while :; do sleep 1; done", stop_timeout_s=0.3)
    everyone, asked = members(), time.monotonic()
    lease.close()
    assert process.wait(10) == -signal.SIGKILL
    assert time.monotonic() - asked >= 0.3
    assert gone(everyone)


def test_one_that_ends_in_its_time_is_not_killed(lease: Lease, run: Run) -> None:
    process = run("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
    lease.close()
    assert process.wait(10) == 7


def test_one_that_was_stopped_can_still_end_in_order(lease: Lease, run: Run, members: Members) -> None:
    process = run("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
    members()[0].suspend()
    lease.close()
    assert process.wait(10) == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_supervisor_ends_the_group(
    lease: Lease, run: Run, members: Members, gone: Gone, number: int
) -> None:
    process = run("sleep 60 & echo up; wait")
    everyone = members()
    process.send_signal(number)
    assert process.wait(10) == -signal.SIGTERM
    assert gone(everyone)


@pytest.mark.parametrize("detach", ["", pytest.param("setsid ", marks=linux_only)])
def test_a_crash_leaves_no_worker_behind(lease: Lease, run: Run, gone: Gone, tmp_path: Path, detach: str) -> None:
    child = tmp_path / "child"
    process = run(f"{detach}sh -c 'echo $$ > {child}.draft; mv {child}.draft {child}; exec sleep 60' & "
                  f"while [ ! -e {child} ]; do sleep 0.01; done; echo up; read line; exit 5")  # fmt: skip
    assert process.wait(10) == 5
    pid = int(child.read_text())
    assert not psutil.pid_exists(pid) or gone([psutil.Process(pid)])


@linux_only
def test_kill_9_of_the_supervisor_takes_the_command_along(
    lease: Lease, run: Run, members: Members, gone: Gone, status_path: Path
) -> None:
    process = run("echo up; exec sleep 60")
    everyone = members()
    process.kill()
    process.wait()
    assert gone(everyone)
    status = read_status(status_path)
    assert status is not None
    assert (status.returncode, status.is_running) == (None, False)


def test_a_descriptor_is_passed_to_the_command_alone(lease: Lease, run: Run) -> None:
    reader, writer = os.pipe()
    code = f'import os, time; os.write({writer}, b"through"); os.close({writer}); time.sleep(60)'
    process = run(f"echo up; exec {sys.executable} -I -S -c '{code}'", pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"through"  # the end of the file: nobody else has the other side
    assert process.poll() is None


def test_standard_input_is_empty(lease: Lease, run: Run) -> None:
    assert run("echo up; read line && exit 1; exit 0").wait(10) == 0


def test_files_to_forget_are_gone_when_the_command_is(lease: Lease, run: Run, tmp_path: Path) -> None:
    secret, never = tmp_path / "secret", tmp_path / "never"
    secret.touch()
    process = run("echo up; sleep 60", forget=(secret, never))
    assert secret.exists()
    lease.close()
    process.wait(10)
    assert not secret.exists()


def test_a_new_lease_waits_for_the_end_of_the_old_command(lease_path: Path, run: Run, status_path: Path) -> None:
    first = Lease(lease_path)
    run("trap '' TERM; echo up; while :; do sleep 1; done", stop_timeout_s=0.3)
    first.close()
    assert is_over(status_path, 10)
    with Lease(lease_path):
        status = read_status(status_path)
    assert status is not None
    assert (status.returncode, status.is_running) == (-signal.SIGKILL, False)


def test_the_wait_for_the_end_has_a_limit(lease: Lease, run: Run, status_path: Path) -> None:
    run("echo up; sleep 60")
    assert not is_over(status_path, 0.05)


def test_there_is_no_status_before_the_supervisor_speaks(status_path: Path) -> None:
    assert read_status(status_path) is None
    assert is_over(status_path, 0)
    status_path.write_text('{"supervisor_pid": 1, "pid":')
    assert read_status(status_path) is None
