"""Values and shapes of tensors: edges by dtype, and strategies of whole arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Level, Table, Tensors
from ..domain import ColumnDomain, Domain
from ..errors import SignatureError
from ..signature.datatypes import DataType
from ..signature.specs import TensorSchema, TensorSpec
from .columns import floats, moments, values
from .edges import Edge, edges
from .levels import PLAUSIBLE_INTEGER, level_of

_SMALL: Final = 64  # elements drawn one by one; beyond, a few are changed in an array of one value
_CHANGES: Final = 16
_SCALAR_TYPES: Final = {"b": DataType.BOOLEAN, "U": DataType.STRING, "S": DataType.BINARY, "M": DataType.DATETIME}
_FREE_SIZES: Final = (1, 2, 3)  # of a dimension that is neither the batch nor known from the example


def dtype_of(spec: TensorSpec) -> np.dtype[np.generic]:
    """Return NumPy's dtype of a tensor; text, bytes and Python objects are held as `object`.

    Raises:
        SignatureError: JSON cannot carry the dtype.
    """
    dtype = np.dtype(spec.dtype)
    if dtype.kind in "biuf":
        return dtype
    if dtype.kind == "M":
        return np.dtype("datetime64[ns]")
    if dtype.kind in "USO":
        return np.dtype(object)
    raise SignatureError(
        f'tensor "{spec.name or ""}" has dtype {spec.dtype}, which no JSON value stands for',
        facts={"tensor": spec.name, "dtype": spec.dtype, "shape": spec.shape},
        fix="Log the model with real numbers, text, bytes or datetimes as inputs.",
    )


def element_edges(spec: TensorSpec) -> tuple[Edge, ...]:
    """Return the boundary values of a tensor's elements, plausible ones first."""
    dtype = np.dtype(spec.dtype)
    if dtype.kind in _SCALAR_TYPES:
        return tuple(edge for edge in edges(_SCALAR_TYPES[dtype.kind]) if _is_held(edge.value))
    if dtype.kind in "iu":
        return _integer_edges(dtype)
    if dtype.kind == "f":
        return _float_edges(dtype)
    dtype_of(spec)
    return edges(DataType.STRING)


def elements(
    spec: TensorSpec, *, domain: ColumnDomain | None = None, level: Level = Level.PLAUSIBLE
) -> SearchStrategy[object]:
    """Return valid elements of a tensor, as Python values."""
    dtype = np.dtype(spec.dtype)
    if domain is not None and domain.values is not None:
        return values(DataType.DOUBLE, domain=domain)
    if dtype.kind == "f":
        return floats(min(dtype.itemsize * 8, 64), domain=domain, level=level)
    if dtype.kind == "M":
        return moments(domain=domain, level=level)
    if dtype.kind in "iu":
        least, most = _integer_range(dtype, domain, level)
        return st.integers(least, most)
    dtype_of(spec)
    return values(_SCALAR_TYPES.get(dtype.kind, DataType.STRING), domain=domain, level=level).map(_held)


def tensors(
    schema: TensorSchema,
    *,
    domain: Domain | None = None,
    example: Tensors | None = None,
    level: Level = Level.PLAUSIBLE,
    narrowed: Mapping[str, SearchStrategy[object]] | None = None,
    min_rows: int = 1,
    max_rows: int = 10,
) -> SearchStrategy[Table | Tensors]:
    """Return arrays of the declared dtypes and shapes.

    The first dimension, where it is -1, is the batch and the same in all tensors; another -1 has one size at the same
    axis of all tensors. They shrink to the example's first row, or to zeros.

    Args:
        schema: The tensors.
        domain: Narrows elements, bound to the signature.
        example: Arrays that the model is known to take; their rows are repeated.
        level: How far elements may go.
        narrowed: Your own strategy of a tensor's elements, by its name ("None" for the unnamed one).
        min_rows: The smallest batch.
        max_rows: The largest batch.

    Raises:
        SignatureError: JSON cannot carry a dtype.
    """
    known = domain or Domain()
    own = narrowed or {}
    drawn = {
        spec.name: own[str(spec.name)]
        if str(spec.name) in own
        else elements(spec, domain=known.of(spec.name), level=level)
        for spec in schema.tensors
    }
    sizes = free_sizes(schema, example)

    @st.composite
    def arrays(draw: st.DrawFn) -> Table | Tensors:
        n_rows = draw(st.integers(min_rows, max_rows))
        free = {axis: draw(st.sampled_from(choices)) for axis, choices in sizes.items()}
        found: dict[str | None, np.ndarray | list[object]] = {}
        for spec in schema.tensors:
            shape = shape_of(spec, n_rows, free)
            found[spec.name] = _array(draw, spec, shape, drawn[spec.name], example)
        return Tensors(arrays=found)

    return arrays()


def free_sizes(schema: TensorSchema, example: Tensors | None) -> dict[int, tuple[int, ...]]:
    """Return the sizes to try for each axis other than the batch that is -1 in some tensor, the example's first."""
    sizes: dict[int, tuple[int, ...]] = {}
    for spec in schema.tensors:
        array = None if example is None else example.arrays.get(spec.name)
        for axis, size in enumerate(spec.shape):
            if axis and size == -1:
                known = (array.shape[axis],) if isinstance(array, np.ndarray) and array.ndim == len(spec.shape) else ()
                tried = (*known, *sizes.get(axis, _FREE_SIZES))
                sizes[axis] = tuple(dict.fromkeys(size for size in tried if size > 0))
    return sizes


def shape_of(spec: TensorSpec, n_rows: int, free: Mapping[int, int]) -> tuple[int, ...]:
    """Return the declared shape with every -1 replaced: the batch by `n_rows`, others by the size of their axis."""
    return tuple(
        size if size != -1 else n_rows if axis == 0 else free.get(axis, 1) for axis, size in enumerate(spec.shape)
    )


def base_array(spec: TensorSpec, shape: Sequence[int], example: Tensors | None) -> np.ndarray:
    """Return an array of this shape from the example's values, repeated in order; zeros or plain text without one."""
    count = int(np.prod(shape, dtype=np.int64))
    array = None if example is None else example.arrays.get(spec.name)
    if isinstance(array, np.ndarray) and array.size and array.shape[1:] == tuple(shape[1:]):
        flat = array.astype(dtype_of(spec)).ravel()
    elif isinstance(array, np.ndarray) and array.size:
        flat = array.astype(dtype_of(spec)).ravel()[:1]
    else:
        flat = np.array([plain_element(spec)], dtype=dtype_of(spec))
    return np.resize(flat, count).reshape(tuple(shape))


def plain_element(spec: TensorSpec) -> object:
    """Return the plainest element of a tensor."""
    kind = np.dtype(spec.dtype).kind
    plain: dict[str, object] = {"b": False, "U": "a", "O": "a", "S": b"a", "M": np.datetime64("2000-01-01", "ns")}
    return plain.get(kind, 0)


def _is_held(value: object) -> bool:
    # NumPy's fixed-width text and bytes lose NULs at the end
    return _held(value) == value


def _held(value: object) -> object:
    if isinstance(value, str):
        return value.rstrip("\x00")
    return value.rstrip(b"\x00") if isinstance(value, bytes) else value


def _array(
    draw: st.DrawFn,
    spec: TensorSpec,
    shape: tuple[int, ...],
    drawn: SearchStrategy[object],
    example: Tensors | None,
) -> np.ndarray:
    array = base_array(spec, shape, example)
    flat = array.reshape(-1)
    if not flat.size:
        return array
    if flat.size <= _SMALL and example is None:
        flat[:] = as_elements(draw(st.lists(drawn, min_size=flat.size, max_size=flat.size)), flat.dtype)
        return array
    for at, value in draw(st.lists(st.tuples(st.integers(0, flat.size - 1), drawn), max_size=_CHANGES)):
        flat[at] = value
    return array


def as_elements(found: Sequence[object], dtype: np.dtype[np.generic]) -> np.ndarray:
    """Return a one-dimensional array of Python values; NumPy would take nested lists and long bytes apart."""
    array = np.empty(len(found), dtype=dtype)
    for at, value in enumerate(found):
        array[at] = value
    return array


def _integer_range(dtype: np.dtype[np.generic], domain: ColumnDomain | None, level: Level) -> tuple[int, int]:
    info = np.iinfo(str(dtype))
    limit = int(info.max) if level is Level.EXTREME or dtype.itemsize == 1 else min(int(info.max), PLAUSIBLE_INTEGER)
    least, most = max(int(info.min), -limit - 1), limit
    if domain is not None and isinstance(domain.min, int | float):
        least = max(int(info.min), int(np.ceil(domain.min)))
        most = max(least, most)
    if domain is not None and isinstance(domain.max, int | float):
        most = min(int(info.max), int(np.floor(domain.max)))
        least = min(least, most)
    return least, most


def _integer_edges(dtype: np.dtype[np.generic]) -> tuple[Edge, ...]:
    info = np.iinfo(str(dtype))
    # the ends of a byte are what every image holds
    at_end = Level.PLAUSIBLE if dtype.itemsize == 1 else Level.EXTREME
    inner = [(0, "zero"), (1, "one"), (-1, "minus one"), (2**53 + 1, "beyond 2^53")]
    found = [
        Edge(value=value, name=name, level=level_of(value)) for value, name in inner if info.min < value < info.max
    ]
    found += [Edge(value=int(info.max), name=f"{dtype.name} max", level=at_end)]
    found += [Edge(value=int(info.min), name=f"{dtype.name} min", level=at_end)]
    return tuple(sorted(found, key=lambda edge: edge.level))


def _float_edges(dtype: np.dtype[np.generic]) -> tuple[Edge, ...]:
    if dtype.itemsize >= 8:
        return edges(DataType.DOUBLE)
    info = np.finfo(str(dtype))
    common = [edge for edge in edges(DataType.FLOAT) if edge.level is Level.PLAUSIBLE and abs(_number(edge)) <= 1]
    ends = ((info.max, "largest"), (info.min, "lowest"), (info.tiny, "smallest normal"))
    return (
        *common,
        *(
            Edge(value=float(value), name=f"{name} {dtype.name}", level=Level.EXTREME)
            for value, name in (*ends, (info.smallest_subnormal, "smallest subnormal"))
        ),
    )


def _number(edge: Edge) -> float:
    return float(edge.value) if isinstance(edge.value, int | float) else 0.0
