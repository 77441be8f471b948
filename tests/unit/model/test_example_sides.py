"""The two files of an input example, and whether they mean the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.model.example_sides import ExampleSide, disagreement, read_sides
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import ExampleInfo, Model
from pytest_modelserve.signature import Signature, parse_signature


def tensor(dtype: str = "float64", name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, 2]}, **named}


def make(
    folder: Path, inputs: Any, given: Any, served: Any, *, kind: str = "dataframe", has_params: bool = False
) -> Model:
    path, serving = folder / "given.json", folder / "served.json"
    for file, content in ((path, given), (serving, served)):
        if content is not None:
            file.write_text(content if isinstance(content, str) else json.dumps(content))
    info = ExampleInfo(
        path=path, kind=kind, serving_path=serving if served is not None else None, has_params=has_params
    )
    signature = None
    if inputs is not None:
        signature = parse_signature({"inputs": json.dumps(inputs), "outputs": None, "params": None})
    return Model(
        uri="m",
        resolved="m",
        path=folder,
        digest="d",
        pyfunc=PyfuncFlavor(loader_module="m", data_path=folder),
        flavors={},
        signature=signature,
        example_info=info,
    )


def difference(model: Model) -> str:
    one, other = read_sides(model)
    assert not one.broken + other.broken
    return disagreement(one, other, (model.signature or Signature()).inputs)


def frame(*rows: list[object], columns: list[object] | None = None) -> dict[str, Any]:
    return {"columns": columns or ["a", "b"][: len(rows[0])], "data": list(rows)}


COLUMNS = [{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]
CSR = {"data": [1.0, 2.0], "indices": [0, 1], "indptr": [0, 1, 2], "shape": [2, 2]}


@pytest.mark.parametrize(
    ("inputs", "given", "served", "kind"),
    [
        (COLUMNS, frame([1.5, "x"]), {"dataframe_split": frame([1.5, "x"])}, "dataframe"),
        (COLUMNS, frame([1, "x"]), {"dataframe_split": frame([1.0, "x"])}, "dataframe"),
        (COLUMNS, frame([1, "x"]), {"dataframe_split": {**frame([1, "x"]), "index": [7]}}, "dataframe"),
        (COLUMNS, frame([1, "x"]), {"dataframe_split": frame(["x", 1], columns=["b", "a"])}, "dataframe"),
        (
            COLUMNS,
            frame([None, "x"]),
            '{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, "x"]]}}',
            "dataframe",
        ),
        (
            [{"type": "float", "name": "a"}],
            frame([0.1]),
            {"dataframe_split": frame([0.10000000149011612])},
            "dataframe",
        ),
        (
            [{"type": "datetime", "name": "a"}],
            frame(["2024-01-01T00:00:00"]),
            {"dataframe_split": frame(["2024-01-01"])},
            "dataframe",
        ),
        ([{"type": "binary", "name": "a"}], frame(["YWI=\n"]), {"dataframe_split": frame(["YWI="])}, "dataframe"),
        (
            [{"type": "double", "name": 0}],
            {"data": [[1]]},
            {"dataframe_split": {"columns": [0], "data": [[1]]}},
            "dataframe",
        ),
        ([tensor()], [[1, 2]], {"inputs": [[1.0, 2.0]]}, "ndarray"),
        ([tensor()], "[[NaN, 1]]", {"inputs": [[None, 1]]}, "ndarray"),
        ([tensor(name="a")], {"a": [[1, 2]]}, {"inputs": {"a": [[1, 2]]}}, "ndarray"),
        ([tensor("str")], [["a", "b"]], {"inputs": [["a", "b"]]}, "ndarray"),
        ([tensor()], CSR, {"inputs": [[1.0, 0.0], [0.0, 2.0]]}, "sparse_matrix_csr"),
        ([{"type": "string"}], ["a", "b"], {"inputs": ["a", "b"]}, "json_object"),
        (
            [{"type": "object", "properties": {"p": {"type": "long"}}, "name": "a"}],
            {"a": {"p": 1}},
            {"inputs": {"a": {"p": 1}}},
            "json_object",
        ),
        ([{"type": "string", "name": "prompt"}], {"prompt": "hi"}, {"prompt": "hi"}, "json_object"),
        (None, {"k": [1, None]}, {"inputs": {"k": [1.0, None]}}, "json_object"),
    ],
)
def test_files_that_mean_the_same(inputs: Any, given: Any, served: Any, kind: str, tmp_path: Path) -> None:
    assert difference(make(tmp_path, inputs, given, served, kind=kind)) == ""


@pytest.mark.parametrize(
    ("inputs", "given", "served", "kind", "said"),
    [
        (
            COLUMNS,
            frame([1.5, "x"]),
            {"dataframe_split": frame([1.25, "x"])},
            "dataframe",
            'column "a" of row 0: 1.5 and 1.25',
        ),
        (
            COLUMNS,
            frame([1.5, "x"]),
            {"dataframe_split": frame([None, "x"])},
            "dataframe",
            'column "a" of row 0: 1.5 and null',
        ),
        (COLUMNS, frame([1, "x"]), {"dataframe_split": frame([1, "x"], [2, "y"])}, "dataframe", "1 and 2 rows"),
        (
            COLUMNS,
            frame([1, "x"]),
            {"dataframe_split": frame([1], columns=["a"])},
            "dataframe",
            'only one of them has the column "b"',
        ),
        (
            [{"type": "boolean", "name": "a"}],
            frame([True]),
            {"dataframe_split": frame([False])},
            "dataframe",
            'column "a" of row 0: true and false',
        ),
        ([{"type": "any", "name": "a"}], frame([True]), {"dataframe_split": frame([1])}, "dataframe", "true and 1"),
        (
            [{"type": "any", "name": "a"}],
            frame([[1]]),
            {"dataframe_split": frame([[1, 2]])},
            "dataframe",
            "[1] and [1, 2]",
        ),
        (
            [{"type": "datetime", "name": "a"}],
            frame(["2024-01-01"]),
            {"dataframe_split": frame(["2024-01-02"])},
            "dataframe",
            "2024-01-01T00:00:00 and 2024-01-02T00:00:00",
        ),
        ([tensor()], [[1, 2]], {"inputs": [[1, 3]]}, "ndarray", "other values"),
        ([tensor()], [[1, 2]], {"inputs": [[1, 2], [3, 4]]}, "ndarray", "the shapes (1, 2) and (2, 2)"),
        ([tensor(name="a")], {"a": [[1, 2]]}, {"inputs": {"a": [[2, 1]]}}, "ndarray", 'tensor "a": other values'),
        ([tensor()], [[1, 2]], {"inputs": [["x", "y"]]}, "ndarray", "served.json gives no rows"),
        (None, {"k": 1}, {"inputs": {"k": 2}}, "json_object", "{"),
    ],
)
def test_files_that_differ(inputs: Any, given: Any, served: Any, kind: str, said: str, tmp_path: Path) -> None:
    assert said in difference(make(tmp_path, inputs, given, served, kind=kind))


@pytest.mark.parametrize(
    ("served", "said"),
    [
        ({"dataframe_split": frame([1, "x"]), "params": {"n": 1}}, ""),
        ({"dataframe_split": frame([1, "x"]), "params": {"n": 2}}, 'params {"n": 1} and {"n": 2}'),
        ({"dataframe_split": frame([1, "x"])}, 'params {"n": 1} and {}'),
    ],
)
def test_params_count(served: Any, said: str, tmp_path: Path) -> None:
    given = {"inputs": frame([1, "x"]), "params": {"n": 1}}
    assert difference(make(tmp_path, COLUMNS, given, served, has_params=True)) == said


@pytest.mark.parametrize(
    ("served", "said"),
    [({"prompt": "hi", "n": 1}, ""), ({"prompt": "hi", "n": 2}, "params"), ({"prompt": "ho", "n": 1}, '"hi"')],
)
def test_params_stand_among_the_keys_of_a_body_that_is_taken_whole(served: Any, said: str, tmp_path: Path) -> None:
    given = {"inputs": {"prompt": "hi"}, "params": {"n": 1}}
    inputs = [{"type": "string", "name": "prompt"}]
    found = difference(make(tmp_path, inputs, given, served, kind="json_object", has_params=True))
    assert found.startswith(said) if said == "params" else said in found
    assert bool(found) is bool(said)


def test_what_is_there_is_read(tmp_path: Path) -> None:
    assert read_sides(make(tmp_path, COLUMNS, None, None)) == ()
    (given,) = read_sides(make(tmp_path, COLUMNS, frame([1, "x"]), None))
    assert (given.name, given.document) == ("given.json", {"dataframe_split": frame([1, "x"])})
    (tmp_path / "given.json").unlink()
    (served,) = read_sides(make(tmp_path, COLUMNS, None, {"dataframe_split": frame([1, "x"])}))
    assert (served.name, served.data) == ("served.json", frame([1, "x"]))


@pytest.mark.parametrize(
    ("served", "said"),
    [
        ("{", "served.json is no JSON"),
        ("[]", "served.json holds no JSON object"),
        ({"columns": ["a"], "data": [[1]]}, "has no envelope"),
    ],
)
def test_a_broken_request_is_said_so(served: Any, said: str, tmp_path: Path) -> None:
    _, found = read_sides(make(tmp_path, COLUMNS, frame([1, "x"]), served))
    assert said in found.broken
    assert found == ExampleSide(name="served.json", broken=found.broken)


def test_what_was_mended_is_said_so(tmp_path: Path) -> None:
    served = '{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, "x"]]}}'
    given, found = read_sides(make(tmp_path, COLUMNS, frame([None, "x"]), served))
    assert (given.mended, found.mended) == ("", "served.json holds NaN, which is no JSON: sent as null in 1 place")
