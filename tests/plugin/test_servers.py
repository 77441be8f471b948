"""Several servers in one run: the contract on each, and one item that compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.server.backends import ENTRY_POINT_GROUP

pytest_plugins = ["pytester"]

TWO = ("--model-uri=model", "--model-server=builtin", "--model-server=twin")
TWIN = '''
from dataclasses import replace

from pytest_modelserve.server.backends.builtin import BuiltinBackend


class Twin(BuiltinBackend):
    """Our own server under another name, so that no second one has to be installed."""

    name = "twin"

    def launch(self, request):
        return replace(super().launch(request), backend="twin", name=super().launch(request).name + "-twin")
'''


@pytest.fixture(autouse=True)
def _twin(pytester: pytest.Pytester, model: Any) -> None:
    """Have a healthy model, and the backend `twin` of another package."""
    pytester.makepyfile(twin_backend=TWIN)
    metadata = pytester.path / "twin_backend-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: twin-backend\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\ntwin = twin_backend:Twin\n")
    pytester.syspathinsert()


def test_each_server_has_the_contract_and_all_have_one_item_together(run: Any) -> None:
    ids = run.collected(*TWO)
    alone = [[one for one in ids if f"::{name}::" in one] for name in ("builtin", "twin")]
    assert [one.replace("::builtin::", "::twin::") for one in alone[0]] == alone[1]
    assert [one for one in ids if one not in alone[0] + alone[1]] == ["model::builtin+twin::servers_agree"]
    assert len(alone[0]) > 50


def test_one_server_is_compared_with_none(run: Any) -> None:
    assert "servers_agree" not in " ".join(run.collected("--model-uri=model", "--model-server=twin"))


def test_the_report_tells_each_server_and_what_they_agree_on(run: Any, model: Any) -> None:
    result = run(*TWO, "--model-checks=smoke,servers_agree", "--model-report=report.json")
    result.assert_outcomes(passed=9)
    told = [(one["backend"], one["verdict"], len(one["checks"])) for one in run.report["models"]]
    assert told == [("builtin", "partial", 4), ("twin", "partial", 4), ("builtin+twin", "pass", 1)]
    ((check,),) = (one["checks"] for one in run.report["models"] if one["backend"] == "builtin+twin")
    assert {tuple(one["fates"]) for one in check["answers"]} == {("builtin", "twin")}
    assert all(one["is_agreed"] for one in check["answers"])
    total = sum(one["requests"] for one in check["answers"])
    result.stdout.fnmatch_lines(
        [
            "model: model *server builtin, twin, seed *",
            "model on builtin: partial *",
            "model on twin: partial *",
            "model on builtin+twin: pass *",
            f"  builtin, twin: alike on {total} of {total} requests",
        ]
    )
    assert model.loads == 2


@pytest.mark.parametrize("given", ["ini", "environment", "commas"])
def test_servers_are_named_by_the_ini_file_and_the_environment_too(
    run: Any, given: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--model-uri=model", "--model-checks=server_starts"]
    if given == "ini":
        pytester.makeini("[pytest]\nmodel_server =\n    twin\n    builtin\n    twin")
    elif given == "environment":
        monkeypatch.setenv("PYTEST_MODEL_SERVER", "twin,builtin")
    else:
        options.append("--model-server=twin, builtin")
    assert run.collected(*options) == ["model::twin::server_starts", "model::builtin::server_starts"]


def test_a_server_that_is_none_is_told_whichever_it_is(run: Any) -> None:
    result = run("--model-uri=model", "--model-server=builtin", "--model-server=twinn")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no server backend named 'twinn'*"])
    result = run("--model-uri=model", "--model-server=,")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--model-server cannot be ','*"])


@pytest.mark.parametrize(
    "pasted", ["model::twin::signature_lint", "model::builtin+twin::servers_agree", "model::twin::rejects_malformed"]
)
def test_a_pasted_id_brings_its_servers(run: Any, pasted: str) -> None:
    ids = run.collected(pasted)
    assert ids
    assert all(one == pasted or one.startswith(f"{pasted}[") for one in ids)
    assert run.collected(pasted, "--model-server=builtin") == []


def test_a_url_is_one_server(run: Any) -> None:
    result = run(*TWO, "--model-url=http://127.0.0.1:9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--model-url is one server*"])


def test_tests_of_ones_own_run_on_each_server(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own="""
        import pytest

        def test_backend(served_model):
            assert served_model.server.backend in {"builtin", "twin"}

        @pytest.mark.served_model("model", server=["twin"])
        def test_marked(served_model):
            assert served_model.server.backend == "twin"
        """
    )
    result = run("-v", *TWO, "test_own.py")
    result.assert_outcomes(passed=3)
    ran = {line.split(" ")[0].partition("::")[2] for line in result.outlines if " PASSED" in line}
    assert ran == {"test_backend[model-builtin]", "test_backend[model-twin]", "test_marked[model]"}


@pytest.mark.parametrize("server", ["None", "'auto'", "{'builtin'}"])
def test_a_marker_may_leave_the_server_open_or_name_several_at_once(
    run: Any, pytester: pytest.Pytester, server: str
) -> None:
    pytester.makepyfile(
        test_own=f"""
        import pytest

        @pytest.mark.served_model("model", server={server})
        def test_marked(served_model):
            assert served_model.server.backend == "builtin"
        """
    )
    run("test_own.py").assert_outcomes(passed=1)


def test_a_server_that_does_not_start_is_told_once_and_leaves_the_other_alone(
    run: Any, pytester: pytest.Pytester
) -> None:
    dying = "        raise ServerError('the twin is ill')\n"
    head, sep, _ = TWIN.rpartition("        return replace")
    source = f"from pytest_modelserve.errors import ServerError\n{head}{dying}"
    assert sep
    (pytester.path / "twin_backend.py").write_text(source)
    result = run(*TWO, "--model-checks=smoke,servers_agree", "-rs")
    result.assert_outcomes(passed=4, errors=1, skipped=4)
    result.stdout.fnmatch_lines(["*the twin is ill*", "SKIPPED *told by model::twin::environment_restores*"])
    assert Path(pytester.path, "model").is_dir()


AUTO = ("--model-uri=model", "--model-checks=smoke,servers_agree")
TOGETHER = "model::builtin+mlflow::servers_agree"


@pytest.fixture
def _requires(model: Any) -> None:
    """Let the model require mlflow, which this interpreter need not have."""
    (model.path / "requirements.txt").write_text("mlflow==3.17.2\n")
    (model.path / "python_env.yaml").write_text('python: "3.11"\ndependencies:\n  - -r requirements.txt\n')


@pytest.mark.usefixtures("_requires")
def test_a_model_that_requires_mlflow_is_compared_with_its_server(run: Any) -> None:
    ids = run.collected(*AUTO)
    assert ids == run.collected(*AUTO, "--model-server=auto")
    assert [one for one in ids if "::builtin::" not in one] == [TOGETHER]
    assert not [one for one in run.collected(*AUTO, "--model-server=builtin") if "servers_agree" in one]
    assert run.collected(TOGETHER) == [TOGETHER]


def test_a_model_without_mlflow_is_compared_with_nothing(run: Any) -> None:
    assert TOGETHER not in run.collected(*AUTO)


@pytest.mark.usefixtures("_requires")
def test_a_server_that_nobody_asked_for_and_that_does_not_start_is_advice(run: Any) -> None:
    result = run(*AUTO, "--model-report=report.json")
    result.assert_outcomes(passed=4, skipped=1)
    (model,) = run.report["models"]
    assert model["backend"] == "builtin"
    (check,) = (one for one in model["checks"] if one["name"] == "servers_agree")
    assert (check["outcome"], check["applies"]) == ("skipped", False)
    assert check["reason"].startswith("no server to compare with: ")
    result.stdout.fnmatch_lines(
        ["*advice  servers_agree: no server to compare with: *--model-server mlflow tells more*"]
    )


SMOKE = ("--model-uri=model", "--model-checks=smoke", "--model-report=report.json")


@pytest.mark.parametrize("more", [(), ("-n1",)])
def test_who_names_no_server_is_told_what_others_make_of_the_columns(run: Any, more: tuple[str, ...]) -> None:
    result = (run.apart if more else run)(*SMOKE, *more)
    assert result.ret == 0
    (model,) = run.report["models"]
    (flag,) = (one for one in model["hazards"] if one["id"] == "text_is_true_on_mlserver")
    assert (flag["server"], flag["columns"]) == ("mlserver", ["flag"])
    assert flag["what"].startswith("Any text but the empty one becomes true")
    result.stdout.fnmatch_lines(
        [
            "  hazards of its columns, known of other servers, no failures:",
            f"    flag: {flag['what']} (mlserver)",
            "    ... and * more: modelserve hazards model",
        ]
    )


@pytest.mark.parametrize("more", [("--model-server=builtin",), ("--model-server=twin",)])
def test_who_names_a_server_is_told_of_that_one_alone(run: Any, more: tuple[str, ...]) -> None:
    result = run(*SMOKE, *more)
    assert result.ret == 0
    assert [one["hazards"] for one in run.report["models"]] == [[]]
    assert "hazards" not in result.stdout.str()


def test_auto_stands_alone(run: Any) -> None:
    result = run(*AUTO, "--model-server=auto", "--model-server=builtin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--model-server cannot be *auto*"])
