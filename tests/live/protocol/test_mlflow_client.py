"""MLflow's own `ScoringServerClient`, of the model's environment, against the builtin server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve import Settings, serve

SCRIPT: Final = Path(__file__).parent / "mlflow_client.py"
MODELS: Final = Path(__file__).parents[3] / "example_models"
DATETIMES: Final = {"flight_delays": ("scheduled_departure",), "iris_classifier": ()}


@pytest.mark.parametrize("name", DATETIMES)
def test_it_reads_what_our_own_client_reads(name: str, cache_dir: Path) -> None:
    example = json.loads((MODELS / name / "serving_input_example.json").read_text())
    rows = example["dataframe_split"]
    rows["data"] = [row for row in rows["data"] if None not in row]
    with serve(str(MODELS / name), Settings(cache_dir=cache_dir)) as served:
        python, url = str(served.environment.python), served.server.base_url
        sent = served.client.send(json.dumps(example).encode(), {"Content-Type": "application/json"})
        ours: Any = sent.json()
        command = (python, "-I", str(SCRIPT), url, json.dumps(example), *DATETIMES[name])
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["server"], told["predictions"]) == ("pytest-modelserve", ours["predictions"])
    assert len(told["predictions"]) == len(rows["data"]) > 1
    assert "error code 400" in told["missing"]
    assert "The body is not valid JSON" in told["nan"]  # it writes NaN as no JSON has it
