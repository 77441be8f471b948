"""Two healthy models, the means to break them, and the shell of a reader who repeats what a failure shows."""

from __future__ import annotations

import re
import select
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock

SOURCES: Final = Path(__file__).parent / "sources"
PLACE: Final = "        # the defect\n"
SIGNATURES: Final[Mapping[str, Mapping[str, Any]]] = {
    "tariff": {
        "inputs": [
            {"type": "long", "name": "parcels", "required": True},
            {"type": "double", "name": "weight", "required": True},
            {"type": "string", "name": "zone", "required": False},
        ],
        "outputs": [
            {"type": "long", "name": "parcels", "required": True},
            {"type": "double", "name": "price", "required": True},
            {"type": "string", "name": "label", "required": True},
        ],
        "params": [
            {"name": "discount", "type": "double", "default": 0.0, "shape": None},
            {"name": "copies", "type": "long", "default": 1, "shape": None},
        ],
    },
    "blur": {
        "inputs": [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2, 3]}}],
        "outputs": [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}],
    },
}
EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "tariff": {
        "dataframe_split": {"columns": ["parcels", "weight", "zone"], "data": [[3, 12.5, "north"]]},
        "params": {"discount": 0.0, "copies": 1},
    },
    "blur": {"inputs": [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]},
}
START_TIMEOUT_S: Final = 60.0
CURL_TIMEOUT_S: Final = 30.0
_PORT: Final = re.compile(r"http://127\.0\.0\.1:(\d+)")


@pytest.fixture
def make(tmp_path: Path, model_source: Any) -> Callable[..., Path]:
    """Write one of the healthy models, broken by lines of code in the marked place; its twin is the same without."""

    def write(name: str, defect: str = "", **changes: Any) -> Path:
        lines = "".join(f"        {line}\n" for line in defect.splitlines())
        text = (SOURCES / f"{name}.py").read_text()
        assert text.count(PLACE) == 1
        told = {"signature": SIGNATURES[name], "example": EXAMPLES[name], **changes}
        written: Path = model_source(loader=text.replace(PLACE, lines), **told).write(tmp_path / name)
        return written

    return write


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a curl line brought: its exit code, and the status and body where an answer came."""

    exit_code: int
    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs the lines of a failure as its reader does: `modelserve serve` in one terminal, curl in another."""

    cache_dir: Path

    def show(self, model: Path, curl: str) -> Shown:
        """Serve the model on the port of the curl line, run the line, and stop the server by Ctrl-C."""
        found = _PORT.search(curl)
        assert found is not None, curl
        with FileLock(self.cache_dir / "curl.lock"):  # all failures name the same port
            return self._shown(model, curl, found[1])

    def _shown(self, model: Path, curl: str, port: str) -> Shown:
        command = Path(sysconfig.get_path("scripts"), "modelserve")
        serving = subprocess.Popen(
            [command, "serve", str(model), "--port", port, "--cache-dir", str(self.cache_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert serving.stdout is not None
            ready, _, _ = select.select([serving.stdout], [], [], START_TIMEOUT_S)
            assert ready, "modelserve serve said nothing"
            assert f"http://127.0.0.1:{port}" in serving.stdout.readline()
            return _run(curl)
        finally:
            serving.send_signal(signal.SIGINT)
            serving.communicate(timeout=START_TIMEOUT_S)


def _run(curl: str) -> Shown:
    line = f"{curl} --write-out '\\n%{{http_code}}'"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=CURL_TIMEOUT_S)
    body, _, status = done.stdout.rpartition("\n")
    return Shown(exit_code=done.returncode, status=int(status), body=body)


@pytest.fixture
def shell(cache_dir: Path) -> Shell:
    """Run the lines of a failure as its reader does."""
    return Shell(cache_dir=cache_dir)
