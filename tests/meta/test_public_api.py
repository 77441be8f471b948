"""The public door: sorted, complete, documented, typed, and cheap until it is used."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import pytest_modelserve


def members(public: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a user reaches through a public name: itself, and the methods and properties of a class."""
    yield public.__name__, public
    if inspect.isclass(public):
        for name, member in vars(public).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod)):
                yield f"{public.__name__}.{name}", member


def public_members() -> list[tuple[str, Any]]:
    values = [getattr(pytest_modelserve, name) for name in pytest_modelserve.__all__]
    plain = [value for value in values if inspect.isclass(value) or inspect.isfunction(value)]
    strategies = pytest_modelserve.strategies
    drawn = [getattr(strategies, name) for name in strategies.__all__ if callable(getattr(strategies, name))]
    return [member for value in (*plain, *drawn) for member in members(value)]


def function_of(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, classmethod) else member


def test_the_names_are_sorted_and_the_same_everywhere(modules: list[Any]) -> None:
    names = pytest_modelserve.__all__
    assert names == sorted(names)
    assert list(pytest_modelserve._HOMES) == names
    (door,) = [module for module in modules if not module.name]
    typed = {
        alias.asname or alias.name
        for node in ast.walk(door.tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert typed == set(names)


def test_each_name_is_what_type_checkers_take_it_for(modules: list[Any]) -> None:
    (door,) = [module for module in modules if not module.name]
    homes = {
        alias.name: node.module
        for node in ast.walk(door.tree)
        if isinstance(node, ast.ImportFrom) and node.level and node.module
        for alias in node.names
    }
    assert {name: home for name, home in pytest_modelserve._HOMES.items() if name != "strategies"} == homes


def test_every_name_resolves_and_stays() -> None:
    for name in pytest_modelserve.__all__:
        value = getattr(pytest_modelserve, name)
        assert value is getattr(pytest_modelserve, name)
        assert getattr(value, "__name__", "").rpartition(".")[2] == name


def test_dir_shows_the_public_names_alone() -> None:
    assert dir(pytest_modelserve) == pytest_modelserve.__all__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'ModelCleint'"):
        _ = pytest_modelserve.ModelCleint


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import pytest_modelserve; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if name.startswith("pytest_modelserve.")} == set()


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    bare = []
    for name, member in public_members():
        text = vars(member).get("__doc__") if inspect.isclass(member) else member.__doc__
        if not text or text.startswith(f"{name}("):  # what dataclass writes by itself
            bare.append(name)
    assert bare == []


def test_first_lines_are_sentences() -> None:
    first_lines = {name: inspect.getdoc(member) or "" for name, member in public_members()}
    assert [
        name for name, text in first_lines.items() if not text.partition("\n\n")[0].rstrip().endswith((".", ":"))
    ] == []


def test_every_public_name_is_annotated() -> None:
    bare = []
    for name, member in public_members():
        function = function_of(member)
        if inspect.isclass(function):
            continue
        signature = inspect.signature(function)
        missing = [one.name for one in signature.parameters.values() if one.annotation is one.empty]
        if set(missing) - {"self", "cls"} or signature.return_annotation is signature.empty:
            bare.append(name)
    assert bare == []


def test_every_error_stands_in_the_tree_of_its_module() -> None:
    errors = importlib.import_module("pytest_modelserve.errors")
    kinds = [name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)]
    assert [name for name in kinds if name not in (errors.__doc__ or "")] == []
    assert set(kinds) <= set(pytest_modelserve.__all__)


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a module and the methods of its classes that anybody may call."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for body in (tree.body, *(node.body for node in classes)):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node


def raised_by(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names of the errors that a function raises itself, not in a function within it."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(ast.unparse(node.exc.func))
        waiting.extend(ast.iter_child_nodes(node))
    return {name for name in found if name.rpartition(".")[2][:1].isupper()}  # else a function that makes the error


def is_said(error: str, text: str) -> bool:
    """Tell whether a text names an error or one that it is a kind of; outcomes of pytest are no errors."""
    if error == "pytest.fail.Exception":
        return True
    kind = getattr(importlib.import_module("pytest_modelserve.errors"), error, None)
    names = [one.__name__ for one in kind.__mro__[:-3]] if inspect.isclass(kind) else [error.rpartition(".")[2]]
    return any(name in text for name in names)


def test_every_error_that_a_public_function_raises_stands_under_raises(modules: list[Any]) -> None:
    unsaid = [
        f"{module.where}:{node.lineno} {node.name} raises {name}"
        for module in modules
        if module.room not in {"runtime", "scoring"}  # processes of their own: nobody calls them
        for node in public_functions(module.tree)
        for name in raised_by(node)
        if not is_said(name, (ast.get_docstring(node) or "").partition("Raises:")[2])
    ]
    assert unsaid == []


def test_type_hints_of_public_functions_can_be_resolved() -> None:
    for name in ("given_input", "read_model", "serve"):
        hints = typing.get_type_hints(getattr(pytest_modelserve, name))
        assert "return" in hints
