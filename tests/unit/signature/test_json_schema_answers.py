from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_modelserve.signature import Signature, predictions_schema, response_schema

Parse = Callable[..., Signature]
LONG = {"type": "long", "name": "a"}
TEXT = {"type": "string", "name": "b c", "required": False}


def _tensor(dtype: str, *shape: int, **keys: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **keys}


def _wrongly(schema: dict[str, object], answers: list[Any], *, admitted: bool) -> list[Any]:
    """Give the answers that the schema judges otherwise than said."""
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return [answer for answer in answers if validator.is_valid(answer) is not admitted]


@pytest.mark.parametrize(
    ("outputs", "admitted", "refused"),
    [
        (None, [1, None, [], {"a": 1}], []),
        (
            [LONG, TEXT],
            [[{"a": 1, "b c": "x"}, {"a": 2.0}], [], {"a": 1, "b c": None}, {"a": [1, 2], "b c": ["x", None]}],
            [[{"b c": "x"}], [{"a": None}], [{"a": 1, "z": 0}], [{"a": "1"}], [1], "x", {"a": [0.5]}],
        ),
        ([LONG], [[{"a": 1}], [1, 2], 1], [["1"], [0.5], [{"b": 1}], None]),
        ([{"type": "string"}], [["x"], "x", [{"0": "x"}], [["x"]]], [[1], [None], [{"a": "x"}]]),
        ([{"type": "long"}, {"type": "string"}], [[[1, "x"]], [{"0": 1, "1": "x"}]], [[["x", 1]], [1, "x"]]),
        ([{**LONG, "name": 0}], [[{"0": 1}]], [[{"1": 1}]]),
        ([{"type": "binary", "name": "b"}], [[{"b": "aGk=\n"}]], [[{"b": "%"}]]),
        ([_tensor("float64", -1)], [[0.5, 1], []], [[[0.5]], 0.5, ["x"], [None]]),
        ([_tensor("int64", -1, 2)], [[[1, 2.0]]], [[[1]], [[1, 0.5]]]),
        ([_tensor("str", -1, name="y"), _tensor("int8", name="n")], [{"y": ["a"], "n": 1}], [{"y": ["a"]}, [["a"]]]),
        ([_tensor("str", -1, name="y")], [{"y": []}], [{"y": [], "z": 0}, []]),
        ([LONG, {**LONG, "type": "string"}], [[{"a": "x"}]], [[{"a": 1}], [{}]]),
    ],
)
def test_predictions(parse: Parse, outputs: Any, admitted: list[Any], refused: list[Any]) -> None:
    signature = parse([LONG], outputs)
    assert _wrongly(predictions_schema(signature), admitted, admitted=True) == []
    assert _wrongly(predictions_schema(signature), refused, admitted=False) == []
    schema = response_schema(signature)
    assert _wrongly(schema, [{"predictions": value} for value in admitted], admitted=True) == []
    assert _wrongly(schema, [*({"predictions": value} for value in refused), {}, []], admitted=False) == []
