"""Reads which modules the model's process had imported, from where, and which of them its own code asked for."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MODULES_FILE: Final = "modules.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedModule:
    """A module that the model's process had imported.

    Attributes:
        name: As in `sys.modules`.
        file: Where it came from.
        phase: `load` or `predict`.
    """

    name: str
    file: Path
    phase: str = "load"

    @property
    def is_generated(self) -> bool:
        """Whether it was written while the model ran: it lies among temporary files, and no import path of ours."""
        return self.file.is_relative_to(tempfile.gettempdir()) and not _is_ours(self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All that was recorded.

    Attributes:
        modules: Those that have a file, in the order in which they came.
        asked_for: Dotted names that the model's own code imports, as it was loaded and as it predicts; each was
            imported or could not be.
    """

    modules: tuple[ImportedModule, ...] = ()
    asked_for: frozenset[str] = frozenset()

    def by_model(self) -> Mapping[str, ImportedModule]:
        """Return the modules that the model's own code imports and that were there, by their first name.

        What was tried and not found is no import, and a name that no file of its own stands for says nothing.
        """
        tops = {name.partition(".")[0] for name in self.asked_for}
        found: dict[str, ImportedModule] = {}
        for module in self.modules:
            if module.name in tops:
                found.setdefault(module.name, module)
        return found


def read_imported(file: Path) -> Imported | None:
    """Read what the model's process recorded; None where it did not."""
    if not file.exists():
        return None
    written = file.read_bytes()  # a line that is being written now has no end yet
    documents = [json.loads(line) for line in written[: written.rfind(b"\n") + 1].splitlines()]
    return Imported(
        modules=tuple(_modules(documents)),
        asked_for=frozenset(name for one in documents for name in one.get("imports", ())),
    )


def by_package(modules: Iterable[ImportedModule]) -> dict[str, list[ImportedModule]]:
    """Return the modules of each package, in the order in which packages came."""
    found: dict[str, list[ImportedModule]] = {}
    for module in modules:
        found.setdefault(module.name.partition(".")[0], []).append(module)
    return found


def _modules(documents: Iterable[Mapping[str, Any]]) -> Iterable[ImportedModule]:
    return (
        ImportedModule(name=str(one["name"]), file=Path(one["file"]), phase=str(one["phase"]))
        for one in documents
        if one["file"]
    )


def _is_ours(file: Path) -> bool:
    """Tell whether the process of the tests would import a file, too."""
    roots = [Path(entry or ".").absolute() for entry in sys.path] + [Path(sys.prefix), Path(sys.base_prefix)]
    return any(file.is_relative_to(root) for root in roots)
