"""`--model-url` checks a server that runs already: what is left out says why, and no secret is shown anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.pipeline import serve
from pytest_modelserve.settings import Settings

pytest_plugins = ["pytester"]
TOKEN = "s3cr3t"


@pytest.fixture
def url(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the model as somebody else would; the token is there to be sent."""
    monkeypatch.setenv("TOKEN", TOKEN)
    with serve(str(model.path), Settings(env_manager="local", cache_dir=tmp_path / "other")) as served:
        yield served.server.base_url


def everything(run: Any, result: pytest.RunResult) -> str:
    return f"{result.stdout.str()}{result.stderr.str()}{run.report_path.read_text()}"


ASKED = ("--model-uri=model", "--model-token-env=TOKEN", f"--model-header=X-Own: {TOKEN}", "--model-report=report.json")


def test_a_server_that_runs_is_held_to_the_contract(run: Any, model: Any, url: str) -> None:
    checks = "smoke,environment_parity,survives,round_trip_output"
    result = run(*ASKED, f"--model-url={url}", f"--model-checks={checks}", "-rs")
    assert (result.ret, model.loads) == (0, 1)
    result.stdout.fnmatch_lines([f"model: model (*; server builtin at {url}, seed *", f"  builtin server at {url}"])
    document: dict[str, Any] = run.report["models"][0]
    assert (document["environment"], document["server"]["url"]) == ({}, url)
    outcomes = {check["name"]: check["outcome"] for check in document["checks"]}
    left_out = {"environment_restores", "environment_parity", "survives", "round_trip_output"}
    assert {name for name, outcome in outcomes.items() if outcome == "skipped"} == left_out
    assert set(outcomes.values()) == {"passed", "skipped"}
    assert TOKEN not in everything(run, result)


def test_workers_of_xdist_check_it_too(run: Any, url: str) -> None:
    result = run.apart(
        *ASKED, f"--model-url={url}", "--model-checks=smoke,rejects_malformed", "-n2", "--model-rate=500"
    )
    assert result.ret == 0
    assert TOKEN not in everything(run, result)


def test_a_failure_tells_how_to_repeat_it_there_without_the_secret(run: Any, make_model: Any, url: str) -> None:
    make_model("other", outputs=[{"name": "z", "type": "double", "required": True}])
    asked = ("--model-uri=other", *ASKED[1:], f"--model-url={url.replace('//', '//me:s3cr3t@')}")
    result = run(*asked, "--model-checks=predicts_input_example")
    assert result.ret == 1
    told = everything(run, result)
    assert f"--model-url {url.replace('//', '//***@')} --model-token-env TOKEN" in told.replace("'", "")
    assert TOKEN not in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://me:s3cr3t@127.0.0.1:1", "no server is ready at http://***@127.0.0.1:1: ConnectError*"),
        ("me:s3cr3t@h:80", "SettingError: --model-url cannot be what was given"),
        ("http://[::1", "SettingError: --model-url cannot be what was given"),
    ],
)
def test_an_address_where_no_server_is_shows_no_password(
    given: str, said: str, run: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    result = run(*ASKED[:2], f"--model-url={given}", "--model-checks=smoke")
    lines = [*result.outlines, *result.errlines]
    assert result.ret != 0
    pytest.LineMatcher(lines).fnmatch_lines([f"*{said}"])
    assert TOKEN not in "\n".join(lines)
    assert model.loads == 0


def test_one_server_is_held_to_one_contract(run: Any, make_model: Any, model: Any) -> None:
    make_model("other")
    result = run("--model-uri=model", "--model-uri=other", "--model-url=http://127.0.0.1:1")
    assert result.ret == 4
    assert "--model-url is one server, which serves one model" in "\n".join(result.errlines)
