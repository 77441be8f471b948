"""MLflow's own verdict on every form of a signature, its print and its writing: golden/mlflow.json."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature import as_mlmodel, as_text, parse_signature, request_schema

WE_REFUSE: Final = MappingProxyType(
    {
        "required a text": 'MLflow takes any text for true, "false" included; it never writes one',
        "required a number": "MLflow takes it by truth; it never writes one",
        "object property required a text": "as for a column",
        "name a fraction": "no JSON body can name the column; the fix says to rename it",
        "name a boolean": "as for a fraction",
        "name a list": "as for a fraction",
        "tensor name an integer": "no JSON body can name the tensor, and MLflow's inference refuses such names",
        "tensor dtype null": "NumPy reads null as float64, which nobody meant",
        "tensor dtype void": "MLflow writes it as void64, which it cannot read back",
        "tensor shape a text": "no array has such a shape",
        "tensor shape with -2": "no array has such a shape",
        "tensor shape with a fraction": "no array has such a shape",
        "tensor shape with null": "no array has such a shape; -1 stands for any size",
        "param integer beyond 32 bits": "the type cannot hold its own default",
        "param long beyond 64 bits": "the type cannot hold its own default",
        "param float beyond 32 bits": "the type cannot hold its own default",
        "param datetime a year alone": "MLflow writes isoformat(), which gives the day",
        "param object, shape [-1]": "MLflow cannot write it (AttributeError) and refuses every element",
        "param name an integer": "MLflow turns it into text on writing, so it never stands in a file",
        "inputs an empty YAML list": "a list is no JSON string; MLflow takes what is false for null",
    }
)
WE_ACCEPT: Final = MappingProxyType(
    {
        "param object with a whole double": "2 is a double in JSON; MLflow refuses it in nested values",
        "param object with an integer": "MLflow reads integers of JSON as int64 and refuses them all here",
    }
)
PRINTED_OTHERWISE: Final = MappingProxyType(
    {"map of vectors": "MLflow forgets the map on reading and keeps the vector; the file says a map"}
)


BEYOND_THE_CLEAR: Final = MappingProxyType(
    {
        "frame with NaT": "MLflow writes null as NaT",
        "frame of lists with null": "a null element",
        "frame with null booleans": "null in an optional boolean",
        "array with NaN": "null in a tensor of floats",
        "array of datetimes": "MLflow writes nanoseconds",
        "dict with null": "an object of inputs beside a column of any type",
    }
)
NEVER: Final = MappingProxyType({"frame with infinity": "Infinity is not JSON"})


def _refused_requests(golden: dict[str, Any], *, admit_either: bool) -> set[str]:
    refused = set()
    for name, example in golden["examples"].items():
        signature = parse_signature(example["mlmodel"])
        assert signature is not None
        validator = Draft202012Validator(request_schema(signature, admit_either=admit_either))
        if not validator.is_valid(json.loads(example["request"])):
            refused.add(name)
    return refused


def test_the_requests_that_mlflow_makes_of_examples_are_admitted(golden: dict[str, Any]) -> None:
    assert len(golden["examples"]) > 40
    assert _refused_requests(golden, admit_either=True) == set(NEVER)
    assert _refused_requests(golden, admit_either=False) == {*BEYOND_THE_CLEAR, *NEVER}


def _forms(golden: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    forms = list(golden["forms"].items())
    assert len(forms) > 180
    return forms


def _our_text(given: dict[str, Any]) -> str | None:
    try:
        signature = parse_signature(given)
    except SignatureError:
        return None
    assert signature is not None
    return as_text(signature)


def test_verdicts_agree_but_for_the_listed(golden: dict[str, Any]) -> None:
    disagreed = {
        name: ("we refuse" if "text" in form else "we accept")
        for name, form in _forms(golden)
        if (_our_text(form["signature"]) is None) != ("error" in form)
    }
    assert disagreed == {**dict.fromkeys(WE_REFUSE, "we refuse"), **dict.fromkeys(WE_ACCEPT, "we accept")}


def test_what_both_accept_prints_alike_but_for_the_listed(golden: dict[str, Any]) -> None:
    differing = {
        name
        for name, form in _forms(golden)
        if "text" in form and (ours := _our_text(form["signature"])) is not None and ours != form["text"]
    }
    assert differing == set(PRINTED_OTHERWISE)


def test_golden_file_covers_acceptance_and_refusal(golden: dict[str, Any]) -> None:
    verdicts = ["error" in form for _, form in _forms(golden)]
    assert verdicts.count(True) > 60
    assert verdicts.count(False) > 60


@pytest.mark.parametrize("at", range(120))
def test_random_signatures_of_mlflow_are_read_printed_and_written_alike(golden: dict[str, Any], at: int) -> None:
    random = golden["random"][at]
    signature = parse_signature(random["mlmodel"])
    assert signature is not None
    assert as_text(signature) == random["text"]
    assert as_mlmodel(signature) == random["mlmodel"]


def test_signatures_that_mlflow_logs_are_read_printed_and_written_alike(golden: dict[str, Any]) -> None:
    assert len(golden["real"]) > 12
    for name, real in golden["real"].items():
        signature = parse_signature(real["mlmodel"], is_from_type_hint=name.startswith("hint"))
        assert signature is not None
        assert as_text(signature) == real["text"], name
        assert json.loads(as_mlmodel(signature)["inputs"] or "") == json.loads(real["mlmodel"]["inputs"]), name


def test_every_random_signature_is_tested(golden: dict[str, Any]) -> None:
    assert len(golden["random"]) == 120
