"""Writes `mlflow.json`: what MLflow makes of every form, and how it prints and writes random signatures.

Run with an interpreter that has MLflow 3.17.2, from this directory: python write.py
"""

from __future__ import annotations

import datetime as dt
import json
import random
import runpy
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pydantic
from mlflow.models import ModelSignature, convert_input_example_to_serving_input, infer_signature
from mlflow.types import agent, llm, responses
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)
from mlflow.types.type_hints import _infer_schema_from_list_type_hint

N_RANDOM = 120
DTYPES = (
    "bool",
    "int8",
    "uint16",
    "int64",
    "float16",
    "float32",
    "float64",
    "str",
    "bytes",
    "object",
    "datetime64[ns]",
)
NAMES = ("a", "sepal length (cm)", "it's", 'say "x"', "ü→", "0", "none\n", "b.c", "1st", "class")


def main() -> None:
    warnings.simplefilter("ignore")
    forms = beside("forms.py")["forms"]()
    examples = beside("examples.py")["examples"]()
    golden = {
        "mlflow": mlflow.__version__,
        "forms": {name: {"signature": given, **verdict(given)} for name, given in forms.items()},
        "real": {name: written(signature) for name, signature in real_signatures().items()},
        "examples": {name: served(example) for name, example in examples.items()},
        "random": [written(random_signature(random.Random(seed))) for seed in range(N_RANDOM)],
    }
    text = json.dumps(golden, indent=1, ensure_ascii=True)
    Path(__file__).with_name("mlflow.json").write_text(text + "\n", encoding="utf-8")


def real_signatures() -> dict[str, ModelSignature]:
    """Give what MLflow itself logs: for its LLM flavors, from type hints and from data."""
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "t": ["a", None], "when": pd.to_datetime(["2024-01-31"] * 2)})
    hints = {"long": list[int], "nested": list[dict[str, list[float]]], "any": list[Any], "model": list[Question]}
    return {
        "ChatModel": ModelSignature(llm.CHAT_MODEL_INPUT_SCHEMA, llm.CHAT_MODEL_OUTPUT_SCHEMA),
        "completions": ModelSignature(llm.COMPLETIONS_MODEL_INPUT_SCHEMA, llm.COMPLETIONS_MODEL_OUTPUT_SCHEMA),
        "embeddings": ModelSignature(llm.EMBEDDING_MODEL_INPUT_SCHEMA, llm.EMBEDDING_MODEL_OUTPUT_SCHEMA),
        "ChatAgent": ModelSignature(agent.CHAT_AGENT_INPUT_SCHEMA, agent.CHAT_AGENT_OUTPUT_SCHEMA),
        "ResponsesAgent": ModelSignature(
            responses.RESPONSES_AGENT_INPUT_SCHEMA, responses.RESPONSES_AGENT_OUTPUT_SCHEMA
        ),
        "frame": infer_signature(frame, frame["n"], {"k": 0.5, "day": dt.date(2024, 1, 31), "tags": ["a", "b"]}),
        "frame without names": infer_signature(pd.DataFrame([[1, 0.5]]), np.zeros((1, 2), "float32")),
        "array": infer_signature(np.zeros((5, 28, 28), "uint8"), np.zeros(5)),
        "named arrays": infer_signature({"a": np.zeros((5, 2)), "b": np.array(["x"])}),
        "nested": infer_signature([{"a": [{"b": 1, "c": None}, {"b": 2}], "d": {"e": b"x"}}], "text"),
        **{f"hint {name}": ModelSignature(_infer_schema_from_list_type_hint(hint)) for name, hint in hints.items()},
    }


class Question(pydantic.BaseModel):
    text: str
    n: int | None = None
    tags: dict[str, float] = {}


def beside(name: str) -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).with_name(name)))


def served(example: Any) -> dict[str, Any]:
    data, params = example if isinstance(example, tuple) else (example, None)
    request = convert_input_example_to_serving_input(example)
    return {"mlmodel": infer_signature(data, params=params).to_dict(), "request": request}


def verdict(given: dict[str, Any]) -> dict[str, Any]:
    try:
        signature = ModelSignature.from_dict(given)
    except Exception as error:  # noqa: BLE001 - whatever MLflow raises is its verdict
        return {"error": type(error).__name__}
    return {"text": repr(signature)}


def written(signature: ModelSignature) -> dict[str, Any]:
    return {"mlmodel": signature.to_dict(), "text": repr(signature)}


def random_signature(rng: random.Random) -> ModelSignature:
    inputs = rng.choice([random_columns, random_columns, random_tensors])(rng)
    outputs = rng.choice([random_columns, random_tensors, no_schema])(rng)
    params = ParamSchema([random_param(rng, name) for name in rng.sample(NAMES, rng.randint(1, 4))])
    return ModelSignature(inputs, outputs, rng.choice([params, None]))


def no_schema(_: random.Random) -> None:
    return None


def random_columns(rng: random.Random) -> Schema:
    names = rng.sample(NAMES, rng.randint(1, 5))
    if rng.random() < 0.2:
        return Schema([ColSpec(random_type(rng, 2)) for _ in names])
    return Schema([ColSpec(random_type(rng, 3), name, required=rng.random() < 0.7) for name in names])


def random_tensors(rng: random.Random) -> Schema:
    def tensor(name: str | None) -> TensorSpec:
        shape = tuple(rng.choice([-1, 1, 3, 28]) for _ in range(rng.randint(0, 4)))
        return TensorSpec(np.dtype(rng.choice(DTYPES)), shape, name)

    names = [None] if rng.random() < 0.5 else rng.sample(NAMES, rng.randint(1, 3))
    return Schema([tensor(name) for name in names])


def random_type(rng: random.Random, depth: int) -> Any:
    kind = rng.choice(["scalar", "scalar", "array", "object", "map", "any", "vector"] if depth else ["scalar"])
    if kind == "array":
        return Array(random_type(rng, depth - 1))
    if kind == "object":
        return Object([random_property(rng, name, depth - 1) for name in rng.sample(NAMES, rng.randint(1, 3))])
    if kind == "map":
        return Map(not_a_vector(rng, depth - 1))
    if kind == "any":
        return AnyType()
    return SparkMLVector() if kind == "vector" else rng.choice(list(DataType))


def random_property(rng: random.Random, name: str, depth: int) -> Property:
    return Property(name, not_a_vector(rng, depth), required=rng.random() < 0.7)


def not_a_vector(rng: random.Random, depth: int) -> Any:
    kind = random_type(rng, depth)  # MLflow writes a vector in a map or a property, but cannot read it back
    return Array(DataType.double) if isinstance(kind, SparkMLVector) else kind


def random_param(rng: random.Random, name: str) -> ParamSpec:
    if rng.random() < 0.15:
        kind = Object([Property("k", DataType.string), Property("n", DataType.long, required=False)])
        return ParamSpec(name, kind, rng.choice([{"k": "x"}, {"k": "it's", "n": -1}, {"n": None, "k": ""}]))
    kind = rng.choice([kind for kind in DataType if kind is not DataType.binary])
    if rng.random() < 0.3:
        return ParamSpec(name, kind, [random_value(rng, kind) for _ in range(rng.randint(0, 3))], (-1,))
    is_null = kind is not DataType.datetime and rng.random() < 0.1  # MLflow cannot write a null datetime
    return ParamSpec(name, kind, None if is_null else random_value(rng, kind))


def random_value(rng: random.Random, kind: DataType) -> Any:
    moment = dt.datetime(rng.randint(1, 9999), 1, 28, rng.randint(0, 23), 5, 6, rng.choice([0, 7000]))  # noqa: DTZ001
    return {
        "boolean": rng.random() < 0.5,
        "integer": rng.choice([0, -(2**31), 2**31 - 1]),
        "long": rng.choice([0, -(2**63), 2**63 - 1]),
        "float": rng.choice([0.0, -0.0, 0.1, 1e-7, 3, 1e22]),
        "double": rng.choice([0.0, 0.1, 1e-300, 1.7e308, 7]),
        "string": rng.choice(["", "x", "it's", "ü", "two\nlines"]),
        "datetime": rng.choice([moment, moment.date()]),
    }[kind.name]


if __name__ == "__main__":
    main()
