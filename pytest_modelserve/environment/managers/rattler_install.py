"""Solves and installs conda packages by py-rattler; run as a script, so that the build can time it and end it.

    python rattler_install.py ORDER.json

The order has `channels` (addresses in their priority), `packages` (match specs), `prefix`, and `cache`, a folder on
the same disk, from which files are linked. What it prints is read by `install.py` (steps) and `symptoms.py` (errors).
All of py-rattler's interface that we use is here, since it changes from release to release.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rattler import Channel, Gateway, MatchSpec, VirtualPackage, install, solve
from rattler.channel import ChannelPriority
from rattler.exceptions import GatewayError, InvalidMatchSpecError, SolverError
from rattler.install import InstallerReporter


class _Steps(InstallerReporter):  # type: ignore[misc]  # mypy is told nothing of rattler, which need not be there
    """Say which package is fetched; linking takes no time worth a word."""

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        _say(f"Collecting {package_name}")
        return operation


def main(arguments: Sequence[str]) -> int:
    """Do what the order says and return the exit code."""
    order = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    try:
        asyncio.run(_install(order))
    except InvalidMatchSpecError as error:
        _say(f"invalid match spec: {error}")
    except SolverError as error:
        _say(f"conda packages cannot be solved: {str(error).removeprefix('Cannot solve the request because of: ')}")
    except GatewayError as error:
        _say(f"a conda channel could not be read: {error}")
    else:
        return 0
    return 1


async def _install(order: dict[str, Any]) -> None:
    started = time.monotonic()
    cache = Path(order["cache"])
    records = await solve(
        [Channel(address) for address in order["channels"]],
        [MatchSpec(text, strict=False) for text in order["packages"]],  # solve() reads texts strictly, unlike conda
        gateway=Gateway(cache_dir=cache / "repodata"),
        virtual_packages=VirtualPackage.detect(),
        channel_priority=ChannelPriority.Strict,
    )
    _say(f"Resolved {_counted(records)} in {time.monotonic() - started:.2f}s")
    for record in sorted(records, key=lambda one: str(one.name.normalized)):
        _say(f" + {record.name.normalized}={record.version}={record.build}")
    started = time.monotonic()
    await install(
        records,
        order["prefix"],
        cache_dir=cache / "pkgs",
        execute_link_scripts=True,  # as conda does
        reporter=_Steps(),
    )
    _say(f"Installed {_counted(records)} in {time.monotonic() - started:.2f}s")


def _counted(records: Sequence[object]) -> str:
    return f"{len(records)} package{'' if len(records) == 1 else 's'}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # No tidy end of the interpreter: one in eight crashes then in 0.28, since threads of rattler still hold objects of
    # Python. All is on disk, and said, by now.
    os._exit(main(sys.argv[1:]))
