"""The package's own client against the builtin server, through both protocols, over a socket and with a real worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve import ModelClient

FRAME = pd.DataFrame(
    {
        "n": [3, 2],
        "x": [0.5, 1.5],
        "flag": [True, False],
        "s": ["é\0😀", ""],
        "raw": [b"\x00\x01", b""],
        "at": pd.to_datetime(["2024-01-02T03:04:05.000000007", "1700-01-01T00:00:00.000000001"]),
        "tags": [["a", "b"], []],
    }
)


@pytest.mark.parametrize("params", [{}, {"scale": 0.1}])
def test_both_protocols_answer_alike(clients: Mapping[str, ModelClient], params: Mapping[str, Any]) -> None:
    client = clients["columns"]
    one, other = client.predict(FRAME, params=params), client.infer(FRAME, params=params)
    pd.testing.assert_frame_equal(one.to_pandas(), other.to_pandas(), check_exact=True)


def test_tensors_come_back_as_they_went(clients: Mapping[str, ModelClient], dtypes: tuple[str, ...]) -> None:
    sent = {name: np.arange(6).reshape(3, 2).astype(name) for name in dtypes}
    found = clients["tensors"].infer(sent).to_numpy()
    assert isinstance(found, dict)
    for name, array in sent.items():
        np.testing.assert_array_equal(found[name], array)


def test_metadata(clients: Mapping[str, ModelClient], dtypes: tuple[str, ...]) -> None:
    metadata = clients["tensors"].v2_metadata()
    assert [entry.name for entry in metadata.inputs] == list(dtypes)
    assert metadata.inputs == metadata.outputs
