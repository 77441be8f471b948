"""The client over gRPC without its extra; with it, it is held against a server in tests/live/protocol."""

from __future__ import annotations

import sys

import pytest

from pytest_modelserve import GrpcModelClient, MissingExtra


@pytest.mark.parametrize("missing", ["grpc", "tritonclient"])
def test_a_missing_extra_is_named_with_the_command(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra) as caught:
        GrpcModelClient("127.0.0.1:1")
    assert caught.value.extra == "grpc"
    assert caught.value.fix == "Run: python -m pip install 'pytest-modelserve[grpc]'"
