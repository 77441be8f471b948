"""Which envelopes can carry which payload, and why not the others."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

import numpy as np

from ..signature.datatypes import Array, DataType, Object, ValueType
from ..signature.json_schema import UNIFIED_KEYS
from ..signature.specs import ColumnSchema, ParamSpec, Signature, TensorSchema
from .payloads import Document, Envelope, Payload, RawBody, Table, Tensors
from .values import show_value

_NO_INFINITIES: Final = "it has no form for infinities"
_NUMBER_KINDS: Final = "biuf"
_ALWAYS_CARRIED: Final = frozenset({int, bool, bytes, type(None)})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def can_carry(payload: Payload, envelope: Envelope, signature: Signature | None, *, has_params: bool = False) -> bool:
    """Tell whether an envelope carries this payload whole, so that a server can read it as it was meant."""
    return not obstacle(payload, envelope, signature, has_params=has_params)


def obstacle(payload: Payload, envelope: Envelope, signature: Signature | None, *, has_params: bool = False) -> str:
    """Return why an envelope does not carry this payload whole, as a half sentence; empty where it does."""
    reason = why_not(payload, envelope, signature, has_params=has_params)
    if reason:
        return reason
    if isinstance(payload, Table):
        return _why_not_cells(payload, envelope)
    if isinstance(payload, Tensors) and any(_has_infinity(array) for array in payload.arrays.values()):
        return _NO_INFINITIES
    return ""


def why_not(payload: Payload, envelope: Envelope, signature: Signature | None, *, has_params: bool = False) -> str:
    """Return why the shape of a payload does not fit an envelope, as a half sentence; empty where it fits.

    The cells are not looked at, so that this costs little before each request.
    """
    if isinstance(payload, Document | RawBody):
        return ""
    if signature is not None and signature.is_from_type_hint and envelope is not Envelope.INPUTS:
        return "a model from a type hint takes only inputs"
    if has_params and envelope in _NO_PARAMS:
        return "it has no place for params"
    if isinstance(payload, Tensors):
        return _why_not_tensors(payload, envelope)
    if envelope is Envelope.UNIFIED:
        return _why_not_unified(payload, signature)
    return _why_not_table(payload, envelope, signature)


def is_unified(document: object) -> bool:
    """Tell whether a body is the one row itself: it has a key that chat and completion models take, and no envelope."""
    if not isinstance(document, Mapping) or any(each.value in document for each in _JSON_KEYS):
        return False
    return any(key in document for key in UNIFIED_KEYS)


def is_list_of_values(signature: Signature | None) -> bool:
    """Tell whether a row on the wire is a bare value: the schema is one column without a name."""
    schema = None if signature is None else signature.inputs
    return isinstance(schema, ColumnSchema) and len(schema.columns) == 1 and not schema.is_named


def has_nested_column(table: Table, signature: Signature | None) -> bool:
    """Tell whether a column holds lists or objects, by its declared type and else by its values."""
    types = _declared(signature)
    if types:
        return any(not isinstance(declared, DataType) for declared in types.values())
    return any(_is_nested(value) for row in table.rows for value in row)


def _why_not_table(table: Table, envelope: Envelope, signature: Signature | None) -> str:
    if envelope is Envelope.DATAFRAME_SPLIT:
        return ""
    width = len(table.columns)
    twice = len(set(map(str, table.columns))) != width
    ragged = next((at for at, row in enumerate(table.rows) if len(row) != width), None)
    if twice and envelope not in _FLAT:
        return f"a column stands twice in {show_value(list(table.columns))}"
    if ragged is not None and envelope is not Envelope.CSV:
        return f"row {ragged} has {len(table.rows[ragged])} cells for {width} columns"
    if table.index is not None:
        return "it has no place for an index"
    return _why_not_names(table, envelope, signature) or _why_not_nested(table, envelope, signature)


def _why_not_unified(table: Table, signature: Signature | None) -> str:
    schema = None if signature is None else signature.inputs
    if isinstance(schema, TensorSchema) or (schema is not None and not schema.is_named):
        return "only named columns can be the body itself"
    names = list(map(str, table.columns))
    if not any(key in names for key in UNIFIED_KEYS):
        return f"no column is called {', '.join(UNIFIED_KEYS)}, which tell such a body"
    taken = {"params", *(each.value for each in _JSON_KEYS), *(spec.name for spec in _params(signature))}
    clash = next((name for name in names if name in taken), None)
    if clash is not None:
        return f"a column is called {show_value(clash)}, which means another thing there"
    if len(table.rows) != 1 or table.index is not None:
        return "the body is one row without an index"
    if len(set(names)) != len(names) or len(table.rows[0]) != len(names):
        return "a column stands twice, or has no cell"
    return ""


def _params(signature: Signature | None) -> tuple[ParamSpec, ...]:
    return () if signature is None else signature.params or ()


def _why_not_names(table: Table, envelope: Envelope, signature: Signature | None) -> str:
    schema = None if signature is None else signature.inputs
    if not isinstance(schema, ColumnSchema):
        return ""
    if any(isinstance(spec.name, int) for spec in schema.columns):
        return "it makes text of the integer column names"
    if is_list_of_values(signature):
        return "" if len(table.columns) == 1 else f"the one unnamed column got {len(table.columns)} columns"
    if not schema.is_named and envelope in {Envelope.INPUTS, Envelope.INSTANCES}:
        return "several unnamed columns would all be cast to the type of the first"
    if not table.rows and envelope in {Envelope.DATAFRAME_RECORDS, Envelope.INSTANCES}:
        return "without rows it names no columns"
    return ""


def _why_not_nested(table: Table, envelope: Envelope, signature: Signature | None) -> str:
    if envelope not in {*_FLAT, Envelope.INSTANCES, Envelope.INPUTS} or not has_nested_column(table, signature):
        return ""
    if envelope is Envelope.CSV:
        return "a column holds lists or objects"
    if envelope is Envelope.INSTANCES and not is_list_of_values(signature):
        return "a column holds lists or objects, which it would take apart"
    if envelope is Envelope.INPUTS and not table.rows:
        return "without rows it names no columns"
    if envelope is Envelope.PARQUET and not all(map(_has_fixed_form, _declared(signature).values())):
        return "a column holds objects without fixed properties"
    return ""


def _why_not_tensors(payload: Tensors, envelope: Envelope) -> str:
    if envelope is Envelope.INPUTS:
        return ""
    if envelope is Envelope.INSTANCES:
        arrays = payload.arrays.values()
        sizes = {-1 if isinstance(array, np.ndarray) and not array.ndim else len(array) for array in arrays}
        return "" if None in payload.arrays or len(sizes) == 1 else "the tensors differ in their number of rows"
    if envelope is not Envelope.DATAFRAME_SPLIT:
        return "it has no form for tensors"
    array = payload.arrays.get(None)
    if isinstance(array, np.ndarray) and array.ndim == 2 and array.size and array.dtype.kind in _NUMBER_KINDS:
        return ""
    return "only one unnamed tensor of two dimensions, of numbers and not empty, reads as a table"


def _why_not_cells(table: Table, envelope: Envelope) -> str:
    if envelope is Envelope.PARQUET:
        return ""
    cells = [value for row in table.rows for value in row if type(value) not in _ALWAYS_CARRIED]
    if any(map(_has_infinity, cells)):
        return _NO_INFINITIES
    if envelope is not Envelope.CSV:
        return ""
    if len(table.columns) == 1 and any(_is_missing(row[0]) for row in table.rows if row):
        return "a null in its only column makes an empty line, which readers pass over"
    if any(map(_is_nested, cells)):
        return "a cell holds a list or an object"
    texts = [value for value in (*cells, *table.columns) if isinstance(value, str)]
    return "a text holds NUL or a lone surrogate" if any(map(_ends_csv, texts)) else ""


def _ends_csv(text: str) -> bool:
    # Readers of C strings end at NUL, and UTF-8 has no lone surrogates.
    return "\0" in text or (not text.isascii() and _SURROGATE.search(text) is not None)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating | np.datetime64) and bool(value != value))  # noqa: PLR0124


def _is_nested(value: object) -> bool:
    return isinstance(value, list | tuple | Mapping | np.ndarray)


def _has_infinity(value: object) -> bool:
    if type(value) is str:
        return False
    if isinstance(value, float | np.floating):
        return math.isinf(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in _NUMBER_KINDS:
        return bool(np.isinf(value).any())
    if isinstance(value, Mapping):
        return any(map(_has_infinity, value.values()))
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "O" and any(map(_has_infinity, value.flat))
    return isinstance(value, list | tuple) and any(map(_has_infinity, value))


def _has_fixed_form(declared: ValueType) -> bool:
    if isinstance(declared, Array):
        return _has_fixed_form(declared.items)
    if isinstance(declared, Object):
        return all(_has_fixed_form(member.type) for member in declared.properties)
    return isinstance(declared, DataType)


def _declared(signature: Signature | None) -> dict[str | int, ValueType]:
    schema = None if signature is None else signature.inputs
    if schema is None or isinstance(schema, TensorSchema):
        return {}
    return {name: spec.type for name, spec in zip(schema.names, schema.columns, strict=True)}


_FLAT: Final = frozenset({Envelope.CSV, Envelope.PARQUET})
_JSON_KEYS: Final = tuple(each for each in Envelope if each not in {*_FLAT, Envelope.UNIFIED})
_NO_PARAMS: Final = _FLAT
