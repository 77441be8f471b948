"""The environments that train ordinary models, the models, and the table of what became of them."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock
from uv import find_uv_bin

from pytest_modelserve.environment.indexes import as_uv, read_pip_settings

HERE: Final = Path(__file__).parent
SCRIPT: Final = HERE / "make_ordinary_models.py"
PYTHON: Final = "3.11"  # the pins have wheels for it, and the models record it
PROPERTY: Final = "ordinary"


@pytest.fixture(scope="session")
def ordinary(cache_dir: Path) -> Path:
    """The folder of the models, but for the nets of torch."""
    return _made(cache_dir / "training", "training.txt")


@pytest.fixture(scope="session")
def nets(cache_dir: Path) -> Path:
    """The folder of the nets of torch, where it can be had without the gigabytes of CUDA."""
    if not _has_small_torch():
        pytest.skip(
            "torch on PyPI is a CUDA build of 3 GB for this platform: name a folder with a CPU wheel of the pinned "
            "version by PIP_FIND_LINKS or UV_FIND_LINKS, or set UV_TORCH_BACKEND=cpu"
        )
    return _made(cache_dir / "training", "torch.txt", "--family", "torch_nets")


def _made(shelf: Path, pins: str, *options: str) -> Path:
    """Return the folder of models that the script trains with what is pinned, made once for a cache."""
    sources = sorted([SCRIPT, *(HERE / "ordinary_models").rglob("*.py")])

    def train(folder: Path) -> None:
        _run(_training_python(shelf, HERE / pins), SCRIPT, folder, *options)

    return _once(shelf, [HERE / pins, HERE / "requirements.txt", *sources], train)


def _training_python(shelf: Path, pins: Path) -> Path:
    """Return an interpreter with what is pinned, built once for a cache."""

    def build(home: Path) -> None:
        _run(find_uv_bin(), "venv", "--python", PYTHON, home)
        _run(find_uv_bin(), "pip", "install", "--python", home / "bin" / "python", "--requirements", pins)

    return _once(shelf, [pins, HERE / "requirements.txt"], build) / "bin" / "python"


def _once(shelf: Path, decided_by: Iterable[Path], build: Callable[[Path], None]) -> Path:
    """Return a folder that is built where it is not there, by one process, from files that decide it."""
    said = b"".join(file.read_bytes() for file in decided_by)
    home = shelf / hashlib.sha256(PYTHON.encode() + said).hexdigest()[:16]
    shelf.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)  # what a killed run left
            build(home)
            (home / "complete").touch()
    return home


def _run(*command: str | Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MLFLOW"))}
    indexes, _flags = as_uv(read_pip_settings(clean), clean, ())  # as the models' environments are built
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800, env={**clean, **indexes})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _has_small_torch() -> bool:
    """Tell whether torch, as pinned, is to be had as a CPU build: from a folder that is named, by uv, or from PyPI."""
    if os.environ.get("UV_TORCH_BACKEND") == "cpu" or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return True
    (version,) = (
        line.partition("==")[2] for line in (HERE / "torch.txt").read_text().splitlines() if line.startswith("torch==")
    )
    told = read_pip_settings(os.environ).get("find-links", ""), os.environ.get("UV_FIND_LINKS", "").replace(",", " ")
    folders = (Path(word) for words in told for word in words.split())
    tag = f"cp{PYTHON.replace('.', '')}"
    return any(list(folder.glob(f"torch-{version}+cpu-{tag}-*.whl")) for folder in folders)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each model that was judged, with the advice that its author gets."""
    rows = sorted(_judged(terminalreporter), key=lambda row: (row["name"], row["seed"]))
    if not rows:
        return
    terminalreporter.section("ordinary models")
    width = max(len(row["name"]) for row in rows)
    terminalreporter.line(f"{'model':{width}}  seed  verdict       requests  predicted  seconds  advice")
    for row in rows:
        terminalreporter.line(
            f"{row['name']:{width}}  {row['seed']:>4}  {row['verdict']:12}  {row['requests']:>8}  {row['accepted']:>9}"
            f"  {row['seconds']:>7.1f}  {len(row['advice']):>6}"
        )
    for row in rows:
        if row["advice"]:
            terminalreporter.line("")
            terminalreporter.line(f"advice on {row['name']}, seed {row['seed']}:")
            for text in row["advice"]:
                terminalreporter.line(f"  {text}")


def _judged(terminalreporter: pytest.TerminalReporter) -> Iterator[Mapping[str, Any]]:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            yield from (value for name, value in getattr(report, "user_properties", ()) if name == PROPERTY)
