"""Many models in one run: servers that are let go for others, and environments that are built ahead of their tests."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

BY_NAME = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.name)  # pytest would run the tests of one model after each other
"""
ALTERNATING = """
import pytest

first, second = (pytest.mark.served_model(name) for name in ("first", "second"))
seen = {}

def predict(served_model):
    seen[served_model.model.uri] = served_model.server
    assert served_model.client.predict([{"n": 3, "x": 0.5, "word": "a"}]).to_list() == [{"y": 3.0}]

@first
def test_1(served_model):
    predict(served_model)

@second
def test_2(served_model):
    assert seen["first"].is_alive() is IS_ALIVE
    predict(served_model)

@first
def test_3(served_model, model_client):
    assert seen["second"].is_alive() is IS_ALIVE
    assert model_client is served_model.client
    predict(served_model)

@first
def test_4(served_model):
    assert served_model.server == seen["first"]
    predict(served_model)
"""


@pytest.mark.parametrize(("bound", "is_alive", "loads"), [("1MB", False, [2, 1]), ("100GB", True, [1, 1])])
def test_servers_are_let_go_and_come_back(
    run: Any, make_model: Any, pytester: pytest.Pytester, bound: str, is_alive: bool, loads: list[int]
) -> None:
    models = [make_model(name) for name in ("first", "second")]
    pytester.makeconftest(BY_NAME)
    pytester.makepyfile(ALTERNATING.replace("IS_ALIVE", str(is_alive)))
    result = run(f"--model-memory={bound}", "-v")
    result.assert_outcomes(passed=4)
    assert [model.loads for model in models] == loads
    told = [line.partition(":")[0] for line in result.outlines if "is let go" in line]
    assert told == ([] if is_alive else ["first", "second"])


def test_the_report_tells_how_often(run: Any, make_model: Any, pytester: pytest.Pytester) -> None:
    for name in ("first", "second"):
        make_model(name)
    pytester.makeconftest(BY_NAME)
    checks = "--model-checks=server_starts,predicts_input_example"
    result = run("--model-memory=1MB", "--model-uri=first", "--model-uri=second", checks, "--model-report=report.json")
    result.assert_outcomes(passed=len(run.collected("--model-uri=first", "--model-uri=second", checks)))
    assert not [line for line in result.outlines if "is let go" in line]
    assert [model["server"].get("n_let_go") for model in run.report["models"]] == [1, 1]
