from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.signature import ColumnSchema, Signature, TensorSchema

Parse = Callable[..., Signature]


@pytest.mark.parametrize(
    ("names", "expected", "is_named"),
    [(["a", "b c"], ("a", "b c"), True), ([0, 1], (0, 1), True), ([None, None], (0, 1), False), ([""], ("",), True)],
)
def test_names_of_columns(parse: Parse, names: list[object], expected: tuple[object, ...], is_named: bool) -> None:
    schema = parse([{"type": "long", "name": name} for name in names]).inputs
    assert isinstance(schema, ColumnSchema)
    assert schema.names == expected
    assert schema.is_named is is_named


@pytest.mark.parametrize(("name", "is_named"), [("x", True), ("", True), (None, False)])
def test_names_of_tensors(parse: Parse, name: str | None, is_named: bool) -> None:
    schema = parse([{"type": "tensor", "tensor-spec": {"dtype": "bool", "shape": [-1]}, "name": name}]).inputs
    assert isinstance(schema, TensorSchema)
    assert schema.is_named is is_named


def test_signatures_without_objects_can_be_keys(parse: Parse) -> None:
    sides = (
        [{"type": "array", "items": {"type": "long"}, "name": "a"}],
        None,
        [{"name": "p", "type": "long", "default": 1}],
    )
    assert len({parse(*sides), parse(*sides)}) == 1
