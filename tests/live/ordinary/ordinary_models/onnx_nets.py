"""ONNX, converted from scikit-learn: tensors in, several tensors out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .data import penguins
from .ordinary import Ordinary


def iris_onnx() -> Ordinary:
    """One tensor in; the label as int64 and the probabilities as float32 out."""
    data, target = datasets.load_iris(return_X_y=True)
    data = data.astype("float32")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data, target)
    converted = to_onnx(model, data[:1], options={"zipmap": False})
    return _signed(converted, data[:5], {converted.graph.input[0].name: data[:5]})


def penguins_onnx() -> Ordinary:
    """Two tensors with names in."""
    frame = penguins().dropna()
    inputs = frame[["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]].astype("float32")
    columns = make_column_transformer(
        (StandardScaler(), ["bill_length_mm", "bill_depth_mm"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = make_pipeline(columns, LinearRegression()).fit(inputs, frame["body_mass_g"])
    one = FloatTensorType([None, 1])
    converted = to_onnx(model, initial_types=[(name, one) for name in inputs])
    example = {name: inputs[[name]].to_numpy()[:4].astype(np.float32) for name in inputs}
    return _signed(converted, example, example)


def _signed(converted: Any, example: Any, feed: dict[str, Any]) -> Ordinary:
    """Give the signature, which MLflow does not infer for this flavor."""
    session = onnxruntime.InferenceSession(converted.SerializeToString(), providers=["CPUExecutionProvider"])
    answer = dict(zip((output.name for output in session.get_outputs()), session.run(None, feed), strict=True))
    return Ordinary(flavor="onnx", model=converted, example=example, signature=infer_signature(example, answer))


MODELS = (iris_onnx, penguins_onnx)
