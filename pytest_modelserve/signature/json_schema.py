"""JSON Schemas (draft 2020-12) of the bodies of `/invocations`: of requests in every JSON envelope, and of answers.

What they admit of the contract's "either" is told in `json_values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .datatypes import Array, DataType, Object, SparkMLVector, ValueType
from .json_values import JsonSchema, param_schema, tensor_schema, value_schema
from .specs import ColumnSchema, Signature, TensorSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPES: Final = ("dataframe_split", "dataframe_records", "inputs", "instances")
UNIFIED_KEYS: Final = ("messages", "prompt", "input")  # any of them makes the whole body one row: an LLM request


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str | int | None
    key: str  # its name in a JSON object
    cell: JsonSchema
    required: bool


def request_schema(
    signature: Signature,
    *,
    example: Mapping[str, object] | None = None,
    admit_either: bool = False,
    as_served: bool = False,
) -> JsonSchema:
    """Return the schema of a request: exactly one envelope that the signature allows, and the declared params.

    Each envelope is one entry of `oneOf`, its title the envelope's name; a model with a column named `messages`,
    `prompt` or `input` takes one row as the body itself too, titled `unified`. The rows of `dataframe_split` are
    checked by position where `columns` has the signature's order, else only against the types that occur: JSON Schema
    cannot follow a header. Nor can it compare lengths: of a row with its header, or of columns with each other.

    Args:
        signature: The signature; without inputs every envelope takes any data.
        example: A body to show as the example.
        admit_either: Whether to admit all that the contract leaves to the server, such as null in a required double.
            Judge a body so; a page for readers is clearer without.
        as_served: Whether to leave out of that what our own server does not take: null in an optional integer or
            boolean, and params that the signature does not have.
    """
    envelopes = _envelopes(signature, admit_either=admit_either, as_served=as_served)
    properties: JsonSchema = {name: envelopes.get(name, False) for name in ENVELOPES}
    if signature.params:
        properties["params"] = _params_schema(signature, is_open=not as_served)
    choices: list[JsonSchema] = [{"title": name, "required": [name]} for name in envelopes]
    unified = _unified_schema(signature, admit_either=admit_either, as_served=as_served)
    if unified is not None:
        choices.append(unified)
    schema: JsonSchema = {
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "oneOf": choices,
        "additionalProperties": True,
    }
    return _with_example(schema, example)


def response_schema(signature: Signature, *, example: Mapping[str, object] | None = None) -> JsonSchema:
    """Return the schema of an answer, `{"predictions": …}`; the answer to a unified request is the predictions alone.

    Args:
        signature: The signature; without outputs the predictions are any JSON value.
        example: An answer to show as the example.
    """
    schema: JsonSchema = {
        "$schema": DIALECT,
        "type": "object",
        "properties": {"predictions": predictions_schema(signature)},
        "required": ["predictions"],
    }
    return _with_example(schema, example)


def predictions_schema(signature: Signature) -> JsonSchema:
    """Return the schema of the predictions by themselves.

    Columns come as a list of records, as one record, or as a record of lists; a single column also as a list of values
    or one value, named or not: an array of the same values leaves no trace of the name in JSON; columns without names
    also as a list of rows. A column that the signature does not have is refused.
    """
    schema = signature.outputs
    if schema is None:
        return {"description": "Any JSON value: the signature has no outputs."}
    if isinstance(schema, TensorSchema):
        tensors = {spec.name or "": tensor_schema(spec) for spec in schema.tensors}
        return _object(tensors, tensors, is_open=False) if schema.is_named else tensor_schema(schema.tensors[0])
    columns = _columns(schema)
    record, lists = _record(columns, is_open=False), _lists(columns, is_open=False)
    choices = [_array(record), record, lists]
    if len(columns) == 1:
        choices += [_array(columns[0].cell), columns[0].cell]
    if not schema.is_named:
        choices.append(_array(_row(columns)))
    return {"anyOf": choices}


def _with_example(schema: JsonSchema, example: Mapping[str, object] | None) -> JsonSchema:
    return schema if example is None else {**schema, "examples": [dict(example)]}


def _params_schema(signature: Signature, *, is_open: bool) -> JsonSchema:
    declared = {spec.name: param_schema(spec) for spec in signature.params or ()}
    return {**_object(declared, (), is_open=is_open), "type": ["object", "null"]}


def _columns(schema: ColumnSchema, *, admit_either: bool = False, as_served: bool = False) -> list[_Column]:
    """Return the columns, of those with the same name the last, whose type holds."""
    admit_null = admit_either and not as_served
    columns = {
        name: _Column(
            name=spec.name,
            key=str(name),
            cell=value_schema(
                spec.type,
                is_nullable=not spec.required and (admit_null or _is_nullable(spec.type)),
                admit_either=admit_either,
            ),
            required=spec.required,
        )
        for name, spec in zip(schema.names, schema.columns, strict=True)
    }
    return list(columns.values())


def _is_nullable(kind: ValueType) -> bool:
    """Tell whether an optional cell of that type may be null as well as absent."""
    return not isinstance(kind, DataType) or kind.holds_null


def _envelopes(signature: Signature, *, admit_either: bool, as_served: bool) -> dict[str, JsonSchema]:
    schema = signature.inputs
    if schema is None:
        return _free_envelopes()
    if isinstance(schema, TensorSchema):
        return _tensor_envelopes(schema, admit_either=admit_either)
    columns = _columns(schema, admit_either=admit_either, as_served=as_served)
    if signature.is_from_type_hint:
        return {"inputs": _array(columns[0].cell)}
    if not schema.is_named:
        return _unnamed_envelopes(columns)
    if any(isinstance(column.name, int) for column in columns):  # a JSON object has no integer keys
        return {"dataframe_split": _split_schema(columns)}
    return _named_envelopes(columns, _objects_as_inputs(schema, columns, admit_either=admit_either))


def _free_envelopes() -> dict[str, JsonSchema]:
    header: JsonSchema = {"type": "array", "uniqueItems": True}
    rows = _array({"type": "array"})
    return {
        "dataframe_split": _split_object(header, rows, needs_header=False),
        "dataframe_records": _array({"type": "object"}),
        "inputs": {},
        "instances": {},
    }


def _objects_as_inputs(schema: ColumnSchema, columns: Sequence[_Column], *, admit_either: bool) -> list[JsonSchema]:
    """Return what an object under `inputs` may be, as MLflow reads it: lists by column, or one row."""
    types = [spec.type for spec in schema.columns]
    if any(isinstance(kind, Array | Object | SparkMLVector) for kind in types):
        return [_record(columns)]
    if admit_either or all(isinstance(kind, DataType) for kind in types):
        return [_lists(columns), _record(columns)]
    return []


def _named_envelopes(columns: Sequence[_Column], objects: Sequence[JsonSchema]) -> dict[str, JsonSchema]:
    rows = _array(_record(columns))
    values = [_array(columns[0].cell)] if len(columns) == 1 else []
    return {
        "dataframe_split": _split_schema(columns),
        "dataframe_records": rows,
        "inputs": _any_of([rows, *objects, *values]),
        "instances": _any_of([rows, *values]),
    }


def _unnamed_envelopes(columns: Sequence[_Column]) -> dict[str, JsonSchema]:
    rows = _array(_row(columns))
    values = [_array(columns[0].cell)] if len(columns) == 1 else []
    value = [columns[0].cell] if len(columns) == 1 else []
    header: JsonSchema = {"type": "array", "uniqueItems": True, "minItems": len(columns), "maxItems": len(columns)}
    return {
        "dataframe_split": _split_object(header, rows, needs_header=False),
        "dataframe_records": rows,
        "inputs": _any_of([rows, *values, *value]),
        "instances": _any_of([rows, *values]),
    }


def _tensor_envelopes(schema: TensorSchema, *, admit_either: bool) -> dict[str, JsonSchema]:
    whole = {spec.name or "": tensor_schema(spec, admit_either=admit_either) for spec in schema.tensors}
    if not schema.is_named:
        return dict.fromkeys(("inputs", "instances"), whole[""])
    alone = list(whole.values()) if len(whole) == 1 else []
    inputs = _any_of([_object(whole, whole), *alone])
    if not all(spec.shape for spec in schema.tensors):  # a tensor without dimensions has no rows
        return {"inputs": inputs}
    row = {
        spec.name or "": tensor_schema(spec, skip_dimensions=1, admit_either=admit_either) for spec in schema.tensors
    }
    return {"inputs": inputs, "instances": _array(_object(row, row))}


def _unified_schema(signature: Signature, *, admit_either: bool, as_served: bool) -> JsonSchema | None:
    schema = signature.inputs
    if schema is None:
        present: list[str] = list(UNIFIED_KEYS)
        body: JsonSchema = {}
    elif isinstance(schema, ColumnSchema) and schema.is_named:
        present = [name for name in UNIFIED_KEYS if name in schema.names]
        columns = _columns(schema, admit_either=admit_either, as_served=as_served)
        params = {spec.name: param_schema(spec) for spec in signature.params or ()}
        body = {"properties": {**_cells(columns), **params}, "required": _required(columns)}
    else:
        return None
    return {"title": "unified", **body, "anyOf": [{"required": [name]} for name in present]} if present else None


def _split_schema(columns: Sequence[_Column]) -> JsonSchema:
    names = [column.name for column in columns]
    needs_header = names != list(range(len(names)))  # what pandas names columns without a header
    required = [column for column in columns if column.required]
    header: JsonSchema = {
        "type": "array",
        "items": {"type": ["string", "integer"]},
        "uniqueItems": True,
        "examples": [names],
    }
    if required:
        header["if"] = {"not": {"const": names}}  # the usual header is told in one step: `contains` is slow when wide
        header["then"] = {"allOf": [{"contains": {"const": column.name}} for column in required]}
    loose: JsonSchema = {"type": "array", "minItems": len(required), "items": _any_of(_distinct(columns))}
    in_order = [_in_order(columns, when_header_missing=True)]
    if 0 < len(required) < len(columns):
        in_order.append(_in_order(required, when_header_missing=False))
    return {**_split_object(header, _array(loose), needs_header=needs_header), "allOf": in_order}


def _in_order(columns: Sequence[_Column], *, when_header_missing: bool) -> JsonSchema:
    header = {"const": [column.name for column in columns]}
    return {
        "if": {"properties": {"columns": header}, "required": [] if when_header_missing else ["columns"]},
        "then": {"properties": {"data": _array(_row(columns))}},
    }


def _split_object(header: JsonSchema, rows: JsonSchema, *, needs_header: bool) -> JsonSchema:
    return {
        "type": "object",
        "properties": {"columns": header, "index": {"type": ["array", "null"]}, "data": rows},
        "required": ["columns", "data"] if needs_header else ["data"],
        "additionalProperties": False,
    }


def _record(columns: Sequence[_Column], *, is_open: bool = True) -> JsonSchema:
    return _object(_cells(columns), _required(columns), is_open=is_open)


def _lists(columns: Sequence[_Column], *, is_open: bool = True) -> JsonSchema:
    return _object({column.key: _array(column.cell) for column in columns}, _required(columns), is_open=is_open)


def _row(columns: Sequence[_Column]) -> JsonSchema:
    cells = [column.cell for column in columns]
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


def _cells(columns: Sequence[_Column]) -> dict[str, JsonSchema]:
    return {column.key: column.cell for column in columns}


def _required(columns: Sequence[_Column]) -> list[str]:
    return list(dict.fromkeys(column.key for column in columns if column.required))  # 0 and "0" are one key


def _distinct(columns: Sequence[_Column]) -> list[JsonSchema]:
    found: list[JsonSchema] = []
    for column in columns:
        if column.cell not in found:
            found.append(column.cell)
    return found


def _object(properties: Mapping[str, JsonSchema], required: Iterable[str], *, is_open: bool = True) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": is_open,
    }


def _array(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _any_of(schemas: Sequence[JsonSchema]) -> JsonSchema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
