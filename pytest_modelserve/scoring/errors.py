"""Why a request got no prediction, and the one body in which the server says so."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import orjson

EXCERPT_LENGTH: Final = (
    80  # characters of the client's own data in a message: enough to find it, too few to echo a body
)

_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    tuple: "a list",
    dict: "an object",
}


class DecidedBy(enum.Enum):
    """Which part of the server settled what came of a request; the value of the header `X-Modelserve-Decided-By`."""

    PARSER = "parser"
    SCHEMA = "schema"
    MODEL = "model"
    ENCODER = "encoder"
    SERVER = "server"


class ErrorCode(enum.Enum):
    """The kind of an error, in MLflow's spelling where MLflow has one, and its HTTP status."""

    BAD_REQUEST = ("BAD_REQUEST", 400)
    INVALID_PARAMETER_VALUE = ("INVALID_PARAMETER_VALUE", 400)
    ENDPOINT_NOT_FOUND = ("ENDPOINT_NOT_FOUND", 404)
    METHOD_NOT_ALLOWED = ("METHOD_NOT_ALLOWED", 405)
    REQUEST_TOO_LARGE = ("REQUEST_TOO_LARGE", 413)
    UNSUPPORTED_MEDIA_TYPE = ("UNSUPPORTED_MEDIA_TYPE", 415)
    MODEL_ERROR = ("MODEL_ERROR", 500)
    ENCODING_ERROR = ("ENCODING_ERROR", 500)
    INTERNAL_ERROR = ("INTERNAL_ERROR", 500)
    TEMPORARILY_UNAVAILABLE = ("TEMPORARILY_UNAVAILABLE", 503)
    DEADLINE_EXCEEDED = ("DEADLINE_EXCEEDED", 504)

    @property
    def status(self) -> int:
        """Return the HTTP status of answers with this code."""
        return self.value[1]


class ScoringError(Exception):
    """Report that a request ends without a prediction.

    Attributes:
        code: The kind of error.
        message: One sentence for the client; nothing of the server, at most an excerpt of the client's own data.
        decided_by: The part of the server that settled it.
        details: Where it lies: column, row, param and the like; JSON-ready.
    """

    def __init__(
        self, code: ErrorCode, message: str, *, decided_by: DecidedBy, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.decided_by = decided_by
        self.details: dict[str, object] = dict(details or {})

    def as_body(self, request_id: str | None) -> bytes:
        """Render the one body that every error has."""
        body: dict[str, object] = {"error_code": self.code.value[0], "message": self.message}
        if self.details:
            body["details"] = self.details
        if request_id is not None:
            body["request_id"] = request_id
        return orjson.dumps(body)


class NotParsed(ScoringError):
    """Report a body that is not what its media type or its envelope says."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(ErrorCode.BAD_REQUEST, message, decided_by=DecidedBy.PARSER, details=details)


class NotAllowed(ScoringError):
    """Report data that the signature does not allow."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(ErrorCode.INVALID_PARAMETER_VALUE, message, decided_by=DecidedBy.SCHEMA, details=details)


class NotEncodable(ScoringError):
    """Report an answer of the model that JSON cannot carry."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(ErrorCode.ENCODING_ERROR, message, decided_by=DecidedBy.ENCODER, details=details)


def name_kind(value: object) -> str:
    """Return what a JSON value is, in JSON's words."""
    return _KINDS.get(type(value)) or type(value).__name__


def excerpt(value: object) -> str:
    """Return a value as a client knows it, in at most `EXCERPT_LENGTH` characters; containers by kind only."""
    if isinstance(value, str):
        text = repr(value[:EXCERPT_LENGTH])
    elif isinstance(value, list | tuple | dict):
        text = f"{name_kind(value)} of {len(value)}"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = repr(value)
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= EXCERPT_LENGTH else f"{text[: EXCERPT_LENGTH - 1]}…"
