"""Serve an MLflow model the way production will, and hold it to its contract over HTTP.

The one public door: names are imported when they are first used, so that a test run without us pays nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import strategies as strategies
    from .cases import Case, Document, Envelope, Expectation, Level, RawBody, Table, Tensors
    from .client import AsyncModelClient, Invocation, ModelClient
    from .client.grpc_client import GrpcModelClient
    from .domain import ColumnDomain, Domain
    from .environment.restoration import Environment
    from .errors import (
        ClientError,
        DecodeError,
        DomainError,
        EncodeError,
        EnvironmentBroken,
        Failure,
        InstallFailed,
        InterpreterMissing,
        MissingExtra,
        MlmodelError,
        ModelError,
        ModelServeError,
        ModelUriError,
        RequestError,
        RequirementsError,
        ResponseError,
        ServerError,
        ServerExited,
        ServerNotReady,
        SettingError,
        SignatureError,
    )
    from .given import given_input
    from .model.mlmodel import Model, read_model
    from .pipeline import serve, verify
    from .results import Latency
    from .served import ServedModel
    from .settings import Settings
    from .signature import Signature
    from .wire.predictions import Predictions

_HOMES = {
    "AsyncModelClient": "client",
    "Case": "cases",
    "ClientError": "errors",
    "ColumnDomain": "domain",
    "DecodeError": "errors",
    "Document": "cases",
    "Domain": "domain",
    "DomainError": "errors",
    "EncodeError": "errors",
    "Envelope": "cases",
    "Environment": "environment.restoration",
    "EnvironmentBroken": "errors",
    "Expectation": "cases",
    "Failure": "errors",
    "GrpcModelClient": "client.grpc_client",
    "InstallFailed": "errors",
    "InterpreterMissing": "errors",
    "Invocation": "client",
    "Latency": "results",
    "Level": "cases",
    "MissingExtra": "errors",
    "MlmodelError": "errors",
    "Model": "model.mlmodel",
    "ModelClient": "client",
    "ModelError": "errors",
    "ModelServeError": "errors",
    "ModelUriError": "errors",
    "Predictions": "wire.predictions",
    "RawBody": "cases",
    "RequestError": "errors",
    "RequirementsError": "errors",
    "ResponseError": "errors",
    "ServedModel": "served",
    "ServerError": "errors",
    "ServerExited": "errors",
    "ServerNotReady": "errors",
    "SettingError": "errors",
    "Settings": "settings",
    "Signature": "signature",
    "SignatureError": "errors",
    "Table": "cases",
    "Tensors": "cases",
    "given_input": "given",
    "read_model": "model.mlmodel",
    "serve": "pipeline",
    "strategies": "strategies",
    "verify": "pipeline",
}

__all__ = [
    "AsyncModelClient",
    "Case",
    "ClientError",
    "ColumnDomain",
    "DecodeError",
    "Document",
    "Domain",
    "DomainError",
    "EncodeError",
    "Envelope",
    "Environment",
    "EnvironmentBroken",
    "Expectation",
    "Failure",
    "GrpcModelClient",
    "InstallFailed",
    "InterpreterMissing",
    "Invocation",
    "Latency",
    "Level",
    "MissingExtra",
    "MlmodelError",
    "Model",
    "ModelClient",
    "ModelError",
    "ModelServeError",
    "ModelUriError",
    "Predictions",
    "RawBody",
    "RequestError",
    "RequirementsError",
    "ResponseError",
    "ServedModel",
    "ServerError",
    "ServerExited",
    "ServerNotReady",
    "SettingError",
    "Settings",
    "Signature",
    "SignatureError",
    "Table",
    "Tensors",
    "given_input",
    "read_model",
    "serve",
    "strategies",
    "verify",
]


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOMES[name]}")
    value = module if name == "strategies" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
