"""Which models answer each row by that row alone: all, but for those that are known not to.

Source: `CONTRACT` section 4, "Batch-invariant".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..model.mlmodel import Model
from ..signature import ColumnSchema, Schema, TensorSchema

CHUNK: Final = 1 << 20  # bytes of a model file that are looked at together


def _always(_: Model) -> bool:
    return True


def _takes_start_and_end(model: Model) -> bool:
    """Tell whether a statsmodels model is one of time series: MLflow passes the columns start and end on to those."""
    inputs = model.signature.inputs if model.signature else None
    return isinstance(inputs, ColumnSchema) and {"start", "end"} <= set(inputs.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A kind of model whose rows are not answered one by one.

    Attributes:
        name: A flavor, or the module that loads the model.
        reason: What its rows are instead.
        applies: Tells whether a model of that flavor is meant.
    """

    name: str
    reason: str
    applies: Callable[[Model], bool] = field(default=_always)


_FORECAST: Final = "the rows of a request are one series, or say how far to forecast"
_MESSAGES: Final = "the rows of a request are one conversation, or one run of an agent"

EXEMPT: Final = (
    Exemption(name="prophet", reason=_FORECAST),
    Exemption(name="pmdarima", reason=_FORECAST),
    Exemption(name="diviner", reason=_FORECAST),
    Exemption(name="sktime", reason=_FORECAST),
    Exemption(name="mlflow_sktime", reason=_FORECAST),
    Exemption(name="statsmodels", reason=_FORECAST, applies=_takes_start_and_end),
    Exemption(name="langchain", reason=_MESSAGES),
    Exemption(name="llama_index", reason=_MESSAGES),
    Exemption(name="dspy", reason=_MESSAGES),
    Exemption(name="openai", reason=_MESSAGES),
    Exemption(name="mlflow.pyfunc.loaders.chat_model", reason=_MESSAGES),
    Exemption(name="mlflow.pyfunc.loaders.chat_agent", reason=_MESSAGES),
    Exemption(name="mlflow.pyfunc.loaders.responses_agent", reason=_MESSAGES),
)

DYNAMIC: Final = (
    (b"DynamicQuantizeLinear", "onnx"),
    (b"quantized.dynamic", "pytorch"),  # the module path of its layers, in the pickle
)
"""Words in the files of nets whose activations are scaled by the largest one of the whole request."""


def why_not_by_row(model: Model) -> str:
    """Return why the rows of a model's answer need not stand for themselves, or nothing."""
    names = {*model.flavors, model.pyfunc.loader_module}
    for exemption in EXEMPT:
        if exemption.name in names and exemption.applies(model):
            return f"{exemption.name}: {exemption.reason}"
    signature = model.signature
    if not model.is_signed and not model.example_info:
        return "the model has neither a signature with inputs nor an input example"
    if signature is None:
        return ""
    if signature.inputs is not None and not has_rows(signature.inputs):
        return "the input has a fixed size, so that there are no rows to send alone"
    if signature.outputs is not None and not has_rows(signature.outputs):
        return "the output is not by row: the first size of its tensor is fixed"
    return ""


def has_rows(schema: Schema) -> bool:
    """Tell whether a schema is by row: columns are, and tensors whose first size is free."""
    return not isinstance(schema, TensorSchema) or all(spec.shape[:1] == (-1,) for spec in schema.tensors)


def why_quantized(model: Model) -> str:
    """Return why a net's rows change each other, found in its files, or nothing; large files take their time."""
    for word, flavor in DYNAMIC:
        if flavor in model.flavors and any(_holds(file, word) for file in _files(model.pyfunc.data_path)):
            return f"{flavor}: the net is quantized dynamically, by the largest activation of all rows"
    return ""


def _files(path: Path) -> Iterator[Path]:
    yield from (file for file in sorted(path.rglob("*")) if file.is_file()) if path.is_dir() else (path,)


def _holds(file: Path, word: bytes) -> bool:
    tail = b""
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            if word in tail + chunk:
                return True
            tail = chunk[-len(word) :]
    return False
