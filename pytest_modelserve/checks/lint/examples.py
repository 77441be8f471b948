"""Whether the example's files are JSON, keep the signature, and mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import jsonschema

from ...model.example_sides import disagreement
from ...signature import DataType, Signature, request_schema
from ...wire.values import show_value
from .rule import Found, Linted

MAX_TEXT: Final = 300  # characters of what is wrong with an example: a line or two


def find_unreadable(linted: Linted) -> Iterator[Found]:
    """Look for a file of the example that is no JSON, and that no server can read either."""
    for side in linted.sides:
        if side.broken:
            yield Found(
                title=f"a file of the input example cannot be read: {side.broken}",
                expected="JSON that holds the example",
                received=side.broken,
            )


def find_breach_of_signature(linted: Linted) -> Iterator[Found]:
    """Look for an example that the signature does not allow, as it was given or as the request made of it."""
    signature = linted.model.signature
    if linted.example is None or signature is None or signature.inputs is None:
        return
    served = linted.example.document
    if found := _breach("the input example", linted, signature, served):
        yield found
    for side in linted.sides[:1]:
        if (
            not side.broken
            and side.document != served
            and (found := _breach(side.name, linted, signature, side.document))
        ):
            yield found


def find_disagreement(linted: Linted) -> Iterator[Found]:
    """Look for an example whose two files hold different rows."""
    if len(linted.sides) != 2 or any(side.broken for side in linted.sides):
        return
    given, served = linted.sides
    if said := disagreement(given, served, linted.signature.inputs):
        yield Found(
            title=f"{given.name} and {served.name} do not mean the same: {said}",
            expected="the same rows and params in both",
            received=said,
        )


def find_bare_tokens(linted: Linted) -> Iterator[Found]:
    """Look for NaN and Infinity in the request that is sent, which is the second file where there are two."""
    for side in linted.sides[-1:]:
        if side.mended:
            yield Found(title=side.mended)


def _breach(what: str, linted: Linted, signature: Signature, document: Mapping[str, object]) -> Found | None:
    validator = jsonschema.Draft202012Validator(request_schema(signature, admit_either=True))
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if error is None:
        return None
    said = error.message.replace("the given schema", show_value(error.validator_value))
    whole = repr(error.instance)  # with which most messages begin, however long it is
    text = said.removeprefix(whole) if said.startswith(whole) else f": {said}"
    why = f"{show_value(error.instance)}{text}"[:MAX_TEXT]
    return Found(
        title=f"{what} breaks the signature at {error.json_path}: {why}",
        expected="an input example that the signature allows",
        received="\n".join([why, *_by_column(linted)]),
    )


def _by_column(linted: Linted) -> Iterator[str]:
    """Yield what is wrong with each column, as far as it can be told by column."""
    yield from linted.example.notes if linted.example else ()
    for at, spec in enumerate(linted.columns):
        values = linted.values_of(spec.name, at)
        n_nulls = sum(value is None for value in values)
        if n_nulls and spec.required and isinstance(spec.type, DataType) and not spec.type.holds_null:
            title = at if spec.name is None else show_value(spec.name)
            yield f"column {title} is required and {spec.type.value}, which has no null: {n_nulls} of {len(values)} are"
