"""What a request says its body is: the Content-Type and Content-Encoding headers."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from email.message import Message

from .errors import DecidedBy, ErrorCode, ScoringError, excerpt


class Media(enum.Enum):
    """A media type that the server reads."""

    JSON = "application/json"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"


class UnsupportedMedia(ScoringError):
    """Report a body in a form that the server does not read."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.UNSUPPORTED_MEDIA_TYPE, message, decided_by=DecidedBy.PARSER)


def parse_content_type(values: Sequence[str], *, known: Collection[Media] = tuple(Media)) -> Media:
    """Return the media type that a request declares.

    The type, `charset` and its value are compared without case, quotes and spaces (RFC 9110, 8.3.1). Parameters that
    do not change how the body reads are ignored.

    Args:
        values: Every Content-Type header of the request.
        known: What is read where the request goes.

    Raises:
        UnsupportedMedia: It is missing, said twice differently, unknown, or declares another charset than UTF-8.
    """
    value, *others = values or [""]
    if not value.strip():
        raise UnsupportedMedia(f"The request has no Content-Type; the server reads {_told(known)}")
    if any(other != value for other in others):
        raise UnsupportedMedia("The request has several Content-Type headers")
    if value == Media.JSON.value:
        return Media.JSON  # nearly every request; the header parser below costs 30 µs
    header = Message()
    header["Content-Type"] = value.rstrip("; ")
    declared = value.partition(";")[0].strip().lower()
    media = next((media for media in known if media.value == declared), None)
    if media is None:
        raise UnsupportedMedia(f"The server does not read {excerpt(declared)} here; it reads {_told(known)}")
    parameters = dict(header.get_params(failobj=[]))  # with their names in lower case
    charset = parameters.get("charset", "utf-8").strip()
    if charset.lower() != "utf-8":
        raise UnsupportedMedia(f"The server reads UTF-8 only, not charset {excerpt(charset)}")
    if parameters.get("header", "present").lower() != "present":
        raise UnsupportedMedia("The server reads CSV with a header line only")
    return media


def require_no_encoding(values: Sequence[str]) -> None:
    """Pass a request whose body is not compressed.

    Raises:
        UnsupportedMedia: It declares a Content-Encoding.
    """
    encodings = [value for value in values if value.strip().lower() not in {"", "identity"}]
    if encodings:
        raise UnsupportedMedia(f"The server reads bodies as they are, not Content-Encoding {excerpt(encodings[0])}")


def _told(known: Collection[Media]) -> str:
    return ", ".join(media.value for media in known)
