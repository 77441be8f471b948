"""Whether what a server says when it refuses or fails tells of the server, its secrets, or its other clients.

Source: `CONTRACT` section 4, "Leaks nothing". Only errors are searched: a text model may well answer "/etc".
"""

from __future__ import annotations

import itertools
import json
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..cases import Case, RawBody, Table
from ..client import ErrorKind, Invocation, ModelClient
from ..client.raw import RawRequest, send_raw
from ..results import CheckResult, Judges, Outcome
from ..server.deviations import Asked, Seen
from ..strategies.mutations import mutations
from ..strategies.protocol import protocol_cases
from ..wire.envelopes import JSON_TYPE, encode
from .budget import ran_out
from .conclusion import left_out
from .context import CheckContext, PrivateServed
from .evidence import Evidence, as_failure_of, name_of
from .good_request import NO_REQUEST, GoodRequest, good_request_of
from .ordeals import head_of
from .outcome import RequestOutcome
from .rejection import UNSIGNED, evenly
from .samples import any_edges

NAME: Final = "leaks_nothing"
MOST_BREACHES: Final = 5
MOST_MUTATIONS: Final = 25  # spread over all; what a server says of one column it says of the next
MOST_PROTOCOL: Final = 30
MOST_EDGES: Final = 25  # sent in search of one on which the model raises
CONSIDERED: Final = 2000  # among which some are spread; the widest models have many more
MOST_BODY_BYTES: Final = 1 << 20
MOST_LATE: Final = 2  # requests without an answer, each of which costs the whole time
OTHER_EACH: Final = 5  # another caller's request goes before so many of the others
SOON_PART: Final = 0.2  # of the usual longest time, which is fifty times what the model takes
SOON_S: Final = 2.0  # for any answer of a model that is known to hang: no answer tells nothing
SHORTEST_PATH: Final = 5  # `/usr` may stand in an honest message
ANSWER_S: Final = 10.0
PLANTED: Final = "what was planted in"  # how a secret is told, which no server may be excused for
SHOWN: Final = 300  # characters around what was found

_TRACES: Final = (
    re.compile(r"Traceback \(most recent call last\)"),
    re.compile(r"File \\?\"[^\"\n]+\", line \d+"),
)


def leaks_nothing(context: CheckContext, _: str) -> CheckResult:
    """Provoke errors of every kind, with secrets planted before, and search each for what it must not tell."""
    started = time.monotonic()
    good = good_request_of(context)
    if good is None:
        return left_out(NAME, Judges.SERVER, NO_REQUEST)
    served = context.served.private()
    search = _Search(context, served)
    try:
        with served.connect(timeout_s=_timeout_s(context)) as client:
            search.run(client, good)
    finally:
        served.is_worn = True  # also one that was started meanwhile
    failure = as_failure_of(context, NAME, search.found)
    doubt = "" if failure else search.doubt
    return CheckResult(
        name=NAME,
        judges=Judges.SERVER,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if doubt else Outcome.PASSED,
        reason=doubt,
        requests=search.requests,
        accepted=search.requests - search.errors,
        elapsed_s=time.monotonic() - started,
        failure=failure,
    )


def _timeout_s(context: CheckContext) -> float:
    """Return how long an answer is waited for, which is searched for leaks and not judged by its time."""
    if (asked_s := context.settings.request_timeout_s) is not None:
        return asked_s
    timeout_s = context.history.timeout_s or 60.0
    soon_s = max(SOON_S, SOON_PART * timeout_s)  # a slow model answers, too
    return soon_s if context.history.has_lost(RequestOutcome.TIMED_OUT) else timeout_s


class _Search:
    def __init__(self, context: CheckContext, served: PrivateServed) -> None:
        self._context = context
        self._served = served
        self._other = f"canary-{uuid.uuid4().hex}"
        self._secrets = {**served.canaries, "another caller's request": self._other}
        self._paths = secret_paths(context, served)
        self._kinds: set[str] = set()
        self.found: list[Evidence] = []
        self.requests: int = 0
        self.errors: int = 0
        self._is_given_up: bool = False
        self._is_out_of_time: bool = False

    @property
    def doubt(self) -> str:
        """Return why nothing is proven although nothing was found, or nothing."""
        if self._is_given_up:
            return f"{MOST_LATE} requests got no answer in time, so that no more were sent"
        if self._is_out_of_time:
            return ran_out(self._context, "before every kind of error was looked at")
        return "" if self.errors else "nothing that was sent was answered with an error"

    def run(self, client: ModelClient, good: GoodRequest) -> None:
        others = itertools.cycle(_others(self._context, good, self._other))
        now_s, n_late = self._context.history.now_s, 0
        ends_s = now_s() + self._context.left_s
        for at, case in enumerate(_errors(self._context, good)):
            self._is_given_up = n_late >= MOST_LATE
            self._is_out_of_time = now_s() > ends_s
            if len(self.found) >= MOST_BREACHES or self._is_given_up or self._is_out_of_time:
                return
            if at % OTHER_EACH == 0:
                body, headers = next(others)
                self.requests += 1
                n_late += _is_late(client.send(body, headers))
            self.requests += 1
            invocation = client.invoke(case)
            self._judge(case, invocation)
            n_late += _is_late(invocation)
            if (invocation.error is not None or invocation.status == 503) and self._is_lost(client):
                return
        self._judge_broken(good)

    def _is_lost(self, client: ModelClient) -> bool:
        """Start another server where this one is ill, and tell whether that is, too; other checks say why."""
        if client.ping():
            return False
        self._served.restart()
        client.move_to(self._served.server.base_url)
        return not client.ping()

    def _judge(self, case: Case, invocation: Invocation) -> None:
        if invocation.status is None or invocation.status < 400:
            return
        self.errors += 1
        headers = "".join(f"{name}: {value}\n" for name, value in invocation.headers.items())
        what = name_of(self._context, case)
        self._look(headers + "\n" + invocation.body.decode("utf-8", "replace"), what, invocation)

    def _judge_broken(self, good: GoodRequest) -> None:
        """Search what is said of bytes that are no request."""
        for name, data in (
            ("no HTTP but noise", bytes(range(256)) + b"\r\n\r\n"),
            ("Content-Length: abc", head_of(good, length="abc")),
        ):
            self.requests += 1
            reply = send_raw(self._served.server.base_url, RawRequest(chunks=(data,)), timeout_s=ANSWER_S)
            self.errors += reply.status is not None
            self._look(reply.data.decode("utf-8", "replace"), name, None)

    def _look(self, text: str, what: str, invocation: Invocation | None) -> None:
        for kind, place in self._told(text, what):
            if kind in self._kinds:
                continue
            self._kinds.add(kind)
            start, end = max(place - SHOWN // 2, 0), place + SHOWN // 2
            self.found.append(
                Evidence(
                    title=f"an error tells {kind}: {what}",
                    rule=NAME,
                    expected="what is wrong with the request, and nothing of the server, its secrets or other callers",
                    received=kind,
                    quoted=text[start:end],
                    request=what,
                    curl=invocation.as_curl() if invocation else "",
                )
            )

    def _told(self, text: str, what: str) -> Iterator[tuple[str, int]]:
        """Yield what a text tells; without what its stack trace alone tells where the server is known to add that."""
        found = list(leaked(text, self._secrets, self._paths))
        bare = without_stack_trace(text)
        seen = None if bare is None else Seen(kind="stack_trace")
        if not self._context.deviations.explains(Asked(rule=NAME, label=what), seen) or bare is None:
            yield from found
            return
        kinds = {kind for kind, _ in leaked(bare, self._secrets, self._paths)}
        yield from ((kind, place) for kind, place in found if kind in kinds or kind.startswith(PLANTED))


def _is_late(invocation: Invocation) -> bool:
    return invocation.error is not None and invocation.error.kind is ErrorKind.TIMEOUT


def without_stack_trace(text: str) -> str | None:
    """Return the headers and the JSON body of an error without its member `stack_trace`; None where it has none."""
    headers, brace, body = text.partition("{")
    try:
        document = json.loads(brace + body)
    except (ValueError, RecursionError):
        return None
    if not document.pop("stack_trace", None):
        return None
    return headers + json.dumps(document)


def leaked(text: str, secrets: Mapping[str, str], paths: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield what a text tells that it must not, and where.

    Args:
        text: Headers and body of an error.
        secrets: Where each was planted, and its text.
        paths: What each is, and the path.
    """
    for pattern in _TRACES:
        if found := pattern.search(text):
            yield "a stack trace", found.start()
            break
    for planted, secret in secrets.items():
        if (place := text.find(secret)) >= 0:
            yield f"{PLANTED} {planted}", place
    plain = text.replace("\\/", "/")  # as some write a slash in JSON
    for what, path in paths.items():
        if found := re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", plain):
            yield f"{what} ({path})", found.start()


def secret_paths(context: CheckContext, served: PrivateServed) -> dict[str, str]:
    """Return the real paths of a server that no client is to know, each with what it is."""
    told = {
        "the path of the model": context.model.path,
        "the path of its environment": context.environment.prefix,
        "the working directory of the server": served.server.directory,
        "the home directory of the server": Path(os.environ.get("HOME", "")),
        "the path of the scoring server": Path(__file__).parents[2],
    }
    found: dict[str, str] = {}
    for what, path in told.items():
        for form in {str(path), str(path.resolve())} if path.is_absolute() else set():
            if len(form) >= SHORTEST_PATH and form not in found.values():
                found[what if what not in found else f"{what}, resolved,"] = form
    return found


def _others(context: CheckContext, good: GoodRequest, secret: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Yield requests of another caller, good ones and bad ones, with a secret in body and headers."""
    headers = {"X-Caller": secret, "Authorization": f"Bearer {secret}"}
    content = {} if good.content_type is None else {"Content-Type": good.content_type}
    yield _with_note(good.body, secret), {**headers, **content}
    yield f'{{"{secret}": "{secret}"}}'.encode(), {**headers, "Content-Type": JSON_TYPE}
    yield f"{secret} is no JSON".encode(), {**headers, "Content-Type": JSON_TYPE}
    case = good.case
    if isinstance(case.payload, Table):
        rows = tuple(tuple(secret if isinstance(cell, str) else cell for cell in row) for row in case.payload.rows)
        table = replace(case.payload, rows=rows)
        body, content_type = encode(table, case.envelope, case.params, signature=context.model.signature)
        yield body, {**headers, **({} if content_type is None else {"Content-Type": content_type})}


def _with_note(body: bytes, secret: str) -> bytes:
    """Return a good body with a secret under a key that is nobody's, which servers may take or refuse."""
    return b'{"modelserve_note": "%s", ' % secret.encode() + body[1:] if body[:1] == b"{" else body


def _errors(context: CheckContext, good: GoodRequest) -> Iterator[Case]:
    """Yield requests that lead to errors: of the routes, the parser, the schema, and the model."""
    signature = context.model.signature or UNSIGNED
    for method, path in (
        ("GET", "/nowhere"),
        ("GET", "/invocations"),
        ("PUT", "/invocations"),
        ("POST", "/ping"),
        ("GET", "/../../etc/passwd"),
        ("GET", "/%00"),
        ("GET", "/invocations/" + "a" * 5000),
    ):
        payload = RawBody(body=b"", method=method, path=path, content_type=None)
        yield Case(payload=payload, rule="route", label=f"{method} {path[:40]}")
    for name, body, kind in (
        ("not JSON", b"not json", JSON_TYPE),
        ("an unknown media type", b"a,b", "application/x-unknown"),
        ("CSV that is none", b'"', "text/csv"),
        ("no Content-Type", good.body, None),
        ("not UTF-8", b'{"inputs": "\xff"}', JSON_TYPE),
        ("Parquet that is none", b"PAR1", "application/vnd.apache.parquet"),
    ):
        yield Case(payload=RawBody(body=body, content_type=kind), rule="malformed", label=name)
    broken = [case for case in protocol_cases(signature, good.case) if _is_short(case)]
    yield from evenly(broken, MOST_PROTOCOL)
    if signature.inputs is not None:
        yield from evenly([*itertools.islice(mutations(signature, good.case), CONSIDERED)], MOST_MUTATIONS)
        yield from any_edges(context, MOST_EDGES)


def _is_short(case: Case) -> bool:
    return not isinstance(case.payload, RawBody) or len(case.payload.body) <= MOST_BODY_BYTES
