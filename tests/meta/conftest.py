"""The package as text and as syntax trees, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_modelserve"


@dataclass(frozen=True)
class Module:
    """One module of the package."""

    name: str  # dotted, without the package: "server.process", "errors"; the package itself is ""
    path: Path
    text: str
    tree: ast.Module

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def room(self) -> str:
        """The first part of the name: the folder, or the module that stands alone."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield (line, dotted module of ours) of every import of our own modules, wherever it stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                yield from self._imports_from(node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == PACKAGE.name:
                        yield node.lineno, alias.name.partition(".")[2]

    def _imports_from(self, node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
        if node.level:
            here = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
            here = [part for part in here if part]
            base = here[: len(here) - (node.level - 1)]
            target = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        elif (node.module or "").split(".")[0] == PACKAGE.name:
            target = (node.module or "").partition(".")[2]
        else:
            return
        for alias in node.names:
            yield node.lineno, resolved(target, alias.name)


def resolved(target: str, name: str) -> str:
    """Return the module that `from target import name` reaches: a submodule where there is one."""
    folder = PACKAGE.joinpath(*[part for part in target.split(".") if part])
    if (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists():
        return f"{target}.{name}".strip(".")
    return target


def read_modules() -> list[Module]:
    modules = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text("utf-8")
        modules.append(Module(name=name, path=path, text=text, tree=ast.parse(text)))
    return modules


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Return every module of the package."""
    return read_modules()
