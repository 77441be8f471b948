"""The packages that are installed in an environment, read from their metadata without starting its Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .freeze import site_packages
from .pins import markers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackages:
    """All packages of one environment.

    Attributes:
        by_name: Canonical name to package.
        folders: The folders that they lie in.
        markers: What markers are judged by there.
    """

    by_name: Mapping[str, Distribution]
    folders: Sequence[Path]
    markers: Mapping[str, str]
    _records: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, prefix: Path, python_version: str) -> InstalledPackages:
        """Read an environment on disk.

        Args:
            prefix: The environment's directory.
            python_version: Of its Python.
        """
        folders = tuple(site_packages(prefix))
        found: dict[str, Distribution] = {}
        for each in distributions(path=[str(folder) for folder in folders]) if folders else ():
            if "Name" in each.metadata:  # a half-removed package leaves a folder without metadata
                found.setdefault(str(canonicalize_name(each.metadata["Name"])), each)
        return cls(by_name=found, folders=folders, markers=markers_of(python_version))

    def owners_of(self, module: str, file: Path) -> tuple[str, ...]:
        """Return the names of the packages that brought a file, sorted; none where none says so.

        Args:
            module: The dotted name of the module that it holds, for packages without a record of their files.
            file: Where it was imported from.
        """
        path = next((file.relative_to(one) for one in self._roots() if file.is_relative_to(one)), None)
        if path is None:
            return ()
        top = module.partition(".")[0]
        return tuple(sorted(name for name in self.by_name if self._brought(name, path.as_posix(), top)))

    def requirements_of(self, name: str, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
        """Yield what a package requires there, with these of its extras; what has no form is passed over."""
        for text in self.by_name[name].requires or ():
            try:
                wanted = Requirement(text)
            except InvalidRequirement:  # written before requirements had a form; the installer passed over it, too
                continue
            if wanted.marker is None or any(
                wanted.marker.evaluate({**self.markers, "extra": extra}) for extra in ("", *extras)
            ):
                yield wanted

    def is_named_elsewhere(self, name: str) -> bool:
        """Tell whether conda installed a package, or a line that says its address: neither has to say its name."""
        package = self.by_name[name]
        return (package.read_text("INSTALLER") or "").strip() == "conda" or bool(package.read_text("direct_url.json"))

    def spelled(self, name: str) -> str:
        """Return the name of a package as it writes it itself."""
        return str(self.by_name[name].metadata["Name"])

    def _roots(self) -> Iterator[Path]:
        for folder in self.folders:
            yield folder
            yield folder.resolve()

    def _brought(self, name: str, path: str, top: str) -> bool:
        if name not in self._records:
            record = self.by_name[name].read_text("RECORD") or ""
            self._records[name] = frozenset(line.partition(",")[0].strip('"') for line in record.splitlines())
        if self._records[name]:
            return path in self._records[name]
        return top in (self.by_name[name].read_text("top_level.txt") or "").split()
