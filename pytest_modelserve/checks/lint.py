"""Whether the signature says what a server needs to know, and whether the input example keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import jsonschema

from ..model.mlmodel import Model
from ..results import CheckResult, FailureDetail, Judges, Outcome, notes
from ..signature import Signature, request_schema
from ..wire.values import show_value
from .context import CheckContext

NO_SIGNATURE = (
    "the model has no signature: no server can tell a right request from a wrong one, and types are guessed anew for "
    "each request"
)
MAX_TEXT: Final = 300  # characters of what is wrong with an example: a line or two
HOW_TO_SIGN = "mlflow.models.infer_signature(inputs, predictions), or give input_example= when the model is logged"


def signature_lint(context: CheckContext, _: str) -> CheckResult:
    """Fail where there is no signature or the input example breaks it; advise where it leaves things open."""
    started = time.monotonic()
    problem = _problem(context)
    advice = notes(_advice(context.model))
    return CheckResult(
        name="signature_lint",
        judges=Judges.SIGNATURE,
        outcome=Outcome.FAILED if problem else Outcome.PASSED,
        elapsed_s=time.monotonic() - started,
        advice=advice,
        failure=problem,
    )


def _problem(context: CheckContext) -> FailureDetail | None:
    signature = context.model.signature
    if signature is None or signature.inputs is None:
        title = NO_SIGNATURE if signature is None else "the signature declares no inputs"
        return _failure("signature_missing", title, f"a signature: {HOW_TO_SIGN}", "none in MLmodel")
    if context.example is not None and (breach := _example_breach(signature, context.example.document)):
        where, why = breach
        return _failure(
            "example_breaks_signature",
            f"the input example breaks the signature at {where}: {why}",
            "an input example that the signature allows",
            why,
        )
    return None


def _example_breach(signature: Signature, document: object) -> tuple[str, str] | None:
    validator = jsonschema.Draft202012Validator(request_schema(signature, admit_either=True))
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if error is None:
        return None
    said = error.message.replace("the given schema", show_value(error.validator_value))
    whole = repr(error.instance)  # with which most messages begin, however long it is
    text = said.removeprefix(whole) if said.startswith(whole) else f": {said}"
    return error.json_path, f"{show_value(error.instance)}{text}"[:MAX_TEXT]


def _advice(model: Model) -> Iterator[str]:
    if model.example_info is None:
        yield "the model was saved without an input example: log it with input_example=, so that it is tested on it"
    signature = model.signature
    if signature is not None and signature.inputs is not None and signature.outputs is None:
        yield f"the signature declares no outputs, so answers are only held against strict JSON: {HOW_TO_SIGN}"


def _failure(rule: str, title: str, expected: str, received: str) -> FailureDetail:
    return FailureDetail(
        title=title,
        rule=rule,
        expected=expected,
        received=received,
        text=f"signature_lint: {title}\n\n  expected  {expected}\n  received  {received}",
    )
