# /// script
# requires-python = ">=3.10,<3.13"
# dependencies = ["kserve>=0.15,<0.22"]
# ///
"""Ask a server by KServe's own client, and print what it made of the answers as JSON.

A process of its own, in an environment of its own: kserve wants an older psutil and an older pandas than we do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "mlflow-model"


def given(name: str, datatype: str, array: Any, *, binary_data: bool) -> Any:
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary_data)
    return tensor


def rows_of(*, binary_data: bool) -> list[Any]:
    """Return the tensors of two rows."""
    columns = {
        "n": ("INT64", [3, 2]),
        "x": ("FP64", [0.5, 1.5]),
        "flag": ("BOOL", [True, False]),
        "s": ("BYTES", ["é", "b"]),
        "raw": ("BYTES", ["AAE=", ""]),
        "at": ("BYTES", ["2024-01-02", "2024-01-02"]),
        "tags": ("BYTES", ["[]", "[]"]),
    }
    dtypes = {"BYTES": object}
    return [
        given(name, datatype, np.array(cells, dtype=dtypes.get(datatype)).reshape(-1, 1), binary_data=binary_data)
        for name, (datatype, cells) in columns.items()
    ]


async def ask(url: str, *, binary_data: bool) -> dict[str, Any]:
    """Return what the client read of each answer."""
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    rows = rows_of(binary_data=binary_data)
    request = InferRequest(model_name=MODEL, infer_inputs=rows, request_id="r1", parameters={"scale": 2.0})
    answer = await client.infer(url, request, model_name=MODEL)
    outputs = {output.name: output.as_numpy() for output in answer.outputs}
    told = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": await client.is_model_ready(url, MODEL),
        "id": answer.id,
        "model": answer.model_name,
        "total": [None if np.isnan(value) else value for value in outputs["total"].ravel().tolist()],
        "shape": list(outputs["total"].shape),
        "label": [text if isinstance(text, str) else text.decode() for text in outputs["label"].ravel()],
    }
    try:
        await client.infer(url, InferRequest(model_name=MODEL, infer_inputs=rows[1:]), model_name=MODEL)
    except Exception as error:  # noqa: BLE001 # the client has several, and what it says is what counts
        told["error"] = f"{type(error).__name__}: {error}"
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps([asyncio.run(ask(sys.argv[1], binary_data=each)) for each in (False, True)]))
