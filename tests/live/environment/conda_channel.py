"""Makes a conda channel out of the CPythons of this machine, so that a real solver and a real install need no server.

A CPython that was built for its own prefix is made to find its library beside itself; pip and setuptools are those
that it carries for `ensurepip`. Wheels become packages for any Python.
"""

from __future__ import annotations

import configparser
import hashlib
import io
import json
import os
import platform
import secrets
import tarfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from filelock import FileLock

from pytest_modelserve.environment.interpreter import Interpreter

SUBDIRS: Final = {"x86_64": "linux-64", "aarch64": "linux-aarch64", "arm64": "osx-arm64"}
SUBDIR: Final = SUBDIRS.get(platform.machine(), "noarch")
SCHEMA: Final = 1  # raised when a channel would come out differently
LEFT_OUT: Final = frozenset(
    {"__pycache__", "site-packages", "test", "tests", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"}
)

Content: TypeAlias = "bytes | str"
"""The bytes of a file, or the target of a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One conda package.

    Attributes:
        name: In lower case.
        version: As conda writes it.
        files: Path to content.
        depends: Match specs.
        build: Tells builds of one version apart.
        placeholder: The prefix that its text files name, which conda replaces; empty where none does.
        entry_points: `command = module:function` of a package for any Python; None for a package of this platform.
    """

    name: str
    version: str
    files: Mapping[str, Content]
    depends: Sequence[str] = ()
    build: str = "0"
    placeholder: str = ""
    entry_points: Sequence[str] | None = field(default=None)

    @property
    def subdir(self) -> str:
        return SUBDIR if self.entry_points is None else "noarch"

    def write(self, channel: Path) -> tuple[str, dict[str, Any]]:
        """Write the package; return its file's name and its record."""
        is_noarch = self.entry_points is not None
        index = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "timestamp": int(time.time() * 1000),
            **({"noarch": "python"} if is_noarch else {"platform": "linux", "arch": platform.machine()}),
        }
        info: dict[str, Any] = {"info/index.json": index, "info/paths.json": {"paths": [], "paths_version": 1}}
        info["info/paths.json"]["paths"] = [self._path(path, content) for path, content in sorted(self.files.items())]
        if is_noarch:
            link = {"type": "python", "entry_points": list(self.entry_points or ())}
            info["info/link.json"] = {"noarch": link, "package_metadata_version": 1}
        file = channel / self.subdir / f"{self.name}-{self.version}-{self.build}.tar.bz2"
        file.parent.mkdir(parents=True, exist_ok=True)
        documents: dict[str, Content] = {path: json.dumps(document).encode() for path, document in info.items()}
        with tarfile.open(file, "w:bz2", compresslevel=1) as archive:
            for path, content in {**documents, **self.files}.items():
                _add(archive, path, content)
        written = file.read_bytes()
        hashes = {"md5": hashlib.md5(written).hexdigest(), "sha256": hashlib.sha256(written).hexdigest()}
        return file.name, {**index, **hashes, "size": len(written)}

    def _path(self, path: str, content: Content) -> dict[str, Any]:
        if isinstance(content, str):
            return {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256().hexdigest(), "size_in_bytes": 0}
        is_named = self.placeholder and self.placeholder.encode() in content and b"\0" not in content
        relocated = {"prefix_placeholder": self.placeholder, "file_mode": "text"} if is_named else {}
        digest = hashlib.sha256(content).hexdigest()
        return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(content), **relocated}


def write_channel(channel: Path, packages: Sequence[Package]) -> Path:
    """Write a channel of these packages and return its folder."""
    records: dict[str, dict[str, Any]] = {SUBDIR: {}, "noarch": {}}
    for package in packages:
        name, record = package.write(channel)
        records[package.subdir][name] = record
    for subdir, found in records.items():
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        document = {"info": {"subdir": subdir}, "packages": found, "packages.conda": {}, "repodata_version": 1}
        (channel / subdir / "repodata.json").write_text(json.dumps(document))
    return channel


def channel_of(pythons: Sequence[Interpreter], cache_dir: Path) -> Path:
    """Return a channel with these Pythons and with pip and setuptools, made now or by an earlier run."""
    about = [SCHEMA, *((str(each.path), each.path.stat().st_mtime_ns) for each in pythons)]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    channel = cache_dir / "conda-channels" / key / "conda-forge"
    channel.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(channel.parent / "lock"):
        if not channel.exists():
            draft = channel.with_name(f"draft-{secrets.token_hex(4)}")
            packages = {each.name + each.version: each for python in pythons for each in _packages_of(python)}
            write_channel(draft, list(packages.values())).rename(channel)
    return channel


def from_wheel(wheel: Path, depends: Sequence[str] = ("python",)) -> Package:
    """Return a pure wheel as a package for any Python."""
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        names = [each for each in archive.namelist() if not each.endswith("/")]
        files: dict[str, Content] = {f"site-packages/{each}": archive.read(each) for each in names}
        told = [archive.read(each).decode() for each in names if each.endswith(".dist-info/entry_points.txt")]
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string("".join(told))
    scripts = parser["console_scripts"] if parser.has_section("console_scripts") else {}
    entry_points = [f"{command} = {place}" for command, place in scripts.items()]
    return Package(name=name, version=version, files=files, depends=depends, build="py_0", entry_points=entry_points)


def _packages_of(python: Interpreter) -> Iterator[Package]:
    prefix = python.path.parent.parent
    yield Package(
        name="python",
        version=python.version,
        files=dict(_files_of(prefix, python.minor)),
        build="0_repacked",
        placeholder=str(prefix),
    )
    for wheel in (prefix / "lib" / f"python{python.minor}" / "ensurepip" / "_bundled").glob("*.whl"):
        yield from_wheel(wheel, ("python", "setuptools") if wheel.name.startswith("pip-") else ("python",))


def _files_of(prefix: Path, minor: str) -> Iterator[tuple[str, Content]]:
    yield from (("bin/python", f"python{minor}"), ("bin/python3", f"python{minor}"))
    yield f"lib/python{minor}/site-packages/README.txt", b"Packages go here.\n"
    library = prefix / "lib" / f"python{minor}"
    for path in (prefix / "bin" / f"python{minor}", *prefix.glob("lib/libpython*.so*"), *library.rglob("*")):
        parts = path.relative_to(prefix).parts
        if not path.is_file() or LEFT_OUT.intersection(parts) or path.suffix == ".a":
            continue
        is_inner_link = path.is_symlink() and not path.readlink().is_absolute()
        yield "/".join(parts), os.fspath(path.readlink()) if is_inner_link else _relocatable(path, prefix, len(parts))


def _relocatable(path: Path, prefix: Path, depth: int) -> bytes:
    """Return a file whose library is looked for relative to itself; the new text is never longer than the old one."""
    content = path.read_bytes()
    old = f"{prefix}/lib".encode() + b"\0"
    new = b"$ORIGIN" + b"/.." * (depth - 1) + b"/lib\0"
    if content.startswith(b"\x7fELF") and old in content and len(new) <= len(old):
        return content.replace(old, new.ljust(len(old), b"\0"))
    return content


def _add(archive: tarfile.TarFile, path: str, content: Content) -> None:
    entry = tarfile.TarInfo(path)
    if isinstance(content, str):
        entry.type, entry.linkname = tarfile.SYMTYPE, content
        archive.addfile(entry)
        return
    entry.size = len(content)
    entry.mode = 0o755 if path.startswith("bin/") or ".so" in path else 0o644
    archive.addfile(entry, io.BytesIO(content))
