"""Tiny packages made here, and an index of them on this machine."""

from __future__ import annotations

import base64
import functools
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

WINDOWS: Final = "cp311-cp311-win_amd64"
TOKEN: Final = "sesame%open"  # with a character that must be quoted in an address

BACKEND: Final = '''
import os, zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, {"ownpkg.py": open("ownpkg.py").read()})


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, {"ownpkg.pth": os.getcwd() + "\\n"})


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError


def wheel(folder, files):
    """Write one, and beside the sources a file, as most backends do."""
    open("build.log", "w").close()
    name, info = "ownpkg-1.0-py3-none-any.whl", "ownpkg-1.0.dist-info"
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\\nName: ownpkg\\nVersion: 1.0\\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
'''
SOURCES: Final = {
    "pyproject.toml": (
        '[build-system]\nrequires = []\nbuild-backend = "own_backend"\nbackend-path = ["."]\n'
        '[project]\nname = "ownpkg"\nversion = "1.0"\n'
    ),
    "own_backend.py": BACKEND,
    "ownpkg.py": "version = '1.0'\n",
}


def make_wheel(folder: Path, pin: str, *, requires: Sequence[str] = (), tag: str = "py3-none-any") -> Path:
    """Make a wheel of `name==version` with one module; give its path."""
    name, version = pin.split("==")
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {on}" for on in requires),
    ]
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join([*metadata, ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
    return path


def make_sdist(folder: Path) -> Path:
    """Make a source archive of ownpkg 1.0; give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ownpkg-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {**SOURCES, "PKG-INFO": "Metadata-Version: 2.1\nName: ownpkg\nVersion: 1.0\n"}.items():
            entry = tarfile.TarInfo(f"ownpkg-1.0/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


@dataclass(slots=True, kw_only=True)
class Index:
    """Indexes by name (`simple`, `second`, `private`) on one server of this machine.

    Attributes:
        folder: What is served.
        port: Where.
        n_allowed: How often the private index was asked with its password.
    """

    folder: Path
    port: int = 0
    n_allowed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, name: str, pin: str, **others: Any) -> None:
        folder = self.folder / name / pin.partition("==")[0]
        make_wheel(folder, pin, **others)
        pages = "".join(f'<a href="{wheel.name}">{wheel.name}</a>\n' for wheel in sorted(folder.glob("*.whl")))
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{pages}</body></html>")


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, index: Index) -> None:
        self.index = index
        super().__init__(*arguments, directory=str(index.folder))

    def do_GET(self) -> None:
        if self.path.startswith("/private/"):
            wanted = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="private"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            with self.index.lock:
                self.index.n_allowed += 1
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index of packages that the forms of requirements ask for."""
    index = Index(folder=tmp_path_factory.mktemp("index"))
    for pin in ("tinypkg==1.0", "tinypkg==2.0", "earlypkg==0.9", "earlypkg==1.0rc1"):
        index.add("simple", pin)
    index.add("simple", "leanpkg==1.0", requires=["tinypkg<2"])
    index.add("simple", "needypkg==1.0", requires=["absentpkg>1"])
    index.add("simple", "winpkg==1.0", tag=WINDOWS)
    index.add("second", "tinypkg==3.0")
    index.add("private", "hiddenpkg==1.0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, index=index))
    index.port = server.server_address[1]
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    yield index
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Write a model directory with wheels and sources of its own in it."""

    def made(files: dict[str, str]) -> Path:
        directory = tmp_path / "model"
        make_wheel(directory / "wheels", "innerpkg==1.0")
        make_wheel(directory / "wheels", "winpkg==1.0", tag=WINDOWS)
        make_sdist(directory / "sources")
        for name, text in {**{f"own/{name}": text for name, text in SOURCES.items()}, **files}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return directory

    return made
