"""Everything that can go wrong outside a model's contract, in one tree and one message form.

    ModelServeError            the tool, an environment or a server is broken (pytest: error)
    ├── ModelError             the model directory cannot be read
    │   ├── ModelUriError      no model directory at that URI
    │   ├── MlmodelError       the MLmodel file, or a file that it names, is broken
    │   └── SignatureError     the signature is not one that MLflow could have written
    ├── DomainError            a declared column domain is contradictory or unreadable
    ├── EnvironmentBroken      the model's environment could not be restored
    │   ├── InterpreterMissing no Python of the declared version on this machine
    │   ├── RequirementsError  the recorded requirements cannot be read or resolved
    │   └── InstallFailed      the installer stopped for another reason (disk, network, build)
    ├── ServerError            the scoring server is broken
    │   ├── ServerExited       it ended before it was ready, or later
    │   └── ServerNotReady     it runs but did not get ready in time
    ├── ClientError            a request could not be made or its answer not be understood
    │   ├── RequestError       no answer: connection, timeout
    │   ├── ResponseError      an answer with an error status
    │   ├── EncodeError        a payload that its envelope cannot carry
    │   └── DecodeError        an answer that is not what the protocol says
    ├── MissingExtra           an optional dependency is not installed
    └── SettingError           a setting does not exist or has an impossible value

    Failure(AssertionError)    the model broke its contract (pytest: failed)

The first line of a message stands alone; facts follow, each with its value; the last line is what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

_FACT_WIDTH: Final = 10  # the names of facts are padded to this, so that their values stand in one column


class ModelServeError(Exception):
    """Report that the tool, an environment or a server is broken.

    Attributes:
        happened: One sentence that stands alone; pytest's short summary shows only this.
        facts: Name to live value, in the order shown; a value may have several lines.
        fix: The next action, exact; empty where there is none.
    """

    def __init__(self, happened: str, *, facts: Mapping[str, object] | None = None, fix: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.facts: dict[str, object] = dict(facts or {})
        self.fix = fix

    def __str__(self) -> str:
        return as_message(f"{type(self).__name__}: {self.happened}", self.facts, self.fix)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.happened, self.facts, self.fix)


class ModelError(ModelServeError):
    """Report a model directory that cannot be read."""


class ModelUriError(ModelError):
    """Report a URI at which there is no model directory."""


class MlmodelError(ModelError):
    """Report a broken MLmodel file, or a broken file that it names."""


class SignatureError(ModelError):
    """Report a signature that MLflow could not have written."""


class DomainError(ModelServeError):
    """Report a declared column domain that is contradictory or unreadable."""


class EnvironmentBroken(ModelServeError):
    """Report that the model's environment could not be restored."""


class InterpreterMissing(EnvironmentBroken):
    """Report that no Python of the declared version was found."""


class RequirementsError(EnvironmentBroken):
    """Report recorded requirements that cannot be read or resolved."""


class InstallFailed(EnvironmentBroken):
    """Report an installer that stopped for a reason other than the requirements."""


class ServerError(ModelServeError):
    """Report that the scoring server is broken."""


class ServerExited(ServerError):
    """Report a server that ended by itself."""


class ServerNotReady(ServerError):
    """Report a server that runs but did not get ready in time."""


class ClientError(ModelServeError):
    """Report a request that could not be made, or an answer that could not be understood."""


class RequestError(ClientError):
    """Report that no answer came: the connection failed or the time ran out."""


class ResponseError(ClientError):
    """Report an answer with an error status.

    Attributes:
        status: The HTTP status code.
        body: The answer's body, undecoded.
        curl: A command line that repeats the request.
    """

    def __init__(
        self,
        happened: str,
        *,
        facts: Mapping[str, object] | None = None,
        fix: str = "",
        status: int = 0,
        body: bytes = b"",
        curl: str = "",
    ) -> None:
        super().__init__(happened, facts=facts, fix=fix)
        self.status = status
        self.body = body
        self.curl = curl

    def __reduce__(self) -> tuple[object, ...]:
        rebuild, fields = super().__reduce__()
        return rebuild, fields, {"status": self.status, "body": self.body, "curl": self.curl}


class EncodeError(ClientError):
    """Report a payload that the envelope asked for cannot carry."""


class DecodeError(ClientError):
    """Report an answer that is not what the protocol or the output schema says."""


class MissingExtra(ModelServeError):
    """Report an optional dependency that is not installed.

    Args:
        extra: The name of the extra, as in `pytest-modelserve[extra]`.
        purpose: What needs it, as the subject of a sentence.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra [{extra}]",
            fix=f"Run: python -m pip install 'pytest-modelserve[{extra}]'",
        )
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.extra, self.purpose)


class SettingError(ModelServeError):
    """Report a setting that does not exist or has an impossible value."""


class Failure(AssertionError):
    """Report that a model broke its contract; the text is complete as it stands."""


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Return the sentence that leads from a mistyped name to one of a closed set."""
    names = [str(one) for one in known]
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(names)}."


def as_message(headline: str, facts: Mapping[str, object], fix: str) -> str:
    """Render a headline, aligned facts and a next action as one message.

    A fact of several lines is indented under its name.
    """
    blocks = [headline]
    lines = [line for name, value in facts.items() for line in _fact_lines(name, str(value))]
    if lines:
        blocks.append("\n".join(lines))
    if fix:
        blocks.append(fix)
    return "\n\n".join(blocks)


def _fact_lines(name: str, text: str) -> list[str]:
    head, *rest = text.splitlines() or [""]
    indent = " " * (2 + _FACT_WIDTH)
    return [f"  {name:<{_FACT_WIDTH - 1}} {head}".rstrip(), *(f"{indent}{line}".rstrip() for line in rest)]


def _restored(kind: type[ModelServeError], happened: str, facts: Mapping[str, object], fix: str) -> ModelServeError:
    return kind(happened, facts=facts, fix=fix)
