"""A table as Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from ..errors import EncodeError, MissingExtra
from ..signature.datatypes import Array, DataType, Object, ValueType
from ..signature.specs import ColumnSchema, Signature
from .payloads import Table
from .values import show_value

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW_NAMES: Final = {
    DataType.BOOLEAN: "bool_",
    DataType.INTEGER: "int32",
    DataType.LONG: "int64",
    DataType.FLOAT: "float32",
    DataType.DOUBLE: "float64",
    DataType.STRING: "string",
    DataType.BINARY: "binary",
}


def as_parquet(table: Table, signature: Signature | None) -> bytes:
    """Return a table as a Parquet file, its columns typed by the signature where that knows them.

    Raises:
        EncodeError: A column holds values that its type cannot.
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MissingExtra("parquet", "the parquet envelope") from None
    types = _declared(signature)
    arrays = []
    for place, name in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        declared = types.get(name)
        try:
            arrays.append(pa.array(cells, type=None if declared is None else _arrow_type(declared)))
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as refused:
            raise EncodeError(
                f"Parquet cannot carry the column {show_value(name)}: {refused}",
                facts={"column": show_value(name), "values": show_value(cells)},
                fix="Use a JSON envelope for values of a wrong or mixed type.",
            ) from refused
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[str(name) for name in table.columns]), target)
    return target.getvalue()


def _declared(signature: Signature | None) -> dict[str | int, ValueType]:
    if signature is None or not isinstance(signature.inputs, ColumnSchema):
        return {}
    return {name: spec.type for name, spec in zip(signature.inputs.names, signature.inputs.columns, strict=True)}


def _arrow_type(declared: ValueType) -> pa.DataType | None:
    import pyarrow as pa

    if isinstance(declared, Array):
        return pa.list_(_arrow_type(declared.items) or pa.null())
    if isinstance(declared, Object):
        return pa.struct([(member.name, _arrow_type(member.type) or pa.null()) for member in declared.properties])
    if declared is DataType.DATETIME:
        return pa.timestamp("ns")
    if isinstance(declared, DataType):
        return getattr(pa, _ARROW_NAMES[declared])()
    return None
