"""Whether tensors reached the model as they were sent: names, dtype, shape and every bit, NaN equal to NaN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..cases import Tensors
from ..signature import TensorSchema
from ..signature.specs import TensorSpec
from ..wire.values import as_json_value, show_value
from .arrived_values import VALUE, json_difference
from .difference import Difference, changed
from .exact_values import plain

FORM: Final = "form"
DTYPE: Final = "dtype"
SHAPE: Final = "shape"
_KINDS: Final = {"str": "UO", "bytes": "SO", "object": "O"}  # numpy's own texts end at their last NUL; objects do not


def tensor_difference(schema: TensorSchema, sent: Tensors, got: object) -> Difference | None:
    """Return the first place where the tensors that arrived are not those that were sent; None where there is none."""
    if not schema.is_named:
        return _of_tensor(schema.tensors[0], sent.arrays.get(None), got, "the tensor")
    if not isinstance(got, Mapping):
        return changed(FORM, list(sent.arrays), got, "the tensors")
    for spec in schema.tensors:
        path = f"tensor {show_value(spec.name)}"
        if spec.name not in got:
            return changed(FORM, spec.name, list(got), path).inside("", spec.name)
        if wrong := _of_tensor(spec, sent.arrays.get(spec.name), got[spec.name], path):
            return wrong
    return None


def _of_tensor(spec: TensorSpec, sent: object, got: object, path: str) -> Difference | None:
    if not isinstance(sent, np.ndarray):  # a broken one, which had to be refused
        return None
    if not isinstance(got, np.ndarray):
        return changed(FORM, sent, got, path).inside("", spec.name)
    if not _is_of_dtype(got, spec.dtype):
        return Difference(
            kind=DTYPE, path=f"the dtype of {path}", before=spec.dtype, after=got.dtype.name, name=spec.name
        )
    if got.shape != sent.shape and (sent.size or got.size):  # JSON loses the dimensions behind an empty one
        before, after = show_value(list(sent.shape)), show_value(list(got.shape))
        return Difference(kind=SHAPE, path=f"the shape of {path}", before=before, after=after, name=spec.name)
    if not sent.size:
        return None
    wrong = _of_objects(sent, got) if got.dtype.kind in "OUS" else _of_numbers(sent, got)
    return wrong.inside(f"{path} at ", spec.name) if wrong else None


def _is_of_dtype(got: np.ndarray[Any, Any], declared: str) -> bool:
    kinds = _KINDS.get(declared)
    if kinds is not None:
        return got.dtype.kind in kinds
    return bool(got.dtype.newbyteorder("=") == np.dtype(declared))


def _of_numbers(sent: np.ndarray[Any, Any], got: np.ndarray[Any, Any]) -> Difference | None:
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = sent.astype(got.dtype)
    is_same = wanted == got
    if got.dtype.kind in "fc":
        is_same &= np.signbit(wanted.real) == np.signbit(got.real)
        is_same |= np.isnan(wanted) & np.isnan(got)
    elif got.dtype.kind in "mM":
        is_same |= np.isnat(wanted) & np.isnat(got)
    if is_same.all():
        return None
    place = tuple(int(at) for at in np.argwhere(~is_same)[0])
    return changed(VALUE, wanted[place], got[place], _at(place))


def _of_objects(sent: np.ndarray[Any, Any], got: np.ndarray[Any, Any]) -> Difference | None:
    for place in np.ndindex(sent.shape):
        before, after = plain(sent[place]), plain(got[place])
        if isinstance(before, bytes) and isinstance(after, bytes | bytearray):
            wrong = None if bytes(after) == before else changed(VALUE, before, after)
        elif isinstance(before, bytes):
            wrong = changed("type", before, after)
        else:
            wrong = json_difference(as_json_value(before), after)
        if wrong is not None:
            return wrong.inside(_at(place), None)
    return None


def _at(place: tuple[int, ...]) -> str:
    return str(list(place)) if place else ""
