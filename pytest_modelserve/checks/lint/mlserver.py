"""What MLServer (Seldon Core, KServe) cannot load, take or answer although MLflow's own server can.

Measured with MLServer 1.7.1, its last release, and MLflow 3.17.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ...server.backends.mlserver import MlserverBackend
from ...signature import DataType, Schema, TensorSchema, TensorSpec
from .rule import Found, Linted, columns_of, plural

_SERVER: Final = "on MLServer"
ISSUE: Final = "https://github.com/SeldonIO/MLServer/issues/2212"
_PYTHONS: Final = SpecifierSet(MlserverBackend.needs.python)
_PANDAS_3: Final = Version("3")


def find_unloadable(linted: Linted) -> Iterator[Found]:
    """Look for what keeps MLServer from starting; a signature without outputs is told by a rule of its own."""
    dates = [spec.name for schema in _schemas(linted) for spec in _tensors(schema) if _kind(spec.dtype) == "M"]
    if dates:
        yield Found(
            title=f"{_SERVER} the model does not load: {plural(dates, 'tensor', 'tensors')} of dates (KeyError: 'M')"
        )
    version = _version(linted.python_version)
    if version is not None and not _PYTHONS.contains(version, prereleases=True):
        yield Found(title=f"{_SERVER} the model does not load: there is none for Python {linted.python_version}")


def find_untakeable(linted: Linted) -> Iterator[Found]:
    """Look for inputs that cannot be sent to MLServer by the Open Inference Protocol, or only in a way of its own."""
    opaque = [spec.name for spec in _tensors(linted.signature.inputs) if _kind(spec.dtype) in "OS"]
    if opaque:
        names = plural(opaque, "tensor", "tensors")
        yield Found(title=f"{_SERVER} {names} of objects or bytes cannot be sent by the Open Inference Protocol")
    if linted.signature.is_from_type_hint and any(spec.type is not DataType.STRING for spec in linted.columns):
        yield Found(title=f"{_SERVER} a model with type hints other than list[str] gets an array and refuses it")
    nested = [spec.name for spec in linted.columns if not isinstance(spec.type, DataType)]
    if nested and not linted.signature.is_from_type_hint:
        yield Found(
            title=f"{_SERVER} the nested {plural(nested)} need JSON text a row, and `content_type: pd_json` on each "
            "input, which its own metadata does not say"
        )


def find_unanswerable(linted: Linted) -> Iterator[Found]:
    """Look for outputs that MLServer's encoder ends on."""
    said = [*_bad_columns(linted), *_bad_lists(linted.signature.outputs)]
    if said:
        yield Found(title=f"{_SERVER} answers by the Open Inference Protocol end in 500: {'; '.join(said)}")


def _bad_columns(linted: Linted) -> Iterator[str]:
    named = [spec for spec in columns_of(linted.signature.outputs) if spec.name is not None]
    pandas = _version(linted.versions.get("pandas", ""))
    texts = [spec.name for spec in named if spec.type is DataType.STRING]
    if texts and pandas is not None and pandas >= _PANDAS_3:
        yield f"{plural(texts)} of text with pandas {pandas} (KeyError: 'O')"
    if dates := [spec.name for spec in named if spec.type is DataType.DATETIME]:
        yield f"{plural(dates)} of dates (KeyError: 'M')"
    if labels := [spec.name for spec in named if isinstance(spec.name, int)]:
        yield f"{plural(labels)} named by an integer"


def _bad_lists(schema: Schema | None) -> Iterator[str]:
    """Yield what it says of nested values without a name: a list, of which it knows only the one of text.

    A scalar column without a name may be an array, which MLflow infers as one, and which is no matter.
    """
    unnamed = [spec.type for spec in columns_of(schema) if spec.name is None]
    if any(not isinstance(kind, DataType) for kind in unnamed):
        yield f"a list of lists or records ({ISSUE})"


def _schemas(linted: Linted) -> tuple[Schema | None, Schema | None]:
    return linted.signature.inputs, linted.signature.outputs


def _tensors(schema: Schema | None) -> tuple[TensorSpec, ...]:
    return schema.tensors if isinstance(schema, TensorSchema) else ()


def _kind(dtype: str) -> str:
    return np.dtype(dtype).kind


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:  # not known, or not installed
        return None
