"""JSON Schemas (draft 2020-12) of the bodies of `/invocations`: of requests in every JSON envelope, and of answers.

What they admit of the contract's "either" is told in `json_values`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .datatypes import Array, DataType, Object, SparkMLVector
from .json_values import JsonSchema, is_nullable_cell, param_schema, tensor_schema, value_schema
from .specs import ColumnSchema, ColumnSpec, Signature, TensorSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPES: Final = ("dataframe_split", "dataframe_records", "inputs", "instances")
UNIFIED_KEYS: Final = ("messages", "prompt", "input")  # any of them makes the whole body one row: an LLM request


def request_schema(signature: Signature, *, example: Mapping[str, object] | None = None) -> JsonSchema:
    """Return the schema of a request: exactly one envelope that the signature allows, and the declared params.

    Each envelope is one entry of `oneOf`, its title the envelope's name; a model with a column named `messages`,
    `prompt` or `input` takes one row as the body itself too, titled `unified`. The rows of `dataframe_split` are
    checked by position where `columns` has the signature's order, else only against the types that occur: JSON Schema
    cannot follow a header. Nor can it compare lengths: of a row with its header, or of columns with each other.

    Args:
        signature: The signature; without inputs every envelope takes any data.
        example: A body to show as the example.
    """
    envelopes = _envelopes(signature)
    properties: JsonSchema = {name: envelopes.get(name, False) for name in ENVELOPES}
    if signature.params:
        properties["params"] = _params_schema(signature)
    choices: list[JsonSchema] = [{"title": name, "required": [name]} for name in envelopes]
    unified = _unified_schema(signature)
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
        return _tensor_answer(schema)
    cells = [_cell_schema(column, is_answer=True) for column in schema.columns]
    record = _record_schema(schema.columns, is_answer=True)
    columns = _columns_schema(schema.columns, is_answer=True)
    choices: list[JsonSchema] = [_array(record), record, columns]
    if len(cells) == 1:
        choices += [_array(cells[0]), cells[0]]
    if not schema.is_named:
        choices.append(_array(_row_schema(cells)))
    return {"anyOf": choices}


def _with_example(schema: JsonSchema, example: Mapping[str, object] | None) -> JsonSchema:
    return schema if example is None else {**schema, "examples": [dict(example)]}


def _params_schema(signature: Signature) -> JsonSchema:
    properties = {spec.name: param_schema(spec) for spec in signature.params or ()}
    return {"type": "object", "properties": properties, "additionalProperties": True}


def _envelopes(signature: Signature) -> dict[str, JsonSchema]:
    schema = signature.inputs
    if schema is None:
        return _free_envelopes()
    if isinstance(schema, TensorSchema):
        return _tensor_envelopes(schema)
    if signature.is_from_type_hint:
        return {"inputs": _array(_cell_schema(schema.columns[0]))}
    if not schema.is_named:
        return _unnamed_envelopes(schema)
    columns = _last_of_each_name(schema.columns)
    if any(isinstance(column.name, int) for column in columns):  # a JSON object has no integer keys
        return {"dataframe_split": _split_schema(columns)}
    return _named_envelopes(columns)


def _free_envelopes() -> dict[str, JsonSchema]:
    header: JsonSchema = {"type": "array", "uniqueItems": True}
    rows = _array({"type": "array"})
    return {
        "dataframe_split": _split_object(header, rows, needs_header=False),
        "dataframe_records": _array({"type": "object"}),
        "inputs": {},
        "instances": {},
    }


def _named_envelopes(columns: Sequence[ColumnSpec]) -> dict[str, JsonSchema]:
    record = _record_schema(columns)
    rows = _array(record)
    inputs = [rows]
    if any(isinstance(column.type, Array | Object | SparkMLVector) for column in columns):
        inputs.append(record)  # as MLflow reads it: with a nested column an object is one row
    elif all(isinstance(column.type, DataType) for column in columns):
        inputs += [_columns_schema(columns), record]
    instances = [rows]
    if len(columns) == 1:
        values = _array(_cell_schema(columns[0]))
        inputs.append(values)
        instances.append(values)
    return {
        "dataframe_split": _split_schema(columns),
        "dataframe_records": rows,
        "inputs": _any_of(inputs),
        "instances": _any_of(instances),
    }


def _unnamed_envelopes(schema: ColumnSchema) -> dict[str, JsonSchema]:
    cells = [_cell_schema(column) for column in schema.columns]
    rows = _array(_row_schema(cells))
    values = [rows, _array(cells[0])] if len(cells) == 1 else [rows]
    header: JsonSchema = {"type": "array", "uniqueItems": True, "minItems": len(cells), "maxItems": len(cells)}
    return {
        "dataframe_split": _split_object(header, rows, needs_header=False),
        "dataframe_records": rows,
        "inputs": _any_of(values),
        "instances": _any_of(values),
    }


def _tensor_envelopes(schema: TensorSchema) -> dict[str, JsonSchema]:
    whole = {spec.name or "": tensor_schema(spec) for spec in schema.tensors}
    if not schema.is_named:
        return dict.fromkeys(("inputs", "instances"), tensor_schema(schema.tensors[0]))
    inputs = [_object(whole)]
    if len(whole) == 1:
        inputs.extend(whole.values())
    if not all(spec.shape for spec in schema.tensors):  # a tensor without dimensions has no rows
        return {"inputs": _any_of(inputs)}
    row = _object({spec.name or "": tensor_schema(spec, skip_dimensions=1) for spec in schema.tensors})
    return {"inputs": _any_of(inputs), "instances": _array(row)}


def _tensor_answer(schema: TensorSchema) -> JsonSchema:
    if not schema.is_named:
        return tensor_schema(schema.tensors[0], is_answer=True)
    tensors = {spec.name or "": tensor_schema(spec, is_answer=True) for spec in schema.tensors}
    return {**_object(tensors), "additionalProperties": False}


def _unified_schema(signature: Signature) -> JsonSchema | None:
    schema = signature.inputs
    if schema is None:
        present: list[str] = list(UNIFIED_KEYS)
        body: JsonSchema = {}
    elif isinstance(schema, ColumnSchema) and schema.is_named:
        present = [name for name in UNIFIED_KEYS if name in schema.names]
        params = {spec.name: param_schema(spec) for spec in signature.params or ()}
        cells = {str(column.name): _cell_schema(column) for column in schema.columns}
        body = {"properties": {**cells, **params}, "required": _required(schema.columns)}
    else:
        return None
    return {"title": "unified", **body, "anyOf": [{"required": [name]} for name in present]} if present else None


def _split_schema(columns: Sequence[ColumnSpec]) -> JsonSchema:
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
        header["allOf"] = [{"contains": {"const": column.name}} for column in required]
    types = _distinct([_cell_schema(column) for column in columns])
    loose: JsonSchema = {"type": "array", "minItems": len(required), "items": _any_of(types)}
    split = _split_object(header, _array(loose), needs_header=needs_header)
    in_order = [_in_order(columns, when_header_missing=True)]
    if 0 < len(required) < len(columns):
        in_order.append(_in_order(required, when_header_missing=False))
    return {**split, "allOf": in_order}


def _in_order(columns: Sequence[ColumnSpec], *, when_header_missing: bool) -> JsonSchema:
    row = _row_schema([_cell_schema(column) for column in columns])
    header = {"const": [column.name for column in columns]}
    return {
        "if": {"properties": {"columns": header}, "required": [] if when_header_missing else ["columns"]},
        "then": {"properties": {"data": _array(row)}},
    }


def _split_object(header: JsonSchema, rows: JsonSchema, *, needs_header: bool) -> JsonSchema:
    return {
        "type": "object",
        "properties": {"columns": header, "index": {"type": ["array", "null"]}, "data": rows},
        "required": ["columns", "data"] if needs_header else ["data"],
        "additionalProperties": False,
    }


def _record_schema(columns: Sequence[ColumnSpec], *, is_answer: bool = False) -> JsonSchema:
    cells = {_key(column, at): _cell_schema(column, is_answer=is_answer) for at, column in enumerate(columns)}
    return {
        "type": "object",
        "properties": cells,
        "required": _required(columns),
        "additionalProperties": not is_answer,
    }


def _columns_schema(columns: Sequence[ColumnSpec], *, is_answer: bool = False) -> JsonSchema:
    lists = {_key(column, at): _array(_cell_schema(column, is_answer=is_answer)) for at, column in enumerate(columns)}
    return {
        "type": "object",
        "properties": lists,
        "required": _required(columns),
        "additionalProperties": not is_answer,
    }


def _cell_schema(column: ColumnSpec, *, is_answer: bool = False) -> JsonSchema:
    is_nullable = not column.required and is_nullable_cell(column.type)
    return value_schema(column.type, is_nullable=is_nullable, is_answer=is_answer)


def _row_schema(cells: Sequence[JsonSchema]) -> JsonSchema:
    return {"type": "array", "prefixItems": list(cells), "minItems": len(cells), "maxItems": len(cells)}


def _array(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _object(properties: Mapping[str, JsonSchema]) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": True,
    }


def _any_of(schemas: Sequence[JsonSchema]) -> JsonSchema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _distinct(schemas: Sequence[JsonSchema]) -> list[JsonSchema]:
    found: list[JsonSchema] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return found


def _key(column: ColumnSpec, at: int) -> str:
    return str(at if column.name is None else column.name)


def _required(columns: Sequence[ColumnSpec]) -> list[str]:
    return list(dict.fromkeys(_key(column, at) for at, column in enumerate(columns) if column.required))


def _last_of_each_name(columns: Sequence[ColumnSpec]) -> list[ColumnSpec]:
    return list({column.name: column for column in columns}.values())
