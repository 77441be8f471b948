"""How compiled libraries refuse a value: no `raise` statement of Python is seen, so a table has to know.

Each line was seen on the version that it names; `tests/unit/checks/data/native_errors.json` has what was raised.
scikit-learn, XGBoost, LightGBM, patsy and statsmodels raise their errors by Python code, even where a compiled part
found them, so that their `raise` is seen; XGBoost and LightGBM stand here for versions in which it is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeLibrary:
    """One compiled library.

    Attributes:
        seen: Name and version on which its errors were seen; the name alone where they are from its documentation.
        modules: Where its own types of errors are defined, ending in a dot; raising one refuses a value.
        accidents: Those of its own types that are accidents all the same.
        folder: Its folder, in whose Python frames it refuses by the bare types of Python; empty where it does not.
        bare: Those types.
    """

    seen: str
    modules: tuple[str, ...]
    accidents: frozenset[str] = field(default_factory=frozenset)
    folder: str = ""
    bare: frozenset[str] = field(default_factory=frozenset)


LIBRARIES: Final = (
    NativeLibrary(
        # InvalidArgument: wrong dtype, rank, dimension, an index that Gather does not have. Fail: what a node does not
        # take. A bare RuntimeError where no tensor can be made of a list.
        seen="onnxruntime 1.32.0",
        modules=("onnxruntime.",),
        folder="/onnxruntime/",
        bare=frozenset({"RuntimeError"}),
    ),
    NativeLibrary(
        # A layer refuses a shape, dtype or number of channels by a bare RuntimeError, a `raise` in TorchScript by
        # torch.jit.Error, linalg by torch._C._LinAlgError. The same RuntimeError in the model's own code is a mistake
        # of that code, and an index that an Embedding does not have is an IndexError: crashes.
        seen="torch 2.13.0",
        modules=("torch.",),
        accidents=frozenset({"OutOfMemoryError", "AcceleratorError"}),
        folder="/torch/",
        bare=frozenset({"RuntimeError", "NotImplementedError"}),
    ),
    NativeLibrary(
        seen="tensorflow",
        modules=("tensorflow.",),
        accidents=frozenset({"ResourceExhaustedError", "InternalError", "AbortedError", "DataLossError"}),
        folder="/tensorflow/",
        bare=frozenset({"RuntimeError"}),
    ),
    # CatBoostError for text in a number, a number in a category, a missing column; None in a category is a TypeError
    NativeLibrary(seen="catboost 1.2.10", modules=("_catboost.", "catboost.")),
    NativeLibrary(seen="xgboost 3.2.0", modules=("xgboost.",)),
    NativeLibrary(seen="lightgbm 4.7.0", modules=("lightgbm.",)),
    NativeLibrary(
        # InvalidOperationError for a cast that a value does not allow, ShapeError, ComputeError. A column or row that
        # is not there is what KeyError and IndexError are to others; a panic of Rust is a crash.
        seen="polars 2.1.0",
        modules=("polars.",),
        accidents=frozenset(
            {
                "ColumnNotFoundError",
                "OutOfBoundsError",
                "PanicException",
                "SchemaFieldNotFoundError",
                "StructFieldNotFoundError",
            }
        ),
    ),
    # ArrowInvalid, ArrowNotImplementedError; ArrowKeyError, ArrowIndexError, ArrowTypeError derive from Python's own
    NativeLibrary(seen="pyarrow 26.0.1", modules=("pyarrow.",)),
    # DateParseError of pandas._libs.tslibs.parsing, for text that is no date
    NativeLibrary(seen="pandas 3.1.1", modules=("pandas._libs.", "pandas.errors.")),
)

_CYTHON: Final = re.compile(r"\.(pyx|pxi|pxd)\Z")
"""Source files of Cython, which has them in its tracebacks: `pandas/_libs/lib.pyx`, `numpy/random/_generator.pyx`."""

_BY_INTERPRETER: Final = re.compile(
    r"could not convert string to|invalid literal for int|cannot convert float"
    r"|values to unpack|math domain error|is not in (list|tuple|deque)|substring not found|empty (sequence|iterable)"
    r"|embedded null|I/O operation on closed|must have exactly one|is out of range|bytes must be in range"
    # NumPy's C code, and what Cython itself raises where an array is not as a function declares it
    r"|broadcast|reshape array|setting an array element|inhomogeneous|zero-size array|not aligned|core dimension"
    r"|truth value of|[Bb]uffer (dtype mismatch|source array|has wrong number|not compatible)|read-only"
)
"""ValueErrors that Python, NumPy and Cython raise by themselves, whoever called them: nobody refused anything."""

_ACCIDENTAL: Final = re.compile(
    r"(can't|cannot|failed to|unable to) allocate|not enough memory|out of memory|bad_alloc|bad allocation"
    r"|CUDA error|cuDNN error|CUBLAS_STATUS|device-side assert",
    re.IGNORECASE,
)
"""What compiled libraries say of accidents for which they have no type: memory and devices that fail."""


def is_native_refusal(kind: str, module: str, message: str, file: str) -> bool:
    """Tell whether a compiled library refused a value, though no `raise` statement of Python was seen.

    A `raise` of Cython refuses too: a ValueError out of a `.pyx` file that is not one of Python, NumPy or Cython.

    Args:
        kind: The name of the exception's type.
        module: Where that type is defined.
        message: What it says.
        file: Of the last frame.
    """
    if is_native_accident(kind, module, message):
        return False
    path = file.replace("\\", "/")
    for library in LIBRARIES:
        if f"{module}.".startswith(library.modules):
            return True
        if module == "builtins" and kind in library.bare and library.folder and library.folder in path:
            return True
    is_of_cython = module == "builtins" and kind == "ValueError" and _CYTHON.search(path) is not None
    return is_of_cython and _BY_INTERPRETER.search(message) is None


def is_native_accident(kind: str, module: str, message: str) -> bool:
    """Tell whether an error of a compiled library is an accident, even one that Python code passes on by `raise`."""
    library = next((one for one in LIBRARIES if f"{module}.".startswith(one.modules)), None)
    if library is None:
        return module == "builtins" and kind == "RuntimeError" and _ACCIDENTAL.search(message) is not None
    return kind in library.accidents or _ACCIDENTAL.search(message) is not None
