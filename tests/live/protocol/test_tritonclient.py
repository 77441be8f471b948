"""NVIDIA's client of the Open Inference Protocol, `tritonclient[http]`, against the builtin server.

By default it sends tensors in binary and wants them so; told `binary_data=False`, as for MLServer, in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from pytest_modelserve import ModelClient

triton = pytest.importorskip("tritonclient.http")
MODEL = "mlflow-model"
ROWS: Mapping[str, tuple[str, list[Any]]] = {
    "n": ("INT64", [9007199254740993, 2]),
    "x": ("FP64", [0.5, 1.5]),
    "flag": ("BOOL", [True, False]),
    "s": ("BYTES", ["é😀", "b"]),
    "raw": ("BYTES", ["AAE=", ""]),
    "at": ("BYTES", ["2024-01-02T03:04:05.000000007", "2024-01-02T03:04:05"]),
    "tags": ("BYTES", ['["a", "b"]', "[]"]),
}
LIMITS: Mapping[str, list[Any]] = {
    "int8": [-128, 127],
    "int16": [-32768, 32767],
    "int32": [-(2**31), 2**31 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "uint8": [0, 255],
    "uint16": [0, 65535],
    "uint32": [0, 2**32 - 1],
    "uint64": [9007199254740993, 2**64 - 1],
    "bool": [True, False],
    "float16": [0.5, 65504.0],
    "float32": [2.1, 3.4028234663852886e38],
    "float64": [0.1, 1.7976931348623157e308],
}
DATATYPES = {"bool": "BOOL", "str": "BYTES"}


@pytest.fixture
def columns(clients: Mapping[str, ModelClient]) -> Iterator[Any]:
    yield from connected(clients["columns"])


@pytest.fixture
def tensors(clients: Mapping[str, ModelClient]) -> Iterator[Any]:
    yield from connected(clients["tensors"])


def connected(ours: ModelClient) -> Iterator[Any]:
    client = triton.InferenceServerClient(ours.base_url.removeprefix("http://"))
    yield client
    client.close()


def given(name: str, datatype: str, array: Any, *, binary_data: bool = False) -> Any:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    return tensor.set_data_from_numpy(array, binary_data=binary_data)


def rows(*, binary_data: bool = False, **changes: Any) -> list[Any]:
    """The tensors of two rows."""
    found = []
    for name, (datatype, cells) in {**ROWS, **changes}.items():
        array = np.array(cells, dtype=object if datatype == "BYTES" else triton_dtype(datatype)).reshape(-1, 1)
        found.append(given(name, datatype, array, binary_data=binary_data))
    return found


def triton_dtype(datatype: str) -> str:
    return {"INT64": "int64", "INT32": "int32", "FP64": "float64", "BOOL": "bool"}[datatype]


def test_health_and_metadata(columns: Any) -> None:
    assert columns.is_server_live()
    assert columns.is_server_ready()
    assert columns.is_model_ready(MODEL)
    assert not columns.is_model_ready("nope")
    assert columns.get_server_metadata()["name"] == "pytest-modelserve"
    metadata = columns.get_model_metadata(MODEL)
    assert [entry["name"] for entry in metadata["inputs"]] == list(ROWS)
    assert [(entry["name"], entry["datatype"], entry["shape"]) for entry in metadata["outputs"]] == [
        ("total", "FP64", [-1, 1]),
        ("label", "BYTES", [-1, 1]),
    ]
    assert columns.is_model_ready(MODEL, metadata["versions"][0])


@pytest.mark.parametrize("binary_data", [False, True])
def test_columns(columns: Any, binary_data: bool) -> None:
    result = columns.infer(MODEL, rows(binary_data=binary_data), request_id="r 1", parameters={"scale": 2.0})
    assert result.get_response()["id"] == "r 1"
    total, label = result.as_numpy("total"), result.as_numpy("label")
    assert (total.shape, total.dtype) == ((2, 1), np.float64)
    assert np.isnan(total[0, 0])
    assert total[1, 0] == 6.0
    assert [text if isinstance(text, str) else text.decode() for text in label.ravel()] == ["é😀", "b"]


@pytest.mark.parametrize("binary_data", [False, True])
def test_one_output_alone(columns: Any, binary_data: bool) -> None:
    wanted = [triton.InferRequestedOutput("label", binary_data=binary_data)]
    result = columns.infer(MODEL, rows(), outputs=wanted)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["label"]
    assert result.as_numpy("total") is None


def test_the_versioned_path(columns: Any) -> None:
    (version,) = columns.get_model_metadata(MODEL)["versions"]
    assert columns.infer(MODEL, rows(), model_version=version).as_numpy("total")[1, 0] == 3.0


@pytest.mark.parametrize("binary_data", [False, True])
def test_every_datatype_to_its_ends(tensors: Any, dtypes: tuple[str, ...], binary_data: bool) -> None:
    arrays = {
        name: np.array([LIMITS.get(name, ["", "é\t"])], dtype=name if name != "str" else object) for name in dtypes
    }
    sent = [given(name, datatype_of(name), array, binary_data=binary_data) for name, array in arrays.items()]
    wanted = [triton.InferRequestedOutput(name, binary_data=binary_data) for name in dtypes]
    result = tensors.infer(MODEL, sent, outputs=wanted)
    for name, array in arrays.items():
        found = result.as_numpy(name)
        assert found.dtype == array.dtype
        if name == "str" and binary_data:
            found = np.array([[text.decode() for text in row] for row in found], dtype=object)
        np.testing.assert_array_equal(found, array)


def datatype_of(dtype: str) -> str:
    return DATATYPES.get(dtype, dtype.upper().replace("FLOAT", "FP"))


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"n": ("FP64", [0.5, 1.5])}, "400", "The input 'n' has the datatype FP64; the model takes INT64"),
        ({"x": ("INT64", [1, 2])}, "400", "The input 'x' has the datatype INT64; the model takes FP64"),
        ({"raw": ("BYTES", ["!", ""])}, "400", "not base64"),
        ({"n": ("INT64", [1])}, "400", "differ in their number of rows"),
        ({"s": ("BYTES", ["a", "raise"])}, "500", "The model raised RuntimeError"),
    ],
)
def test_errors_have_their_status_and_words(columns: Any, changes: Any, status: str, told: str) -> None:
    with pytest.raises(triton.InferenceServerException) as caught:
        columns.infer(MODEL, rows(**changes))
    assert caught.value.status() == status
    assert told in caught.value.message()


def test_a_model_that_is_not_there(columns: Any) -> None:
    with pytest.raises(triton.InferenceServerException) as caught:
        columns.infer("nope", rows())
    assert (caught.value.status(), "There is no model 'nope'" in caught.value.message()) == ("404", True)
