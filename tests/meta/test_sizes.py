"""No module or function grows past what a reader can hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "runner", "engine"}


def functions(module: Any) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function below its signature, the docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def test_modules_are_short(modules: list[Any]) -> None:
    assert [f"{m.where}: {lines}" for m in modules if (lines := len(m.text.splitlines())) > 350] == []


def test_no_function_is_long(modules: list[Any]) -> None:
    too_long = [f"{m.where}:{f.lineno} {f.name}" for m in modules for f in functions(m) if body_lines(f) > 60]
    assert too_long == []


def test_most_functions_are_short(modules: list[Any]) -> None:
    lengths = [body_lines(f) for m in modules for f in functions(m)]
    assert sum(length <= 30 for length in lengths) >= 0.9 * len(lengths)


def test_few_parameters(modules: list[Any]) -> None:
    crowded = [
        f"{m.where}:{f.lineno} {f.name}"
        for m in modules
        for f in functions(m)
        if len([a for a in (*f.args.posonlyargs, *f.args.args) if a.arg not in {"self", "cls"}]) > 5
    ]
    assert crowded == []


def test_names_say_something(modules: list[Any]) -> None:
    assert [m.where for m in modules if m.path.stem in FORBIDDEN] == []
