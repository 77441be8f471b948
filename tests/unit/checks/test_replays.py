"""What broke is stored, sent first on the next run, forgotten once it is mended, and kept where the user says so."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve import casebook
from pytest_modelserve.cases import Table
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.fresh import MOST_CHECKS
from pytest_modelserve.checks.table import BY_NAME, can_replay, run_check, run_titled
from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.search.stored import CaseStore
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="age", type=DataType.LONG), ColumnSpec(name="plan", type=DataType.STRING))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("age", "plan"), rows=((40, "pro"),))


def healthy(rows: list[Any]) -> object:
    return [{"y": 1.0} for _ in rows]


def zero_crashes(rows: list[Any]) -> object:
    return [{"y": 1.0 / abs(row["age"])} for row in rows]


@pytest.fixture
def tried(serve: Serve, tmp_path: Path) -> Callable[..., CheckResult]:
    """Run one check of a model that predicts so, with the folders of a project."""

    def run(predict: Callable[[list[Any]], object], title: str, **settings: Any) -> CheckResult:
        folders = {"cases_dir": tmp_path / "stored", "kept_dir": tmp_path / "kept"}
        context = serve(predict, SIGNATURE, example=EXAMPLE, **{**folders, **settings})
        store = context.settings.cases_dir
        context = replace(context, stored=CaseStore(store).ids() if store else frozenset())
        return run_titled(context, title)

    return run


def test_a_breach_is_stored_and_sent_first_until_it_is_mended(
    tried: Callable[..., CheckResult], tmp_path: Path
) -> None:
    found = tried(zero_crashes, "accepts_valid[dataframe_split]").failure
    assert found is not None
    assert (tmp_path / "stored" / f"{found.case}.body").exists()
    assert f"modelserve replay {found.case}" in found.text
    again = tried(zero_crashes, "replays_stored")
    assert again.outcome is Outcome.FAILED
    assert again.failure is not None
    assert again.failure.title == f"broken as before: {found.title}"
    assert again.failure.case == found.case
    assert again.requests < 20
    mended = tried(healthy, "replays_stored")
    assert mended.outcome is Outcome.PASSED
    assert found.title in mended.advice[0].text
    assert list((tmp_path / "stored").glob("*.json")) == []
    assert tried(healthy, "replays_stored").requests == 0


def test_a_kept_case_stays_when_it_is_mended(tried: Callable[..., CheckResult], tmp_path: Path) -> None:
    found = tried(zero_crashes, "accepts_valid[dataframe_split]").failure
    assert found is not None
    stores = casebook.stores(tmp_path / "stored", tmp_path / "kept")
    path = casebook.keep(found.case[:8], *stores)
    assert path == tmp_path / "kept" / f"{found.case}.json"
    assert tried(healthy, "replays_stored").advice[0].text.startswith("mended")
    assert tried(healthy, "replays_stored").requests > 0
    assert casebook.find(found.case, *stores).id == found.case
    assert tried(zero_crashes, "replays_stored").outcome is Outcome.FAILED
    with pytest.raises(ModelServeError):
        casebook.find("ffff", *stores)


def test_several_broken_cases_are_one_failure_that_tells_each(tried: Callable[..., CheckResult]) -> None:
    def broken(rows: list[Any]) -> object:
        for row in rows:
            if row["age"] == 0:
                raise KeyError(row["age"])
            if row["plan"] == "":
                raise IndexError(row["plan"])
        return healthy(rows)

    tried(broken, "accepts_valid[dataframe_split]")
    failure = tried(broken, "replays_stored").failure
    assert failure is not None
    assert "2 cases are broken as before" in failure.text
    assert {"KeyError", "IndexError"} <= {word.strip(":") for word in failure.text.split()}


def test_an_invalid_request_that_was_accepted_is_replayed_by_its_own_check(serve: Serve, tmp_path: Path) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE, cases_dir=tmp_path)
    context.served.take_only({"type": "object"})  # type: ignore[attr-defined] # of the fake server
    found = run_titled(context, "rejects_invalid[text_for_number]").failure
    assert found is not None
    (stored,) = {one.check for one in CaseStore(tmp_path).all_of(context.model.uri)}
    assert stored == "rejects_invalid[text_for_number]"
    replays = BY_NAME["replays_stored"]
    assert run_check(context, replays, "").requests == 0  # the run that found it has told it, in whatever order
    assert run_check(replace(context, stored=CaseStore(tmp_path).ids()), replays, "").outcome is Outcome.FAILED


def test_a_case_of_a_check_that_is_gone_is_told(
    serve: Serve, tmp_path: Path, tried: Callable[..., CheckResult]
) -> None:
    tried(zero_crashes, "accepts_valid[dataframe_split]")
    (path,) = (tmp_path / "stored").glob("*.json")
    stored = CaseStore(tmp_path / "stored").read(path.stem)
    CaseStore(tmp_path / "stored").remove(stored)
    CaseStore(tmp_path / "stored").write(replace(stored, check="accepts_valid[parquet]"))
    result = tried(zero_crashes, "replays_stored")
    assert result.outcome is Outcome.PASSED
    assert "can no longer be replayed" in result.advice[0].text


def test_only_checks_of_single_cases_are_replayed_alone() -> None:
    assert can_replay("rejects_invalid[missing_column]")
    assert not can_replay("signature_lint")
    assert not can_replay("no_such_check")


def test_a_breach_that_does_not_show_again_is_inconclusive(tried: Callable[..., CheckResult], tmp_path: Path) -> None:
    calls = iter(range(10**6))

    def sometimes(rows: list[Any]) -> object:
        if any(row["age"] == 0 for row in rows) and next(calls) % 2:
            raise KeyError("now and then")
        return healthy(rows)

    result = tried(sometimes, "accepts_valid[dataframe_records]")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason.startswith("flaky, reproduced ")
    assert "/5: the model crashed on" in result.reason
    assert not (tmp_path / "stored").exists()


def test_a_breach_that_cannot_be_stored_is_told_all_the_same(tried: Callable[..., CheckResult], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failure = tried(zero_crashes, "accepts_valid[dataframe_split]", cases_dir=tmp_path / "file" / "stored").failure
    assert failure is not None
    assert failure.case == ""
    assert "not stored" in failure.text


def test_curl_reads_long_bodies_from_the_stored_file(serve: Serve, tmp_path: Path) -> None:
    signature = replace(SIGNATURE, inputs=ColumnSchema(columns=(ColumnSpec(name="plan", type=DataType.STRING),)))

    def long_crashes(rows: list[Any]) -> object:
        return [{"y": [1.0][len(row["plan"]) // 5_000]} for row in rows]

    example = Table(columns=("plan",), rows=(("pro",),))
    context = serve(long_crashes, signature, example=example, cases_dir=tmp_path)
    failure = run_titled(context, "accepts_valid[dataframe_split]").failure
    assert failure is not None
    assert f"{failure.case}.body" in failure.curl
    echoed = subprocess.run(
        ["bash", "-c", failure.curl.replace("curl ", "printf '%s\\n' ", 1)], capture_output=True, text=True, check=True
    )
    (argument,) = (line for line in echoed.stdout.splitlines() if line.startswith("@"))
    sent = json.loads((Path.cwd() / argument[1:]).read_bytes())
    assert len(sent["dataframe_split"]["data"][0][0]) >= 5_000


def test_a_crash_that_every_envelope_shows_is_told_in_full_once(serve: Serve) -> None:
    context = serve(zero_crashes, SIGNATURE, example=EXAMPLE)
    first = run_titled(context, "accepts_valid[dataframe_split]").failure
    second = run_titled(context, "accepts_valid[inputs]").failure
    assert first is not None
    assert second is not None
    assert "traceback" in first.text
    assert "modelserve serve" in first.text
    assert "traceback" not in second.text
    assert "told by   accepts_valid[dataframe_split], in full" in second.text
    assert second.curl in second.text
    assert first.text.splitlines()[-1].startswith("Mend code/model.py:7, or declare")


def test_a_failure_says_what_its_rule_means(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    context.served.take_only({"type": "object"})  # type: ignore[attr-defined] # of the fake server
    failure = run_titled(context, "rejects_invalid[text_for_number]").failure
    assert failure is not None
    assert "Text is no number, even where it reads like one. (modelserve explain text_for_number)" in failure.text


def test_a_breach_is_tried_on_a_fresh_server_too(serve: Serve) -> None:
    context = serve(zero_crashes, SIGNATURE, example=EXAMPLE)
    for title in ("accepts_valid[dataframe_split]", "accepts_valid[inputs]", "accepts_valid[instances]"):
        failure = run_titled(context, title).failure
        assert failure is not None
    served: Any = context.served
    assert served.n_fresh == MOST_CHECKS == 2
    first = run_titled(serve(zero_crashes, SIGNATURE, example=EXAMPLE), "accepts_valid[dataframe_split]").failure
    assert first is not None
    assert "reproduced 5/5 and on a fresh server; seed" in first.text


def test_what_takes_the_requests_before_it_is_told_so(serve: Serve) -> None:
    def worn(rows: list[Any]) -> object:
        served: Any = context.served
        return healthy(rows) if served.n_fresh else zero_crashes(rows)

    context = serve(worn, SIGNATURE, example=EXAMPLE)
    result = run_titled(context, "accepts_valid[dataframe_split]")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "5/5, but not on a fresh server: it takes what was sent before" in result.failure.text


def test_only_what_a_single_case_shows_is_offered_as_a_regression_case(serve: Serve, tmp_path: Path) -> None:
    context = serve(zero_crashes, SIGNATURE, example=EXAMPLE, cases_dir=tmp_path)
    failure = run_titled(context, "accepts_valid[dataframe_split]").failure
    assert failure is not None
    assert f"modelserve keep {failure.case} for a regression case" in failure.text
    numbers = itertools.count()
    drawn = serve(
        lambda rows: [{"y": float(next(numbers))} for _ in rows], SIGNATURE, example=EXAMPLE, cases_dir=tmp_path
    )
    told = run_titled(drawn, "stateless[repeat]").failure
    assert told is not None
    assert f"modelserve replay {told.case}" in told.text
    assert "modelserve keep" not in told.text


def test_a_check_that_passes_as_a_whole_forgets_what_it_stored(serve: Serve, tmp_path: Path) -> None:
    numbers = itertools.count()
    drawn = serve(
        lambda rows: [{"y": float(next(numbers))} for _ in rows], SIGNATURE, example=EXAMPLE, cases_dir=tmp_path
    )
    assert run_titled(drawn, "stateless[repeat]").outcome is Outcome.FAILED
    stored = CaseStore(tmp_path).ids()
    assert stored
    steady = serve(healthy, SIGNATURE, example=EXAMPLE, cases_dir=tmp_path)
    assert run_titled(steady, "stateless[repeat]").outcome is Outcome.PASSED
    assert CaseStore(tmp_path).ids() == stored  # it may be of this very run
    run_titled(replace(steady, stored=stored), "stateless[interleave]")
    assert CaseStore(tmp_path).ids() == stored
    run_titled(replace(steady, stored=stored), "stateless[repeat]")
    assert CaseStore(tmp_path).ids() == frozenset()
