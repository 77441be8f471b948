"""What a model's own code imports is read from its byte code: of modules in its directory and of pickled functions."""

from __future__ import annotations

import dis
import functools
import importlib
import importlib.util
import json
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
        pytest.param(  # so that numbers take two bytes
            "".join(f"a{at} = {at}.5\n" for at in range(300)) + "import json\ndel a1",
            ["json"],
            id="more than 255 constants and names",
        ),
    ],
)
def test_imports_of_a_module(source: str, imports: list[str], load: Load, tmp_path: Path) -> None:
    module = load(source)
    own = OwnCode(str(tmp_path))
    assert own.holds(module.__file__)
    assert own.imports_of(module) == imports


def test_code_that_imports_nothing_is_not_taken_apart(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("import json\n" + "".join(f"def f{at}(x):\n    return x.y + {at}\n" for at in range(100)))
    taken: list[str] = []
    real = dis.get_instructions

    def instructions(code: types.CodeType) -> Iterator[dis.Instruction]:
        taken.append(code.co_name)
        return real(code)

    monkeypatch.setattr(dis, "get_instructions", instructions)
    assert OwnCode(str(tmp_path)).imports_of(module) == ["json"]
    assert taken == ["<module>"]


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
    monkeypatch.setitem(sys.modules, "cloudpickle", types.ModuleType("cloudpickle"))


class Holder:
    """An object of a library's class, which holds what the model's author gave to it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def predict(self, data: Any) -> Any:
        return self.value(data)


class Slotted:
    """The same without a dictionary of its own."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _closed_over(value: Any) -> Callable[[], Any]:
    return lambda: value


def _class_of(function: Any) -> Any:
    return type("Model", (), {"__module__": function.__globals__["__name__"], "predict": function})


def _own_globals_with(function: Any) -> Any:
    """Return another function out of the same pickle, which leads to the first by its globals alone."""
    return function.__globals__["other"]


PLACES: list[Callable[[Any], Any]] = [
    lambda function: function,
    Holder,
    Slotted,
    lambda function: Holder([{"steps": (function,)}]),
    lambda function: Holder(function).predict,
    lambda function: functools.partial(function, 1),
    lambda function: functools.partial(len, function),
    _closed_over,
    _class_of,
    lambda function: _class_of(function)(),
    lambda function: Holder(_class_of(function)()).predict,
    lambda function: type("Model", (_class_of(function),), {"__module__": "__main__"})(),
    _own_globals_with,
]


@pytest.mark.usefixtures("cloudpickle")
@pytest.mark.parametrize("name", ["__main__", "a_module_that_only_training_had"])
@pytest.mark.parametrize("place", PLACES)
def test_imports_of_functions_out_of_a_pickle(place: Callable[[Any], Any], name: str, tmp_path: Path) -> None:
    model = place(pickled(name)["predict"])
    found = OwnCode(str(tmp_path)).imports_of_pickled(model)
    assert found == ["absent.part", "csv", "email.message", "json", "math"]


@pytest.mark.usefixtures("cloudpickle")
def test_a_model_that_leads_to_itself_is_walked_once(tmp_path: Path) -> None:
    model = Holder([])
    model.value += [model, {"self": model.predict}, pickled("__main__")["predict"]]
    assert "absent.part" in OwnCode(str(tmp_path)).imports_of_pickled(model)


@pytest.mark.usefixtures("cloudpickle")
def test_a_large_model_is_walked_only_so_far(tmp_path: Path) -> None:
    crowd = [[[at] for _ in range(900)] for at in range(900)]
    deep = Holder([crowd, [[[[pickled("__main__")["predict"]]]]]])
    assert OwnCode(str(tmp_path)).imports_of_pickled(deep) == []


@pytest.mark.usefixtures("cloudpickle")
def test_functions_that_the_model_does_not_hold_are_not_its(tmp_path: Path) -> None:
    alive = pickled("__main__")
    assert OwnCode(str(tmp_path)).imports_of_pickled(Holder(1)) == []
    del alive


@pytest.mark.usefixtures("cloudpickle")
@pytest.mark.parametrize("is_made", [False, True])
def test_functions_that_a_library_has_or_makes_are_no_pickled_ones(is_made: bool, tmp_path: Path) -> None:
    """As scipy.stats makes methods for each of its distributions, and the classes of its results."""
    names = pickled("namedtuple_result", **({} if is_made else {"__loader__": object()}))
    if is_made:
        del names["__package__"]
    model = Holder([names["predict"], json.dumps, types.MethodType(names["other"], 1), Holder])
    assert OwnCode(str(tmp_path)).imports_of_pickled(model) == []


@pytest.mark.usefixtures("cloudpickle")
def test_objects_that_stand_for_others_are_not_woken(tmp_path: Path) -> None:
    class Asleep:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    class Kind(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    names = pickled("__main__", asleep=Asleep(), kind=Kind("Odd", (), {}))
    model = [Asleep(), names["kind"], names["predict"]]
    assert "absent.part" in OwnCode(str(tmp_path)).imports_of_pickled(model)


@pytest.mark.usefixtures("cloudpickle")
@pytest.mark.filterwarnings("ignore")
def test_a_model_of_scipy_has_nothing_out_of_a_pickle(tmp_path: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    model = Holder([stats.norm(0, 1), stats.ttest_ind([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), stats.beta])
    assert OwnCode(str(tmp_path)).imports_of_pickled(model) == []


def test_without_cloudpickle_or_model_nothing_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = pickled("__main__")["predict"]
    monkeypatch.delitem(sys.modules, "cloudpickle", raising=False)
    assert OwnCode(str(tmp_path)).imports_of_pickled(model) == []
    monkeypatch.setitem(sys.modules, "cloudpickle", types.ModuleType("cloudpickle"))
    assert OwnCode("").imports_of_pickled(model) == []
