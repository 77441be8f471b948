"""The bytes are held against MLflow in test_mlflow_agreement; here is what MLflow does not write."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from pytest_modelserve.signature import ParamSpec, Signature, as_mlmodel, parse_signature

Parse = Callable[..., Signature]
ARRAY = {"type": "array", "items": {"type": "long"}}


def _again(signature: Signature) -> Signature:
    parsed = parse_signature(as_mlmodel(signature), is_from_type_hint=signature.is_from_type_hint)
    assert parsed is not None
    return parsed


def test_sides_that_say_nothing_are_none(parse: Parse) -> None:
    assert as_mlmodel(parse([ARRAY]))["outputs"] is None
    assert as_mlmodel(parse([ARRAY]))["params"] is None


def test_an_empty_list_of_params_stays_one(parse: Parse) -> None:
    assert as_mlmodel(parse([ARRAY], params=[]))["params"] == "[]"


def test_optional_columns_without_a_name_are_written_so_that_mlflow_reads_them(parse: Parse) -> None:
    signature = parse([ARRAY, {**ARRAY, "required": True}])
    written = json.loads(as_mlmodel(signature)["inputs"] or "")
    assert [column["required"] for column in written] == [None, True]
    assert _again(signature) == signature


def test_legacy_forms_are_written_in_the_new_form(parse: Parse) -> None:
    signature = parse([{"type": "long", "name": "a"}], params=[{"name": "p", "dtype": "double", "default": 1}])
    written = as_mlmodel(signature)
    assert json.loads(written["inputs"] or "") == [{"type": "long", "name": "a", "required": True}]
    assert json.loads(written["params"] or "") == [{"name": "p", "default": 1.0, "shape": None, "type": "double"}]


def test_type_hint_signatures_come_back_when_told(parse: Parse) -> None:
    signature = parse([ARRAY], hint=True)
    assert _again(signature) == signature


def test_nan_comes_back_as_nan(parse: Parse) -> None:
    signature = parse(params='[{"name": "p", "type": "double", "default": [NaN, 1], "shape": [-1]}]')
    (spec,) = _again(signature).params or ()
    assert isinstance(spec, ParamSpec)
    assert isinstance(spec.default, tuple)
    assert math.isnan(spec.default[0])
    assert spec.default[1] == 1.0
