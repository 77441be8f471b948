"""The good request, and whether it is answered as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.checks.good_request import NO_REQUEST, Health, good_request_of, why_no_request
from pytest_modelserve.model.mlmodel import Model

Live = Callable[..., Any]


def test_the_anchor_is_the_input_example_as_bytes(live: Live) -> None:
    good = good_request_of(live()[0])
    assert good is not None
    assert json.loads(good.body)["dataframe_split"]["data"] == [[1], [2]]
    assert good.content_type == "application/json"


def test_without_example_and_signature_there_is_none(live: Live) -> None:
    context, _ = live()
    model: Model = replace(context.model, signature=None)
    assert good_request_of(replace(context, model=model, example=None)) is None
    assert (why_no_request(model), why_no_request(context.model)) == (NO_REQUEST, "")
    assert good_request_of(replace(context, example=None)) is not None  # the signature gives one


@pytest.mark.parametrize(
    ("later", "ailment"),
    [
        ((200, '{"predictions": [1.5, 1.5]}'), ""),
        ((200, '{"predictions": [1.5000000000000002, 1.5]}'), ""),
        ((200, '{"predictions": [1.6, 1.5]}'), "the good request is answered differently"),
        ((200, "no JSON"), "the good request is answered differently"),
        ((500, "{}"), "the good request is answered 500, 200 before"),
    ],
)
def test_the_answer_is_held_against_the_one_before(later: tuple[int, str], ailment: str, live: Live) -> None:
    told: list[tuple[int, str]] = []
    context, served = live(lambda _m, path, _b: told[0] if told and path == "/invocations" else None)
    good = good_request_of(context)
    assert good is not None
    health = Health(context, served, good)
    assert health.ailment() == ""
    told.append(later)
    assert health.ailment().startswith(ailment)
    assert bool(health.ailment()) == bool(ailment)
    assert health.ailment(is_brief=True) == ""
    health.close()
