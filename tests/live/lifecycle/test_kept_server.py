"""A real server is left to the next run, which takes it only as long as it is whole, and `--xkill` ends it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from pytest_modelserve.environment.eviction import list_cached
from pytest_modelserve.server.keeping import KeptServer, kept_servers

MODEL: Final = Path(__file__).parents[3] / "example_models" / "penguins_rules"
SERVERS: Final = (".pytest_cache", "d", ".xprocess")

pytestmark = pytest.mark.alone  # a server that was slow and therefore replaced is not kept

Until = Callable[[Callable[[], object]], bool]


def test_the_next_run_has_it_until_it_is_broken_or_told_to_end(contract: Any, cache_dir: Path, until: Until) -> None:
    place = ("--rootdir", str(contract.folder), "-o", "cache_dir=.pytest_cache")  # which is elsewhere under tox

    def run() -> tuple[Any, KeptServer]:
        done = contract(MODEL, *place, "--model-checks", "smoke", "--model-keep-server")
        assert done.exit_code == 0, done.output + done.errors
        kept = list(kept_servers(contract.folder.joinpath(*SERVERS)))
        assert len(kept) == 1, done.output + done.errors
        return done, kept[0]

    try:
        cold, first = run()
        warm, second = run()
        assert second.server == first.server
        assert ["kept" in one.model["server"] for one in (cold, warm)] == [False, True]
        assert "builtin server, kept by an earlier run" in warm.output
        assert {one["name"] for one in warm.checks("passed").values()} == {
            one["name"] for one in cold.checks("passed").values()
        }
        used = [one for one in list_cached(cache_dir) if str(one.directory) in _interpreters(first)]
        assert [one.is_in_use for one in used] == [True]  # nobody removes the environment under it

        (worker,) = psutil.Process(first.server.pid).children()
        worker.kill()  # the front that is left answers still
        mended, third = run()
        assert "kept" not in mended.model["server"]
        assert third.server.pid != first.server.pid
        assert until(lambda: not psutil.pid_exists(first.server.pid))
    finally:
        command = [sys.executable, "-m", "pytest", *place, "--xkill"]
        killed = subprocess.run(command, cwd=contract.folder, capture_output=True, text=True, check=False)
    assert "TERMINATED" in killed.stdout
    assert until(lambda: not psutil.pid_exists(third.server.pid))


def _interpreters(kept: KeptServer) -> str:
    return " ".join(word for child in psutil.Process(kept.server.pid).children() for word in child.cmdline())
