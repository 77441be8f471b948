"""Responses as every route of the scoring server gives them: JSON, with headers that tell what no body does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from .body import REQUEST_ID_HEADER
from .errors import DecidedBy
from .media import Media

DECIDED_BY_HEADER: Final = "X-Modelserve-Decided-By"
IGNORED_HEADER: Final = "X-Modelserve-Ignored"
LOSSY_HEADER: Final = "X-Modelserve-Lossy"
_IGNORED_SHOWN: Final = 10  # names in the header


def json_response(
    body: bytes,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    request_id: str = "",
    media_type: str = Media.JSON.value,
) -> Response:
    """Return a response with a body of JSON, and the caller's id where there is one."""
    found = dict(headers or {})
    if request_id:
        found[REQUEST_ID_HEADER] = request_id
    return Response(body, status_code=status, headers=found, media_type=media_type)


def prediction_headers(ignored: Sequence[str], lost: Sequence[str]) -> dict[str, str]:
    """Return the headers of a prediction.

    Args:
        ignored: Names in the request that mean nothing to the model.
        lost: What became null for want of a word in JSON.
    """
    headers = {DECIDED_BY_HEADER: DecidedBy.MODEL.value}
    if ignored:
        headers[IGNORED_HEADER] = json.dumps([name[:40] for name in ignored[:_IGNORED_SHOWN]])
    if lost:
        headers[LOSSY_HEADER] = ", ".join(lost)
    return headers
