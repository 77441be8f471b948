"""One small request for each rule, as the reference and `modelserve explain` show it: made by the same generators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..cases import Case, Envelope, RawBody
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, Property, ValueType
from ..signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from ..signature.text import as_text
from ..wire.envelopes import JSON_TYPE, encode
from .edge_cases import edge_cases
from .mutations import mutations
from .protocol import protocol_cases
from .rules import rule

_SHOWN: Final = 110  # characters of a body: what one line of a table takes
_LIMIT: Final = 1_000  # bytes, by which a body that is too large is shown
_RECORD: Final = Object(
    properties=(Property(name="n", type=DataType.LONG), Property(name="s", type=DataType.STRING, required=False))
)


def _of(*columns: ColumnSpec, params: tuple[ParamSpec, ...] | None = None) -> Signature:
    return Signature(inputs=ColumnSchema(columns=columns), params=params)


def _one(kind: ValueType) -> Signature:
    return _of(ColumnSpec(name="x", type=kind))


def _tensors(*specs: TensorSpec) -> Signature:
    return Signature(inputs=TensorSchema(tensors=specs))


_PARAMS: Final = (
    ParamSpec(name="k", type=DataType.LONG, default=3),
    ParamSpec(name="stops", type=DataType.STRING, default=("a",), shape=(-1,)),
)
_SIGNATURES: Final = (
    *(_one(kind) for kind in (DataType.LONG, *DataType)),
    *(_one(kind) for kind in (Array(items=DataType.LONG), _RECORD, Map(values=DataType.LONG), AnyType())),
    _of(ColumnSpec(name="a", type=DataType.LONG), ColumnSpec(name="b", type=DataType.STRING)),
    _of(ColumnSpec(name="a", type=DataType.LONG), ColumnSpec(name="b", type=DataType.STRING, required=False)),
    _of(ColumnSpec(name="x", type=DataType.DOUBLE), params=_PARAMS),
    _of(ColumnSpec(name="prompt", type=DataType.STRING), params=_PARAMS[:1]),
    _tensors(TensorSpec(name=None, dtype="float32", shape=(-1, 2))),
    _tensors(TensorSpec(name="a", dtype="float32", shape=(-1, -1)), TensorSpec(name="b", dtype="int64", shape=(-1,))),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A request that exercises a rule.

    Attributes:
        signature: What the model takes, as MLflow prints it.
        request: The body, after method, path or content type where they are not the usual ones.
    """

    signature: str
    request: str


def example_of(rule_id: str) -> Shown:
    """Return a request that exercises a rule, the smallest of those that the generators make.

    Raises:
        ModelServeError: There is no such rule.
    """
    rule(rule_id)
    signature, case = _examples()[rule_id]
    return Shown(signature=_declared(signature), request=_as_request(case, signature))


@lru_cache(maxsize=1)
def _examples() -> dict[str, tuple[Signature, Case]]:
    found: dict[str, tuple[Signature, Case]] = {}
    for signature in _SIGNATURES:
        for case in _cases(signature):
            found.setdefault(case.rule, (signature, case))
    plain = found["valid"]
    found["input_example"] = plain  # any valid request may be one
    found["outside_domain"] = plain  # and may lie outside a domain that the user declares
    return found


def _cases(signature: Signature) -> Iterator[Case]:
    base = next(iter(edge_cases(signature)))
    records = [Envelope.DATAFRAME_RECORDS, Envelope.INPUTS]
    yield base
    yield from mutations(signature, base, envelopes=records)
    yield from mutations(signature, base, envelopes=[one for one in Envelope if one is not Envelope.PARQUET])
    yield from protocol_cases(signature, base, max_body_bytes=_LIMIT)


def _declared(signature: Signature) -> str:
    inputs = signature.inputs
    schema = "" if inputs is None else as_text(inputs)[1:-1]
    params = ", ".join(as_text(spec) for spec in signature.params or ())
    return f"{schema}; params {params}" if params else schema


def _as_request(case: Case, signature: Signature) -> str:
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    said: list[str] = []
    if isinstance(case.payload, RawBody) and (case.payload.method, case.payload.path) != ("POST", "/invocations"):
        said.append(f"{case.payload.method} {case.payload.path}")
    elif content_type != JSON_TYPE:
        said.append(content_type or "no Content-Type")
    text = body.decode("utf-8", "backslashreplace").replace("\ufeff", "\\ufeff").replace("\n", "\\n")
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 30]} … {text[-20:]} ({len(body):,} bytes)"
    return ": ".join([*said, *([text] if text else [])]) or "an empty body"
