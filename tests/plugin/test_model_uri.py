"""`--model-uri` with no test file: the contract as items that all of pytest's selection works on."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

SMOKE = [
    f"model::builtin::{name}"
    for name in ("environment_restores", "server_starts", "signature_lint", "predicts_input_example")
]


@pytest.fixture(autouse=True)
def _model(model: Any) -> None:
    """Have a healthy model in the folder `model`."""


def test_each_check_and_variant_is_an_item_of_a_stable_id(run: Any) -> None:
    ids = run.collected("--model-uri=model")
    assert ids[:4] == SMOKE
    assert {"model::builtin::accepts_valid[csv]", "model::builtin::rejects_malformed[not_json]"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert ids == run.collected("--model-uri=model")


def test_collecting_builds_and_starts_nothing(run: Any, model: Any) -> None:
    result = run("--model-uri=model", "--collect-only", "--model-report=report.json")
    assert result.ret == 0
    assert list(run.cache_dir.iterdir()) == []
    assert model.loads == 0
    assert not run.report_path.exists()
    assert "= model contract =" not in result.stdout.str()


@pytest.mark.parametrize(
    "options", [(), ("-k", "lint or starts"), ("-m", "model_contract"), ("-m", "not model_contract")]
)
def test_keywords_and_marks_select(run: Any, options: tuple[str, ...]) -> None:
    ids = run.collected("--model-uri=model", "--model-checks=smoke", *options)
    by_options = {(): SMOKE, ("-k", "lint or starts"): SMOKE[1:3], ("-m", "model_contract"): SMOKE}
    assert ids == by_options.get(options, [])


def test_deselecting_takes_ids(run: Any) -> None:
    ids = run.collected("--model-uri=model", "--model-checks=smoke", f"--deselect={SMOKE[1]}")
    assert ids == [SMOKE[0], *SMOKE[2:]]


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("model::builtin::signature_lint", ["model::builtin::signature_lint"]),
        ("model::builtin::rejects_invalid[null_in_required]", ["model::builtin::rejects_invalid[null_in_required]"]),
        ("model/::builtin::signature_lint", ["model::builtin::signature_lint"]),
        ("model::builtin::signature", []),
    ],
)
def test_a_pasted_id_runs_that_item(run: Any, pasted: str, expected: list[str]) -> None:
    assert run.collected(pasted) == expected


def test_a_pasted_id_of_a_check_or_a_model_runs_all_below(run: Any) -> None:
    envelopes = run.collected("model::builtin::accepts_valid")
    assert "model::builtin::accepts_valid[csv]" in envelopes
    assert all(one.startswith("model::builtin::accepts_valid[") for one in envelopes)
    assert run.collected("model::builtin") == run.collected("--model-uri=model")


def test_a_pasted_id_runs_beside_test_files(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    assert run.collected("test_own.py", SMOKE[2]) == ["test_own.py::test_own", SMOKE[2]]


def test_a_class_of_a_test_file_that_is_called_like_a_backend_is_no_pasted_id(
    run: Any, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own="class builtin:\n    def test_own(self): pass")
    pytester.makeini("[pytest]\npython_classes = builtin")
    assert run.collected("test_own.py::builtin::test_own") == ["test_own.py::builtin::test_own"]


def test_with_a_test_file_named_the_contract_is_not_added(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    assert run.collected("--model-uri=model", "test_own.py") == ["test_own.py::test_own"]


def test_without_one_only_the_contract_runs_whatever_the_ini_file_collects(run: Any, pytester: pytest.Pytester) -> None:
    pytester.mkdir("own").joinpath("test_own.py").write_text("def test_own(): pass")
    pytester.makeini("[pytest]\ntestpaths = own")
    assert run.collected("--model-uri=model", "--model-checks=smoke") == SMOKE
    assert run.collected() == ["own/test_own.py::test_own"]


def test_several_models_are_checked_each_once(run: Any, make_model: Any) -> None:
    make_model("other")
    ids = run.collected(
        "--model-uri=model", "--model-uri=other/", "--model-uri=model/", "--model-checks=signature_lint"
    )
    assert ids == ["model::builtin::signature_lint", "other::builtin::signature_lint"]


def test_an_absolute_path_stands_in_the_ids_as_it_was_given(run: Any, model: Any) -> None:
    ids = run.collected(f"--model-uri={model.path}/", "--model-checks=signature_lint")
    assert ids == [f"{model.path}::builtin::signature_lint"]
    assert run.collected(*ids) == ids


def test_any_name_of_a_directory_is_selected_by_its_ids(run: Any, make_model: Any) -> None:
    name = "odd [1] ünï"
    make_model(name, inputs=())  # without a signature the lint fails
    options = (f"--model-uri={name}", "--model-checks=signature_lint,server_starts")
    result = run(*options)
    result.assert_outcomes(passed=1, failed=1)
    assert run.collected(*options, "--lf") == [f"{name}::builtin::signature_lint"]
    run(*options, "--lf").assert_outcomes(failed=1)
    assert run.collected(f"{name}::builtin::signature_lint") == [f"{name}::builtin::signature_lint"]


def test_a_failure_is_told_in_one_line(run: Any, make_model: Any) -> None:
    make_model("unsigned", inputs=())
    result = run("--model-uri=unsigned", "--model-checks=smoke")
    result.assert_outcomes(passed=3, failed=1)
    (line,) = [line for line in result.outlines if line.startswith("FAILED")]
    assert line.startswith("FAILED unsigned::builtin::signature_lint - ")
    assert "Traceback" not in result.stdout.str()
    assert result.ret == 1


def test_stopping_at_the_first_failure_leaves_the_rest_out(run: Any, make_model: Any) -> None:
    make_model("unsigned", inputs=())
    result = run(
        "--model-uri=unsigned",
        "--model-checks=signature_lint,predicts_input_example",
        "-x",
        "--model-report=report.json",
    )
    result.assert_outcomes(failed=1)
    assert run.report["verdict"] == "fail"
    assert "predicts_input_example" in run.report["models"][0]["deselected"]


def test_junit_has_a_test_case_for_each_item(run: Any) -> None:
    run("--model-uri=model", "--model-checks=signature_lint,accepts_valid", "-k", "lint or csv", "--junitxml=junit.xml")
    cases = {(case.get("classname"), case.get("name")) for case in ET.parse("junit.xml").iter("testcase")}
    assert cases == {("model.builtin", "signature_lint"), ("model.builtin", "accepts_valid[csv]")}


@pytest.mark.parametrize("plugin", ["no:cacheprovider", "no:xprocess"])
def test_it_runs_without_other_plugins(run: Any, plugin: str) -> None:
    run("--model-uri=model", "-p", plugin, "-k", "predicts_input_example").assert_outcomes(
        passed=1, deselected=len(run.collected("--model-uri=model")) - 1
    )


def test_it_runs_in_random_order(pytester: pytest.Pytester, run: Any) -> None:
    options = ("-p", "no:asyncio", "--model-env-manager=local", f"--model-cache-dir={run.cache_dir}")
    result = pytester.runpytest_inprocess(*options, "--model-uri=model", "--model-checks=smoke", "-p", "randomly", "-v")
    result.assert_outcomes(passed=4)


def test_workers_of_xdist_share_one_server_and_the_controller_knows_all(run: Any, model: Any) -> None:
    result = run.apart("--model-uri=model", "--model-checks=smoke", "-n2", "-v", "--model-report=report.json")
    result.assert_outcomes(passed=len(run.collected("--model-uri=model", "--model-checks=smoke")))
    assert {line[:5] for line in result.outlines if "PASSED" in line} == {"[gw0]", "[gw1]"}
    assert model.loads == 1
    (told,) = run.report["models"]
    assert told["verdict"] == "partial"
    assert {f"model::builtin::{check['name']}" for check in told["checks"]} == set(
        run.collected("--model-uri=model", "--model-checks=smoke")
    )
    assert told["server"]["backend"] == "builtin"


def test_a_pasted_id_reaches_the_workers_of_xdist(run: Any) -> None:
    run.apart(SMOKE[2], SMOKE[1], "-n2").assert_outcomes(passed=2)


def test_the_header_says_what_is_checked(run: Any, make_model: Any) -> None:
    make_model("broken").path.joinpath("MLmodel").write_text("flavors: [")
    result = run("--model-uri=model", "--model-uri=broken", "--model-uri=gone", "--collect-only")
    header = [line for line in result.outlines if line.startswith("model: ")]
    assert "environment local, server builtin, seed" in header[0]
    assert header[1].startswith("model: broken: ")
    assert header[2] == "model: gone: there is no model at gone"


def test_a_model_that_cannot_be_read_is_one_item_in_error(run: Any) -> None:
    result = run("--model-uri=gone", "--model-report=report.json")
    result.assert_outcomes(errors=1)
    assert result.ret == 1
    assert "Traceback" not in result.stdout.str()
    (told,) = [line for line in result.outlines if line.startswith("ERROR gone::builtin::reads_model")]
    assert "there is no model at gone" in told
    assert run.report["verdict"] == "error"


def test_a_model_that_cannot_be_served_is_told_once(run: Any, make_model: Any) -> None:
    loader = make_model("unloadable").path / "code" / "tiny_loader.py"
    loader.write_text("raise KeyError('no weights')")
    result = run("--model-uri=unloadable", "--model-checks=smoke", "--model-report=report.json")
    result.assert_outcomes(errors=1, skipped=3)
    assert result.ret == 1
    assert "no weights" in result.stdout.str()
    assert "nodes.py" not in result.stdout.str()  # no traceback of ours
    (model,) = run.report["models"]
    assert (model["verdict"], [check["outcome"] for check in model["checks"]]) == ("error", ["error"] + ["skipped"] * 3)


def test_the_model_is_found_from_wherever_pytest_is_started(
    run: Any, pytester: pytest.Pytester, monkeypatch: Any
) -> None:
    pytester.makeini("[pytest]")
    monkeypatch.chdir(pytester.mkdir("sub"))
    assert run.collected("--model-uri=../model", "--model-checks=signature_lint") == [
        "../model::builtin::signature_lint"
    ]
    assert Path.cwd().name == "sub"
