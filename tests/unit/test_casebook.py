"""`modelserve replay` and `modelserve keep`, on a model that is served in the running interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_modelserve import casebook, cli, verify
from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.results import FailureDetail, ModelReport, Outcome, Verdict
from pytest_modelserve.search.stored import CaseStore, StoredCase
from pytest_modelserve.settings import Settings

BROKEN = """
class Reciprocal:
    def predict(self, data):
        return [{"y": [1][int(n == 0)]} for n in data["n"]]

def _load_pyfunc(path):
    return Reciprocal()
"""
MENDED = BROKEN.replace("[1][int(n == 0)]", "1")
EXAMPLE = {"columns": ["n"], "data": [[1], [20]]}
CHECK = "accepts_valid[dataframe_split]"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that crashes on zero, in a folder `model` of the current directory."""
    path = tmp_path / "model"
    (path / "code").mkdir(parents=True)
    (path / "code" / "the_model.py").write_text(BROKEN)
    (path / "serving_input_example.json").write_text(json.dumps({"dataframe_split": EXAMPLE}))
    (path / "input_example.json").write_text(json.dumps(EXAMPLE))
    column = {"type": "long", "required": True}
    document = {
        "flavors": {"python_function": {"loader_module": "the_model", "code": "code"}},
        "signature": {
            "inputs": json.dumps([{**column, "name": "n"}]),
            "outputs": json.dumps([{**column, "name": "y"}]),
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
    }
    (path / "MLmodel").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    return path


def checked(*checks: str) -> ModelReport:
    settings = Settings(
        env_manager="local",
        cache_dir=Path("cache"),
        checks=checks,
        examples=5,
        cases_dir=Path(".modelserve", "cases"),
        kept_dir=Path("modelserve_cases"),
    )
    return verify("model", settings)


def broken() -> FailureDetail:
    report = checked("accepts_valid")
    assert report.verdict is Verdict.FAIL
    (failure,) = (check.failure for check in report.checks if check.name == CHECK)
    assert failure is not None
    return failure


def run(*words: str) -> int:
    return cli.main([*words, *(["--env-manager", "local", "--cache-dir", "cache"] if words[0] == "replay" else [])])


def test_a_case_is_replayed_until_it_is_mended_and_kept(model: Path, capsys: Capture) -> None:
    failure = broken()
    assert run("replay", failure.case[:8]) == cli.EXIT_BROKEN
    told = capsys.readouterr().out
    assert told.startswith(f"{failure.case} is still broken\n\n{CHECK}: {failure.title}\n")
    assert "reproduced 5/5" in told
    assert run("keep", failure.case) == 0
    kept = Path("modelserve_cases", f"{failure.case}.json")
    assert str(kept) in capsys.readouterr().out
    assert kept.exists()

    (model / "code" / "the_model.py").write_text(MENDED)
    assert run("replay", failure.case) == 0
    assert capsys.readouterr().out == f"{failure.case} is mended: {failure.title}\n"
    assert checked("replays_stored").checks[0].outcome is Outcome.PASSED
    assert not Path(".modelserve", "cases", f"{failure.case}.json").exists()
    assert run("replay", failure.case) == 0  # from the kept ones


def test_another_version_can_be_tried(model: Path, capsys: Capture) -> None:
    case = broken().case
    mended = model.rename("before")
    newer = Path("newer")
    (newer / "code").mkdir(parents=True)
    for path in mended.iterdir():
        if path.is_file():
            (newer / path.name).write_bytes(path.read_bytes())
    (newer / "code" / "the_model.py").write_text(MENDED)
    assert run("replay", case, "--uri", "newer") == 0
    assert run("replay", case) == cli.EXIT_INFRASTRUCTURE
    assert "model" in capsys.readouterr().err


def test_a_case_of_a_check_that_is_gone_cannot_be_told(model: Path, capsys: Capture) -> None:
    case = broken().case
    document = json.loads((model / "MLmodel").read_text())
    document["signature"]["inputs"] = None
    (model / "MLmodel").write_text(json.dumps(document))
    assert run("replay", case) == cli.EXIT_BROKEN
    assert "cannot be told" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("replay", "0123"), ("keep", "0123")])
def test_a_case_that_is_not_there_is_3(words: tuple[str, ...], capsys: Capture) -> None:
    assert run(*words) == cli.EXIT_INFRASTRUCTURE
    assert "'0123'" in capsys.readouterr().err


def test_a_case_that_cannot_be_kept_says_why(tmp_path: Path) -> None:
    cases = CaseStore(tmp_path / "cases")
    stored = StoredCase(
        uri="m", check=CHECK, key="k", title="t", rule="valid", expectation="accept", label="", level=0, envelope="",
        method="POST", path="/invocations", content_type=None, body=b"{}", seed=1,
    )  # fmt: skip
    cases.write(stored)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelServeError) as caught:
        casebook.keep(stored.id, cases, CaseStore(tmp_path / "file" / "kept"))
    assert caught.value.happened == f"the case {stored.id} cannot be kept: Not a directory"
