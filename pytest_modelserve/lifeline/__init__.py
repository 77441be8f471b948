"""Ties a process to those who need it: when the last of them is gone, however it went, so is the process.

Whoever needs the process holds a shared lock on one file, the *lease*. A supervisor, `supervisor.py` run as a script,
starts the process as the leader of a group and waits for the exclusive lock: the kernel grants it once every holder
has closed its lease, exited, or was killed by `kill -9`. Then the whole group ends. Nothing else is needed of the
platform, so Linux and macOS behave alike; only on macOS does a process that leaves the group outlive it.

One rule keeps those who come and those who go apart: take a lease first, look whether the process lives second. While
the supervisor ends the group it holds the exclusive lock, so a lease is only granted when the process is there to stay
or gone for good. It holds also where a process is *kept*, that is, outlives its last holder for some time: only with
that lock does the supervisor see that the time is over, and whoever came first has made it wait.
"""

from __future__ import annotations

from .command import Status, is_over, read_status, supervised
from .lease import Lease, is_exclusive

__all__ = ["Lease", "Status", "is_exclusive", "is_over", "read_status", "supervised"]
