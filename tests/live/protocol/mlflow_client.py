"""Ask a server by MLflow's own client, in the model's interpreter, and print what it made of the answers as JSON."""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

url, example, datetimes = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
address = urlsplit(url)
client = ScoringServerClient(address.hostname, address.port)
client.wait_server_ready(timeout=10)
split = example["dataframe_split"]
data = pd.DataFrame(split["data"], columns=split["columns"])
for name in datetimes:
    data[name] = pd.to_datetime(data[name])
told = {
    "server": json.loads(client.get_version())["server"],
    "predictions": json.loads(client.invoke(data, params=example.get("params")).to_json())["predictions"],
}
for broken in ("missing", "nan"):
    changed = data.drop(columns=data.columns[0]) if broken == "missing" else data.assign(other=np.nan)
    try:
        client.invoke(changed)
    except Exception as error:  # noqa: BLE001 # the client raises no class of its own
        told[broken] = str(error)
sys.stdout.write(json.dumps(told))
