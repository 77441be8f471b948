"""The two files of an input example side by side: what each holds, and whether both mean the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import MlmodelError
from ..signature.datatypes import DataType
from ..signature.specs import ColumnSchema, Schema
from ..wire.payloads import Table, Tensors
from ..wire.values import show_value
from .example_files import LLM_KEYS, broken_file, dense, document_of, parted, read_json, unwrapped
from .example_rows import ExampleRows, payload_of
from .mlmodel import ExampleInfo, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSide:
    """One file of an input example.

    Attributes:
        name: Of the file.
        broken: Why nothing can be read of it; empty where it can.
        mended: What is no JSON in it and was read as null; empty where it is JSON.
        document: The request that sends it.
        data: The example as JSON data, without envelope and params.
        params: The parameters.
        rows: The same typed by the signature.
    """

    name: str
    broken: str = ""
    mended: str = ""
    document: Mapping[str, object] = field(default_factory=dict)
    data: object = None
    params: Mapping[str, object] = field(default_factory=dict)
    rows: ExampleRows = field(default_factory=lambda: ExampleRows(payload=None))


def read_sides(model: Model) -> tuple[ExampleSide, ...]:
    """Read the example as it was given, then the request body that MLflow made of it, as far as the files are there."""
    info = model.example_info
    if info is None:
        return ()
    schema = None if model.signature is None else model.signature.inputs
    sides = [_read(info, info.path, schema, parted)] if info.path.exists() else []
    if info.serving_path is not None and info.serving_path.exists():
        given = sides[0].params if sides else {}
        sides.append(_read(info, info.serving_path, schema, lambda value, _: _of_request(value, info, given)))
    return tuple(sides)


def disagreement(one: ExampleSide, other: ExampleSide, schema: Schema | None) -> str:
    """Return in what two files of an example differ, in a few words; empty where they mean the same."""
    if not _same_json(one.params, other.params):
        return f"params {show_value(one.params)} and {show_value(other.params)}"
    match one.rows.payload, other.rows.payload:
        case Table() as ours, Table() as theirs:
            return _of_tables(ours, theirs, schema)
        case Tensors() as ours, Tensors() as theirs:
            return _of_tensors(ours, theirs)
        case None, None:
            return "" if _same_json(one.data, other.data) else f"{show_value(one.data)} and {show_value(other.data)}"
        case ours, _:
            poor = other if ours is not None else one
            return f"{poor.name} gives no rows: {'; '.join(poor.rows.notes) or 'its form is another one'}"


_Parting = Callable[[object, ExampleInfo], tuple[object, Mapping[str, object]]]


def _read(info: ExampleInfo, path: Path, schema: Schema | None, part: _Parting) -> ExampleSide:
    try:
        file = read_json(path)
        data, params = part(file.value, info)
        plain = dense(data, info)
    except MlmodelError as error:
        return ExampleSide(name=path.name, broken=error.happened)
    return ExampleSide(
        name=path.name,
        mended="; ".join(file.notes),
        document=file.value
        if path == info.serving_path and isinstance(file.value, dict)
        else document_of(data, params, info),
        data=plain,
        params=params,
        rows=payload_of(plain, info.kind, schema),
    )


def _of_request(value: object, info: ExampleInfo, given: Mapping[str, object]) -> tuple[object, Mapping[str, object]]:
    """Part a request body; of one that MLflow takes whole, the params stand among its keys."""
    if not isinstance(value, dict):
        raise broken_file(info.serving_path or info.path, "holds no JSON object")
    data, params = unwrapped(value, info)
    if data is not value or not LLM_KEYS & value.keys():
        return data, params
    mixed_in = {name: value[name] for name in given if name in value}
    return {name: item for name, item in value.items() if name not in mixed_in}, mixed_in


def _of_tables(ours: Table, theirs: Table, schema: Schema | None) -> str:
    if set(ours.columns) != set(theirs.columns):
        odd = sorted(map(str, set(ours.columns) ^ set(theirs.columns)))
        return f"only one of them has the column {', '.join(map(show_value, odd))}"
    if len(ours.rows) != len(theirs.rows):
        return f"{len(ours.rows)} and {len(theirs.rows)} rows"
    singles = _single_precision(schema)
    at_theirs = {name: at for at, name in enumerate(theirs.columns)}
    for row, (here, there) in enumerate(zip(ours.rows, theirs.rows, strict=True)):
        for name, cell in zip(ours.columns, here, strict=True):
            other = there[at_theirs[name]]
            if not _same(cell, other, is_single=name in singles):
                return f"column {show_value(name)} of row {row}: {show_value(cell)} and {show_value(other)}"
    return ""


def _of_tensors(ours: Tensors, theirs: Tensors) -> str:
    for name, array in ours.arrays.items():
        here, there = np.asarray(array), np.asarray(theirs.arrays[name])
        title = "" if name is None else f"tensor {show_value(name)}: "
        if here.shape != there.shape:
            return f"{title}the shapes {here.shape} and {there.shape}"
        is_nan_equal = here.dtype.kind in "fcmM"
        if not np.array_equal(here, there, equal_nan=is_nan_equal):
            return f"{title}other values"
    return ""


def _single_precision(schema: Schema | None) -> frozenset[str | int]:
    if not isinstance(schema, ColumnSchema):
        return frozenset()
    columns = zip(schema.names, schema.columns, strict=True)
    return frozenset(name for name, spec in columns if spec.type is DataType.FLOAT)


def _same(one: object, other: object, *, is_single: bool) -> bool:
    if is_single and isinstance(one, float) and isinstance(other, float):
        return bool(np.float32(one) == np.float32(other)) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, np.datetime64) and isinstance(other, np.datetime64):
        return bool(one == other) or bool(np.isnat(one) and np.isnat(other))
    return _same_json(one, other)


def _same_json(one: object, other: object) -> bool:
    """Tell whether two values are the same data: 1 is 1.0, but true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same_json(*pair) for pair in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
