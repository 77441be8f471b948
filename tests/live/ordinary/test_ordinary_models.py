"""Ordinary models, saved by MLflow untouched and never adapted to us, pass at the defaults: the gate cries no wolf.

MODELSERVE_TEST_SEEDS=1,2,3 searches with each of the seeds.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

import pytest

LEAST_REQUESTS: Final = 300  # the fewest that one of them was seen to get is 480, a tensor's
LEAST_PREDICTED: Final = 200
EXAMPLE_AND_MORE: Final = 20  # predicted by the check that sends valid requests one by one
CHECKS: Final = frozenset(
    {
        "environment_restores",
        "server_starts",
        "signature_lint",
        "predicts_input_example",
        "accepts_valid",
        "matches_output_schema",
        "rejects_invalid",
        "rejects_malformed",
    }
)
SEEDS: Final = os.environ.get("MODELSERVE_TEST_SEEDS", "1").split(",")
IRIS: Final = frozenset(f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width"))
PETAL: Final = frozenset({"petal length (cm)", "petal width (cm)"})
ADVISED: Final[
    Mapping[str, AbstractSet[str]]
] = {  # the columns that each model does not take in full, which its author is to be told
    "iris_forest": IRIS,  # numbers beyond float32
    "iris_probabilities": IRIS,  # numbers near the largest float64, which its scaler makes infinite
    "penguins_onehot": {"island", "sex"},  # categories that it never saw
    "penguins_imputed": {"species", "sex", "bill_length_mm", "flipper_length_mm"},
    "flights_histogram": {"air_time"},  # may be null, as the signature says, but not left out, as it says too
    "diabetes_xgboost": set(),
    "cancer_xgboost": set(),
    "flights_lightgbm": {"air_time"},
    "airports_text": set(),
    "digits_neighbors": set(),
}
NETS: Final = {"digits_perceptron": set[str](), "digits_convolution": set[str]()}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first test builds the environment that trains them


def test_every_ordinary_model_is_judged(ordinary: Path) -> None:
    assert {path.parent.name for path in ordinary.glob("*/MLmodel")} == set(ADVISED)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ADVISED)
def test_ordinary_models_pass(
    name: str, seed: str, ordinary: Path, contract: Any, record_property: Callable[[str, object], None]
) -> None:
    _assert_passes(contract, ordinary / name, seed, record_property, ADVISED[name])


def test_every_net_is_judged(nets: Path) -> None:
    assert {path.parent.name for path in nets.glob("*/MLmodel")} == set(NETS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NETS)
def test_nets_pass(
    name: str, seed: str, nets: Path, contract: Any, record_property: Callable[[str, object], None]
) -> None:
    _assert_passes(contract, nets / name, seed, record_property, NETS[name])


def _assert_passes(
    contract: Any,
    model: Path,
    seed: str,
    record_property: Callable[[str, object], None],
    advised: AbstractSet[str],
) -> None:
    run = contract(model, "--model-env-manager", "uv", "--model-seed", seed)
    record_property("ordinary", _as_row(model.name, seed, run))
    assert run.exit_code == 0, run.output
    assert run.report["verdict"] == run.model["verdict"] == "pass"
    _assert_was_checked(run.model)
    told = {advice["column"] for check in run.model["checks"] for advice in check["advice"]} - {""}
    assert told == advised, run.output


def _as_row(name: str, seed: str, run: Any) -> dict[str, Any]:
    """Return what the table says of a run; each text of advice once, however many checks gave it."""
    checks = run.model["checks"] if run.report else ()
    return {
        "name": name,
        "seed": seed,
        "verdict": run.report.get("verdict", "none"),
        "requests": sum(check["requests"] for check in checks),
        "accepted": sum(check["accepted"] for check in checks),
        "seconds": run.elapsed_s,
        "advice": list(dict.fromkeys(advice["text"] for check in checks for advice in check["advice"])),
    }


def _assert_was_checked(model: dict[str, Any]) -> None:
    """Assert that a pass was earned: each check ran, sent what it is there to send, and had answers to judge."""
    assert not model["deselected"]
    families = defaultdict(list)
    for check in model["checks"]:
        families[check["name"].partition("[")[0]].append(check)
    assert families.keys() >= CHECKS
    for name, checks in families.items():
        assert all(check["outcome"] == "passed" for check in checks), name
        assert name in {"environment_restores", "signature_lint"} or all(check["requests"] for check in checks), name
    assert sum(check["requests"] for check in model["checks"]) > LEAST_REQUESTS
    assert sum(check["accepted"] for check in model["checks"]) > LEAST_PREDICTED
    for name in ("accepts_valid", "matches_output_schema"):
        assert families[name][0]["accepted"] > EXAMPLE_AND_MORE, name
