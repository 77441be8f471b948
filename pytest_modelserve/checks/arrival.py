"""Whether what the model received is what the client sent: columns, rows, tensors and parameters.

Extra columns may be dropped, an absent optional column may arrive as one of missing values, and row labels do not
matter; a column's dtype has to be of the declared class, and as wide as declared unless that changes no value.

Source: `CONTRACT` sections 1 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..cases import Case, Table, Tensors
from ..signature import ColumnSchema, DataType, Signature, TensorSchema
from ..signature.datatypes import ValueType
from ..signature.specs import ColumnSpec, ParamSpec
from ..wire.breach import Told
from ..wire.values import as_json_value, show_value
from .arrived_tensors import tensor_difference
from .arrived_values import INVENTED, LOST, MICROSECOND, UNDECODED, ValueComparer, as_items, json_difference
from .calls import Call
from .difference import Difference, changed
from .exact_values import is_missing, plain
from .recorded import RecordedColumn, RecordedTable

ARRIVAL: Final = "arrival"  # the kind of a judgement about a value that changed on the way
ROWS: Final = "rows"  # another number of rows
ORDER: Final = "order"  # the same rows or columns in another order
COLUMN: Final = "column"  # a column that is not there, or that nobody sent
DTYPE: Final = "dtype"  # a column or tensor of another class of dtype
FORM: Final = "form"  # no table or tensor at all

_CLASSES: Final[Mapping[DataType, tuple[str, str]]] = {  # the class of dtypes, and the one that is declared
    DataType.BOOLEAN: ("bool", "bool"),
    DataType.INTEGER: ("int", "int32"),
    DataType.LONG: ("int", "int64"),
    DataType.FLOAT: ("float", "float32"),
    DataType.DOUBLE: ("float", "float64"),
    DataType.DATETIME: ("datetime64", "datetime64"),
}
_OBJECTS: Final = "object"


class ArrivalJudge:
    """Compares what was sent with what the model received.

    Args:
        signature: The model's; it has inputs.
        is_converted: Whether the model is given its input example's own type, which is made of the table.
    """

    def __init__(self, signature: Signature, *, is_converted: bool = False) -> None:
        self._is_converted = is_converted
        self._inputs = signature.inputs
        self._params = signature.params or ()
        self._is_hinted = signature.is_from_type_hint
        self._comparer = ValueComparer(tick_ns=MICROSECOND if self._is_hinted else 1)

    def difference(self, case: Case, call: Call) -> Difference | None:
        """Return the first place where what arrived is not what was sent; None where there is none.

        Raises:
            ServerError: The record of the call is broken.
        """
        found = self._of_data(case, call.received.value)
        if found is None and call.params.is_recorded:
            return self._of_params(case.params, call.params.value)
        return found

    def narrowed(self, call: Call) -> tuple[tuple[str, str, str], ...]:
        """Return the columns that arrived exact but in another width than declared: name, declared and arrived dtype.

        Raises:
            ServerError: The record of the call is broken.
        """
        got = call.received.value
        if not isinstance(self._inputs, ColumnSchema) or not isinstance(got, RecordedTable) or not got.n_rows:
            return ()
        dtypes = {column.name: _plain_dtype(column) for column in got.columns}
        pairs = ((spec, dtypes.get(name)) for name, spec in zip(self._inputs.names, self._inputs.columns, strict=True))
        return tuple(
            (str(spec.name), _CLASSES[spec.type][1], dtype)
            for spec, dtype in pairs
            if isinstance(spec.type, DataType) and spec.type in _CLASSES and dtype and _is_other_width(dtype, spec.type)
        )

    def _of_data(self, case: Case, got: object) -> Difference | None:
        payload = case.payload
        if isinstance(payload, Table) and isinstance(self._inputs, ColumnSchema):
            if isinstance(got, RecordedTable):
                return self._of_table(self._inputs, payload, got)
            return self._of_values(self._inputs, payload, got)
        if isinstance(payload, Tensors) and isinstance(self._inputs, TensorSchema):
            return tensor_difference(self._inputs, payload, got)
        return None

    def _of_table(self, schema: ColumnSchema, sent: Table, got: RecordedTable) -> Difference | None:
        if got.n_rows != len(sent.rows):
            return Difference(kind=ROWS, path="the table", before=f"{len(sent.rows)} rows", after=f"{got.n_rows} rows")
        columns = _columns_of(schema, got)
        wrong = _of_names(schema, sent, columns)
        if wrong is not None:
            return wrong
        specs = dict(zip(schema.names, schema.columns, strict=True))
        for place, name in enumerate(sent.columns):
            if name in specs:
                cells = [row[place] for row in sent.rows]
                if wrong := self._of_column(name, specs[name], cells, columns[name]):
                    return self._as_order(specs, sent, columns) or wrong
        return None

    def _of_column(
        self, name: str | int, spec: ColumnSpec, cells: Sequence[object], got: RecordedColumn
    ) -> Difference | None:
        for row, (cell, arrived) in enumerate(zip(cells, got.values, strict=True)):
            if wrong := self._comparer.difference(spec.type, cell, arrived):
                where = f"{show_value(name)}{f' in row {row}' if len(cells) > 1 else ''}"
                return wrong.inside(where, name)
        expected = _foreign_dtype(spec.type, cells, got)
        if expected:
            path = f"the dtype of {show_value(name)}"
            return Difference(kind=DTYPE, path=path, before=expected, after=got.dtype, name=name)
        return None

    def _as_order(
        self, specs: Mapping[str | int, ColumnSpec], sent: Table, columns: Mapping[object, RecordedColumn]
    ) -> Difference | None:
        """Return that the rows are all there but in another order, where they are."""
        known = [(place, name) for place, name in enumerate(sent.columns) if name in specs]
        left = list(range(len(sent.rows)))
        order: list[int] = []
        for row in sent.rows:
            same = next(
                (
                    at
                    for at in left
                    if not any(
                        self._comparer.difference(specs[name].type, row[place], columns[name].values[at])
                        for place, name in known
                    )
                ),
                None,
            )
            if same is None:
                return None
            left.remove(same)
            order.append(same)
        rows = list(range(len(order)))
        if order == rows:
            return None
        return Difference(kind=ORDER, path="the rows", before=f"in order {rows}", after=f"in order {_inverse(order)}")

    def _of_values(self, schema: ColumnSchema, sent: Table, got: object) -> Difference | None:
        """Compare what arrived as a list of values, for a model from a type hint or of one column."""
        items = as_items(got)
        if items is None or len(schema.columns) != 1:
            wanted = "a list of values" if self._is_hinted else "a table"
            return None if self._is_converted else changed(FORM, Told(wanted), got, "the data")
        if len(items) != len(sent.rows):
            before, after = f"{len(sent.rows)} rows", f"{len(items)} values"
            return Difference(kind=ROWS, path="the list", before=before, after=after)
        for row, (cells, arrived) in enumerate(zip(sent.rows, items, strict=True)):
            if wrong := self._comparer.difference(schema.columns[0].type, cells[0], arrived):
                return wrong.inside(f"row {row}", schema.columns[0].name)
        return None

    def _of_params(self, sent: Mapping[str, object], got: object) -> Difference | None:
        arrived = got if isinstance(got, Mapping) else {}
        for spec in self._params:
            path = f"param {show_value(spec.name)}"
            if spec.name not in arrived:
                if spec.name in sent:
                    return changed(LOST, sent[spec.name], None, path).inside("", spec.name)
            elif wrong := self._of_param(spec, sent.get(spec.name, spec.default), arrived[spec.name]):
                return wrong.inside(path, spec.name)
        known = {spec.name for spec in self._params}
        strange = next((name for name in arrived if name not in known and name not in sent), None)
        return None if strange is None else changed(INVENTED, None, arrived[strange], f"param {show_value(strange)}")

    def _of_param(self, spec: ParamSpec, sent: object, got: object) -> Difference | None:
        if not isinstance(spec.type, DataType):
            return json_difference(as_json_value(sent), got)
        comparer = ValueComparer(tick_ns=MICROSECOND)
        if spec.shape is None:
            return comparer.difference(spec.type, sent, got)
        wanted, found = as_items(sent), as_items(got)
        if wanted is None or found is None or len(wanted) != len(found):
            return changed("length", sent, got)
        pairs = enumerate(zip(wanted, found, strict=True))
        differences = ((at, comparer.difference(spec.type, one, other)) for at, (one, other) in pairs)
        return next((wrong.inside(f"[{at}]", spec.name) for at, wrong in differences if wrong is not None), None)


def arrival_kind(wrong: Difference) -> str:
    """Return how a value changed on the way, in the word by which known deviations of servers are told."""
    return UNDECODED if wrong.kind == UNDECODED else ARRIVAL


def change_of(wrong: Difference) -> str:
    """Return what was sent and what arrived, as known deviations of servers have it."""
    return f"{wrong.before} -> {wrong.after}"


def _columns_of(schema: ColumnSchema, got: RecordedTable) -> Mapping[object, RecordedColumn]:
    """Return the columns by name; those of a schema without names by position, whatever their labels are."""
    if not schema.is_named:
        return dict(enumerate(got.columns))
    return {plain(column.name): column for column in got.columns}


def _of_names(schema: ColumnSchema, sent: Table, got: Mapping[object, RecordedColumn]) -> Difference | None:
    for name in schema.names:
        if name in sent.columns and name not in got:
            return changed(COLUMN, name, list(got), f"the column {show_value(name)}").inside("", name)
        if name not in sent.columns and name in got and not all(map(is_missing, got[name].values)):
            return changed(INVENTED, None, got[name].values[0], f"{show_value(name)}, which is absent,").inside(
                "", name
            )
    strange = [name for name in got if name not in schema.names and name not in sent.columns]
    if strange:
        return changed(COLUMN, None, strange[0], "a column that nobody sent")
    order, arrived = [name for name in schema.names if name in got], [name for name in got if name in schema.names]
    return None if order == arrived else changed(ORDER, order, arrived, "the columns")


def _foreign_dtype(declared: ValueType, cells: Sequence[object], got: RecordedColumn) -> str:
    """Return the dtype that was wanted where the column has one of another class; empty where it does not.

    A column with missing values may hold objects, since booleans and integers of numpy have no missing one.
    """
    if not isinstance(declared, DataType) or declared not in _CLASSES or not cells:
        return ""
    wanted, exact = _CLASSES[declared]
    dtype = _plain_dtype(got)
    if dtype.startswith(wanted) or (dtype == _OBJECTS and any(map(is_missing, cells))):
        return ""
    return "" if all(map(is_missing, cells)) else exact


def _is_other_width(dtype: str, declared: DataType) -> bool:
    wanted, exact = _CLASSES[declared]
    return dtype.startswith(wanted) and not dtype.startswith(exact)


def _plain_dtype(column: RecordedColumn) -> str:
    """Return the name of a dtype as numpy spells it: of pandas' nullable and Arrow's types, too."""
    name = column.dtype.lower().removesuffix("[pyarrow]")
    return {"double": "float64", "float": "float32"}.get(name, name).replace("timestamp", "datetime64")


def _inverse(order: Sequence[int]) -> list[int]:
    places = [0] * len(order)
    for at, place in enumerate(order):
        places[place] = at
    return places
