"""The commands of the page on the Open Inference Protocol, run as they stand against the scoring server."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pytest_modelserve.runtime.frames import Predictions, Ready, TableValue
from pytest_modelserve.scoring.app import create_app
from pytest_modelserve.scoring.prediction import ModelSlot
from pytest_modelserve.scoring.settings import ServeSettings
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "v2.md").read_text("utf-8")
PORT = ":5001/"
CHURN = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="age", type=DataType.LONG), ColumnSpec(name="plan", type=DataType.STRING))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.DOUBLE),)),
)


class Worker:
    """A model that answers a hundredth of each age."""

    ready = Ready("3.11.7", {}, 0.1)
    death: object | None = None

    async def predict(
        self, data: object, params: Mapping[str, object] | None = None, *, request_id: str = ""
    ) -> Predictions:
        assert isinstance(data, TableValue)
        (ages,) = (column.values for column in data.columns if column.name == "age")
        return Predictions(1, [age / 100 for age in ages], "builtins.list", 0.001)


def commands() -> list[str]:
    (block,) = re.findall(r"^```\n(modelserve serve .*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    serve, *curls = re.split(r"^(?=curl )", block, flags=re.MULTILINE)
    assert serve.rstrip().endswith("--port 5001")
    return curls


async def answers_to(curls: list[str], settings: ServeSettings) -> list[Any]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = f":{listening.getsockname()[1]}/"
        app = create_app(settings, ModelSlot(Worker()))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        found = []
        for command in curls:
            assert PORT in command
            program, *arguments = shlex.split(command.replace(PORT, port))
            done = await asyncio.create_subprocess_exec(
                program, "-sS", "--noproxy", "*", "--max-time", "20", *arguments, stdout=asyncio.subprocess.PIPE
            )
            told, _ = await done.communicate()
            assert done.returncode == 0
            found.append(json.loads(told))
        server.should_exit = True
        await serving
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to run them with")
def test_the_commands_are_answered(tmp_path: Path) -> None:
    settings = ServeSettings(
        model_dir=tmp_path,
        model_uri="models/churn",
        mlmodel_digest="0123",
        worker_python=Path("python"),
        worker_env={},
        isolated=True,
        loader={},
        signature=CHURN,
        input_example=None,
        calls_file=tmp_path / "calls.jsonl",
        predict_timeout_s=60.0,
        load_timeout_s=60.0,
        max_body_bytes=1 << 20,
        predict_threads=2,
        v2_name="mlflow-model",
    )
    metadata, inference = asyncio.run(answers_to(commands(), settings))
    assert [tensor["name"] for tensor in metadata["inputs"]] == ["age", "plan"]
    assert inference["id"] == "1"
    assert [output["data"] for output in inference["outputs"]] == [[0.31, 0.58]]
