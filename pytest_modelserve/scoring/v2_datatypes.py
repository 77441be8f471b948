"""The datatypes of the Open Inference Protocol (V2), and which declared type takes which of them.

A declared type takes a datatype where each of its values is exactly one of its own: `INT32` for a double, never
`INT64`; `BYTES` for whatever JSON writes as text. MLServer's MLflow runtime takes about the same.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from .scalars import Misfit, read_booleans, read_integers, read_numbers, read_strings

MAX_RANK: Final = 32  # of NumPy before its second version


class Datatype(enum.Enum):
    """A datatype that tensors in JSON can have; the value is the protocol's spelling."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the NumPy dtype that holds its values; objects for `BYTES`."""
        return np.dtype(_DTYPES[self])


_DTYPES: Final = {
    kind: "O" if kind is Datatype.BYTES else kind.value.lower().replace("fp", "float") for kind in Datatype
}


def datatype_of(dtype: np.dtype[Any]) -> Datatype:
    """Return the datatype that carries values of a NumPy dtype; `BYTES` for all that JSON writes as text."""
    if dtype.kind == "b":
        return Datatype.BOOL
    if dtype.kind in "iu":
        return Datatype[f"{'U' if dtype.kind == 'u' else ''}INT{8 * dtype.itemsize}"]
    if dtype.kind == "m":
        return Datatype.INT64  # counts of its unit
    if dtype.kind == "c":
        return Datatype[f"FP{4 * min(dtype.itemsize, 16)}"]  # JSON has no others than the real part
    if dtype.kind == "f":
        return Datatype[f"FP{8 * min(dtype.itemsize, 8)}"]
    return Datatype.BYTES


def is_taken(sent: Datatype, declared: Datatype) -> bool:
    """Tell whether what is declared takes a datatype: whether it holds each of its values exactly."""
    if sent is declared:
        return True
    if sent is Datatype.BOOL or declared is Datatype.BYTES:
        return False  # for NumPy booleans are numbers, and all are objects
    if sent.dtype.itemsize == 8:
        return False  # no other holds each of them: for NumPy a float64 does, and yet it has 53 bits
    return np.can_cast(sent.dtype, declared.dtype, "safe")


def read_values(datatype: Datatype, values: Sequence[Any]) -> list[Any]:
    """Return values as those of a datatype; what null means is for the declared type to say.

    Of narrow floats they are the nearest: 0.1 is the same `FP32` in JSON as in binary, whatever the declared type.

    Raises:
        Misfit: One that is not null is none.
    """
    places = [at for at, value in enumerate(values) if value is not None]
    try:
        read = _read(datatype, [values[at] for at in places])
    except Misfit as misfit:
        raise Misfit(places[misfit.at], misfit.reason) from None
    found = list(values)
    if datatype in {Datatype.FP16, Datatype.FP32}:
        for at, value in zip(places, np.asarray(read).tolist(), strict=True):
            found[at] = value
    return found


def _read(datatype: Datatype, values: Sequence[Any]) -> object:
    if datatype is Datatype.BOOL:
        return read_booleans(values)
    if datatype is Datatype.BYTES:
        return read_strings(values)
    reader = read_numbers if datatype.dtype.kind == "f" else read_integers
    return reader(values, datatype.dtype.name)
