"""The floors of the architecture: a module imports only from lower floors or from its own folder."""

from __future__ import annotations

import graphlib
from typing import Any

import pytest

# Read from the bottom up. A name is a folder or a module; the rooms of one floor do not know each other.
FLOORS: list[set[str]] = [
    {"errors", "settings", "lifeline"},
    {"signature", "environment", "server"},
    {"model", "domain", "wire"},
    {"cases", "results"},
    {"client", "strategies"},
    {"search"},
    {"checks"},
    {"report", "gate"},
    {"pipeline"},
    {"plugin", "options", "fixtures", "managed", "suite", "cli", ""},
]
# Floor 2 stands on itself in one order: the wire and the domain know the model's example, never the reverse.
ALSO: dict[str, set[str]] = {"model": {"wire"}, "domain": {"model"}, "results": set(), "client": set()}
ISLANDS: dict[str, set[str]] = {"scoring": {"signature", "runtime"}, "runtime": set()}


def floor_of(room: str) -> int:
    return next(at for at, rooms in enumerate(FLOORS) if room in rooms)


def is_allowed(room: str, target: str) -> bool:
    if room == target:
        return True
    if room in ISLANDS:
        return target in ISLANDS[room]
    if target in ISLANDS:
        return False
    top = len(FLOORS) - 1
    here, there = floor_of(room), floor_of(target)
    return there < here or target in ALSO.get(room, set()) or (here == there == top)


def test_every_room_has_a_floor(modules: list[Any]) -> None:
    known = set(ISLANDS).union(*FLOORS)
    assert {module.room for module in modules} <= known


def test_imports_go_down(modules: list[Any]) -> None:
    breaches = [
        f"{module.where}:{line} imports {target}"
        for module in modules
        for line, target in module.imports()
        if not is_allowed(module.room, target.partition(".")[0])
    ]
    assert breaches == []


def test_no_circle(modules: list[Any]) -> None:
    graph = {module.name: {target for _, target in module.imports()} - {module.name} for module in modules}
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as circle:
        pytest.fail(f"import circle: {' -> '.join(circle.args[1])}")


def test_import_depth(modules: list[Any]) -> None:
    graph = {module.name: {target for _, target in module.imports()} - {module.name} for module in modules}
    depth: dict[str, int] = {}
    for name in graphlib.TopologicalSorter(graph).static_order():
        depth[name] = 1 + max((depth[target] for target in graph.get(name, ())), default=0)
    deepest = max(depth, key=lambda name: depth[name])
    assert depth[deepest] <= 12, deepest  # the longest chain of our own modules


def test_the_runtime_stands_on_the_standard_library(modules: list[Any]) -> None:
    import ast
    import sys

    from_the_model = {"numpy", "pandas", "mlflow"}
    breaches = []
    for module in modules:
        if module.room != "runtime":
            continue
        for node in ast.walk(module.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            top_level = node in module.tree.body
            for name in (name.partition(".")[0] for name in names):
                is_fine = name in sys.stdlib_module_names or (name in from_the_model and not top_level)
                if not is_fine:
                    breaches.append(f"{module.where}:{node.lineno} imports {name}")
    assert breaches == []
