"""Faults of inference parameters: wrong types and shapes, null, unknown names, and what the contract leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from ..cases import Case, Document, Envelope, Expectation, Table
from ..signature.datatypes import DataType
from ..signature.specs import ParamSpec
from ..wire.values import as_json_value
from .edges import base_value
from .faults import JSON_ENVELOPES, UNKNOWN, Fault, Wanted, stand_in
from .predicates import RANGE_RULES
from .values import shown
from .wrong_values import wrong_values

_FINEST: Final = "2024-01-02T03:04:05.123456789"  # a model gets datetimes of Python, which end at microseconds


def param_faults(specs: Sequence[ParamSpec], base: Case, wanted: Wanted) -> Iterator[Fault]:
    """Yield requests of which one parameter is wrong, unknown, or one that need not be read."""
    wrong = ((spec.name, *found) for spec in specs if wanted.is_at(spec.name) for found in _wrong_params(spec))
    for name, rule_id, value, why in (*wrong, (UNKNOWN, "param_unknown", 1, "not declared")):
        is_known = name != UNKNOWN
        if wanted.has(rule_id, name if is_known else None):
            sent, token = stand_in(value)
            yield Fault(
                rule=rule_id,
                label=f"param {name} = {token or shown(value)} ({why})",
                where=name if is_known else None,
                params={**base.params, name: sent},
                token=token,
                allowed=JSON_ENVELOPES if is_known else JSON_ENVELOPES - {Envelope.UNIFIED},  # there it is a column
            )
    if specs and wanted.has("unified_params_wrapped") and isinstance(base.payload, Table) and base.payload.rows:
        yield Fault(
            rule="unified_params_wrapped",
            label=f"param {specs[0].name} under params",
            build=partial(_wrapped, base.payload, specs[0]),
            params={},
            allowed=frozenset({Envelope.UNIFIED}),
        )


def _wrapped(table: Table, spec: ParamSpec) -> Document:
    record = {str(name): as_json_value(cell) for name, cell in zip(table.columns, table.rows[-1], strict=True)}
    plain = base_value(spec.type)
    given = as_json_value(plain if spec.shape is None else [plain])
    return Document(value={**record, "params": {spec.name: given}})


def _wrong_params(spec: ParamSpec) -> Iterator[tuple[str, object, str]]:
    """Yield the rule, the value and what is wrong with it; each is one that the default does not excuse."""
    yield ("param_open", None, "null, its default") if spec.default is None else ("param_null", None, "null")
    plain = spec.default[0] if isinstance(spec.default, tuple) and spec.default else spec.default
    if plain is None or isinstance(plain, tuple):
        plain = base_value(spec.type)
    if spec.shape is None:
        yield "param_list_for_scalar", [plain], "list for a scalar"
    else:
        yield "param_scalar_for_list", plain, "scalar for a list"
        yield "param_wrong_type", [[plain]], "element is a list"
        yield "param_null_element", [None], "null in a list"
    for rule_id, value, name in _wrong_values(spec):
        yield (rule_id, value, name) if spec.shape is None else (rule_id, [value], f"element is {name}")


def _wrong_values(spec: ParamSpec) -> Iterator[tuple[str, object, str]]:
    for wrong in wrong_values(spec.type):
        if wrong.value is None or wrong.rule == "list_for_scalar":
            continue
        if wrong.expectation is Expectation.EITHER:
            yield "param_open", wrong.value, wrong.name
        else:
            yield "param_out_of_range" if wrong.rule in RANGE_RULES else "param_wrong_type", wrong.value, wrong.name
    if spec.type is DataType.DATETIME:
        yield "param_open", _FINEST, "finer than microseconds"
