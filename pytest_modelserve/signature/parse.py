"""Reads the `signature` mapping of an MLmodel file, whose sides are JSON strings, into a Signature."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Final

import numpy as np

from ..errors import SignatureError
from .datatypes import DataType, Object
from .defaults import parse_default
from .grammar import COMPOUNDS, parse_object, parse_required, parse_type
from .located import Located, kind_of, shown, suggestion
from .specs import ColumnSchema, ColumnSpec, ParamSpec, Schema, Signature, TensorSchema, TensorSpec

_COLUMN_KEYS: Final = frozenset({"type", "name", "required"})
_PARAM_TYPES: Final = frozenset(kind.value for kind in DataType if kind is not DataType.BINARY) | {"object"}
_TENSOR_KINDS: Final = frozenset("biufcmMOUS")  # all but void: MLflow writes a name that NumPy cannot read back
_COMMON_DTYPES: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "str", "bytes", "object", "datetime64[ns]"),
)


def parse_signature(signature: Mapping[str, str | None] | None, *, is_from_type_hint: bool = False) -> Signature | None:
    """Read a signature as MLflow 1.x to 3.x write it.

    Keys besides the three sides are ignored. A mapping in which every side is null is an error and not "no signature":
    MLflow refuses to load such a model.

    Args:
        signature: The `signature` of the MLmodel file: `inputs`, `outputs` and `params`, each a JSON string or null.
        is_from_type_hint: The `is_signature_from_type_hint` of the MLmodel file.

    Returns:
        The signature; None where the model has none.

    Raises:
        SignatureError: A side is not JSON, or says what MLflow could not have written.
    """
    if signature is None:
        return None
    if not isinstance(signature, Mapping):
        raise _whole_error(f"the signature is {kind_of(signature)}, not a mapping", signature)
    inputs, outputs, params = (_load_side(side, signature) for side in ("inputs", "outputs", "params"))
    if inputs is None and outputs is None and params is None:
        raise _whole_error("the signature has neither inputs nor outputs nor params", dict(signature))
    parsed = Signature(
        inputs=None if inputs is None else _parse_schema(inputs),
        outputs=None if outputs is None else _parse_schema(outputs),
        params=None if params is None else _parse_params(params),
        is_from_type_hint=is_from_type_hint,
    )
    if is_from_type_hint:
        _check_type_hint(parsed, inputs)
    return parsed


def _whole_error(happened: str, value: object) -> SignatureError:
    return SignatureError(
        happened,
        facts={"path": "signature", "value": shown(value)},
        fix="Remove the key 'signature' from the MLmodel file, or log the model again with infer_signature(…).",
    )


def _load_side(side: str, signature: Mapping[str, str | None]) -> Located | None:
    text = signature.get(side)
    whole = Located(side=side, path=side, value=text)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise whole.error(f"expected a JSON string, found {kind_of(text)}", "Write the list as a JSON string.")
    try:
        loaded = Located(side=side, path=side, value=json.loads(text))
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or a number of too many digits
        raise whole.error(f"not JSON ({error})") from error
    return loaded


def _parse_schema(at: Located) -> Schema:
    entries = list(at.elements())
    if not entries:
        raise at.error("a schema cannot be empty", "Write null for a side that says nothing.")
    specs = [_parse_spec(entry) for entry in entries]
    _check_names(at, [spec.name for spec in specs])
    columns = tuple(spec for spec in specs if isinstance(spec, ColumnSpec))
    tensors = tuple(spec for spec in specs if isinstance(spec, TensorSpec))
    if columns and tensors:
        raise at.error(f"{len(columns)} columns and {len(tensors)} tensors in one schema", "Use columns or tensors.")
    if len(tensors) > 1 and tensors[0].name is None:
        raise at.error(f"{len(tensors)} tensors without a name", "Give each tensor a name.")
    return TensorSchema(tensors=tensors) if tensors else ColumnSchema(columns=columns)


def _check_names(at: Located, names: list[str | int | None]) -> None:
    n_unnamed = sum(name is None for name in names)
    if 0 < n_unnamed < len(names):
        raise at.error(
            f"{len(names) - n_unnamed} of {len(names)} entries have a name, the others none",
            f"Name all entries or none; named: {', '.join(repr(name) for name in names if name is not None)}.",
        )


def _parse_spec(at: Located) -> ColumnSpec | TensorSpec:
    return _parse_tensor(at) if at.require("type").value == "tensor" else _parse_column(at)


def _parse_column(at: Located) -> ColumnSpec:
    kind = parse_type(at)
    entries = at.record()
    is_scalar = entries["type"].value not in COMPOUNDS
    if is_scalar and (unknown := sorted(entries.keys() - _COLUMN_KEYS)):
        raise entries[unknown[0]].error(
            f"a column of type {entries['type'].value!r} takes no key {unknown[0]!r}",
            suggestion(unknown[0], _COLUMN_KEYS),
        )
    name = _parse_name(entries["name"]) if "name" in entries else None
    required = parse_required(entries.get("required"), default=is_scalar)
    if name is None and "required" in entries and entries["required"].value is False:
        raise entries["required"].error("a column without a name cannot be optional", "Give the columns names.")
    return ColumnSpec(name=name, type=kind, required=required)


def _parse_name(at: Located) -> str | int | None:
    if at.value is None or isinstance(at.value, str) or type(at.value) is int:
        return at.value
    raise at.error(
        f"a column is named by {kind_of(at.value)}",
        "Rename the columns as strings before logging: frame.columns = frame.columns.astype(str).",
    )


def _parse_tensor(at: Located) -> TensorSpec:
    tensor = at.require("tensor-spec")
    name = at.record().get("name")
    if name is not None and not (name.value is None or isinstance(name.value, str)):
        raise name.error(f"a tensor is named by {kind_of(name.value)}", "Use a string, or leave the name out.")
    return TensorSpec(
        name=None if name is None else _text_or_none(name.value),
        dtype=_parse_dtype(tensor.require("dtype")),
        shape=_parse_shape(tensor.require("shape")),
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _parse_dtype(at: Located) -> str:
    if not isinstance(at.value, str):
        raise at.error(f"expected the name of a NumPy dtype, found {kind_of(at.value)}", suggestion("", _COMMON_DTYPES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 2.0 to 2.3 still read the old letter "a"
            dtype = np.dtype(at.value)
    except (TypeError, ValueError, SyntaxError) as error:  # SyntaxError: NumPy evaluates what looks like a structure
        raise at.error(f"NumPy has no dtype {at.value!r}", suggestion(at.value, _COMMON_DTYPES)) from error
    if dtype.kind not in _TENSOR_KINDS:
        raise at.error(f"the structured dtype {at.value!r} cannot be a tensor's", suggestion(at.value, _COMMON_DTYPES))
    if dtype.kind in "US" and dtype.itemsize:
        plain = "str" if dtype.kind == "U" else "bytes"
        raise at.error(f"the dtype {at.value!r} fixes a length, which MLflow refuses", f"Write {plain!r} instead.")
    return str(dtype.name)


def _parse_shape(at: Located) -> tuple[int, ...]:
    sizes: list[int] = []
    for entry in at.elements():
        if type(entry.value) is not int or entry.value < -1:
            raise entry.error("a dimension must be an integer of at least -1", "Write -1 for any size.")
        sizes.append(entry.value)
    return tuple(sizes)


def _parse_params(at: Located) -> tuple[ParamSpec, ...]:
    specs: dict[str, ParamSpec] = {}
    for entry in at.elements():
        spec = _parse_param(entry)
        if spec.name in specs:
            raise entry.error(f"the param {spec.name!r} is declared twice", "Keep one of them.")
        specs[spec.name] = spec
    return tuple(specs.values())


def _parse_param(at: Located) -> ParamSpec:
    name, default = at.require("name"), at.require("default")
    if not isinstance(name.value, str):
        raise name.error(f"a param is named by {kind_of(name.value)}", "Write its name as a string.")
    kind = _parse_param_type(at)
    shape = _parse_param_shape(at, kind)
    return ParamSpec(name=name.value, type=kind, default=parse_default(default, kind, shape), shape=shape)


def _parse_param_type(at: Located) -> DataType | Object:
    entries = at.record()
    if "type" not in entries and "dtype" in entries:  # MLflow 2.6 wrote `dtype`, before params could be objects
        return DataType(entries["dtype"].one_of(_PARAM_TYPES - {"object"}, "param type"))
    kind = at.require("type").one_of(_PARAM_TYPES, "param type")
    return parse_object(at) if kind == "object" else DataType(kind)


def _parse_param_shape(at: Located, kind: DataType | Object) -> tuple[int, ...] | None:
    shape = at.record().get("shape")
    if shape is None or shape.value is None:
        return None
    if shape.value != [-1] or isinstance(kind, Object):
        wanted = "of an object must be null" if isinstance(kind, Object) else "must be null or [-1]"
        raise shape.error(f"the shape of a param {wanted}", "Write null for one value, [-1] for a list.")
    return (-1,)


def _check_type_hint(signature: Signature, at: Located | None) -> None:
    schema = signature.inputs
    if isinstance(schema, ColumnSchema) and len(schema.columns) == 1 and not schema.is_named:
        return
    raise (at or Located(side="inputs", path="inputs", value=None)).error(
        "the MLmodel file says is_signature_from_type_hint, but the inputs are not one column without a name",
        "Set is_signature_from_type_hint to false, or log the model again.",
    )
