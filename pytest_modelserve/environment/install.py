"""Running one installer: in a clean environment, on a lifeline, its output in a log."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..lifeline import Lease, supervised
from .cache import FAILURE_LOG_NAME, LOG_NAME
from .indexes import without_credentials
from .progress import Progress

DEFAULT_TIMEOUT_S: Final = 3600.0  # a source build of a big package takes half of it
_STOP_TIMEOUT_S: Final = 2.0  # nothing that an installer leaves behind is kept, so it need not tidy up
_ALIEN: Final = (  # would change what is installed, or where
    *("PYTHON", "CONDA_", "VIRTUALENV_", "PYTEST_", "COV_CORE_", "COVERAGE_", "_CONDA"),
    *("UV_PYTHON", "UV_PROJECT", "UV_WORKING_DIR", "PIP_PYTHON"),
)
_ALIEN_EXACTLY: Final = frozenset(
    {
        *("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "__PYVENV_LAUNCHER__"),
        *("UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_COMPILE_BYTECODE"),
        *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_REPORT", "PIP_DRY_RUN"),
    }
)
_STEPS: Final = (  # what an installer prints, and what the user sees of it
    (re.compile(r"Resolved (\d+ packages?) in"), "resolved {0}"),
    (re.compile(r"Prepared (\d+ packages?) in"), "downloaded {0}"),
    (re.compile(r"Installed (\d+ packages?) in"), "installed {0}"),
    (re.compile(r"\s*Building (\S+)"), "building {0}"),
    (re.compile(r"Collecting package metadata"), "reading the channels"),  # conda
    (re.compile(r"Solving environment"), "solving"),
    (re.compile(r"(?:Preparing|Verifying|Executing|Starting) transaction|Transaction starting"), "linking"),
    (re.compile(r"Collecting (\S+)"), "collecting {0}"),
    (re.compile(r"Installing collected packages: (.*)"), "installing the packages"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How a command ended.

    Attributes:
        returncode: As `subprocess` counts.
        lines: All that it wrote, both streams, passwords masked.
        is_timed_out: Whether it was ended for taking too long.
    """

    returncode: int
    lines: tuple[str, ...]
    is_timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSite:
    """One build's directory, and how commands run for it.

    Attributes:
        directory: The build's own; the environment itself stands in its `env`.
        env: The environment variables of every command.
        progress: Hears what is going on.
        timeout_s: How long one command may take.
        secrets: What must not be shown, wherever a command writes it.
    """

    directory: Path
    env: Mapping[str, str]
    progress: Progress
    timeout_s: float = DEFAULT_TIMEOUT_S
    secrets: tuple[str, ...] = ()

    @property
    def prefix(self) -> Path:
        """Where the environment is made."""
        return self.directory / "env"

    @property
    def python(self) -> Path:
        """The environment's interpreter; a link, never to be resolved."""
        return self.prefix / "bin" / "python"

    @property
    def log(self) -> Path:
        """What all commands wrote."""
        return self.directory / LOG_NAME

    @property
    def kept_log(self) -> Path:
        """Where the log can be read once the build has failed and its directory is gone."""
        return self.directory.parent / FAILURE_LOG_NAME

    def run(self, command: Sequence[str | Path], *, cwd: Path | None = None, stage: str) -> Output:
        """Run a command to its end; it dies with this process, however that ends.

        Args:
            command: The program and its arguments.
            cwd: Its directory, by default the build's own.
            stage: What it does, for the user.

        Raises:
            OSError: If the supervisor cannot be started or the log not be written.
        """
        self.progress.step(stage)
        lease = Lease(self.directory / "lease")
        supervisor = supervised([str(part) for part in command], lease.path, stop_timeout_s=_STOP_TIMEOUT_S)
        process = subprocess.Popen(
            supervisor,
            cwd=cwd or self.directory,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        late = threading.Event()
        timer = threading.Timer(self.timeout_s, _end, (lease, late))
        timer.start()
        with process:
            try:
                lines = self._follow(process, stage)
                process.wait()
            finally:  # on Ctrl-C too: closing the lease ends the command
                timer.cancel()
                timer.join()
                lease.close()
                process.wait()  # `with` would wait a quarter of a second only after Ctrl-C
        return Output(returncode=process.returncode, lines=tuple(lines), is_timed_out=late.is_set())

    def _follow(self, process: subprocess.Popen[str], stage: str) -> list[str]:
        lines = []
        with self.log.open("a", encoding="utf-8") as log:
            for raw in process.stdout or ():
                line = self._masked(raw.rstrip())
                lines.append(line)
                log.write(f"{line}\n")
                log.flush()
                if said := _as_step(line):
                    self.progress.step(f"{stage}: {said}")
        return lines

    def _masked(self, line: str) -> str:
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return without_credentials(line)


def installer_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would turn an installer away from the environment that it is to fill.

    The rest stays: compilers, credential helpers, proxies and certificates read variables that nobody can list.
    PYTHONDONTWRITEBYTECODE is among those left out, or every start of the environment would compile it anew.
    """
    kept = {name: value for name, value in env.items() if not name.startswith(_ALIEN) and name not in _ALIEN_EXACTLY}
    return kept | {
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }


def _end(lease: Lease, late: threading.Event) -> None:
    late.set()
    lease.close()


def _as_step(line: str) -> str:
    for pattern, text in _STEPS:
        if match := pattern.match(line):
            return text.format(*match.groups())
    return ""
