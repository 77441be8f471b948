"""Models broken on purpose, each only where an example of one row does not show it, are failed by name and by proof."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

Make = Callable[..., Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A line that breaks a healthy model, and the check that must name it.

    Attributes:
        defect: Put into the marked place of the model's code.
        check: Fails first.
        says: The headline of its failure.
        model: Which healthy model it breaks.
        answer: The status that curl gets; 0 where it is to give up waiting.
    """

    defect: str
    check: str
    says: str
    model: str = "tariff"
    answer: int = 200


ACCEPTS: Final = "accepts_valid[dataframe_split]"
OUTPUT: Final = "matches_output_schema"
LABELS: Final = "rejects_malformed[split_index]"
QUICK: Final = ("--model-checks", "smoke,accepts_valid,matches_output_schema", "--model-examples", "20")
CURL_TIMED_OUT: Final = 28  # curl's exit code

BROKEN: Final = {
    "crashes_from_the_second_row_on": Broken(
        defect='answer["label"] = [{0: label}[at] for at, label in enumerate(answer["label"])]',
        check=ACCEPTS,
        says="the model crashed on batch of 2: KeyError: 1",
        answer=500,
    ),
    "crashes_with_one_param_value": Broken(
        defect='answer["price"] *= 12 // chosen["copies"] / 12',
        check=ACCEPTS,
        says="the model crashed on param copies = 0 (zero): ZeroDivisionError: integer division or modulo by zero",
        answer=500,
    ),
    "takes_row_labels_for_positions_in_one_envelope": Broken(
        defect='answer["label"] = [str(orders.at[at, "parcels"]) for at in range(len(orders))]',
        check=LABELS,
        says="the model crashed on index from 5: KeyError: 0",
        answer=500,
    ),
    "answers_text_for_long": Broken(
        defect='answer["parcels"] = [str(count) if at else count for at, count in enumerate(answer["parcels"])]',
        check=OUTPUT,
        says='predictions[1]["parcels"]: expected long, received "3", on 2 rows',
    ),
    "answers_a_fraction_for_long": Broken(
        defect='answer["parcels"] = [count + 0.5 if at else count for at, count in enumerate(answer["parcels"])]',
        check=OUTPUT,
        says='predictions[1]["parcels"]: expected long, received 3.5, on 2 rows',
    ),
    "answers_one_row_too_few": Broken(
        defect="answer = answer.head(1)",
        check=OUTPUT,
        says="predictions: expected 2 rows, received 1 rows, on 2 rows",
    ),
    "answers_one_row_too_many_with_one_param_value": Broken(
        defect='if chosen["copies"] == 0:\n    answer = pd.concat([answer, answer.head(1)])',
        check=OUTPUT,
        says="predictions: expected 1 rows, received 2 rows, on param copies = 0 (zero)",
    ),
    "lacks_a_column": Broken(
        defect='if len(answer) > 1:\n    del answer["price"]',
        check=OUTPUT,
        says='predictions[0]["price"]: expected double, received no such column, only ["parcels", "label"], on 2 rows',
    ),
    "adds_a_column": Broken(
        defect='if len(answer) > 1:\n    answer["debug"] = 1',
        check=OUTPUT,
        says='predictions[0]["debug"]: expected only ["parcels", "price", "label"], received 1, on 2 rows',
    ),
    "answers_another_shape": Broken(
        defect="if len(answer) > 1:\n    answer = answer[:, :1]",
        check=OUTPUT,
        says="predictions[0]: expected float64 of shape (-1, 2), received 1 instead of 2 in dimension 1, on batch of 2",
        model="blur",
    ),
    "answers_nan": Broken(
        defect='answer.loc[1:, "price"] = float("nan")',
        check=OUTPUT,
        says='predictions[1]["price"]: expected double, received null, on 2 rows',
    ),
    "answers_null_for_text": Broken(
        defect='answer["label"] = [None if at else label for at, label in enumerate(answer["label"])]',
        check=OUTPUT,
        says='predictions[1]["label"]: expected string, received null, on 2 rows',
    ),
    "hangs": Broken(
        defect="import threading\nif len(answer) > 1:\n    threading.Event().wait()",
        check=ACCEPTS,
        says="no answer in time: batch of 2",
        answer=0,
    ),
    "kills_its_process": Broken(
        defect="import os, signal\nif len(answer) > 1:\n    os.kill(os.getpid(), signal.SIGKILL)",
        check=ACCEPTS,
        says="the model's process ended: batch of 2",
        answer=503,
    ),
    "exits_with_one_param_value": Broken(
        defect='import os\nif chosen["discount"] == 0.5:\n    os._exit(3)',
        check=ACCEPTS,
        says="the model's process ended: param discount = 0.5 (one half)",
        answer=503,
    ),
}
OPTIONS: Final = {
    "takes_row_labels_for_positions_in_one_envelope": ("--model-checks", "smoke,rejects_malformed"),
    "hangs": (*QUICK, "--model-request-timeout", "2s"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_fails_by_name_and_by_proof(name: str, make: Make, contract: Any, shell: Any) -> None:
    broken = BROKEN[name]
    model = make(broken.model, broken.defect)
    run = contract(model, *OPTIONS.get(name, QUICK))
    assert (run.exit_code, run.report["verdict"], run.model["verdict"]) == (1, "fail", "fail"), run.output
    failed = run.checks("failed")
    assert next(iter(failed)) == broken.check
    failure = failed[broken.check]["failure"]
    assert failure["title"] == broken.says
    assert f"{broken.check}: {broken.says}" in run.output
    assert f"curl -sS {'--max-time' if not broken.answer else 'http'}" in failure["curl"]
    assert failure["curl"] in run.output
    shown = shell.show(model, failure["curl"])
    assert shown.status == broken.answer
    if broken.answer:
        assert shown.exit_code == 0
        assert without_ids(f"{shown.status}  {shown.body}") == without_ids(failure["response"])
    else:
        assert shown.exit_code == CURL_TIMED_OUT
        assert failure["response"].startswith("timeout after 2.")


@pytest.mark.parametrize("name", ["tariff", "blur"])
def test_the_healthy_twin_passes(name: str, make: Make, contract: Any) -> None:
    run = contract(make(name))
    assert (run.exit_code, run.report["verdict"]) == (0, "pass"), run.output
    assert not run.checks("failed")
    assert {BROKEN[broken].check for broken in BROKEN if BROKEN[broken].model == name} <= set(run.checks("passed"))


REQUEST_ID: Final = re.compile(r',"request_id":"[0-9a-f]*"')


def without_ids(answer: str) -> str:
    """Leave out what is another one for each request."""
    return REQUEST_ID.sub("", answer)
