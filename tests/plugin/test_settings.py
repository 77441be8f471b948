"""Where settings come from, which of them wins, and how a bad one is told."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

TEST = """
import pytest

@pytest.mark.served_model("model")
def test_run(served_model):
    print("run:", served_model.subject.settings.seed)

@pytest.mark.served_model("model", seed=5)
def test_marked(served_model):
    print("marked:", served_model.subject.settings.seed)
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ini", "environment", "command line"}, "run: 4"),
        ({"ini", "environment"}, "run: 3"),
        ({"ini"}, "run: 2"),
        (set(), "run: None"),
    ],
)
def test_marker_over_command_line_over_environment_over_ini(
    run: Any,
    model: Any,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    *,
    given: set[str],
    expected: str,
) -> None:
    pytester.makepyfile(test_own=TEST)
    pytester.makeini("[pytest]\n" + ("model_seed = 2" if "ini" in given else ""))
    if "environment" in given:
        monkeypatch.setenv("PYTEST_MODEL_SEED", "3")
    result = run("-s", *(["--model-seed=4"] if "command line" in given else []))
    result.assert_outcomes(passed=2)
    output = result.stdout.str()
    assert expected in output
    assert "marked: 5" in output


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--model-seed=x", "--model-seed cannot be 'x'"),
        ("--model-budget=soon", "--model-budget cannot be 'soon'"),
        ("--model-checks=smokee", "there is no check named 'smokee'"),
        ("--model-server=builtn", "there is no server backend named 'builtn'"),
        ("--model-env-manager=vu", "there is no env manager 'vu'"),
    ],
)
def test_a_bad_value_ends_the_run_before_it_begins(run: Any, model: Any, option: str, told: str) -> None:
    result = run("--model-uri=model", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert model.loads == 0


def test_a_bad_value_names_its_origin(run: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile("def test_own(): pass")
    assert "the command line" in run("--model-seed=x").stderr.str()
    monkeypatch.setenv("PYTEST_MODEL_SEED", "y")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "the environment variable PYTEST_MODEL_SEED" in result.stderr.str()
    monkeypatch.delenv("PYTEST_MODEL_SEED")
    pytester.makeini("[pytest]\nmodel_seed = z")
    assert "the ini file" in run().stderr.str()


def test_every_option_stands_in_the_help(run: Any) -> None:
    from pytest_modelserve.options import OPTIONS

    text = run("--help").stdout.str()
    assert [option.flag for option in OPTIONS if option.flag not in text] == []
    assert [option.variable for option in OPTIONS if option.variable not in text.replace("\n", "")] == []
