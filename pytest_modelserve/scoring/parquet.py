"""A Parquet file as the JSON values of a table, every column held to a file type that its declared type can be.

Reads with pyarrow, which is an extra: without it Parquet is a media type that this server does not know.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from ..signature.datatypes import AnyType, Array, DataType, Map, Object, ValueType
from ..signature.specs import ColumnSchema, Schema
from .envelopes import RawTable
from .errors import NotAllowed, NotParsed, excerpt
from .media import UnsupportedMedia


def read_parquet(body: bytes, schema: Schema | None) -> RawTable:
    """Return the table of a Parquet body; an index that pandas wrote becomes the row labels.

    Raises:
        UnsupportedMedia: pyarrow is not installed.
        NotParsed: It is no Parquet file, or has a column twice.
        NotAllowed: A column's type in the file is none that the declared type can be.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UnsupportedMedia(
            "The server reads Parquet only with the extra [parquet]: pip install 'pytest-modelserve[parquet]'"
        ) from None
    try:
        table = pq.ParquetFile(pa.BufferReader(body)).read(use_threads=False)  # read_table stumbles over a name twice
    except (pa.ArrowException, OSError, ValueError) as broken:
        raise NotParsed(f"The body is not a Parquet file: {excerpt(str(broken))}") from None
    names = table.column_names
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise NotParsed(f"The column {excerpt(twice)} stands twice", column=twice[:80])
    index_names = _index_names(table)
    kinds = _kinds(schema, [name for name in names if name not in index_names])
    columns: dict[str | int, Sequence[Any]] = {}
    for name, kind in kinds.items():
        if kind is not None and not _is_possible(kind, table.schema.field(name).type):
            found = table.schema.field(name).type
            raise NotAllowed(f"Column {excerpt(name)} is {excerpt(str(found))} in the file", column=name[:80])
        columns[name] = [_as_json(value, name) for value in table.column(name).to_pylist(maps_as_pydicts="strict")]
    index = tuple(table.column(*index_names).to_pylist()) if len(index_names) == 1 else None
    return RawTable(columns=columns, n_rows=table.num_rows, index=index)


def _index_names(table: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    described = (table.schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in described if name in table.column_names]  # a range is described by a dict


def _kinds(schema: Schema | None, labels: list[str]) -> dict[str, ValueType | None]:
    if not isinstance(schema, ColumnSchema):
        return dict.fromkeys(labels)
    by_name = {str(name): spec.type for name, spec in zip(schema.names, schema.columns, strict=True)}
    if not schema.is_named and len(labels) == len(schema.columns) and by_name.keys() != set(labels):
        by_name = {label: spec.type for label, spec in zip(labels, schema.columns, strict=True)}
    return {label: by_name.get(label) for label in labels}


def _is_possible(kind: ValueType, found: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Tell whether values of a file type can be values of a declared one; each value is still read by its type."""
    from pyarrow import types

    if types.is_dictionary(found):
        return _is_possible(kind, found.value_type)
    if isinstance(kind, AnyType) or types.is_null(found):
        return True
    if isinstance(kind, DataType):
        return any(test(found) for test in _possible_types(kind))
    if isinstance(kind, Map):
        return _is_possible_map(kind, found)
    if isinstance(kind, Object):
        return types.is_struct(found) and _is_possible_object(kind, found)
    items = kind.items if isinstance(kind, Array) else DataType.DOUBLE
    is_list = types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found)
    return is_list and _is_possible(items, found.value_type)


def _is_possible_map(kind: Map, found: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    from pyarrow import types

    if types.is_map(found):
        return _is_possible(DataType.STRING, found.key_type) and _is_possible(kind.values, found.item_type)
    parts = [found.field(at).type for at in range(found.num_fields)] if types.is_struct(found) else None
    return parts is not None and all(_is_possible(kind.values, part) for part in parts)


def _is_possible_object(kind: Object, found: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    parts = {found.field(at).name: found.field(at).type for at in range(found.num_fields)}
    return all(part.name not in parts or _is_possible(part.type, parts[part.name]) for part in kind.properties)


def _possible_types(kind: DataType) -> tuple[Callable[[Any], bool], ...]:
    from pyarrow import types

    if kind is DataType.BOOLEAN:
        return (types.is_boolean,)
    if kind is DataType.STRING:
        return (types.is_string, types.is_large_string)
    if kind is DataType.BINARY:
        return (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    if kind is DataType.DATETIME:
        return (types.is_timestamp, types.is_date)
    return (types.is_integer, types.is_floating)


def _as_json(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _as_json(part, name) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part, name) for part in value]
    raise NotAllowed(f"Column {excerpt(name)} holds {type(value).__name__}, which no declared type can be", column=name)
