"""A payload as the bytes of a request, in each of MLflow's envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import EncodeError
from ..signature.specs import Signature
from .capacity import has_nested_column, is_list_of_values, why_not
from .delimited import as_csv
from .json_text import write_json
from .payloads import Document, Envelope, Payload, RawBody, Table, Tensors
from .values import JsonValue, as_json_value, show_value

JSON_TYPE: Final = "application/json"
MEDIA_TYPES: Final[Mapping[Envelope, str]] = {
    Envelope.CSV: "text/csv",
    Envelope.PARQUET: "application/vnd.apache.parquet",
}


def encode(
    payload: Payload,
    envelope: Envelope = Envelope.DATAFRAME_SPLIT,
    params: Mapping[str, object] | None = None,
    *,
    signature: Signature | None = None,
) -> tuple[bytes, str | None]:
    """Return the body that carries a payload, and its content type.

    Values are written by what they are, not by what a signature declares, so that a broken table is sent broken. A
    Document or RawBody is sent as it is: envelope and params do not apply.

    Args:
        payload: What to send.
        envelope: How to wrap a Table or Tensors.
        params: The request's parameters; nothing is written for none.
        signature: Decides the form of `inputs` (columns, rows, or bare values for a model from a type hint) and the
            column types of Parquet; without it they follow from the values.

    Raises:
        EncodeError: The envelope cannot carry this payload.
        MissingExtra: Parquet was asked for and pyarrow is not installed.
    """
    if isinstance(payload, RawBody):
        return payload.body, payload.content_type
    if isinstance(payload, Document):
        return write_json(as_json_value(payload.value, strict=False), bare_tokens=True), JSON_TYPE
    reason = why_not(payload, envelope, signature, has_params=bool(params))
    if reason:
        raise EncodeError(
            f"the envelope {envelope.value} cannot carry the payload: {reason}",
            fix="Use another envelope, such as dataframe_split for tables or inputs for tensors.",
        )
    if isinstance(payload, Table) and envelope is Envelope.CSV:
        return as_csv(payload), MEDIA_TYPES[envelope]
    if isinstance(payload, Table) and envelope is Envelope.PARQUET:
        from .parquet import as_parquet

        return as_parquet(payload, signature), MEDIA_TYPES[envelope]
    # NaN stays, and is refused: null would be another value of a parameter, not a missing one.
    given = {name: as_json_value(value, strict=False) for name, value in (params or {}).items()}
    if isinstance(payload, Table) and envelope is Envelope.UNIFIED:
        return write_json({**_record(payload, 0), **given}), JSON_TYPE
    document: dict[str, JsonValue] = {envelope.value: _wrapped(payload, envelope, signature)}
    return write_json({**document, "params": given} if given else document), JSON_TYPE


def _wrapped(payload: Table | Tensors, envelope: Envelope, signature: Signature | None) -> JsonValue:
    if isinstance(payload, Tensors):
        return _tensors(payload, envelope)
    if envelope is Envelope.DATAFRAME_SPLIT:
        return _split(payload)
    if envelope is not Envelope.DATAFRAME_RECORDS and is_list_of_values(signature):
        return [_cell(row[0], at, payload.columns[0]) for at, row in enumerate(payload.rows)]
    if envelope is Envelope.INPUTS and not has_nested_column(payload, signature):
        columns = zip(payload.columns, zip(*payload.rows, strict=True), strict=True) if payload.rows else ()
        filled = {name: [_cell(value, at, name) for at, value in enumerate(cells)] for name, cells in columns}
        return {str(name): filled.get(name, []) for name in payload.columns}
    return [_record(payload, at) for at in range(len(payload.rows))]


def _record(table: Table, at: int) -> dict[str, JsonValue]:
    return {str(name): _cell(value, at, name) for name, value in zip(table.columns, table.rows[at], strict=False)}


def _split(table: Table) -> JsonValue:
    labels: tuple[str | int | None, ...] = table.columns
    body: dict[str, JsonValue] = {"columns": list(labels)}
    if table.index is not None:
        body["index"] = list(table.index)
    body["data"] = [
        [_cell(value, at, labels[place] if place < len(labels) else place) for place, value in enumerate(row)]
        for at, row in enumerate(table.rows)
    ]
    return body


def _tensors(payload: Tensors, envelope: Envelope) -> JsonValue:
    if None in payload.arrays:
        values = as_json_value(payload.arrays[None])
        if envelope is not Envelope.DATAFRAME_SPLIT or not isinstance(values, list):
            return values
        first = values[0] if values else []
        return {"columns": list(range(len(first))) if isinstance(first, list) else [], "data": values}
    named = {str(name): as_json_value(array) for name, array in payload.arrays.items()}
    if envelope is Envelope.INPUTS:
        return dict(named)
    # TensorFlow Serving's row format: https://www.tensorflow.org/tfx/serving/api_rest#specifying_input_tensors_in_row_format
    rows = zip(*(array for array in named.values() if isinstance(array, list)), strict=True)
    return [dict(zip(named, row, strict=True)) for row in rows]


def _cell(value: object, row: int, column: object) -> JsonValue:
    try:
        return as_json_value(value)
    except EncodeError as broken:
        broken.facts.update(row=row, column=show_value(column))
        raise
