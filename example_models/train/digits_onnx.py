"""Train `digits_onnx`: a small neural net on 8 x 8 images of digits, an image tensor in, label and probabilities out.

Run with Python 3.11 and: mlflow==3.17.2 numpy==2.2.6 onnx==1.23.2 onnxruntime==1.23.2 pandas==2.3.3
scikit-learn==1.7.2
"""

from __future__ import annotations

import mlflow.onnx
import numpy as np
import onnxruntime
from mlflow.models import infer_signature
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from saving import save_into
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

REQUIREMENTS = [
    "mlflow-skinny==3.17.2",
    "numpy==2.2.6",
    "onnx==1.23.2",
    "onnxruntime==1.23.2",
    "pandas==2.3.3",
]
OPSET = 17  # every onnxruntime of the last years runs it
IR_VERSION = 8  # the one that came with that opset
BRIGHTEST = 16.0  # the images count from 0, blank, to 16


def as_onnx(net: MLPClassifier) -> ModelProto:
    """Return the net as an ONNX graph that takes whole images and bounds their brightness."""
    (hidden, output), (hidden_bias, output_bias) = net.coefs_, net.intercepts_
    weights = {
        "hidden": hidden,
        "hidden_bias": hidden_bias,
        "output": output,
        "output_bias": output_bias,
        "darkest": np.array(0.0),
        "brightest": np.array(BRIGHTEST),
    }
    constants = [numpy_helper.from_array(value.astype("float32"), name) for name, value in weights.items()]
    constants.append(numpy_helper.from_array(np.array([-1, 64], dtype="int64"), "flat"))
    nodes = [
        helper.make_node("Clip", ["image", "darkest", "brightest"], ["bounded"]),
        helper.make_node("Div", ["bounded", "brightest"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat"], ["pixels"]),
        helper.make_node("Gemm", ["pixels", "hidden", "hidden_bias"], ["hidden_sum"]),
        helper.make_node("Relu", ["hidden_sum"], ["activation"]),
        helper.make_node("Gemm", ["activation", "output", "output_bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=-1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["rows", 8, 8])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 10]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model, full_check=True)
    return model


def main() -> None:
    digits = load_digits()
    images = digits.images.astype("float32")
    fit_x, test_x, fit_y, test_y = train_test_split(images, digits.target, random_state=7, stratify=digits.target)
    net = MLPClassifier((48,), max_iter=500, random_state=7).fit(fit_x.reshape(-1, 64) / BRIGHTEST, fit_y)
    model = as_onnx(net)

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {"image": test_x})
    accuracy = float((label == test_y).mean())
    assert accuracy > 0.95, accuracy

    example = test_x[:5]
    answer = {"label": label[:5], "probabilities": probabilities[:5]}
    save_into(
        "digits_onnx",
        lambda path: mlflow.onnx.save_model(
            model,
            path,
            signature=infer_signature(example, answer),
            input_example=example,
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,
            pip_requirements=REQUIREMENTS,
            metadata={"test_accuracy": round(accuracy, 3)},
        ),
    )


if __name__ == "__main__":
    main()
