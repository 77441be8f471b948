"""From the bytes of a request to what the model receives, by the model's signature."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..signature.datatypes import AnyType, Array, DataType, Map, Object, SparkMLVector
from ..signature.specs import ColumnSchema, Schema, Signature, TensorSchema
from .cells import has_any, read_parts
from .columns import enforce_columns
from .csv_text import read_csv
from .envelopes import (
    PARAMS,
    UNIFIED_KEYS,
    Envelope,
    Opened,
    RawTable,
    open_document,
    read_columns,
    read_one_row,
    read_records,
    read_rows,
    read_split,
)
from .errors import NotAllowed, NotParsed, excerpt, name_kind
from .json_text import parse_json
from .media import Media
from .parameters import enforce_params
from .parquet import read_parquet
from .scalars import Misfit
from .tensors import enforce_tensors, nest_table
from .unsigned import infer_table, read_unsigned


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """What the model receives.

    Attributes:
        data: A `TableValue`, an array, a dict of arrays, or plain Python values.
        params: Every declared parameter; None where the model declares none.
        ignored: Columns and keys of the request that mean nothing to the model.
        is_unified: Whether the body was the data itself; the answer is then the predictions themselves.
    """

    data: Any
    params: dict[str, Any] | None = None
    ignored: tuple[str, ...] = ()
    is_unified: bool = False


_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - datetimes of a signature have no zone


class InputReader:
    """Reads requests for one signature.

    Args:
        signature: What the model declares; None where it declares nothing.
    """

    def __init__(self, signature: Signature | None) -> None:
        self._signature = signature or Signature()
        self._schema = self._signature.inputs
        self._exact_integers = _needs_exact_integers(self._schema)

    def read(self, media: Media, body: bytes) -> ModelInput:
        """Return what the model receives of a request.

        Raises:
            NotParsed: The body is not what its media type or envelope says.
            NotAllowed: The signature does not allow the data.
            UnsupportedMedia: It is Parquet, and pyarrow is not installed.
        """
        if media is Media.JSON:
            document = parse_json(body, exact_integers=self._exact_integers)
            return self._read_unified(document) if self._is_unified(document) else self._read_document(document)
        if self._signature.is_from_type_hint:
            raise NotAllowed(f"The model takes {Envelope.INPUTS.value} as JSON only, not {media.value}")
        raw = read_csv(body, self._schema) if media is Media.CSV else read_parquet(body, self._schema)
        return self._enforce_table(raw, given=None, ignored=())

    def _read_document(self, document: object) -> ModelInput:
        opened = open_document(document)
        schema = self._schema
        if schema is None:
            data = read_unsigned(opened)
        elif self._signature.is_from_type_hint:
            data = read_hinted(schema, opened)
        elif isinstance(schema, ColumnSchema):
            return self._enforce_table(_read_table(schema, opened), given=opened.params, ignored=opened.ignored)
        else:
            return self._read_tensors(schema, opened)
        return ModelInput(data=data, params=self._params(opened.params), ignored=opened.ignored)

    def _enforce_table(self, raw: RawTable, *, given: object, ignored: tuple[str, ...]) -> ModelInput:
        params = self._params(given)
        if self._schema is None:
            return ModelInput(data=infer_table(raw), params=params, ignored=ignored)
        if isinstance(self._schema, TensorSchema):
            return ModelInput(data=enforce_tensors(self._schema, nest_table(self._schema, raw)), params=params)
        enforced = enforce_columns(self._schema, raw)
        return ModelInput(data=enforced.table, params=params, ignored=(*ignored, *enforced.ignored))

    def _read_tensors(self, schema: TensorSchema, opened: Opened) -> ModelInput:
        nested = _nest(schema, opened)
        extra = tuple(str(name) for name in nested if name not in {spec.name for spec in schema.tensors})
        data = enforce_tensors(schema, nested)
        return ModelInput(data=data, params=self._params(opened.params), ignored=(*opened.ignored, *extra))

    def _params(self, given: object) -> dict[str, Any] | None:
        return enforce_params(self._signature.params, given)

    def _is_unified(self, document: object) -> bool:
        """Tell whether a body without an envelope is the data of a chat or completion model."""
        if not isinstance(document, dict) or any(envelope.value in document for envelope in Envelope):
            return False
        keys = UNIFIED_KEYS & document.keys()
        if self._schema is None:
            return bool(keys)
        return isinstance(self._schema, ColumnSchema) and bool(keys & set(self._schema.names))

    def _read_unified(self, document: Any) -> ModelInput:  # noqa: ANN401 - JSON
        given, rest = self._split_params(document)
        if self._schema is None:
            return ModelInput(data=rest, params=self._params(given), is_unified=True)
        read = self._enforce_table(read_one_row(rest), given=given, ignored=())
        return ModelInput(data=read.data, params=read.params, ignored=read.ignored, is_unified=True)

    def _split_params(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part the params of a unified body, at its top or under `params`, from its data."""
        names = {spec.name for spec in self._signature.params or ()}
        given = {name: value for name, value in document.items() if name in names}
        rest = {name: value for name, value in document.items() if name not in names}
        if self._signature.params is None:
            return given, rest
        wrapped = rest.pop(PARAMS, None)
        if wrapped is not None and not isinstance(wrapped, dict):
            raise NotAllowed(f"params must be an object, not {name_kind(wrapped)}")
        if twice := sorted(given.keys() & (wrapped or {}).keys()):
            raise NotParsed(f"The param {excerpt(twice[0])} stands both at the top of the body and under params")
        return {**given, **(wrapped or {})}, rest


def _needs_exact_integers(schema: Schema | None) -> bool:
    if schema is None:
        return True
    if isinstance(schema, TensorSchema):
        return any(spec.dtype == "object" for spec in schema.tensors)
    return any(has_any(spec.type) for spec in schema.columns)


def read_hinted(schema: Schema, opened: Opened) -> list[Any]:
    """Return the list of values that a model with a type hint receives.

    Raises:
        NotParsed: The data is in another envelope than `inputs`, or no list.
        NotAllowed: An element is not of the hinted type.
    """
    if opened.envelope is not Envelope.INPUTS:
        raise NotParsed(f"The model takes {Envelope.INPUTS.value}, not {opened.envelope.value}")
    if not isinstance(opened.content, list):
        raise NotParsed(f"inputs must be a list, not {name_kind(opened.content)}")
    if not isinstance(schema, ColumnSchema):
        raise NotAllowed("The model takes tensors from a type hint, which no request can carry")
    try:
        return [_as_python(value) for value in read_parts(schema.columns[0].type, opened.content)]
    except Misfit as misfit:
        place = f"Row {misfit.at}{misfit.path and f', at {misfit.path}'}"
        raise NotAllowed(f"{place} {misfit.reason}", row=misfit.at) from None


def _as_python(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value with `datetime.datetime` for dates: what a type hint means."""
    if isinstance(value, np.datetime64):
        # Not by NumPy, whose 2.5 finds an overflow in the first microsecond of nanoseconds.
        return _EPOCH + dt.timedelta(microseconds=int(value.astype(np.int64)) // 1000)
    if isinstance(value, list):
        return [_as_python(part) for part in value]
    return {key: _as_python(part) for key, part in value.items()} if isinstance(value, dict) else value


def _read_table(schema: ColumnSchema, opened: Opened) -> RawTable:
    content, envelope = opened.content, opened.envelope
    if envelope is Envelope.DATAFRAME_SPLIT:
        return read_split(content)
    if envelope is Envelope.DATAFRAME_RECORDS:
        if not schema.is_named and isinstance(content, list) and content and type(content[0]) is list:
            return read_rows(content, len(schema.columns), envelope=envelope)
        return read_records(content, envelope=envelope)
    if isinstance(content, dict):
        is_one_row = any(isinstance(spec.type, Array | Object | SparkMLVector) for spec in schema.columns)
        return read_one_row(content) if is_one_row else read_columns(content, envelope=envelope)
    if isinstance(content, list):
        return _read_list(schema, content, envelope)
    if content is None or schema.is_named or len(schema.columns) > 1:
        raise NotParsed(f"{envelope.value} must be a list or an object, not {name_kind(content)}")
    return RawTable(columns={0: [content]}, n_rows=1)  # one value by itself: so MLflow saves an example of one


def _read_list(schema: ColumnSchema, content: list[Any], envelope: Envelope) -> RawTable:
    """Read a list under `inputs` or `instances`: of records, of rows without names, or of one column's cells."""
    only = schema.columns[0] if len(schema.columns) == 1 else None
    kinds = set(map(type, content))
    is_bare_record = only is not None and only.name is None and isinstance(only.type, Object | Map | AnyType)
    if not content or (kinds == {dict} and not is_bare_record):
        return read_records(content, envelope=envelope)
    if not schema.is_named and kinds == {list} and (only is None or isinstance(only.type, DataType)):
        return read_rows(content, len(schema.columns), envelope=envelope)
    if only is None:
        stray = next(at for at, row in enumerate(content) if type(row) is not dict)
        raise NotParsed(f"Row {stray} of {envelope.value} is {name_kind(content[stray])}, not an object", row=stray)
    return RawTable(columns=dict.fromkeys(schema.names, content), n_rows=len(content))


def _nest(schema: TensorSchema, opened: Opened) -> dict[str | None, Any]:
    content, envelope = opened.content, opened.envelope
    if envelope is Envelope.DATAFRAME_SPLIT:
        return nest_table(schema, read_split(content))
    if envelope is Envelope.DATAFRAME_RECORDS:
        return nest_table(schema, _require_full(read_records(content, envelope=envelope)))
    return _nest_named(schema, opened) if schema.is_named else {None: content}


def _nest_named(schema: TensorSchema, opened: Opened) -> dict[str | None, Any]:
    """Read tensors by name: an object of them, a list of rows, or the only one by itself."""
    content, envelope = opened.content, opened.envelope
    if isinstance(content, dict):
        return {**content}
    if isinstance(content, list) and not content:
        return {spec.name: [] for spec in schema.tensors}
    if isinstance(content, list) and set(map(type, content)) == {dict}:
        return nest_table(schema, _require_full(read_records(content, envelope=envelope)))
    if len(schema.tensors) > 1:
        raise NotParsed(f"{envelope.value} must be an object of tensors, or a list of objects, not {excerpt(content)}")
    return {spec.name: content for spec in schema.tensors}


def _require_full(raw: RawTable) -> RawTable:
    for name in sorted(map(str, raw.lacking)):
        raise NotAllowed(f"A row lacks {excerpt(name)}, which other rows have", tensor=name[:80])
    return raw
