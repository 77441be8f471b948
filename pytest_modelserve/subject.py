"""A model as far as it is known without running it, and what it takes to serve it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from .domain import Domain
from .environment.pins import versions_of
from .environment.restoration import Environment
from .errors import ServerError
from .model.example import InputExample
from .model.mlmodel import Model
from .server.backends import ServeRequest, ServeSettings, load_backend
from .server.keeping import as_kept
from .server.launch import LaunchSpec
from .settings import Settings
from .wire.payloads import Table

NOTHING_PLANTED: Final[Mapping[str, str]] = MappingProxyType({})
_SEED_DIGITS: Final = 8  # of the model's digest: 32 bits are enough to tell models apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model as far as it is known without running it.

    Attributes:
        model: The model directory, read.
        example: Its input example, or None.
        domain: Which values its columns take.
        settings: How it is served and checked.
        data: Rows of real data that it must take, or None.
        stored: The ids of the cases that earlier runs have stored, as this one began.
    """

    model: Model
    example: InputExample | None
    domain: Domain
    settings: Settings
    data: Table | None = None
    stored: frozenset[str] = frozenset()

    @property
    def seed(self) -> int:
        """Return the seed of every search: the one asked for, else one that only another model changes."""
        return self.settings.seed if self.settings.seed is not None else int(self.model.digest[:_SEED_DIGITS], 16)


def launch_spec(
    subject: Subject, environment: Environment, *, port: int = 0, planted: Mapping[str, str] = NOTHING_PLANTED
) -> LaunchSpec:
    """Return what it takes to serve a model in its environment, on a port of one's own or any free one.

    Args:
        subject: The model.
        environment: In which it runs.
        port: Where the server listens; 0 for any free one.
        planted: Environment variables that the model's process sees in any case.

    Raises:
        ServerError: There is no backend of the name that the settings ask for, or it cannot serve in this environment.
    """
    model, example, settings = subject.model, subject.example, subject.settings
    request = ServeRequest(
        model_dir=model.path,
        model_uri=model.uri,
        model_digest=model.digest,
        python=environment.python,
        environment_prefix=environment.prefix,
        environment_digest=environment.digest,
        installed=versions_of(environment.freeze),
        is_isolated=environment.manager != "local",
        signature=model.signature_mapping,
        is_signature_from_type_hint=model.is_signature_from_type_hint,
        loader=model.pyfunc.fields,
        env_vars=model.env_vars,
        input_example=example.document if example else None,
        probe_body=example.body if example else None,
        environ={**os.environ, **planted},
        settings=_serve_settings(settings, planted),
    )
    backend = load_backend(settings.server)
    if settings.workers and not getattr(backend, "takes_workers", False):
        raise ServerError(
            f"the {backend.name} server predicts in no {settings.workers} processes of their own",
            facts={"model": model.uri},
            fix="Leave --model-workers out, or take a server that has them, such as --model-server=mlserver.",
        )
    lease = environment.lease
    held = (lease.path,) if lease is not None and lease.is_held else ()  # a cache for reading may have no file for it
    launch = backend.launch(request)
    probe = replace(launch.probe, is_repeatable=not settings.stochastic)
    spec = replace(launch, port=port, probe=probe, hold=held)
    return as_kept(spec, settings.keep_idle_s) if settings.keep_server else spec


def _serve_settings(settings: Settings, planted: Iterable[str]) -> ServeSettings:
    usual = ServeSettings()
    return replace(
        usual,
        startup_timeout_s=settings.startup_timeout_s,
        load_timeout_s=settings.startup_timeout_s,
        predict_timeout_s=max(usual.predict_timeout_s, settings.request_timeout_s or 0.0),
        pass_env=(*settings.pass_env, *planted),
        workers=settings.workers,
        v2_name=settings.v2_name,
    )
