"""Which files belong to an environment: its own, its standard library's, and the folders that it points to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from .freeze import site_packages
from .interpreter import minor_of

_HOME: Final = re.compile(r"^home\s*=\s*(.+?)\s*$", re.MULTILINE)
_OF_OTHERS: Final = frozenset({"site-packages", "dist-packages"})  # of the interpreter that the environment stands on


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """The places that an environment may import from, links followed.

    Attributes:
        own: The environment's directory and what it points to by `.pth` files and editable installs.
        standard_library: Of the interpreter that it was made from, without the packages of that one.
    """

    own: tuple[Path, ...]
    standard_library: tuple[Path, ...]

    @classmethod
    def of(cls, prefix: Path, python_version: str, *, also: Iterable[Path] = ()) -> Belongings:
        """Look at an environment on disk.

        Args:
            prefix: The environment's directory.
            python_version: Of its Python.
            also: Further places, such as the model directory.
        """
        own = [prefix, *also, *_pointed_to(prefix)]
        return cls(
            own=_with_targets(own),
            standard_library=_with_targets(_standard_library(prefix, python_version)),
        )

    def hold(self, file: Path) -> bool:
        """Tell whether a file lies in one of the places, as it is named or with its links followed."""
        return any(self._hold(path) for path in (file.absolute(), file.resolve()))

    def _hold(self, path: Path) -> bool:
        if any(path.is_relative_to(root) for root in self.own):
            return True
        below = (path.relative_to(root) for root in self.standard_library if path.is_relative_to(root))
        return any(not _OF_OTHERS.intersection(part.parts) for part in below)


def _with_targets(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(each for path in paths for each in (path.absolute(), path.resolve())))


def _standard_library(prefix: Path, python_version: str) -> Iterator[Path]:
    """Yield the folders, and the archive, of the standard library."""
    minor = minor_of(python_version)
    for base in _bases(prefix):
        for lib in ("lib", "lib64"):
            yield base / lib / f"python{minor}"
        yield base / "lib" / f"python{minor.replace('.', '')}.zip"


def _bases(prefix: Path) -> Iterator[Path]:
    """Yield the prefix of the interpreter that an environment was made from, both as named and where it really is."""
    config = prefix / "pyvenv.cfg"
    home = _HOME.search(config.read_text(encoding="utf-8")) if config.is_file() else None
    if home is None:  # no virtual environment: it has its own standard library
        yield prefix
        return
    yield Path(home[1]).parent
    python = prefix / "bin" / "python"
    if python.exists():
        yield python.resolve().parent.parent


def _pointed_to(prefix: Path) -> Iterator[Path]:
    for folder in site_packages(prefix):
        for file in sorted(folder.glob("*.pth")):
            yield from _paths_in(file)
        for package in distributions(path=[str(folder)]):
            if (root := _editable_root(package.read_text("direct_url.json"))) is not None:
                yield root


def _paths_in(file: Path) -> Iterator[Path]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        if text and not text.startswith(("#", "import ", "import\t")):
            path = file.parent / text
            if path.is_dir():
                yield path


def _editable_root(direct_url: str | None) -> Path | None:
    """Return the folder that an editable install stands for (PEP 610)."""
    document = json.loads(direct_url) if direct_url else {}
    url = urlsplit(str(document.get("url", "")))
    is_editable = document.get("dir_info", {}).get("editable", False)
    return Path(unquote(url.path)) if is_editable and url.scheme == "file" else None
