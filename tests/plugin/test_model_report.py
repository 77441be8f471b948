"""`--model-report`, the verdicts in it, and the summary on the terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

REPORT = ("--model-uri=model", "--model-report=report.json")


@pytest.fixture(autouse=True)
def _model(model: Any) -> None:
    """Have a healthy model in the folder `model`."""


def test_a_whole_run_of_a_healthy_model_is_a_pass(run: Any, make_model: Any) -> None:
    make_model("plain", inputs=[{"name": "n", "type": "long"}], example={"columns": ["n"], "data": [[1], [20]]})
    result = run("--model-uri=plain", "--model-report=deep/er/report.json")
    assert result.ret == 0, result.stdout.str()
    report = json.loads(Path("deep/er/report.json").read_text())
    assert (report["schema"], report["verdict"]) == ("modelserve-report/1", "pass")
    (model,) = report["models"]
    assert (model["uri"], model["resolved"], model["deselected"]) == ("plain", str(Path("plain").absolute()), [])
    outcomes = [check["outcome"] for check in model["checks"]]
    assert set(outcomes) <= {"passed", "skipped"}
    assert len(outcomes) == len(run.collected("--model-uri=plain"))
    assert model["environment"]["manager"] == "local"
    (summary,) = [line for line in result.outlines if line.startswith("plain: pass")]
    assert f"{outcomes.count('passed')} passed" in summary


@pytest.mark.parametrize(
    ("options", "verdict", "code"),
    [
        (("-k", "signature_lint"), "partial", 0),
        (("--model-checks=signature_lint",), "partial", 0),
        (("-k", "nosuchcheck"), "none", 5),
    ],
)
def test_what_was_left_out_is_no_evidence(run: Any, options: tuple[str, ...], verdict: str, code: int) -> None:
    result = run(*REPORT, *options)
    assert (result.ret, run.report["verdict"]) == (code, verdict)
    assert run.report["models"][0]["deselected"]
    assert [line for line in result.outlines if line.startswith(f"model: {verdict}")]
    assert [line for line in result.outlines if line.startswith("  not run: ")]


def test_what_passes_only_when_it_is_run_again_does_not_end_well(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from dataclasses import replace

        from _pytest.runner import runtestprotocol
        from pytest_modelserve.checks.lint import check as lint
        from pytest_modelserve.checks.lint.rule import Found

        honest = lint.LINT_RULES
        lint.LINT_RULES = (replace(honest[0], find=lambda linted: iter([Found(title="odd")])),)

        def pytest_runtest_protocol(item, nextitem):  # as plugins do that run failed items again
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                report.outcome = "passed" if report.failed else report.outcome
                item.ihook.pytest_runtest_logreport(report=report)
            lint.LINT_RULES = honest
            runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    result = run(*REPORT, "-k", "signature_lint")
    (check,) = run.report["models"][0]["checks"]
    assert (result.ret, run.report["verdict"], check["outcome"]) == (1, "inconclusive", "inconclusive")
    assert check["reason"] == "it passed only when it was run again: odd"


def test_a_failure_is_in_the_report_with_its_text(run: Any, make_model: Any) -> None:
    make_model("unsigned", inputs=())
    result = run("--model-uri=unsigned", "--model-uri=model", "--model-report=report.json", "-k", "lint")
    assert (result.ret, run.report["verdict"]) == (1, "fail")
    assert [model["verdict"] for model in run.report["models"]] == ["fail", "partial"]
    (failed,) = run.report["models"][0]["checks"]
    assert failed["failure"]["title"]
    assert failed["failure"]["text"] in result.stdout.str()


def test_a_report_of_an_earlier_run_never_survives(run: Any) -> None:
    run.report_path.write_text("stale")
    result = run(*REPORT, "--model-checks=smokee")
    assert result.ret == 4
    run(*REPORT, "--collect-only")
    assert run.report_path.read_text() == "stale"  # neither ran anything
    run(*REPORT, "-k", "nosuchcheck")
    assert run.report["verdict"] == "none"


@pytest.mark.parametrize("options", [("--model-uri=model",), ()])
def test_a_report_of_a_contract_that_does_not_run_is_wrong_usage(
    run: Any, pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    path = pytester.makepyfile("def test_plain(): pass")
    Path("report.json").write_text('{"verdict": "pass"}')
    result = run(*options, "--model-report=report.json", str(path))
    assert result.ret == 4
    assert "--model-report tells of the contract" in result.stderr.str()


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(run: Any, model: Any) -> None:
    Path("file").touch()
    for place in ("model", "file/report.json"):
        result = run("--model-uri=model", f"--model-report={place}")
        assert result.ret == 4
        assert "--model-report: no report can be written" in result.stderr.str()
    assert model.loads == 0


def test_a_report_that_is_lost_at_the_end_does_not_end_well(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import shutil
        def pytest_runtest_teardown():
            shutil.rmtree("reports", ignore_errors=True)
            open("reports", "w").close()
        """
    )
    result = run("--model-uri=model", "--model-report=reports/report.json", "-k", "signature_lint")
    result.assert_outcomes(passed=1, deselected=len(run.collected("--model-uri=model")) - 1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert "the report was not written: " in result.stdout.str()


def test_ctrl_c_leaves_a_partial_report_and_no_process(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pathlib, time
        def pytest_runtest_setup(item):
            if item.name == "signature_lint":
                pathlib.Path("here").touch()
                time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "pytest", *run._arguments((*REPORT, "--model-checks=smoke"))]
    process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (pytester.path / "here").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert [check["name"] for check in run.report["models"][0]["checks"]] == ["environment_restores", "server_starts"]
    assert run.report["verdict"] == "partial"
    with pytest.raises(ProcessLookupError):  # the servers were in its session
        os.killpg(process.pid, 0)
