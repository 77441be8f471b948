"""A model that cannot be served is one clear error, soon after its cause; one without a signature is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

Make = Callable[..., Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unservable:
    """A way to keep a model from being served, and what must be said of it.

    Attributes:
        loader: Put before the model's own code.
        requirements: In place of the model's own.
        is_torn: Whether the MLmodel file is cut in half.
        kind: The class of the error.
        says: Stands in its first line.
        shows: Stands below it: the evidence, and what to do.
    """

    loader: str = ""
    requirements: tuple[str, ...] | None = None
    is_torn: bool = False
    kind: str
    says: str
    shows: tuple[str, ...] = field(default=())


SOON_S: Final = 60.0  # seconds when the machine is quiet

UNSERVABLE: Final = {
    "requirements_that_contradict": Unservable(
        requirements=("numpy==2.2.6", "numpy<2"),
        kind="RequirementsError",
        says="the requirements cannot be met together",
        shows=("numpy<2", "requirements.txt"),
    ),
    "a_torn_mlmodel": Unservable(is_torn=True, kind="MlmodelError", says="MLmodel", shows=("line",)),
    "raises_while_loading": Unservable(
        loader='raise ValueError("the weights are torn")',
        kind="ServerExited",
        says="the model could not be loaded: ValueError: the weights are torn (exit code 3",
        shows=("the_model.py", "ValueError: the weights are torn"),
    ),
    "exits_while_loading": Unservable(
        loader='import os\nos.write(2, b"no license\\n")\nos._exit(7)',
        kind="ServerExited",
        says="the model could not be loaded",
        shows=("no license", "exit code 7"),
    ),
    "forgets_a_requirement": Unservable(
        loader="import scipy",
        kind="ServerExited",
        says="ModuleNotFoundError: No module named 'scipy'",
        shows=("Add `scipy` to the model's requirements",),
    ),
}


@pytest.mark.alone
@pytest.mark.parametrize("name", UNSERVABLE)
def test_one_error_tells_why_a_model_is_not_served(name: str, model_source: Any, contract: Any, tmp_path: Path) -> None:
    broken = UNSERVABLE[name]
    source = model_source(
        loader=f"{broken.loader}\ndef _load_pyfunc(path):\n    return None\n",
        signature={"inputs": [{"type": "long", "name": "n", "required": True}]},
        requirements=broken.requirements,
    )
    model = source.write(tmp_path / "model")
    if broken.is_torn:
        text = (model / "MLmodel").read_text()
        (model / "MLmodel").write_text(text[: len(text) // 2])
    run = contract(model)
    assert (run.exit_code, run.report["verdict"]) == (1, "error"), run.output
    (error,) = run.checks("error").values()
    assert broken.says in error["reason"]
    assert set(run.checks("skipped")) | {error["name"]} == {check["name"] for check in run.model["checks"]}
    assert all(broken.kind in check["reason"] for check in run.checks("skipped").values())
    assert "1 error" in run.output.splitlines()[-1]
    assert "failed" not in run.output.splitlines()[-1]
    assert run.output.count(f"{broken.kind}: ") >= 1
    assert all(part in run.output for part in broken.shows), run.output
    assert run.elapsed_s < SOON_S


def test_a_model_without_a_signature_fails_in_plain_words_and_is_tested_on_its_example(
    make: Make, contract: Any
) -> None:
    rows = {"dataframe_split": {"columns": ["parcels", "weight"], "data": [[3, 12.5]]}}
    run = contract(make("tariff", signature={}, example=rows))
    assert (run.exit_code, run.report["verdict"]) == (1, "fail"), run.output
    (failed,) = run.checks("failed").values()
    assert failed["name"] == "signature_lint"
    assert failed["failure"]["title"].startswith("the model has no signature: no server can tell a right request")
    assert "infer_signature" in failed["failure"]["expected"]
    assert run.checks("passed")["predicts_input_example"]["accepted"] == 1
