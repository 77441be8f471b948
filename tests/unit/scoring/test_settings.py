"""`serve.json`: every key there and of its type, no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.scoring.settings import SettingsError, read_settings
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema

COMPLETE: dict[str, Any] = {
    "model_dir": "model",
    "model_uri": "models:/plan/3",
    "mlmodel_digest": "0123",
    "worker_python": "python",
    "signature": {"inputs": '[{"name": "x", "type": "long"}]', "outputs": None, "params": None},
    "is_signature_from_type_hint": False,
    "input_example": {"inputs": [1]},
    "loader": {"loader_module": "mlflow.sklearn"},
    "worker_env": {"PATH": "bin"},
    "isolated": True,
    "predict_timeout_s": 60,
    "load_timeout_s": 1.5,
    "max_body_bytes": 1024,
    "predict_threads": 2,
    "v2_name": "mlflow-model",
    "calls_file": "calls.jsonl",
}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def write_and_read(content: object) -> Any:
        path = tmp_path / "serve.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_settings(path)

    return write_and_read


def test_a_complete_file(read: Any, tmp_path: Path) -> None:
    settings = read(COMPLETE)
    assert settings.model_dir == Path("model")
    assert settings.calls_file == tmp_path / "calls.jsonl"
    assert settings.signature.inputs.columns[0].type is DataType.LONG
    assert (settings.predict_timeout_s, settings.input_example) == (60, {"inputs": [1]})
    assert settings.hands_tables


@pytest.mark.parametrize(
    ("inputs", "is_hinted", "hands_tables"),
    [
        (None, False, False),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1]}}]', False, False),
        ('[{"type": "long", "required": true}]', True, False),
        ('[{"type": "long", "required": true}]', False, True),
    ],
)
def test_what_the_model_is_handed(read: Any, inputs: str | None, is_hinted: bool, hands_tables: bool) -> None:
    sides = {"inputs": inputs, "outputs": None, "params": None}
    settings = read({**COMPLETE, "signature": sides, "is_signature_from_type_hint": is_hinted})
    assert settings.hands_tables is hands_tables
    assert (settings.signature is None) is (inputs is None)
    assert inputs is None or isinstance(settings.signature.inputs, ColumnSchema) is ("tensor" not in inputs)


@pytest.mark.parametrize("key", COMPLETE)
def test_no_key_may_be_missing(read: Any, key: str) -> None:
    with pytest.raises(SettingsError, match=key):
        read({name: value for name, value in COMPLETE.items() if name != key})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_dir", 1),
        ("isolated", 1),
        ("predict_threads", True),
        ("predict_threads", 2.5),
        ("predict_threads", 0),
        ("predict_timeout_s", "60"),
        ("predict_timeout_s", -1),
        ("predict_timeout_s", True),
        ("worker_env", {"PATH": 1}),
        ("loader", []),
        ("signature", {"inputs": None, "output": None}),
        ("surprise", 1),
    ],
)
def test_a_key_of_another_type_or_name(read: Any, key: str, value: object) -> None:
    with pytest.raises(SettingsError):
        read({**COMPLETE, key: value})


@pytest.mark.parametrize("content", ["", "nope", "[]"])
def test_no_object(read: Any, content: str) -> None:
    with pytest.raises(SettingsError):
        read(content)
