"""Model directories, wheels and environment variables that need no network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can reach, which `tmp_path` is not."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as two users")
    folder = Path(tempfile.mkdtemp(prefix="modelserve-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Write a model directory of files by name."""

    def written(files: Mapping[str, str | bytes]) -> Path:
        directory = tmp_path / "model"
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        directory.mkdir(exist_ok=True)
        return directory

    return written


@pytest.fixture
def wheel() -> Callable[..., Path]:
    """Make a wheel of one module; give its path."""

    def made(folder: Path, name: str, version: str, *, requires: str = "", module: bytes = b"") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files = {
            f"{name}.py": module or f"version = {version!r}\n".encode(),
            f"{info}/METADATA": (metadata + (f"Requires-Dist: {requires}\n" if requires else "")).encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
            for path, data in files.items()
        )
        path = folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for each, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
                archive.writestr(each, data)
        return path

    return made


@pytest.fixture
def wheelhouse(tmp_path: Path, wheel: Callable[..., Path]) -> Path:
    """A folder with `tinypkg` 1.0 and 2.0, and `leanpkg` 1.0 that requires tinypkg<2."""
    folder = tmp_path / "wheels"
    wheel(folder, "tinypkg", "1.0")
    wheel(folder, "tinypkg", "2.0")
    wheel(folder, "leanpkg", "1.0", requires="tinypkg<2")
    return folder


@pytest.fixture
def offline(tmp_path: Path, wheelhouse: Path) -> dict[str, str]:
    """Variables under which installers see the wheelhouse alone, by pip's own settings."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse)}
    return {**kept, **pip, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(slots=True)
class Heard:
    """Remember every step."""

    steps: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        self.steps.append(text)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def request_for(tmp_path: Path, offline: dict[str, str], heard: Heard) -> Callable[..., RestoreRequest]:
    """Ask for the environment of a model directory with the running interpreter, offline."""

    def asked(directory: Path, **others: object) -> RestoreRequest:
        fields: dict[str, object] = {"manager": "uv", "root": tmp_path / "cache", "progress": heard, "env": offline}
        spec = EnvironmentSpec.read(directory)
        return RestoreRequest(spec=spec, **{**fields, **others})  # type: ignore[arg-type]

    return asked


@pytest.fixture
def interpreter() -> Interpreter:
    return Interpreter(path=Path("/somewhere/bin/python3.11"), version="3.11.7", machine="x86_64", libc="glibc 2.36")


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a program of ours in another process."""

    def started(code: str, *arguments: object) -> subprocess.Popen[str]:
        path = tmp_path / f"script{len(list(tmp_path.glob('script*.py')))}.py"
        path.write_text(code)
        command = [sys.executable, str(path), *map(str, arguments)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return started
