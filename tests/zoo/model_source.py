"""Model directories written by hand, as MLflow writes them: all on the pins of one example model, so that one cached
environment serves every one of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PENGUINS: Final = Path(__file__).parents[2] / "example_models" / "penguins_rules"
PINS: Final = ("conda.yaml", "python_env.yaml", "requirements.txt")  # one environment serves all models of the tests


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """What makes a model directory: its code, its signature, and its input example.

    Attributes:
        loader: The text of the only module, which has `_load_pyfunc`.
        signature: inputs, outputs and params as MLflow writes them, not yet as text.
        example: The JSON document of a request.
        requirements: In place of the pins that the tests share.
        given: The example as it was given, where that is not what the request says.
        data: Names to contents of the files that the loader is given the folder of; without any it is given the model
            directory.
    """

    loader: str
    signature: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    requirements: Sequence[str] | None = None
    given: Mapping[str, Any] | None = None
    data: Mapping[str, bytes] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the model directory."""
        (path / "code").mkdir(parents=True)
        (path / "code" / "the_model.py").write_text(self.loader)
        for name in PINS:
            shutil.copy(PENGUINS / name, path / name)
        if self.requirements is not None:
            (path / "requirements.txt").write_text("".join(f"{line}\n" for line in self.requirements))
        pyfunc: dict[str, Any] = {
            "code": "code",
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "the_model",
            "python_version": "3.11.7",
        }
        if self.data:
            pyfunc["data"] = "data"
            (path / "data").mkdir()
            for name, content in self.data.items():
                (path / "data" / name).write_bytes(content)
        document: dict[str, Any] = {"flavors": {"python_function": pyfunc}, "mlflow_version": "3.17.2"}
        if self.signature:
            sides = ((side, self.signature.get(side)) for side in ("inputs", "outputs", "params"))
            document["signature"] = {side: json.dumps(specs) if specs else None for side, specs in sides}
        if self.example is not None:
            document["saved_input_example_info"] = self._write_example(path, self.example)
        (path / "MLmodel").write_text(json.dumps(document, indent=2))  # JSON is YAML
        return path

    def _write_example(self, path: Path, example: Mapping[str, Any]) -> dict[str, str]:
        """Write the example as MLflow does: as it was given, and as the request that sends it."""
        (path / "serving_input_example.json").write_text(json.dumps(example))
        split = example.get("dataframe_split")
        rows = split or example["inputs"]
        given = {"inputs": rows, "params": example["params"]} if "params" in example else rows
        (path / "input_example.json").write_text(json.dumps(self.given or given))
        common = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
        params = {"params": "true"} if "params" in example else {}
        if not split:
            return {**common, "type": "ndarray", **params}
        return {**common, "type": "dataframe", "pandas_orient": "split", **params}
