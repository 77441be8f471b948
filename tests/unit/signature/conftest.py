"""Strategies of signatures as MLmodel files hold them, and what MLflow made of known ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import strategies as st

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature import Signature, parse_signature

Mapping: TypeAlias = dict[str, str | None]
Json: TypeAlias = Any

SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
DTYPES = (
    "bool",
    "int8",
    "uint16",
    "int64",
    "float16",
    "float32",
    "float64",
    "str",
    "bytes",
    "object",
    "datetime64[ns]",
)
NAMES = st.sampled_from(("a", "b", "sepal length (cm)", "it's", "ü→", "messages", "input", "inputs")) | st.text(
    max_size=5
)
PARAM_VALUES: dict[str, st.SearchStrategy[Json]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False) | st.integers(-100, 100),
    "double": st.floats(allow_nan=False) | st.integers(-100, 100),
    "string": st.text(max_size=5),
    "datetime": st.datetimes().map(lambda moment: moment.isoformat()) | st.dates().map(lambda day: day.isoformat()),
}


def _nested_types(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    properties = st.tuples(children, st.sampled_from(({}, {"required": True}, {"required": False}))).map(
        lambda pair: {**pair[0], **pair[1]}
    )
    return st.one_of(
        children.map(lambda items: {"type": "array", "items": items}),
        children.map(lambda values: {"type": "map", "values": values}),
        st.dictionaries(NAMES, properties, min_size=1, max_size=3).map(lambda p: {"type": "object", "properties": p}),
    )


SCALAR_TYPES = st.sampled_from(SCALARS).map(lambda kind: {"type": kind})
TYPES = st.recursive(SCALAR_TYPES | st.just({"type": "any"}), _nested_types, max_leaves=5)
COLUMN_TYPES = TYPES | st.just({"type": "sparkml_vector"})


@st.composite
def _columns(draw: st.DrawFn) -> Json:
    types = draw(st.lists(COLUMN_TYPES, min_size=1, max_size=5))
    style = draw(st.sampled_from(("text", "text", "text", "integer", "none")))
    if style == "none":
        keys = [{} if kind["type"] in SCALARS else draw(st.sampled_from(({}, {"required": True}))) for kind in types]
        return [{**kind, **key} for kind, key in zip(types, keys, strict=True)]
    names = draw(st.lists(NAMES, min_size=len(types), max_size=len(types))) if style == "text" else range(len(types))
    required = st.sampled_from(({}, {"required": True}, {"required": False}))
    return [{**kind, "name": name, **draw(required)} for kind, name in zip(types, names, strict=True)]


@st.composite
def _tensors(draw: st.DrawFn) -> Json:
    names = draw(st.just([None]) | st.lists(NAMES, min_size=1, max_size=3))
    shapes = st.lists(st.sampled_from((-1, -1, 0, 1, 3)), max_size=3)
    return [
        {
            "type": "tensor",
            "tensor-spec": {"dtype": draw(st.sampled_from(DTYPES)), "shape": draw(shapes)},
            **({} if name is None else {"name": name}),
        }
        for name in names
    ]


@st.composite
def _params(draw: st.DrawFn) -> Json:
    params = []
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        kind = draw(st.sampled_from(tuple(PARAM_VALUES)))
        values = PARAM_VALUES[kind] | st.none()
        is_list = draw(st.booleans())
        default = draw(st.lists(values, max_size=3) if is_list else values)
        key = draw(st.sampled_from(("type", "dtype")))
        params.append({"name": name, key: kind, "default": default, "shape": [-1] if is_list else None})
    return params


def _as_mapping(sides: tuple[Json, Json, Json]) -> Mapping:
    texts = [None if side is None else json.dumps(side) for side in sides]
    return dict(zip(("inputs", "outputs", "params"), texts, strict=True))


@pytest.fixture(scope="session")
def mappings() -> st.SearchStrategy[Mapping]:
    """Signatures as the mapping of an MLmodel file, in every form that MLflow 1.x to 3.x write."""
    schema = st.none() | _columns() | _tensors()
    sides = st.tuples(schema, schema, st.none() | _params())
    return sides.filter(lambda drawn: any(side is not None for side in drawn)).map(_as_mapping)


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    """What MLflow makes of signatures, written by golden/write.py."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "mlflow.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def parse() -> Callable[..., Signature]:
    """Parse sides given as lists or as text; `hint` says that the signature comes from a type hint."""

    def parse_sides(inputs: Json = None, outputs: Json = None, params: Json = None, *, hint: bool = False) -> Signature:
        sides = {"inputs": inputs, "outputs": outputs, "params": params}
        texts = {k: side if side is None or isinstance(side, str) else json.dumps(side) for k, side in sides.items()}
        signature = parse_signature(texts, is_from_type_hint=hint)
        assert signature is not None
        return signature

    return parse_sides


@pytest.fixture(scope="session")
def refusal(parse: Callable[..., Signature]) -> Callable[..., SignatureError]:
    """Parse sides that are wrong, and give the error."""

    def refuse(*sides: Json, **named: Json) -> SignatureError:
        with pytest.raises(SignatureError) as caught:
            parse(*sides, **named)
        return caught.value

    return refuse
