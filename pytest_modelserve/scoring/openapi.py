"""The OpenAPI document of one model's server: requests and answers typed by the signature, with the model's example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..signature.json_schema import request_schema, response_schema
from ..signature.serialize import as_mlmodel
from ..signature.specs import Signature
from .body import REQUEST_ID_HEADER, REQUEST_ID_PATTERN
from .csv_text import require_flat
from .errors import DecidedBy, ErrorCode, NotAllowed
from .media import Media
from .settings import ServeSettings

_ERRORS: Final[Mapping[int, str]] = {
    400: "The body is not what it says it is, or the signature does not allow it.",
    413: "The body is longer than the server reads.",
    415: "The server does not read this media type, charset or encoding.",
    500: "The model raised, or returned what JSON cannot carry.",
    503: "The model's process ended, or is not ready.",
    504: "The prediction took too long.",
}
_NAMED_FORMS: Final = {
    Media.CSV: "A header line and rows; params take their defaults.",
    Media.PARQUET: "Needs the extra [parquet] on the server; params take their defaults.",
}


def build_openapi(settings: ServeSettings, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document.

    Args:
        settings: What is served.
        version: Of this server.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Model {settings.model_uri}",
            "version": version,
            "description": f"MLflow's scoring protocol. Model digest: `{settings.mlmodel_digest}`.",
            "x-mlflow-model": _model(
                settings
            ),  # what no JSON Schema says: types, names and defaults as MLflow has them
        },
        "paths": {
            "/invocations": {"post": _invocations(settings)},
            "/ping": {"get": _status("ping")},
            "/health": {"get": _status("health")},
            "/version": {"get": _version()},
        },
        "components": {"schemas": {"Error": _error_schema()}},
    }


def _model(settings: ServeSettings) -> dict[str, Any]:
    signature = settings.signature
    return {
        "digest": settings.mlmodel_digest,
        "signature": None if signature is None else as_mlmodel(signature),
        "is_signature_from_type_hint": signature is not None and signature.is_from_type_hint,
    }


def _invocations(settings: ServeSettings) -> dict[str, Any]:
    signature = settings.signature or Signature()
    request: dict[str, Any] = {"schema": request_schema(signature, admit_either=True, as_served=True)}
    if settings.input_example is not None:
        request["example"] = settings.input_example
    content = {Media.JSON.value: request}
    for media in _other_forms(signature):
        content[media.value] = {"schema": {"type": "string", "description": _NAMED_FORMS[media]}}
    return {
        "operationId": "invocations",
        "summary": "Predict",
        "parameters": [
            {
                "name": REQUEST_ID_HEADER,
                "in": "header",
                "required": False,
                "description": "Comes back with the answer, and stands in the server's log.",
                "schema": {"type": "string", "maxLength": 128, "pattern": f"^{REQUEST_ID_PATTERN}$"},
            }
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {
                "description": "What the model returned.",
                "content": {Media.JSON.value: {"schema": response_schema(signature)}},
            },
            **{str(status): _error(description) for status, description in _ERRORS.items()},
        },
    }


def _other_forms(signature: Signature) -> list[Media]:
    """Return the media types besides JSON in which the model's data can come."""
    if signature.is_from_type_hint:
        return []
    try:
        require_flat(signature.inputs)
    except NotAllowed:
        return [Media.PARQUET]
    return [Media.CSV, Media.PARQUET]


def _status(name: str) -> dict[str, Any]:
    status = {"type": "object", "properties": {"status": {"const": "ready"}}, "required": ["status"]}
    return {
        "operationId": name,
        "summary": "Tell whether the model can predict",
        "responses": {
            "200": {"description": "It can.", "content": {Media.JSON.value: {"schema": status}}},
            "503": _error(_ERRORS[503]),
        },
    }


def _version() -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in ("server", "version", "model_digest")}
    worker = {"type": ["object", "null"], "description": "The model's Python and packages, once it is loaded."}
    schema = {"type": "object", "properties": {**properties, "worker": worker}, "required": [*properties, "worker"]}
    return {
        "operationId": "version",
        "summary": "Tell the versions of server and model",
        "responses": {"200": {"description": "Versions.", "content": {Media.JSON.value: {"schema": schema}}}},
    }


def _error(description: str) -> dict[str, Any]:
    header = {
        "schema": {"enum": [part.value for part in DecidedBy]},
        "description": "Which part of the server decided.",
    }
    return {
        "description": description,
        "headers": {"X-Modelserve-Decided-By": header},
        "content": {Media.JSON.value: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _error_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "error_code": {"enum": [code.value[0] for code in ErrorCode]},
            "message": {"type": "string"},
            "details": {"type": "object", "description": "Where it lies: column, row, path, param, tensor."},
            "request_id": {"type": "string"},
        },
        "required": ["error_code", "message"],
        "additionalProperties": False,
    }
