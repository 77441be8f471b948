"""The floors of the architecture: a module imports only from lower floors or from its own folder."""

from __future__ import annotations

import graphlib
from typing import Any

import pytest

# Read from the bottom up. A name is a folder or a module; the rooms of one floor do not know each other.
FLOORS: list[set[str]] = [
    {"errors", "settings", "setting_texts", "lifeline", "forgotten"},
    {"signature", "environment", "server"},
    {"model", "domain", "wire"},
    {"cases", "results"},
    {"client", "strategies"},
    {"search"},
    {"checks"},
    {"report", "gate"},
    {"pipeline", "served", "followed", "running", "discovered", "subject"},
    {
        *("plugin", "options", "precedence", "fixtures", "given", "managed", "progress", "request", "run", "suite"),
        *("ahead", "bounded", "casebook", "cli", "envs", "option", ""),
    },
]
# Three floors stand on themselves, in one order: everything may raise an error, an example is rows on the wire, and the
# flow leads from a model that is read to one that is served.
ALSO: dict[str, set[str]] = {
    "settings": {"errors"},
    "lifeline": {"errors"},
    "model": {"wire"},
    "running": {"subject"},
    "discovered": {"running"},
    "followed": {"subject", "running"},
    "served": {"subject", "running", "followed"},
    "pipeline": {"served", "subject", "discovered"},
}
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


def test_rooms_are_not_stacked_deeper_than_the_floors(modules: list[Any]) -> None:
    graph: dict[str, set[str]] = {}
    for module in modules:
        targets = {target.partition(".")[0] for _, target in module.imports()} - {module.room}
        if module.room not in {"plugin", "suite", "cli", "envs", "fixtures", "given", "request", "run", "casebook", ""}:
            graph.setdefault(module.room, set()).update(targets)
    depth: dict[str, int] = {}
    for room in graphlib.TopologicalSorter(graph).static_order():
        depth[room] = 1 + max((depth[target] for target in graph.get(room, ())), default=0)
    deepest = max(depth, key=lambda room: depth[room])
    assert depth[deepest] <= len(FLOORS), deepest


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
                    breaches.append(f"{module.where}:{getattr(node, 'lineno', 0)} imports {name}")
    assert breaches == []
