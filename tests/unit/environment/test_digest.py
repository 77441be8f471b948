"""The key of an environment: equal where builds are equal, different where anything decides."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.digest import environment_digest
from pytest_modelserve.environment.indexes import index_identity, read_pip_settings
from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.environment.spec import EnvironmentSpec

FILES = {
    "python_env.yaml": "python: '3.11.7'\ndependencies:\n- -r requirements.txt\n",
    "requirements.txt": "a==1\n-c limits.txt\n./a.whl\n",
    "limits.txt": "b<2\n",
    "a.whl": "wheel",
    "uv.lock": "lock",
    "pyproject.toml": "project",
    ".python-version": "3.11",
    "model.pkl": "weights",
    "MLmodel": "run_id: 1",
}


def digest(spec: EnvironmentSpec, interpreter: Interpreter, **others: object) -> str:
    recipe = {"engine": ("uv", "uv"), **others}
    return environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "one"})


@pytest.mark.parametrize("name", sorted(set(FILES) - {"model.pkl", "MLmodel"}))
def test_every_file_that_decides_changes_it(model: Callable[..., Path], interpreter: Interpreter, name: str) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    more = {"requirements.txt": "\nc==3", "limits.txt": "\nc==3", "python_env.yaml": "build_dependencies: [pip]\n"}
    (directory / name).write_text(FILES[name] + more.get(name, "x"))
    assert digest(EnvironmentSpec.read(directory), interpreter) != before


@pytest.mark.parametrize("name", ["model.pkl", "MLmodel"])
def test_the_model_itself_does_not(model: Callable[..., Path], interpreter: Interpreter, name: str) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    (directory / name).write_text("other")
    assert digest(EnvironmentSpec.read(directory), interpreter) == before


def test_where_the_model_lies_does_not(model: Callable[..., Path], interpreter: Interpreter) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    moved = directory.rename(directory.with_name("moved"))
    assert digest(EnvironmentSpec.read(moved), interpreter) == before


@pytest.mark.parametrize(
    "change",
    [
        {"path": Path("/other")},
        {"version": "3.11.8"},
        {"implementation": "pypy"},
        {"machine": "aarch64"},
        {"libc": "glibc 2.28"},
        {"abi": "musl"},
    ],
)
def test_the_interpreter_changes_it(
    model: Callable[..., Path], interpreter: Interpreter, change: dict[str, object]
) -> None:
    spec = EnvironmentSpec.read(model(FILES))
    assert digest(spec, replace(interpreter, **change)) != digest(spec, interpreter)  # type: ignore[arg-type]


def test_the_recipe_and_the_indexes_change_it(model: Callable[..., Path], interpreter: Interpreter) -> None:
    spec = EnvironmentSpec.read(model(FILES))
    same = digest(spec, interpreter)
    assert digest(spec, interpreter, engine=("virtualenv", "uv")) != same
    assert digest(spec, interpreter, engine=("uv", "pip")) != same
    assert digest(spec, interpreter, extra=("uvicorn",)) != same
    recipe = {"engine": ("uv", "uv")}
    assert environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "two"}) != same
    assert environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "one"}) == same


@pytest.mark.parametrize(
    "setting",
    [
        *({"PIP_INDEX_URL": "https://other/simple"}, {"PIP_EXTRA_INDEX_URL": "https://more/simple"}),
        *({"PIP_PRE": "1"}, {"PIP_NO_BINARY": ":all:"}, {"PIP_FIND_LINKS": "/wheels"}, {"PIP_NO_INDEX": "1"}),
        *({"UV_INDEX_URL": "https://other/simple"}, {"UV_INDEX_STRATEGY": "first-index"}, {"UV_LINK_MODE": "copy"}),
        *({"UV_EXCLUDE_NEWER": "2024-01-01"}, {"UV_RESOLUTION": "lowest"}, {"UV_NO_BUILD": "1"}),
        *({"UV_BUILD_CONSTRAINT": "limits"}, {"UV_NO_BUILD_ISOLATION": "1"}, {"UV_NO_BINARY_PACKAGE": "a"}),
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_settings_that_decide_change_it(
    model: Callable[..., Path], interpreter: Interpreter, setting: dict[str, str], tmp_path: Path
) -> None:
    spec, plain = EnvironmentSpec.read(model(FILES)), {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}

    def by(env: dict[str, str]) -> str:
        indexes = index_identity(read_pip_settings(env), env)
        return environment_digest(spec, interpreter, recipe={}, indexes=indexes)

    assert by({**plain, **setting}) != by(plain)
    indifferent = {"PIP_CERT": "/cert", "PIP_TIMEOUT": "9", "PIP_CACHE_DIR": "/c", "UV_CACHE_DIR": "/u", "TERM": "dumb"}
    assert by({**plain, **indifferent}) == by(plain)


def test_wheels_that_a_find_links_line_names_change_it(model: Callable[..., Path], interpreter: Interpreter) -> None:
    directory = model({"requirements.txt": "--find-links ./wheels\na\n", "wheels/a-1-py3-none-any.whl": "one"})
    before = digest(EnvironmentSpec.read(directory), interpreter)
    (directory / "wheels" / "a-1-py3-none-any.whl").write_text("two")
    assert digest(EnvironmentSpec.read(directory), interpreter) != before


def test_passwords_do_not_change_it(model: Callable[..., Path], interpreter: Interpreter) -> None:
    text = "--index-url https://user:{}@host/simple\na @ https://{}@host/a.whl\n"
    directory = model({"requirements.txt": text.format("one", "one")})
    before = digest(EnvironmentSpec.read(directory), interpreter)
    (directory / "requirements.txt").write_text(text.format("two", "two"))
    assert digest(EnvironmentSpec.read(directory), interpreter) == before
