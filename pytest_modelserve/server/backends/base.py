"""The seam between a model and the programs that can serve it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from ..launch import LaunchSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """How a model is served; part of what two who share a server must agree on.

    Attributes:
        predict_timeout_s: After this the server answers 504.
        load_timeout_s: How long the model may take to load.
        startup_timeout_s: How long the server may take to get ready, loading included.
        stop_timeout_s: How long it may take to stop before it is killed.
        max_body_bytes: A longer request is answered 413.
        predict_threads: How many predictions may run at once.
        workers: How many processes predict beside the server's own; 0 predicts in that one. Only for backends that say
            that they can.
        pass_env: Names of environment variables that the model may see besides those that every model sees; a `*` at
            the end stands for any rest.
        v2_name: The name of the model in the Open Inference Protocol (V2).
    """

    predict_timeout_s: float = 60.0
    load_timeout_s: float = 120.0
    startup_timeout_s: float = 150.0
    stop_timeout_s: float = 10.0
    max_body_bytes: int = 64 * 1024 * 1024
    predict_threads: int = 8
    workers: int = 0
    pass_env: tuple[str, ...] = ()
    v2_name: str = "mlflow-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """One model in one environment, to be served, as plain data.

    Attributes:
        model_dir: The local model directory.
        model_uri: As the user gave it.
        model_digest: Of all content of the model directory.
        python: The interpreter of the model's environment.
        environment_prefix: The root of that environment, on top of `bin`.
        environment_digest: Of what the environment was built from.
        installed: Name to version of what is installed in that environment, names in their normal form.
        is_isolated: Whether the interpreter keeps user site and its own variables out; not so for env manager `local`.
        signature: `inputs`, `outputs` and `params` as the JSON strings of MLmodel, None where there is none.
        is_signature_from_type_hint: As MLmodel says.
        loader: The python_function flavor of MLmodel.
        env_vars: Names that MLmodel lists under `env_vars`.
        input_example: The serving input example document, None without one.
        probe_body: The bytes of one real prediction request, None without an input example.
        environ: Where the values of environment variables are taken from.
        settings: How to serve.
    """

    model_dir: Path
    model_uri: str
    model_digest: str
    python: Path
    environment_prefix: Path
    environment_digest: str
    installed: Mapping[str, str] = field(default_factory=dict)
    is_isolated: bool = True
    signature: Mapping[str, str | None]
    is_signature_from_type_hint: bool = False
    loader: Mapping[str, object]
    env_vars: tuple[str, ...] = ()
    input_example: object = None
    probe_body: bytes | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    settings: ServeSettings = field(default_factory=ServeSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a program needs in the model's environment, which then is another one than the model's own.

    Attributes:
        requirements: Lines as pip takes them, which are installed together with the model's.
        python: The versions of Python on which it runs, as pip writes ranges; empty for any.
    """

    requirements: tuple[str, ...] = ()
    python: str = ""


_NAME_DIGITS: Final = 16  # 64 bits: no two servers of one machine collide


def launch_name(backend: str, *decides: object) -> str:
    """Return the name of a server, the same for all who start the same.

    Args:
        backend: The program.
        decides: All by which two servers of it differ.
    """
    return f"{backend}-{hashlib.sha256(repr(decides).encode()).hexdigest()[:_NAME_DIGITS]}"


NO_NEEDS: Final = Needs()


class Backend(Protocol):
    """A program that can serve a model.

    One that needs packages in the model's environment has an attribute `needs`, of type `Needs`; one that predicts in
    processes of their own where `ServeSettings.workers` asks for them has an attribute `takes_workers` that is true.

    Attributes:
        name: As `--model-server` takes it.
    """

    name: str

    def launch(self, request: ServeRequest, /) -> LaunchSpec:
        """Return what it takes to serve the model; nothing is started or written."""
