"""Which signatures can show which rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ..cases import Envelope, Expectation
from ..errors import SignatureError
from ..signature.datatypes import DataType
from ..signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec
from .carriers import envelopes_for
from .wrong_values import csv_texts, wrong_elements, wrong_values

Predicate: TypeAlias = Callable[[Signature], bool]
RANGE_RULES: Final = frozenset({"integer_out_of_range", "float_out_of_range"})


def has_inputs(signature: Signature) -> bool:
    """Tell whether the model declares what it takes."""
    return signature.inputs is not None


def has_columns(signature: Signature) -> bool:
    """Tell whether a request is a table."""
    return isinstance(signature.inputs, ColumnSchema)


def has_tensors(signature: Signature) -> bool:
    """Tell whether a request is tensors."""
    return isinstance(signature.inputs, TensorSchema)


def has_named_columns(signature: Signature) -> bool:
    """Tell whether columns go by name."""
    return isinstance(signature.inputs, ColumnSchema) and signature.inputs.is_named


def has_named_tensors(signature: Signature) -> bool:
    """Tell whether tensors go by name."""
    return isinstance(signature.inputs, TensorSchema) and signature.inputs.is_named


def has_columns_to_reorder(signature: Signature) -> bool:
    """Tell whether there are two columns that go by name."""
    return has_named_columns(signature) and len(columns_of(signature)) > 1


def has_column_to_miss(signature: Signature) -> bool:
    """Tell whether a required column can be left out of a table that keeps another one."""
    return has_columns_to_reorder(signature) and any(spec.required for spec in columns_of(signature))


def carries(envelope: Envelope) -> Predicate:
    """Return whether payloads of a signature fit an envelope."""
    return lambda signature: envelope in _carrying(signature)


def takes_split(signature: Signature) -> bool:
    """Tell whether a request is a table in the split envelope."""
    return has_columns(signature) and Envelope.DATAFRAME_SPLIT in _carrying(signature)


def has_fixed_axis(signature: Signature) -> bool:
    """Tell whether a tensor has a dimension of a fixed size."""
    return any(size > 0 for spec in tensors_of(signature) for size in spec.shape)


def has_inner_axis(signature: Signature) -> bool:
    """Tell whether a tensor can be ragged."""
    return any(len(spec.shape) > 1 for spec in tensors_of(signature))


def has_batch(signature: Signature) -> bool:
    """Tell whether all tensors have a free first dimension."""
    specs = tensors_of(signature)
    return bool(specs) and all(spec.shape[:1] == (-1,) for spec in specs)


def has_columns_to_lengthen(signature: Signature) -> bool:
    """Tell whether a request can be columns side by side, of which one may differ in length."""
    return (
        has_columns_to_reorder(signature)
        and all(isinstance(spec.type, DataType) for spec in columns_of(signature))
        and Envelope.INPUTS in _carrying(signature)
    )


def has_key_to_miss(signature: Signature) -> bool:
    """Tell whether a record can lack an optional column that other records have."""
    return (
        has_columns_to_reorder(signature)
        and any(not spec.required for spec in columns_of(signature))
        and Envelope.DATAFRAME_RECORDS in _carrying(signature)
    )


def has_wrong_text(signature: Signature) -> bool:
    """Tell whether a CSV cell can be of a wrong type."""
    return Envelope.CSV in _carrying(signature) and any(csv_texts(spec.type) for spec in columns_of(signature))


def takes_unified_params(signature: Signature) -> bool:
    """Tell whether a body can be the row itself, with parameters beside it."""
    return has_params(signature) and Envelope.UNIFIED in _carrying(signature)


def has_free_inner_axis(signature: Signature) -> bool:
    """Tell whether a tensor has a free dimension besides the batch."""
    return any(-1 in spec.shape[1:] for spec in tensors_of(signature))


def has_batches(signature: Signature) -> bool:
    """Tell whether several tensors have a free first dimension."""
    return sum(spec.shape[:1] == (-1,) for spec in tensors_of(signature)) > 1


def has_params(signature: Signature) -> bool:
    """Tell whether the model declares parameters."""
    return has_inputs(signature) and bool(signature.params)


def has_param_of_shape(shape: tuple[int, ...] | None) -> Predicate:
    """Return whether a parameter has this shape."""
    return lambda signature: has_inputs(signature) and any(spec.shape == shape for spec in signature.params or ())


def has_param_out_of_range(signature: Signature) -> bool:
    """Tell whether a parameter's type has a range."""
    return has_inputs(signature) and any(
        wrong.rule in RANGE_RULES for spec in signature.params or () for wrong in wrong_values(spec.type)
    )


def has_open_param(signature: Signature) -> bool:
    """Tell whether a parameter has values that a server may take or refuse."""
    return has_inputs(signature) and any(
        spec.default is None
        or spec.type is DataType.DATETIME
        or any(wrong.expectation is Expectation.EITHER and wrong.value is not None for wrong in wrong_values(spec.type))
        for spec in signature.params or ()
    )


def has_param_without_null(signature: Signature) -> bool:
    """Tell whether a parameter has a default that is not null."""
    return has_inputs(signature) and any(spec.default is not None for spec in signature.params or ())


def has_wrong_value(rule_id: str) -> Predicate:
    """Return whether a column or tensor has a wrong value that breaks this rule."""

    def applies(signature: Signature) -> bool:
        cells = (wrong for spec in columns_of(signature) for wrong in wrong_values(spec.type, required=spec.required))
        elements = (wrong for spec in tensors_of(signature) for wrong in wrong_elements(spec.dtype))
        return any(wrong.rule == rule_id for found in (cells, elements) for wrong in found)

    return applies


def _carrying(signature: Signature) -> tuple[Envelope, ...]:
    try:
        return envelopes_for(signature)
    except SignatureError:  # a tensor that JSON cannot carry
        return ()


def columns_of(signature: Signature) -> tuple[ColumnSpec, ...]:
    """Return the input columns; none where a request is tensors."""
    return signature.inputs.columns if isinstance(signature.inputs, ColumnSchema) else ()


def tensors_of(signature: Signature) -> tuple[TensorSpec, ...]:
    """Return the input tensors; none where a request is a table."""
    return signature.inputs.tensors if isinstance(signature.inputs, TensorSchema) else ()
