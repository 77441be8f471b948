"""What it takes to start a server, as plain data that any process can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

VERSION_PATH: Final = "/version"  # of MLflow's protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The requests that tell whether a server is ready.

    Ready means: GET `health_path` answers 200 and, where there is a `body`, a POST of it to `predict_path` is
    answered at all, by a prediction or by an error that the model raised.

    Attributes:
        health_path: Answers 200 once the model is loaded.
        predict_path: Takes a prediction request.
        body: The exact bytes of one real request (the serving input example), or None where the model has none.
        content_type: The media type of `body`.
        timeout_s: How long the one prediction may take.
        asks_early: Whether the prediction is asked for, too, while the server says that it is not ready.
        given_up: Statuses to GET `health_path` that say that it will never be ready, as where it has no model.
        is_repeatable: Whether a second answer to `body` must equal the first.
    """

    health_path: str = "/ping"
    predict_path: str = "/invocations"
    body: bytes | None = None
    content_type: str = "application/json"
    timeout_s: float = 60.0
    asks_early: bool = False
    given_up: frozenset[int] = frozenset()
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """One server, not yet started.

    Attributes:
        name: A file name safe identity, equal for all who may share the server: backend and a digest of model,
            environment and settings.
        backend: The backend's name, for messages.
        model_uri: For messages.
        command: The program and its arguments; `{fd}` and `{port}` in an argument stand for the listening socket's
            file descriptor and port.
        env: The complete environment of the process; nothing else is inherited.
        files: Relative name to content: written into the server's private directory, the working directory of the
            process, before it starts.
        probe: How readiness is told.
        port: Where it listens on 127.0.0.1; 0 for any free one.
        url: Where a server runs that somebody else has started; nothing is started then. Empty for all others.
        startup_timeout_s: How long the server may take to get ready.
        stop_timeout_s: How long it may take to stop on SIGTERM before it is killed.
        links: Relative name to the file or folder that a symbolic link of that name leads to; made like `files`.
        version: Of the program that serves, for reports; empty where it is of no interest.
        version_path: Where one that somebody else has started tells its version, as text or in an object.
        has_spy: Whether what reached the model, and what it returned or raised, is recorded in `calls.jsonl` of the
            private directory, which files it opened in `loads.jsonl`, and which modules it imported in
            `modules.jsonl`.
        is_ours: Whether the server is of this package, so that what it does wrong is ours to mend.
        exit_codes: What an exit code says of a server that ended before it was ready, as the start of a sentence that
            the last exception of the log completes.
        forget: Files elsewhere that are removed when the server is gone, however it went.
        hold: Lease files of what the server needs, in which it takes a share of its own for as long as it lives.
        keep_s: How long a shared one outlives its last user, in seconds; 0 is not at all.
    """

    name: str
    backend: str
    model_uri: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, Path] = field(default_factory=dict)
    probe: Probe = field(default_factory=Probe)
    port: int = 0
    url: str = ""
    startup_timeout_s: float = 120.0
    stop_timeout_s: float = 10.0
    version: str = ""
    version_path: str = VERSION_PATH
    has_spy: bool = False
    is_ours: bool = False
    exit_codes: Mapping[int, str] = field(default_factory=dict)
    forget: tuple[Path, ...] = ()
    hold: tuple[Path, ...] = ()
    keep_s: float = 0.0
