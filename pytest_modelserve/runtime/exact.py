"""Writes what a model was given or returned as bytes that lose nothing, for whoever compares it later.

Contents are the length of a text and the number of its buffers, the sizes of the buffers, the text (a JSON object of
trees, as `trees` writes them), and the buffers one after the other.
"""

from __future__ import annotations

import struct
import sys
from functools import lru_cache
from typing import Any, Dict, List, Mapping, Optional

from .outgoing import as_column, as_neutral, name_of_type, text_of
from .trees import TreeError, TreeWriter, as_json
from .values import ExactAxis, ExactFields, ExactFrame, ExactMasked, ExactPart, OpaqueValue

_HEAD = struct.Struct("!II")
_RAW_KINDS = "biufcmM"  # of numpy dtypes that pandas holds as they are


def encode_contents(values: Mapping[str, Any]) -> bytes:
    """Return the contents of named values.

    What cannot be written becomes an `OpaqueValue` that says why; nothing is raised, whatever the values do when they
    are looked at.
    """
    writer: TreeWriter = _ExactWriter()
    try:
        text = as_json({name: _tree_of(writer, value) for name, value in values.items()})
    except TreeError as error:  # the interpreter's stack was nearly used up before
        writer = TreeWriter()
        text = as_json({name: writer.write(_opaque(value, str(error))) for name, value in values.items()})
    buffers = writer.buffers
    sizes = struct.pack("!{}Q".format(len(buffers)), *map(len, buffers))
    return b"".join([_HEAD.pack(len(text), len(buffers)), sizes, text, *buffers])


def as_exact(value: Any) -> Any:
    """Return a neutral value for one of a type that trees do not know, and lose nothing of frames and arrays."""
    np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pd is not None:
        if isinstance(value, pd.DataFrame):
            return ExactFrame(_parts_of(value), _axis(value.columns), _axis(value.index))
        if isinstance(value, pd.Series):
            name = ExactAxis(1, [value.name], "object", [None])
            return ExactFrame([_part(0, value)], name, _axis(value.index), is_series=True)
    if np is not None and isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            return ExactMasked(np.asarray(value.data), np.ma.getmaskarray(value))
    return as_neutral(value)


class _ExactWriter(TreeWriter):
    """Keeps the fields of structured arrays apart, which an answer has as tuples."""

    def __init__(self) -> None:
        super().__init__(as_exact)

    def _array(self, value: Any, depth: int) -> Any:
        names = value.dtype.names
        if not names:
            return super()._array(value, depth)
        return self.write(ExactFields(names, tuple(value[name] for name in names), value.shape), depth + 1)


def _tree_of(writer: TreeWriter, value: Any) -> Any:
    try:
        return writer.write(value)
    except TreeError as error:
        reason = str(error)
    except BaseException as error:  # objects of the model's own making may raise anything when they are looked at
        reason = "reading it raised {}: {}".format(type(error).__name__, text_of(error))
    return writer.write(_opaque(value, reason))


def _opaque(value: Any, reason: str) -> OpaqueValue:
    return OpaqueValue(name_of_type(type(value)), reason)


def _parts_of(frame: Any) -> List[ExactPart]:
    parts = _parts_of_blocks(frame)
    return _parts_of_columns(frame) if parts is None else parts


def _parts_of_blocks(frame: Any) -> Optional[List[ExactPart]]:
    """Return the parts as pandas holds them, which costs a tenth; None where this pandas holds them in another way."""
    np, pd = sys.modules["numpy"], sys.modules["pandas"]
    parts: List[ExactPart] = []
    n_seen = 0
    try:
        for block in frame._mgr.blocks:  # noqa: SLF001 # private, hence the other way below
            positions, values = block.mgr_locs.as_array.tolist(), block.values
            n_seen += len(positions)
            if type(values) is np.ndarray and values.ndim == 2 and _is_plain(values.dtype):
                parts.append(ExactPart(positions, _name_of(values.dtype), values.T))
            elif isinstance(values.dtype, pd.StringDtype) and values.ndim == 1:
                parts.append(ExactPart(positions, str(values.dtype), values.tolist()))
            else:
                parts += [_part(at, frame.iloc[:, at]) for at in positions]
    except AttributeError:
        return None
    return parts if n_seen == frame.shape[1] else None


def _parts_of_columns(frame: Any) -> List[ExactPart]:
    dtypes = list(frame.dtypes)
    groups: Dict[Any, List[int]] = {}
    for at, dtype in enumerate(dtypes):
        groups.setdefault(dtype if _is_plain(dtype) else at, []).append(at)
    return [_group(frame, dtype, positions) for dtype, positions in groups.items()]


def _group(frame: Any, dtype: Any, positions: List[int]) -> ExactPart:
    if len(positions) == 1:
        return _part(positions[0], frame.iloc[:, positions[0]])
    return ExactPart(positions, _name_of(dtype), frame.iloc[:, positions].to_numpy())


def _part(at: int, series: Any) -> ExactPart:
    pd: Any = sys.modules["pandas"]
    dtype = series.dtype
    if _is_plain(dtype):
        return ExactPart([at], _name_of(dtype), series.to_numpy().reshape(-1, 1))
    if isinstance(dtype, pd.CategoricalDtype):
        return ExactPart([at], str(dtype), series.tolist(), None, dtype.categories.tolist(), bool(dtype.ordered))
    column = as_column(None, series)
    return ExactPart([at], column.dtype, column.values, column.nulls)


def _is_plain(dtype: Any) -> bool:
    """Tell whether arrays of a dtype hold the cells as they are: numpy's own types, and Python objects."""
    return isinstance(dtype, sys.modules["numpy"].dtype) and dtype.kind in _RAW_KINDS + "O"


@lru_cache(maxsize=None)
def _name_of(dtype: Any) -> str:
    """Return the name of a dtype of numpy, which takes numpy longer than writing a cell."""
    return str(dtype)


def _axis(index: Any) -> ExactAxis:
    pd: Any = sys.modules["pandas"]
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        labels = None
    else:
        labels = index.to_numpy() if _is_plain(index.dtype) and index.dtype != object else index.tolist()
    return ExactAxis(len(index), labels, str(index.dtype), list(index.names))
