"""What a model's own code imports is read from its byte code: of modules in its directory and of pickled functions."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pytest_modelserve.runtime.own_code import OwnCode

Load = Callable[[str], types.ModuleType]


@pytest.fixture
def load(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Load]:
    """Import a module of a model directory with this source, as a loader does."""
    name = "own_code_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)

    def loaded(source: str) -> types.ModuleType:
        file = tmp_path / f"{name}.py"
        file.write_text(dedent(source))
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield loaded
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import json", ["json"]),
        ("import os.path as place", ["os.path"]),
        ("import os.path", ["os.path"]),
        ("from json import decoder, encoder", ["json"]),
        ("from json import *", ["json"]),
        ("import json, csv", ["csv", "json"]),
        ("def predict(self):\n    import absent.part", ["absent.part"]),
        ("class Model:\n    def predict(self):\n        return [lambda: __import__('x') for _ in ()]", []),
        ("class Model:\n    def predict(self):\n        def inner():\n            from absent import x", ["absent"]),
        ("async def f():\n    import absent", ["absent"]),
        ("try:\n    import absent\nexcept ImportError:\n    absent = None", ["absent"]),  # whether it came others know
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import absent", ["typing"]),
        ("if False:\n    from absent import x as y", []),
        ("global_one = 1\ndef f():\n    global json\n    import json", ["json"]),
        ("def f():\n    from . import near\n    from .near import x\n    from ..far import y", []),
        ("x = 1", []),
        # more than 255 constants and names, so that numbers take two bytes
        ("".join(f"a{at} = {at}.5\n" for at in range(300)) + "import json\ndel a1", ["json"]),
    ],
)
def test_imports_of_a_module(source: str, imports: list[str], load: Load, tmp_path: Path) -> None:
    module = load(source)
    own = OwnCode(str(tmp_path))
    assert own.holds(module.__file__)
    assert own.imports_of(module) == imports


def test_what_is_not_the_model_is_not_read(tmp_path: Path) -> None:
    own = OwnCode(str(tmp_path / "model"))
    for file in (None, "", "model.py", str(tmp_path / "models" / "m.py"), importlib.__file__):
        assert not own.holds(file)
    assert not OwnCode("").holds(str(tmp_path / "m.py"))


def test_a_model_behind_a_link_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    own = OwnCode(str(tmp_path / "link"))
    assert own.holds(str(tmp_path / "link" / "m.py"))
    assert own.holds(str(tmp_path / "real" / "m.py"))


class _Refusing:
    def get_code(self, name: str) -> types.CodeType:
        raise ImportError(name)


class _Machine:
    def get_code(self, _name: str) -> None:
        return None


@pytest.mark.parametrize("loader", [_Refusing(), _Machine(), None])
def test_code_that_cannot_be_had_imports_nothing_that_can_be_told(loader: Any, tmp_path: Path) -> None:
    module = types.ModuleType("odd")
    module.__spec__ = importlib.util.spec_from_loader("odd", loader)
    assert OwnCode(str(tmp_path)).imports_of(module) == []


SOURCE = """
import json
import csv as tables
from email.message import Message
from math import floor
unused = json

def predict(data):
    import absent.part
    return json, tables, Message, floor

def other(data):
    return [lambda: __import__]
"""


def pickled(name: str, **more: Any) -> dict[str, Any]:
    """Return the globals of functions as cloudpickle makes them again: those that they use, without a loader."""
    whole: dict[str, Any] = {"__name__": name}
    exec(compile(SOURCE, "/train.py", "exec"), whole)
    used = {key: whole[key] for key in ("json", "tables", "Message", "floor")}
    names = {"__name__": name, "__package__": None, "__builtins__": __builtins__, **used, **more}
    for function in ("predict", "other"):
        names[function] = types.FunctionType(whole[function].__code__, names)
    whole.clear()  # the functions that were pickled are of another process
    return names


@pytest.fixture
def cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()  # functions of earlier tests
    monkeypatch.setitem(sys.modules, "cloudpickle", types.ModuleType("cloudpickle"))


@pytest.mark.usefixtures("cloudpickle")
@pytest.mark.parametrize("name", ["__main__", "a_module_that_only_training_had"])
def test_imports_of_functions_out_of_a_pickle(name: str, tmp_path: Path) -> None:
    alive = pickled(name)
    found = OwnCode(str(tmp_path)).imports_of_pickled()
    assert {"absent.part", "json", "csv", "email.message", "math"} <= set(found)
    assert "__main__" not in found
    del alive


@pytest.mark.usefixtures("cloudpickle")
def test_functions_of_modules_are_no_pickled_ones(tmp_path: Path) -> None:
    alive = pickled("a_module_that_was_run", __loader__=object())
    assert "absent.part" not in OwnCode(str(tmp_path)).imports_of_pickled()
    del alive


@pytest.mark.usefixtures("cloudpickle")
def test_functions_that_a_library_generates_are_no_pickled_ones(tmp_path: Path) -> None:
    """As scipy.stats makes the classes of its results."""
    alive = pickled("namedtuple_result")
    del alive["__package__"]
    assert "absent.part" not in OwnCode(str(tmp_path)).imports_of_pickled()
    del alive


def test_without_cloudpickle_or_model_nothing_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = pickled("__main__")
    monkeypatch.delitem(sys.modules, "cloudpickle", raising=False)
    assert OwnCode(str(tmp_path)).imports_of_pickled() == []
    monkeypatch.setitem(sys.modules, "cloudpickle", types.ModuleType("cloudpickle"))
    assert OwnCode("").imports_of_pickled() == []
    del alive
