"""Faults of tensors: another shape, another batch, a missing tensor, and elements of a wrong dtype class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..cases import Envelope, Tensors
from ..signature.specs import TensorSchema, TensorSpec
from .faults import UNKNOWN, Fault, Wanted, shown_wrong, stand_in
from .wrong_values import wrong_elements


def shape_faults(schema: TensorSchema, tensors: Tensors, wanted: Wanted) -> Iterator[Fault]:
    """Yield tensors of other shapes, and other tensors than the declared ones."""
    arrays = tensors.arrays

    def fault(
        rule_id: str, label: str, changed: Mapping[str | None, np.ndarray | list[object]], where: str | None = None
    ) -> Fault:
        return Fault(rule=rule_id, label=label, where=where, build=lambda: Tensors(arrays=changed))

    for spec in schema.tensors:
        array = arrays.get(spec.name)
        if isinstance(array, np.ndarray) and wanted.is_at(spec.name):
            named = "the tensor" if spec.name is None else f'"{spec.name}"'
            for rule_id, label, broken in _shapes(spec, array):
                if wanted.has(rule_id, spec.name):
                    yield fault(rule_id, f"{named} {label}", {**arrays, spec.name: broken}, spec.name)
    if schema.is_named:
        yield from (one for one in _of_names(schema, tensors) if wanted.has(one.rule, one.where))
    if all(spec.shape[:1] == (-1,) for spec in schema.tensors) and wanted.has("tensor_zero_rows"):
        yield fault("tensor_zero_rows", "no rows", {name: array[:0] for name, array in arrays.items()})


def element_faults(schema: TensorSchema, tensors: Tensors, wanted: Wanted) -> Iterator[Fault]:
    """Yield tensors whose last element is of a wrong type."""
    for spec in schema.tensors:
        array = tensors.arrays.get(spec.name)
        if not isinstance(array, np.ndarray) or not array.size or not wanted.is_at(spec.name):
            continue
        named = "" if spec.name is None else f'"{spec.name}" '
        for wrong in wrong_elements(spec.dtype):
            if wanted.has(wrong.rule, spec.name):
                value, token = stand_in(wrong.value)
                yield Fault(
                    rule=wrong.rule,
                    label=f"{named}last element = {shown_wrong(wrong)} ({wrong.name})",
                    where=spec.name,
                    build=partial(_with_last, tensors, spec.name, value),
                    token=token,
                )


def _of_names(schema: TensorSchema, tensors: Tensors) -> Iterator[Fault]:
    arrays = tensors.arrays
    for spec in schema.tensors:
        rest = {name: array for name, array in arrays.items() if name != spec.name}
        label = f'without "{spec.name}"'
        yield Fault(rule="missing_tensor", label=label, where=spec.name, build=partial(Tensors, arrays=rest))
    extra = {**arrays, UNKNOWN: next(iter(arrays.values()))}
    label = f'with the unknown tensor "{UNKNOWN}"'
    yield Fault(rule="extra_tensor", label=label, build=partial(Tensors, arrays=extra))
    of_batch = [spec.name for spec in schema.tensors if spec.shape[:1] == (-1,)]
    last = arrays.get(of_batch[-1]) if len(of_batch) > 1 else None
    if isinstance(last, np.ndarray) and len(last):
        longer = {**arrays, of_batch[-1]: np.concatenate([last, last[:1]])}
        yield Fault(
            rule="tensor_batches_differ",
            label=f'"{of_batch[-1]}" has a row more than the others',
            where=of_batch[-1],
            build=partial(Tensors, arrays=longer),
            allowed=frozenset({Envelope.INPUTS}),  # rows of all tensors together have one number
        )


def _shapes(spec: TensorSpec, array: np.ndarray) -> Iterator[tuple[str, str, np.ndarray | list[object]]]:
    if spec.dtype != "object":  # an object may be a list itself
        yield "tensor_rank", f"of {array.ndim + 1} dimensions for {array.ndim}", array[..., None]
    if array.ndim:
        yield "tensor_rank", f"of {array.ndim - 1} dimensions for {array.ndim}", np.asarray(array[0], array.dtype)
    for axis, size in enumerate(spec.shape):
        if size > 0:
            grown = np.take(array, [*range(size), 0], axis=axis)
            yield "tensor_fixed_dimension", f"of size {size + 1} on axis {axis} for {size}", grown
        if size > 1:
            cut = np.take(array, range(size - 1), axis=axis)
            yield "tensor_fixed_dimension", f"of size {size - 1} on axis {axis} for {size}", cut
        if size == -1 and axis:
            yield "tensor_empty_axis", f"of size 0 on axis {axis}", np.take(array, [], axis=axis)
    if array.ndim > 1 and array.size:
        rows = _as_lists(array if len(array) > 1 else np.repeat(array, 2, axis=0))
        last = rows[-1]
        yield "tensor_ragged", "with a last row that is longer", [*rows[:-1], [*last, last[0]]]


def _with_last(tensors: Tensors, name: str | None, value: object) -> Tensors:
    array = tensors.arrays[name]
    if not isinstance(array, np.ndarray) or not array.ndim:
        only = np.empty((), dtype=object)
        only[()] = value
        return Tensors(arrays={**tensors.arrays, name: only})
    lists = _as_lists(array)
    inner = lists
    for _ in range(array.ndim - 1):
        inner = inner[-1]
    inner[-1] = value
    return Tensors(arrays={**tensors.arrays, name: lists})


def _as_lists(array: np.ndarray) -> list[Any]:
    # ndarray.tolist makes plain integers of nanoseconds
    if array.dtype.kind == "M":
        return [_as_lists(part) if part.ndim else part[()] for part in array]
    lists: list[Any] = array.tolist()
    return lists
