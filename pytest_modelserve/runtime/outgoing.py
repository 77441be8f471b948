"""Turns what a model returned into neutral values, so that nothing of its libraries has to be pickled."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any, Callable, List, Optional, Tuple

from .frames import Predictions, TreeError, Unencodable, encode_message
from .values import ColumnValue, Missing, OpaqueValue, SeriesValue, Storage, TableValue, TimestampValue

_TEXT_CHARS = 200  # of a value that cannot be sent: enough to recognize it
_NULLABLE = frozenset(
    ["BooleanDtype", "Float32Dtype", "Float64Dtype"]
    + [sign + "Int{}Dtype".format(bits) for sign in ("", "U") for bits in (8, 16, 32, 64)]
)
_PLAIN_TYPES: Tuple[Tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
    (dt.datetime, lambda value: dt.datetime.fromisoformat(dt.datetime.isoformat(value))),
    (dt.date, lambda value: dt.date(value.year, value.month, value.day)),
    (tuple, tuple),
    (list, list),
    (dict, dict),
)


def encode_predictions(seq: int, value: Any, elapsed_s: float) -> bytes:
    """Return the message that answers request `seq` with what the model returned."""
    type_name = name_of_type(type(value))
    try:
        return encode_message(Predictions(seq, value, type_name, elapsed_s), as_neutral)
    except TreeError as error:
        reason = str(error)
    except Exception as error:  # objects of the model's own making may raise anything when they are looked at
        reason = "reading it raised {}: {}".format(type(error).__name__, text_of(error))
    return encode_message(Unencodable(seq, type_name, reason, elapsed_s))


def as_neutral(value: Any) -> Any:
    """Return a neutral value for one of a type that the protocol does not know.

    Subclasses of Python's own types lose what they add. A pydantic model becomes the dict that it dumps. What has no
    form, in JSON or here, becomes an `OpaqueValue`: MLflow's server answers it with an error too.
    """
    neutral = _from_pandas(value)
    if neutral is None:
        neutral = _from_numpy(value)
    if neutral is None:
        neutral = _from_subclass(value)
    if neutral is None and any(base.__module__ == "pydantic.main" for base in type(value).__mro__):
        neutral = value.model_dump() if hasattr(value, "model_dump") else value.dict()
    return OpaqueValue(name_of_type(type(value)), text_of(value)) if neutral is None else neutral


def name_of_type(kind: type) -> str:
    """Return module and qualified name of a type, without `builtins.`."""
    return kind.__qualname__ if kind.__module__ == "builtins" else "{}.{}".format(kind.__module__, kind.__qualname__)


def text_of(value: Any) -> str:
    """Return a short text for any value, whatever its `repr` does."""
    try:
        text = str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # a broken __repr__ must not hide the value's type
        return "<its repr raised {}>".format(type(error).__name__)
    return text if len(text) <= _TEXT_CHARS else text[: _TEXT_CHARS - 1] + "…"


def _from_subclass(value: Any) -> Any:
    for kind, as_plain in _PLAIN_TYPES:
        if isinstance(value, kind):
            return as_plain(value)
    return None


def _from_numpy(value: Any) -> Any:
    np: Any = sys.modules.get("numpy")
    if np is None:
        return None
    if isinstance(value, np.ma.MaskedArray):
        cells = value.data.astype(object)
        cells[np.ma.getmaskarray(value)] = None
        return cells if value.ndim else cells[()]
    if isinstance(value, np.ndarray):  # a matrix, a record array
        return np.asarray(value)
    return value.item() if isinstance(value, np.void) else None


def _from_pandas(value: Any) -> Any:
    pd: Any = sys.modules.get("pandas")
    if pd is None:
        return None
    if isinstance(value, pd.DataFrame):
        columns = tuple(as_column(name, value.iloc[:, at]) for at, name in enumerate(value.columns))
        return TableValue(columns, len(value), _row_labels(value.index))
    if isinstance(value, pd.Series):
        return SeriesValue(as_column(value.name, value), _row_labels(value.index))
    if value is pd.NaT or value is getattr(pd, "NA", pd.NaT):
        return Missing.NAT if value is pd.NaT else Missing.NA
    if isinstance(value, pd.Timestamp):
        return TimestampValue(value.isoformat(), _unix_ns(value), None if value.tz is None else str(value.tz))
    return None


def _unix_ns(moment: Any) -> int:
    """Return nanoseconds since 1970 of a timestamp of any unit, those beyond the range of 64 bits included."""
    whole = int(moment.to_datetime64().astype("datetime64[s]").astype("int64"))
    return whole * 10**9 + int(moment.microsecond) * 1000 + int(moment.nanosecond)


def _row_labels(index: Any) -> Optional[Tuple[Any, ...]]:
    pd: Any = sys.modules["pandas"]
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return None
    return tuple(index.tolist())


def as_column(name: Any, series: Any) -> ColumnValue:
    """Return a series of pandas as a column."""
    np: Any = sys.modules["numpy"]
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        return ColumnValue(name, Storage.ARRAY, series.to_numpy(), None, str(dtype))
    if _is_nullable(dtype):
        nulls = series.isna().to_numpy()
        values = series.array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return ColumnValue(name, Storage.ARRAY, values, nulls if nulls.any() else None, str(dtype))
    cells = series.tolist()
    return ColumnValue(name, _storage_of(cells), cells, None, str(dtype))


def _is_nullable(dtype: Any) -> bool:
    """Tell whether a dtype is one of pandas' own nullable integers, floats or booleans."""
    return type(dtype).__name__ in _NULLABLE and type(dtype) is getattr(
        sys.modules["pandas"], type(dtype).__name__, None
    )


def _storage_of(cells: List[Any]) -> Storage:
    kinds = set(map(type, cells)) - {type(None)}
    if kinds <= {str}:
        return Storage.TEXT
    return Storage.BYTES if kinds == {bytes} else Storage.NESTED
