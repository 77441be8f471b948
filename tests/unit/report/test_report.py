"""Results gathered into one report, and its renderings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.report.collect import Collected, ModelFacts, facts_from, versions
from pytest_modelserve.report.json_file import SCHEMA, write_json
from pytest_modelserve.report.terminal import MAX_ADVICE, MAX_ANSWERS, MAX_HAZARDS, as_lines
from pytest_modelserve.results import (
    Advice,
    CheckResult,
    ContractReport,
    Judges,
    Latency,
    LatencyBucket,
    ModelReport,
    Outcome,
    ServerAnswers,
    ShownDeviation,
    ShownHazard,
    Verdict,
    as_document,
    check_result_from,
    notes,
)

FACTS = ModelFacts(
    uri="m",
    backend="builtin",
    resolved="/m",
    digest="d",
    seed="7",
    environment={"manager": "uv", "python": "3.11.7", "cached": False, "seconds": 12.4},
    server={"backend": "builtin", "cold_start_s": 1.26},
)


def check(name: str, outcome: Outcome = Outcome.PASSED, **kwargs: object) -> CheckResult:
    return CheckResult(name=name, judges=Judges.MODEL, outcome=outcome, **kwargs)  # type: ignore[arg-type]


def model(*checks: CheckResult, **kwargs: object) -> ModelReport:
    fields: dict[str, object] = {
        "uri": "m",
        "backend": "builtin",
        "resolved": "/m",
        "digest": "d",
        "verdict": Verdict.PASS,
        **kwargs,
    }
    return ModelReport(checks=checks, **fields)  # type: ignore[arg-type]


def lines_of(report: ModelReport) -> list[str]:
    return list(as_lines(ContractReport(verdict=report.verdict, models=(report,))))


def test_a_report_has_each_model_with_its_verdict() -> None:
    collected = Collected()
    collected.expect("m", "builtin", ["a", "b"])
    collected.expect("n", "builtin", ["a"])
    collected.describe(FACTS)
    collected.add("m", "builtin", check("a"))
    collected.add("m", "builtin", check("b"))
    collected.add("n", "builtin", check("a", Outcome.FAILED))
    report = collected.report()
    assert report.verdict is Verdict.FAIL
    assert [(one.uri, one.verdict, one.digest) for one in report.models] == [
        ("m", Verdict.PASS, "d"),
        ("n", Verdict.FAIL, ""),
    ]
    assert report.seed == "7"


def test_what_was_expected_and_did_not_run_is_named() -> None:
    collected = Collected()
    collected.expect("m", "builtin", ["a", "b", "c"])
    collected.add("m", "builtin", check("b"))
    (found,) = collected.report().models
    assert (found.verdict, found.deselected) == (Verdict.PARTIAL, ("a", "c"))


def hazard(name: str, server: str = "mlflow", **changes: Any) -> ShownHazard:
    told = {"versions": ">=2", "columns": ("a",), "what": f"{name} happens.", "link": "l", **changes}
    return ShownHazard(id=name, server=server, **told)


def test_a_hazard_that_a_check_met_is_told_there_alone() -> None:
    met = ShownDeviation(id="x", server="mlflow", versions=">=2", rule="r", what="x happens.", link="l")
    collected = Collected()
    collected.expect("n", "builtin", ["a"])
    collected.add("m", "builtin", check("servers_agree", deviations=(met,)))
    collected.warn("m", "builtin", [hazard("x"), hazard("x_on_other", "mlserver"), hazard("y")])
    found = {one.uri: one for one in collected.report().models}
    assert [one.id for one in found["m"].hazards] == ["x_on_other", "y"]
    assert (found["m"].verdict, found["n"].hazards) == (Verdict.PASS, ())


def test_hazards_take_a_line_for_what_is_alike() -> None:
    wide: tuple[str | int, ...] = ("a", 1, "c", "d", "e")
    some = (
        hazard("x", what="It bends."),
        hazard("y", columns=wide),
        hazard("x2", "mlserver", what="It bends."),
        hazard("z", columns=("b",)),
    )
    assert lines_of(model(check("a"), hazards=some))[1:] == [
        "  hazards of its columns, known of other servers, no failures:",
        "    a: It bends. (mlflow, mlserver)",
        "    a, 1, c and 2 more: y happens. (mlflow)",
        "    b: z happens. (mlflow)",
    ]
    assert "hazards" not in "".join(lines_of(model(check("a"))))


@pytest.mark.parametrize("count", [MAX_HAZARDS, MAX_HAZARDS + 1, MAX_HAZARDS + 7])
def test_many_hazards_are_counted_and_where_they_stand_is_told(count: int) -> None:
    lines = lines_of(model(check("a"), uri="my model", hazards=tuple(hazard(f"h{n}") for n in range(count))))[2:]
    n_more = count - MAX_HAZARDS
    more = [f"    ... and {n_more} more: modelserve hazards 'my model'"] if n_more else []
    assert lines == [*(f"    a: h{n} happens. (mlflow)" for n in range(MAX_HAZARDS)), *more]


def test_a_check_that_runs_again_replaces_the_one_before() -> None:
    collected = Collected()
    collected.add("m", "builtin", check("a", requests=1))
    collected.add("m", "builtin", check("a"))
    collected.describe(ModelFacts(uri="m", backend="builtin"))
    collected.describe(FACTS)
    (found,) = collected.report().models
    assert (found.verdict, found.checks, found.resolved) == (Verdict.PASS, (check("a"),), "/m")


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE])
def test_a_check_that_passes_only_when_run_again_proves_nothing(outcome: Outcome) -> None:
    collected = Collected()
    collected.add("m", "builtin", check("a", outcome, reason="odd"))
    for _ in range(2):
        collected.add("m", "builtin", check("a", requests=3))
    (found,) = collected.report().models
    assert (found.verdict, found.checks[0].outcome, found.checks[0].requests) == (
        Verdict.INCONCLUSIVE,
        Outcome.INCONCLUSIVE,
        3,
    )
    assert "odd" in found.checks[0].reason


def test_a_check_that_passed_and_then_fails_has_failed() -> None:
    collected = Collected()
    collected.add("m", "builtin", check("a"))
    collected.add("m", "builtin", check("a", Outcome.FAILED))
    assert collected.report().verdict is Verdict.FAIL


def test_a_run_without_models_checked_nothing() -> None:
    report = Collected().report()
    assert (report.verdict, report.models, report.seed) == (Verdict.NONE, (), "")
    assert list(as_lines(report)) == []


def test_a_model_none_of_whose_checks_ran_checked_nothing() -> None:
    collected = Collected()
    collected.expect("m", "builtin", ["a"])
    assert collected.report().verdict is Verdict.NONE


def test_facts_travel_as_json() -> None:
    document = as_document(FACTS)
    assert isinstance(document, dict)
    assert facts_from(json.loads(json.dumps(document))) == FACTS


def test_versions_are_those_that_a_result_depends_on() -> None:
    assert {"python", "pytest", "hypothesis", "pytest-modelserve"} <= set(versions())


def test_the_json_file_is_written_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    report = ContractReport(verdict=Verdict.PASS, models=(model(check("é")),))
    write_json(report, path)
    write_json(report, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema"] == SCHEMA
    assert {key: document[key] for key in document if key != "schema"} == as_document(report)
    assert "é" in path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]


def test_a_report_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(IsADirectoryError):
        write_json(ContractReport(verdict=Verdict.PASS), tmp_path / "report.json")
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_the_terminal_shows_a_line_a_model_with_how_it_was_served() -> None:
    found = lines_of(
        model(
            check("a", requests=3, accepted=2),
            check("b", Outcome.FAILED, requests=1),
            verdict=Verdict.FAIL,
            environment=FACTS.environment,
            server=FACTS.server,
        )
    )
    assert found == [
        "m: fail   1 passed, 1 failed; 4 requests, 2 predicted",
        "  builtin server, ready in 1.3 s; Python 3.11.7 by uv, built in 12 s",
    ]


def test_latency_stands_with_the_model_and_on_the_terminal() -> None:
    bars = (LatencyBucket(upto_s=0.002, count=470), LatencyBucket(upto_s=1.5, count=10))
    latency = Latency(n=480, n_failed=0, rate=160.0, p50_s=0.0012, p95_s=0.002, p99_s=0.1951, max_s=1.5, buckets=bars)
    collected = Collected()
    collected.add("m", "builtin", check("latency", latency=latency))
    collected.add("m", "builtin", check("a"))
    (one,) = collected.report().models
    assert one.latency == latency
    shown = "p50 1.2 ms, p95 2 ms, p99 195 ms, max 1.5 s (480 requests at 160 a second)"
    assert f"  latency {shown}" in lines_of(one)
    assert as_document(one)["latency"]["buckets"][1] == {"upto_s": 1.5, "count": 10}  # type: ignore[index]


def test_the_terminal_shows_what_was_added_to_the_models_environment() -> None:
    added = {**FACTS.environment, "cached": True, "added": ("mlserver==1.7.1", "pandas<3")}
    found = lines_of(model(environment=added, verdict=Verdict.NONE))
    assert found[1] == "  no server; Python 3.11.7 by uv with mlserver==1.7.1, pandas<3, cached"


def test_the_terminal_knows_a_cached_environment_and_no_server() -> None:
    found = lines_of(model(environment={**FACTS.environment, "cached": True}, verdict=Verdict.NONE))
    assert found == ["m: none   no check ran; 0 requests, 0 predicted", "  no server; Python 3.11.7 by uv, cached"]


def test_the_terminal_says_why_something_is_not_proven() -> None:
    found = lines_of(
        model(
            check("a", Outcome.INCONCLUSIVE, reason="no time"),
            check("b", Outcome.ERROR, reason="no server"),
            check("c", Outcome.SKIPPED, reason="told by a"),
            check("d", Outcome.SKIPPED, reason="no case", applies=False),
        )
    )
    assert found[1:] == ["  inconclusive  a: no time", "  error  b: no server", "  skipped  c: told by a"]


def test_a_reason_of_many_checks_is_one_line() -> None:
    found = lines_of(model(*(check(name, Outcome.SKIPPED, reason="no time") for name in "abcde")))
    assert found[1:] == ["  skipped  a, b, c and 2 more: no time"]


def test_the_terminal_names_what_was_not_run() -> None:
    found = lines_of(model(deselected=tuple(f"c{at}" for at in range(MAX_ADVICE + 3))))
    assert found[1].startswith("  not run: c0, c1")
    assert found[1].endswith("and 3 more")


def test_the_same_advice_of_many_checks_is_shown_once_with_what_settles_it() -> None:
    age = Advice(text="age refuses -1", column="age", kind="refused", domain="age = { min = 0 }")
    other = Advice(text="age refuses -2", column="age", kind="refused", domain="age = { min = 1 }")
    nothing = Advice(text="age predicts nothing", column="age", kind="no_prediction", domain="age = { min = 2 }")
    plan = Advice(text="plan", column="plan", kind="refused", domain="plan = { nullable = false }")
    found = lines_of(
        model(check("a", advice=(age, *notes(["n"]))), check("b", advice=(other, plan, nothing, *notes(["n"]))))
    )
    assert found[1:] == [
        "  advice  a: age refuses -1",
        "  advice  a: n",
        "  advice  b: plan",
        "  advice  b: age predicts nothing",
        "  settled by [tool.modelserve.domain]:",
        "    age = { min = 0 }",
        "    plan = { nullable = false }",
    ]


def test_the_terminal_shows_only_so_much_advice() -> None:
    found = lines_of(model(check("a", advice=notes(str(at) for at in range(MAX_ADVICE + 2)))))
    assert len(found) == 1 + MAX_ADVICE + 1
    assert "and 2 more" in found[-1]


def test_known_deviations_are_told_once_with_the_checks_that_met_them() -> None:
    known = ShownDeviation(
        id="text_is_true", server="mlflow", versions=">=3", rule="r", what="Text is true.", link="https://example.org"
    )
    other = replace(known, id="null_is_false", what="Null is false.")
    checks = (check("a", deviations=(known,)), check("b", deviations=(known, other)), check("c", deviations=(known,)))
    server = {"backend": "mlflow", "version": "3.17.2", "cold_start_s": 4.0}
    lines = lines_of(model(*checks, server=server, environment=FACTS.environment))
    assert lines[1] == "  mlflow 3.17.2 server, ready in 4.0 s; Python 3.11.7 by uv, built in 12 s"
    warm = lines_of(
        model(server={"backend": "mlflow", "version": "3.17.2", "kept": True}, environment=FACTS.environment)
    )
    assert warm[1] == "  mlflow 3.17.2 server, kept by an earlier run; Python 3.11.7 by uv, built in 12 s"
    assert lines[2:] == [
        "  2 known deviations of mlflow 3.17.2, no failures:",
        "    text_is_true: Text is true. (a and 2 more)",
        "    null_is_false: Null is false. (b)",
    ]


def test_a_model_on_several_servers_has_a_line_for_each() -> None:
    models = tuple(model(check("a"), backend=backend) for backend in ("builtin", "mlflow"))
    other = model(check("a"), uri="n")
    found = [
        line.partition(" ")[0] + line.partition(":")[0]
        for line in as_lines(ContractReport(verdict=Verdict.PASS, models=(*models, other)))
    ]
    assert found == ["mm on builtin", "mm on mlflow", "n:n"]


def test_what_servers_are_not_at_one_on_is_a_table() -> None:
    fates = (
        ("valid", {"builtin": "predicted", "mlflow": "predicted"}, 40, True),
        ("nan_token", {"builtin": "rejected", "mlflow": "predicted, as known"}, 1, False),
        ("param_null", {"builtin": "rejected", "mlflow": "rejected"}, 2, True),
        ("valid", {"builtin": "predicted", "mlflow": "rejected, as known"}, 11, False),
    )
    answers = tuple(ServerAnswers(rule=rule, fates=on, requests=n, is_agreed=same) for rule, on, n, same in fates)
    told = check("servers_agree", answers=answers)
    assert lines_of(model(told))[1:] == [
        "  builtin, mlflow: alike on 42 of 54 requests",
        "    requests     builtin    mlflow",
        "    1 nan_token  rejected   predicted, as known",
        "    11 valid     predicted  rejected, as known",
    ]
    assert check_result_from(as_document(told)) == told  # type: ignore[arg-type]
    assert lines_of(model(replace(told, answers=answers[:1])))[1:] == ["  builtin, mlflow: alike on 40 of 40 requests"]
    many = tuple(replace(answers[1], rule=f"r{at}") for at in range(MAX_ANSWERS + 2))
    assert lines_of(model(replace(told, answers=many)))[-1] == "    and 2 more, in the JSON report"
