"""Cases with one single fault each, made from a valid case: structure, cells, tensors and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import numpy as np

from ..cases import Case, Envelope, Payload, RawBody, Table, Tensors
from ..signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from ..wire.capacity import why_not
from ..wire.envelopes import encode
from .carriers import FLAT
from .edges import base_value
from .predicates import RANGE_RULES, is_param_fault
from .rules import rule
from .values import shown
from .wrong_values import Token, Wrong, wrong_elements, wrong_values

_WIDE: Final = 40  # columns; beyond, each column breaks each rule once, in one envelope after the other
_STAND_IN: Final = "modelserve:token"  # text that a token's place is found by in an encoded body
_UNKNOWN: Final = "modelserve_unknown"


def mutations(signature: Signature, base: Case, *, envelopes: Sequence[Envelope] = tuple(Envelope)) -> Iterator[Case]:
    """Yield requests that differ from a valid one in a single fault, in a fixed order.

    The fault stands in the last row, since servers look at the first. Each column breaks each rule with each wrong
    value in each envelope that can carry it; a model of more than 40 columns breaks each rule once a column, in one
    envelope after the other.

    Args:
        signature: What the model takes; nothing is yielded where it declares no inputs.
        base: A case that the server must accept, of a table or tensors.
        envelopes: Those to use.
    """
    maker = _Maker(signature=signature, base=base, envelopes=tuple(envelopes))
    match signature.inputs, base.payload:
        case ColumnSchema() as schema, Table() as table:
            yield from maker.all_of(_structure(schema, table))
            yield from maker.all_of(_cells(schema, table))
        case TensorSchema() as schema, Tensors() as tensors:
            yield from maker.all_of(_tensor_structure(schema, tensors))
            yield from maker.all_of(_elements(schema, tensors))
        case _:
            return
    yield from maker.all_of(_params(signature.params or (), base))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A broken payload, or broken parameters, before it has an envelope."""

    rule: str
    label: str
    payload: Payload | None = None
    params: Mapping[str, object] | None = None
    token: str = ""
    allowed: frozenset[Envelope] = frozenset(Envelope)
    is_of_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Puts faults into envelopes."""

    signature: Signature
    base: Case
    envelopes: tuple[Envelope, ...]

    def all_of(self, faults: Iterator[_Fault]) -> Iterator[Case]:
        turn = count()
        for fault in faults:
            fitting = [envelope for envelope in self.envelopes if self._fits(fault, envelope)]
            if fault.is_of_wide and fitting:
                fitting = [fitting[next(turn) % len(fitting)]]
            for envelope in fitting:
                yield self._case(fault, envelope)

    def _fits(self, fault: _Fault, envelope: Envelope) -> bool:
        if envelope not in fault.allowed or (envelope in FLAT and (fault.params or fault.token)):
            return False
        # the base must fit: what an envelope cannot carry when it is right, it cannot carry broken
        has_params = bool(self.base.params if fault.params is None else fault.params)
        payload = fault.payload or self.base.payload
        return not why_not(self.base.payload, envelope, self.signature, has_params=has_params) and not why_not(
            payload, envelope, self.signature, has_params=has_params
        )

    def _case(self, fault: _Fault, envelope: Envelope) -> Case:
        case = replace(
            self.base,
            payload=fault.payload or self.base.payload,
            params=self.base.params if fault.params is None else fault.params,
            envelope=envelope,
            expectation=rule(fault.rule).expectation,
            rule=fault.rule,
            label=fault.label,
        )
        return with_token(case, fault.token, self.signature) if fault.token else case


def with_token(case: Case, token: str, signature: Signature) -> Case:
    """Return the case as raw bytes, in which a token stands where the payload or params hold its stand-in.

    Raises:
        EncodeError: The envelope cannot carry the payload.
    """
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    found = body.replace(f'"{_STAND_IN}"'.encode(), token.encode())
    return replace(case, payload=RawBody(body=found, content_type=content_type), params={})


def stand_in(value: object) -> tuple[object, str]:
    """Return what to put into a payload for a value, and the token that replaces it once encoded."""
    return (_STAND_IN, value.text) if isinstance(value, Token) else (value, "")


def _structure(schema: ColumnSchema, table: Table) -> Iterator[_Fault]:
    if not schema.is_named:
        return
    names = table.columns
    is_wide = len(names) > _WIDE
    required = {name for name, spec in zip(schema.names, schema.columns, strict=True) if spec.required}
    if len(names) > 1:
        for at, name in enumerate(names):
            if name in required:
                yield _Fault(
                    rule="missing_column",
                    label=f'without the required column "{name}"',
                    payload=_without(table, at),
                    is_of_wide=is_wide,
                )
        turned = Table(columns=names[::-1], rows=tuple(row[::-1] for row in table.rows))
        yield _Fault(rule="reordered_columns", label="columns in reverse order", payload=turned)
    unknown = next(name for name in (_UNKNOWN, f"{_UNKNOWN}_2") if name not in names)
    extra = Table(columns=(*names, unknown), rows=tuple((*row, 1) for row in table.rows))
    yield _Fault(rule="extra_column", label=f'with the unknown column "{unknown}"', payload=extra)
    for at, name in enumerate(names):
        twice = Table(columns=(*names, name), rows=tuple((*row, row[at]) for row in table.rows))
        yield _Fault(
            rule="duplicate_column",
            label=f'the column "{name}" stands twice',
            payload=twice,
            allowed=frozenset({Envelope.DATAFRAME_SPLIT, Envelope.CSV}),
            is_of_wide=is_wide,
        )


def _without(table: Table, at: int) -> Table:
    return Table(
        columns=table.columns[:at] + table.columns[at + 1 :],
        rows=tuple(row[:at] + row[at + 1 :] for row in table.rows),
    )


def _cells(schema: ColumnSchema, table: Table) -> Iterator[_Fault]:
    if not table.rows:
        return
    specs = dict(zip(schema.names, schema.columns, strict=True))
    is_wide = len(table.columns) > _WIDE
    for at, name in enumerate(table.columns):
        if name in specs:
            for wrong in _chosen(_wrongs(specs[name]), is_wide=is_wide):
                value, token = stand_in(wrong.value)
                last = table.rows[-1]
                rows = (*table.rows[:-1], (*last[:at], value, *last[at + 1 :]))
                yield _Fault(
                    rule=wrong.rule,
                    label=f'"{name}" = {_shown(wrong)} ({wrong.name})',
                    payload=replace(table, rows=rows),
                    token=token,
                    allowed=frozenset(Envelope) - FLAT,  # CSV has no types, and Parquet declares others
                    is_of_wide=is_wide,
                )


def _wrongs(spec: ColumnSpec) -> tuple[Wrong, ...]:
    return wrong_values(spec.type, required=spec.required)


def _chosen(wrongs: Sequence[Wrong], *, is_wide: bool) -> Iterator[Wrong]:
    seen: set[str] = set()
    for wrong in wrongs:
        if not is_wide or wrong.rule not in seen:
            seen.add(wrong.rule)
            yield wrong


def _shown(wrong: Wrong) -> str:
    return wrong.value.text if isinstance(wrong.value, Token) else shown(wrong.value)


def _tensor_structure(schema: TensorSchema, tensors: Tensors) -> Iterator[_Fault]:
    arrays = tensors.arrays

    def fault(rule_id: str, label: str, changed: Mapping[str | None, np.ndarray | list[object]]) -> _Fault:
        return _Fault(rule=rule_id, label=label, payload=Tensors(arrays=changed))

    for spec in schema.tensors:
        array = arrays.get(spec.name)
        if isinstance(array, np.ndarray):
            named = "the tensor" if spec.name is None else f'"{spec.name}"'
            for rule_id, label, broken in _shapes(spec, array):
                yield fault(rule_id, f"{named} {label}", {**arrays, spec.name: broken})
    if schema.is_named:
        for spec in schema.tensors:
            rest = {name: array for name, array in arrays.items() if name != spec.name}
            yield fault("missing_tensor", f'without "{spec.name}"', rest)
        first = next(iter(arrays.values()))
        yield fault("extra_tensor", f'with the unknown tensor "{_UNKNOWN}"', {**arrays, _UNKNOWN: first})
    if all(spec.shape[:1] == (-1,) for spec in schema.tensors):
        yield fault("tensor_zero_rows", "no rows", {name: array[:0] for name, array in arrays.items()})


def _shapes(spec: TensorSpec, array: np.ndarray) -> Iterator[tuple[str, str, np.ndarray | list[object]]]:
    if spec.dtype != "object":  # an object may be a list itself
        yield "tensor_rank", f"of {array.ndim + 1} dimensions for {array.ndim}", array[..., None]
    if array.ndim:
        yield "tensor_rank", f"of {array.ndim - 1} dimensions for {array.ndim}", np.asarray(array[0], array.dtype)
    for axis, size in enumerate(spec.shape):
        if size > 0:
            grown = np.take(array, [*range(size), 0], axis=axis)
            yield "tensor_fixed_dimension", f"of size {size + 1} on axis {axis} for {size}", grown
        if size > 1:
            cut = np.take(array, range(size - 1), axis=axis)
            yield "tensor_fixed_dimension", f"of size {size - 1} on axis {axis} for {size}", cut
    if array.ndim > 1 and array.size:
        rows = _as_lists(array if len(array) > 1 else np.repeat(array, 2, axis=0))
        last = rows[-1]
        yield "tensor_ragged", "with a last row that is longer", [*rows[:-1], [*last, last[0]]]


def _elements(schema: TensorSchema, tensors: Tensors) -> Iterator[_Fault]:
    for spec in schema.tensors:
        array = tensors.arrays.get(spec.name)
        if not isinstance(array, np.ndarray) or not array.size:
            continue
        named = "" if spec.name is None else f'"{spec.name}" '
        for wrong in wrong_elements(spec.dtype):
            value, token = stand_in(wrong.value)
            yield _Fault(
                rule=wrong.rule,
                label=f"{named}last element = {_shown(wrong)} ({wrong.name})",
                payload=Tensors(arrays={**tensors.arrays, spec.name: _with_last(array, value)}),
                token=token,
            )


def _with_last(array: np.ndarray, value: object) -> list[object]:
    if not array.ndim:
        return [value]
    lists = _as_lists(array)
    inner = lists
    for _ in range(array.ndim - 1):
        inner = inner[-1]
    inner[-1] = value
    return lists


def _as_lists(array: np.ndarray) -> list[Any]:
    # ndarray.tolist makes plain integers of nanoseconds
    if array.dtype.kind == "M":
        return [_as_lists(part) if part.ndim else part[()] for part in array]
    lists: list[Any] = array.tolist()
    return lists


def _params(specs: Sequence[ParamSpec], base: Case) -> Iterator[_Fault]:
    wrong = [(spec.name, *found) for spec in specs for found in _wrong_params(spec)]
    for name, rule_id, value, why in (*wrong, (_UNKNOWN, "param_unknown", 1, "not declared")):
        sent, token = stand_in(value)
        written = value.text if isinstance(value, Token) else shown(value)
        label = f"param {name} = {written} ({why})"
        yield _Fault(rule=rule_id, label=label, params={**base.params, name: sent}, token=token)


def _wrong_params(spec: ParamSpec) -> Iterator[tuple[str, object, str]]:
    yield "param_null", None, "null"
    plain = spec.default[0] if isinstance(spec.default, tuple) and spec.default else spec.default
    if spec.shape is None:
        yield "param_list_for_scalar", [plain], "list for a scalar"
    else:
        yield "param_scalar_for_list", base_value(spec.type) if isinstance(plain, tuple) else plain, "scalar for a list"
        yield "param_null_element", [None], "null in a list"
    for wrong in wrong_values(spec.type):
        if not is_param_fault(wrong.rule, wrong.expectation) or wrong.value is None or wrong.rule == "list_for_scalar":
            continue
        rule_id = "param_out_of_range" if wrong.rule in RANGE_RULES else "param_wrong_type"
        if spec.shape is None:
            yield rule_id, wrong.value, wrong.name
        elif not isinstance(wrong.value, Token):
            yield rule_id, [wrong.value], f"element is {wrong.name}"
