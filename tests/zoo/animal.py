"""What an animal of the zoo is: a healthy model in which one line, or one paper, is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from .model_source import ModelSource

LOADERS: Final = Path(__file__).parent / "loaders"
CONTRACT: Final = "contract"  # the source of a defect that no issue tells, but that a rule of the contract names


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """A healthy model.

    Attributes:
        name: Of its loader in `loaders`.
        signature: inputs, outputs and params as MLflow writes them.
        example: The JSON document of a request.
        data: Makes the files that it loads.
    """

    name: str
    signature: Mapping[str, Any]
    example: Mapping[str, Any]
    data: Callable[[], Mapping[str, bytes]] = field(default=dict)

    @property
    def inputs(self) -> str:
        """Return the types of its inputs, in words."""
        return ", ".join(_kind(spec) for spec in self.signature["inputs"])

    def source(self) -> ModelSource:
        """Return what its model directory is written from."""
        loader = (LOADERS / f"{self.name}.py").read_text(encoding="utf-8")
        return ModelSource(loader=loader, signature=self.signature, example=self.example, data=self.data())


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """A species with one defect; its healthy twin is the species as it is.

    Attributes:
        name: What it does wrong.
        species: Of which it is one.
        source: Where the defect was seen: the address of an issue, or `CONTRACT`.
        check: That is expected to catch it.
        healthy: The line or lines of the loader that are in order.
        broken: What stands in their place.
        papers: What is wrong with the model directory instead: fields of its `ModelSource`.
        settings: Of the run, where the defect shows only under a limit that the user sets.
    """

    name: str
    species: Species
    source: str
    check: str
    healthy: str = ""
    broken: str = ""
    papers: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def model(self) -> ModelSource:
        """Return what its model directory is written from.

        Raises:
            ValueError: The healthy lines do not stand exactly once in the loader.
        """
        healthy = self.species.source()
        loader = swapped(healthy.loader, self.healthy, self.broken) if self.healthy else healthy.loader
        return replace(healthy, **{"loader": loader, **self.papers})


def _kind(spec: Mapping[str, Any]) -> str:
    kind = f"{spec['tensor-spec']['dtype']} tensor" if spec["type"] == "tensor" else str(spec["type"])
    return kind if spec.get("required", True) else f"optional {kind}"


def swapped(text: str, healthy: str, broken: str) -> str:
    """Return a text in which one block of lines, found at whatever depth it is indented, is another.

    Raises:
        ValueError: The block does not stand exactly once in the text.
    """
    lines, block = text.splitlines(), dedent(healthy).strip("\n").splitlines()
    places = [at for at in range(len(lines)) if _stands(block, lines[at : at + len(block)])]
    if len(places) != 1:
        raise ValueError(f"{healthy!r} stands {len(places)} times in the loader, not once")
    (at,) = places
    new = _indented(dedent(broken).strip("\n").splitlines(), _indent(lines[at]))
    return "\n".join([*lines[:at], *new, *lines[at + len(block) :]]) + "\n"


def _stands(block: list[str], lines: list[str]) -> bool:
    return bool(lines) and _indented(block, _indent(lines[0])) == lines


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _indented(lines: list[str], indent: str) -> list[str]:
    return [f"{indent}{line}" if line else line for line in lines]
