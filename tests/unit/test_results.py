"""How the results of checks travel."""

from __future__ import annotations

import json

from pytest_modelserve.results import (
    Advice,
    CheckResult,
    ContractReport,
    FailureDetail,
    Judges,
    Latency,
    LatencyBucket,
    ModelReport,
    Outcome,
    Verdict,
    as_document,
    check_result_from,
    notes,
)


def test_a_check_result_travels_as_json() -> None:
    failure = FailureDetail(title="t", rule="r", expected="e", received="x", seed="7", text="all")
    for result in (
        CheckResult(name="a[b]", judges=Judges.SERVER, outcome=Outcome.FAILED, requests=3, accepted=1, failure=failure),
        CheckResult(
            name="a",
            judges=Judges.MODEL,
            outcome=Outcome.SKIPPED,
            reason="why",
            advice=(Advice(text="one", column="a", kind="refused", domain="a = {}"), *notes(["two"])),
            applies=False,
        ),
        CheckResult(
            name="latency",
            judges=Judges.MODEL,
            outcome=Outcome.PASSED,
            latency=Latency(
                n=2,
                n_failed=1,
                rate=0.5,
                p50_s=0.1,
                p95_s=0.2,
                p99_s=0.2,
                max_s=0.2,
                buckets=(LatencyBucket(upto_s=0.2, count=2),),
            ),
        ),
    ):
        assert check_result_from(json.loads(json.dumps(as_document(result)))) == result


def test_a_report_is_plain_json() -> None:
    model = ModelReport(
        uri="m", backend="builtin", resolved="/m", digest="d", verdict=Verdict.PASS, environment={"freeze": ("a==1",)}
    )
    document = as_document(ContractReport(verdict=Verdict.PASS, models=(model,), versions={"python": "3"}))
    assert json.loads(json.dumps(document)) == document
    assert isinstance(document, dict)
    assert document["verdict"] == "pass"
    assert document["models"][0]["environment"] == {"freeze": ["a==1"]}
