"""The request that stands for a rule in the reference: there is one for each, its own, and it is short."""

from __future__ import annotations

import pytest

from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.strategies import RULES
from pytest_modelserve.strategies.showcase import Shown, example_of


@pytest.mark.parametrize("rule_id", [one.id for one in RULES])
def test_every_rule_has_a_request_on_one_short_line(rule_id: str) -> None:
    shown = example_of(rule_id)
    assert 0 < len(shown.request) < 200
    assert shown.request.isprintable()
    assert shown.signature


@pytest.mark.parametrize(
    ("rule_id", "request_", "signature"),
    [
        ("text_for_boolean", '{"dataframe_records": [{"x": "true"}]}', "'x': boolean (required)"),
        ("nan_token", '{"dataframe_records": [{"x": NaN}]}', "'x': long (required)"),
        ("csv_wrong_cell", r'text/csv: "x"\n"abc"\n', "'x': long (required)"),
        ("health_head", "HEAD /ping", "'x': long (required)"),
        ("no_body", "an empty body", "'x': long (required)"),
        (
            "unified_params_wrapped",
            '{"prompt": "a", "params": {"k": 1}}',
            "'prompt': string (required); params 'k': long (default: 3)",
        ),
    ],
)
def test_the_request_says_what_is_not_usual(rule_id: str, request_: str, signature: str) -> None:
    assert example_of(rule_id) == Shown(signature=signature, request=request_)


def test_long_bodies_are_cut_in_the_middle() -> None:
    request = example_of("deep_nesting").request
    assert request.startswith('{"dataframe_split": [[[')
    assert request.endswith("]]]} (200,021 bytes)")


def test_an_unknown_rule_is_told() -> None:
    with pytest.raises(ModelServeError, match="no rule"):
        example_of("text_for_bolean")
