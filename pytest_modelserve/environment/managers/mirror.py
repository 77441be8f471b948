"""A directory that looks like the model's, in which installers may write."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LINES_FILE: Final = ".modelserve-requirements.txt"
_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(slots=True, kw_only=True)
class Mirror:
    """Links to a model's files, and copies of the packages in it that are installed from their sources.

    Build backends write beside the sources (`build`, `*.egg-info`), and the model may be read-only. An editable
    install points at its sources for as long as the environment lives, so they stay with the environment.

    Attributes:
        root: The directory.
        links: What stands for the model's own.
        copies: The packages.
    """

    root: Path
    links: list[Path] = field(default_factory=list)
    copies: list[Path] = field(default_factory=list)

    @classmethod
    def of(cls, model: Path, root: Path, named: Iterable[str] = ()) -> Mirror:
        """Make it.

        Args:
            model: The model directory.
            root: Where; not there yet.
            named: Paths that requirement lines name, relative to the model directory or absolute.

        Raises:
            OSError: If something cannot be read or written.
        """
        mirror = cls(root=root)
        mirror._fill(model.absolute(), root, sorted(_packages(model, named)))
        return mirror

    def write_lines(self, lines: Sequence[str]) -> Path:
        """Put requirement lines into a file.

        Raises:
            OSError: If they cannot be written.
        """
        path = self.root / LINES_FILE
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    def close(self, *, keeps_packages: bool) -> None:
        """Remove it, all but the packages where the environment goes on using them.

        Raises:
            OSError: If it cannot be removed.
        """
        if not (keeps_packages and self.copies):
            shutil.rmtree(self.root)
            return
        for path in (*self.links, self.root / LINES_FILE):
            path.unlink(missing_ok=True)

    def _fill(self, source: Path, target: Path, packages: Sequence[Path]) -> None:
        if source in packages:
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), ignore_dangling_symlinks=True)
            _make_writable(target)
            self.copies.append(target)
            return
        target.mkdir()
        for path in source.iterdir():
            below = [each for each in packages if each.is_relative_to(path)]
            if below:
                self._fill(path, target / path.name, below)
            else:
                (target / path.name).symlink_to(path)
                self.links.append(target / path.name)


def _packages(model: Path, named: Iterable[str]) -> Iterator[Path]:
    """Give the folders in the model directory that are installed from their sources."""
    top = model.absolute()
    for name in named:
        folder = Path(os.path.normpath(top / name))
        is_ours = folder.is_relative_to(top) and not Path(name).is_absolute()
        if is_ours and any((folder / each).is_file() for each in _PROJECT_FILES):
            yield folder


def _make_writable(root: Path) -> None:
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)
