"""The Python that a model asks for, looked up where Pythons are: pyenv, uv, PATH, conda, and the running one.

Ours, since neither uv nor virtualenv's discovery looks into pyenv's versions, and both may take or download another
patch in silence.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from ..errors import InterpreterMissing
from .answers import Answers
from .conda_places import conda_prefixes

_ON_PATH: Final = re.compile(r"python3(\.\d+)?")
_ASKED_TIMEOUT_S: Final = 30.0  # a shim on a loaded machine takes seconds, a broken one would take for ever
_QUESTION: Final = """
import json, platform, sys, sysconfig
print(json.dumps({
    "path": getattr(sys, "_base_executable", None) or sys.executable,
    "version": platform.python_version().rstrip("+"),
    "implementation": sys.implementation.name,
    "machine": platform.machine(),
    "libc": " ".join(platform.libc_ver()).strip(),
    "abi": str(sysconfig.get_config_var("SOABI")),
    "is_free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One Python of this machine, as it describes itself.

    Attributes:
        path: The executable behind all links and virtual environments.
        version: With patch, such as `3.11.7`.
        implementation: `cpython`, `pypy` …
        machine: `x86_64`, `aarch64` …
        libc: Name and version, empty where the platform does not tell.
        abi: The tag of its binary modules, which tells musl from glibc.
        is_free_threaded: Whether it was built without the global lock, for which most packages have no wheels.
    """

    path: Path
    version: str
    implementation: str = "cpython"
    machine: str = ""
    libc: str = ""
    abi: str = ""
    is_free_threaded: bool = False

    @property
    def minor(self) -> str:
        """Major and minor version."""
        return minor_of(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The interpreter to use, and what the user should know of it.

    Attributes:
        interpreter: The one.
        note: Why it is not exactly what the model asks for; empty where it is.
    """

    interpreter: Interpreter
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where interpreters are looked for, in the order of preference among equals.

    Attributes:
        running: Executables of the running interpreter.
        pyenv: pyenv's root folder.
        uv: The folder with uv's managed Pythons.
        path: The folders of PATH.
        conda: Prefixes of conda's environments, the base ones among them.
        cache: Where environments are removed when nobody uses them, so that none of their Pythons may carry another.
    """

    running: tuple[Path, ...] = ()
    pyenv: Path | None = None
    uv: Path | None = None
    path: tuple[Path, ...] = ()
    conda: tuple[Path, ...] = ()
    cache: Path | None = None

    @classmethod
    def of(cls, env: Mapping[str, str], *, cache: Path | None = None) -> Places:
        """Take the places that environment variables and the platform's customs name."""
        home = Path(env["HOME"]) if env.get("HOME") else Path.home()
        data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
        return cls(
            running=(Path(sys.executable),),
            pyenv=Path(env.get("PYENV_ROOT") or home / ".pyenv"),
            uv=Path(env.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python"),
            path=tuple(Path(part) for part in env.get("PATH", "").split(os.pathsep) if part),
            conda=tuple(dict.fromkeys(conda_prefixes(env, home))),
            cache=cache and cache.resolve(),
        )

    def candidates(self) -> Iterator[Path]:
        """Give what may be an interpreter.

        pyenv's shims are left out: they only lead to its versions, and fail for those that are not switched on. So are
        the Pythons of our own cache, whose prefixes conda writes into its list of environments.
        """
        yield from self.running
        yield from (each for each in self._elsewhere() if not self._is_cached(each))

    def _elsewhere(self) -> Iterator[Path]:
        for root, pattern in ((self.pyenv and self.pyenv / "versions", "*/bin/python"), (self.uv, "*/bin/python")):
            if root:
                yield from sorted(root.glob(pattern))
        shims = self.pyenv / "shims" if self.pyenv else None
        for folder in self.path:
            if folder != shims:
                yield from _pythons_in(folder)
        for prefix in self.conda:
            if (python := prefix / "bin" / "python").exists():
                yield python

    def _is_cached(self, candidate: Path) -> bool:
        return self.cache is not None and Path(os.path.realpath(candidate)).is_relative_to(self.cache)

    def shown(self) -> str:
        """List the places, a line each, for messages."""
        folders = [self.pyenv and self.pyenv / "versions", self.uv, *self.path, *self.conda]
        return "\n".join(dict.fromkeys(str(folder) for folder in (*self.running, *folders) if folder))


def find_interpreters(places: Places, answers: Answers) -> Iterator[Interpreter]:
    """Give each usable CPython once, asking only those that `answers` does not know.

    What cannot be run, or exits with an error as a broken shim does, is passed over.
    """
    seen = set[Path]()
    for candidate in places.candidates():
        found = _described(candidate, answers)
        if found and found.path not in seen and found.implementation == "cpython" and not found.is_free_threaded:
            seen.add(found.path)
            yield found


def find_interpreter(
    wanted: str | None, *, places: Places, answers: Answers, explicit: Path | str | None = None
) -> Choice:
    """Find the interpreter for a version: the same patch, else the newest patch of the same minor version, with a note.

    Args:
        wanted: `3.11.7`, `3.11`, or None for the running interpreter's own version.
        places: Where to look.
        answers: What is already known; new answers are added and saved.
        explicit: The user's choice, a path or a version as `wanted`, which stands whatever is wanted.

    Raises:
        InterpreterMissing: If there is none of that minor version, or `explicit` cannot be run.
    """
    try:
        if isinstance(explicit, str):
            return _chosen(wanted, explicit, places, answers)
        if explicit is not None:
            return _explicit(wanted, explicit, answers)
        if wanted is None:
            return _running(places, answers)
        return _matching(wanted, places, answers)
    finally:
        answers.save()


def minor_of(version: str) -> str:
    """Cut a version to major and minor."""
    return ".".join(version.split(".")[:2])


def _explicit(wanted: str | None, path: Path, answers: Answers) -> Choice:
    found = _described(path, answers)
    if found is None:
        raise InterpreterMissing(
            f"{path} is no Python that runs",
            facts={"wanted": wanted or "any"},
            fix="Name the path of a Python executable, or leave it to the search.",
        )
    is_other = wanted is not None and not f"{found.version}.".startswith(f"{wanted}.")
    note = f"the model recorded Python {wanted}; using {found.version}, as you chose" if is_other else ""
    return Choice(interpreter=found, note=note)


def _chosen(wanted: str | None, version: str, places: Places, answers: Answers) -> Choice:
    found = _matching(version, places, answers, by="you asked for")
    notes = [found.note] if found.note else []
    if wanted is not None and not f"{found.interpreter.version}.".startswith(f"{wanted}."):
        notes.append(f"the model recorded Python {wanted}; using {found.interpreter.version}, as you chose")
    return Choice(interpreter=found.interpreter, note="; ".join(notes))


def _running(places: Places, answers: Answers) -> Choice:
    for found in find_interpreters(Places(running=places.running), answers):
        return Choice(interpreter=found, note=f"the model recorded no Python version; using {found.version}")
    raise InterpreterMissing(
        "the running interpreter is no CPython with the global lock, and the model recorded no version",
        facts={"running": "\n".join(map(str, places.running))},
        fix="Name an interpreter by its path.",
    )


def _matching(wanted: str, places: Places, answers: Answers, *, by: str = "the model recorded") -> Choice:
    found = []
    for each in find_interpreters(places, answers):
        if each.version == wanted:
            return Choice(interpreter=each)
        found.append(each)
    same_minor = [each for each in found if each.minor == minor_of(wanted)]
    if not same_minor:
        raise _missing(wanted, found, places, by)
    best = max(same_minor, key=lambda each: Version(each.version))
    is_open = wanted == minor_of(wanted)
    note = "" if is_open else f"{by} Python {wanted}; using {best.version}"
    return Choice(interpreter=best, note=note)


def _missing(wanted: str, found: Sequence[Interpreter], places: Places, by: str) -> InterpreterMissing:
    seen = [f"{each.version} at {each.path}" for each in sorted(found, key=lambda each: Version(each.version))]
    return InterpreterMissing(
        f"no Python {minor_of(wanted)} was found; {by} {wanted}",
        facts={"wanted": wanted, "looked in": places.shown(), "found": "\n".join(seen) or "none"},
        fix=f"Run `uv python install {wanted}` or `pyenv install {wanted}` (or `conda create -n py{minor_of(wanted)} "
        f"python={wanted}`); any {minor_of(wanted)} will do.",
    )


def _described(path: Path, answers: Answers) -> Interpreter | None:
    known = answers.known(path)
    if known is None:
        known = _ask(path)
        if known is None:
            return None
        answers.learn(path, known)
    if not known or not Path(known["path"]).exists():
        return None
    return Interpreter(**{**known, "path": Path(known["path"])})


def _pythons_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _ON_PATH.fullmatch(path.name))
    except OSError:
        return []  # PATH may name what is not there, or not ours to read


def _ask(path: Path) -> dict[str, Any] | None:
    """Ask a candidate what it is: {} for what is no Python, None where it did not answer in time."""
    try:
        reply = subprocess.run(
            [path, "-I", "-c", _QUESTION],
            capture_output=True,
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=_ASKED_TIMEOUT_S,
            text=True,
        )
        answer = json.loads(reply.stdout)
        answer["path"] = str(Path(answer["path"]).resolve())
        return asdict(Interpreter(**answer))
    except subprocess.TimeoutExpired:
        return None  # a busy machine, perhaps: not to be remembered
    except (OSError, subprocess.CalledProcessError, ValueError, TypeError, KeyError):
        return {}  # a broken shim, a wrapper that prints, a Python for another machine
