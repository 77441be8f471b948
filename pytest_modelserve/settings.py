"""Every setting of a run as one frozen value, made once: marker over command line over environment over ini."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .errors import SettingError, did_you_mean

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
NO_SKIPS: Final[Mapping[str, str]] = MappingProxyType({})
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
NO_CHANNELS: Final[Mapping[str, str]] = MappingProxyType({})
AUTO: Final = "auto"  # in place of a server's name: the contract on ours, whose answers MLflow's must share
TOGETHER: Final = "+"  # between the names of servers that are compared, in ids and reports
V2_NAME: Final = "mlflow-model"  # as MLflow called its models on MLServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How models are served and checked.

    Attributes:
        server: The backend that serves, or by `url` the kind of server that runs there.
        url: Where a server runs that is not started here; empty starts one.
        headers: Sent with every request to `url`.
        token_env: The environment variable that holds a bearer token for `url`; empty is none.
        ca_file: The certificates that count at `url`, in PEM; None takes the usual ones.
        insecure: Whether any certificate counts at `url`.
        rate: How many requests are sent to `url` a second at the most; None is no limit.
        workers: How many processes predict beside the server's own, where the server has such.
        v2_name: The name of the model in the Open Inference Protocol (V2).
        env_manager: What restores the model's environment.
        conda_exe: The program that the env manager conda runs; None looks for one.
        conda_channels: Channel names to the addresses that conda takes in their place.
        python: An interpreter, or a version of one, to use in place of what the model declares; None looks for that.
        build_ahead: Whether the model's environment may be built before a test asks for it.
        reuse_mlflow_envs: Whether an environment that MLflow built is used where it is proven to be the model's.
        checks: Names of checks, or of presets; what is run is their union.
        skip: Checks that the user has opted out of, each with the reason.
        strict: Whether advice fails.
        seed: Of every search; None takes the model's digest, so that a gate does not flip.
        examples: How many random cases a search draws after the edge cases.
        budget_s: How long the checks of one model may take together, in seconds, in each process of the run.
        tolerance: How far two answers to the same rows may differ, relative to their size; None goes by the type.
        concurrency: How many requests the checks of concurrency send at the same time.
        stochastic: Whether the model answers the same request differently on purpose.
        ignored_outputs: Output columns, such as an id or a time, that two equal requests need not share.
        max_p50_s: The longest median latency that passes, in seconds; None is no limit.
        max_p95_s: The same of the 95th percentile.
        max_p99_s: The same of the 99th percentile.
        redact: Whether values are kept out of every report; no case is stored then.
        cases_dir: Where cases that broke the contract are kept for the next run; None stores none.
        kept_dir: Where the cases are that the user has kept as regression cases; None is nowhere.
        domain_file: Declares which values columns take.
        domain: The same, given in place: column name to its keys.
        data_file: Rows of real data that the model must take.
        report_file: Where the JSON report goes.
        cache_dir: Where environments and servers are kept; None is the user's cache directory.
        cache_limit: How many bytes of environments may stay in the cache after a run; None is no limit.
        keep_server: Whether the servers of a run are left to the next one.
        keep_idle_s: How long they wait for it, in seconds.
        memory_bytes: What all servers of a run may hold together; None is half of what is free as it starts.
        pass_env: Names of environment variables that the model's process may see.
        startup_timeout_s: How long a server may take to get ready, in seconds.
        request_timeout_s: How long one prediction may take, in seconds; None is the larger of ten seconds and fifty
            times the median of the input example.
    """

    server: str = "builtin"
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    token_env: str = ""
    ca_file: Path | None = None
    insecure: bool = False
    rate: float | None = None
    workers: int = 0
    v2_name: str = V2_NAME
    env_manager: str = "uv"
    conda_exe: Path | None = None
    conda_channels: Mapping[str, str] = field(default_factory=lambda: NO_CHANNELS, repr=False)
    python: Path | str | None = None
    build_ahead: bool = True
    reuse_mlflow_envs: bool = False
    checks: tuple[str, ...] = ("default",)
    skip: Mapping[str, str] = field(default_factory=lambda: NO_SKIPS)
    strict: bool = False
    seed: int | None = None
    examples: int = 100
    budget_s: float = 300.0
    tolerance: float | None = None
    concurrency: int = 8
    stochastic: bool = False
    ignored_outputs: tuple[str, ...] = ()
    max_p50_s: float | None = None
    max_p95_s: float | None = None
    max_p99_s: float | None = None
    redact: bool = False
    cases_dir: Path | None = None
    kept_dir: Path | None = None
    domain_file: Path | None = None
    domain: Mapping[str, object] = field(default_factory=lambda: NOTHING)
    data_file: Path | None = None
    report_file: Path | None = None
    cache_dir: Path | None = None
    cache_limit: int | None = None
    keep_server: bool = False
    keep_idle_s: float = 3600.0
    memory_bytes: int | None = None
    pass_env: tuple[str, ...] = ()
    startup_timeout_s: float = 120.0
    request_timeout_s: float | None = None

    def with_(self, layer: Mapping[str, object], *, origin: str) -> Settings:
        """Return these settings with those of a stronger layer over them.

        Args:
            layer: Names to values that are already of the right type.
            origin: Where the layer was written, for the error.

        Raises:
            SettingError: A name is not a setting's.
        """
        for name in layer:
            if name not in NAMES:
                raise SettingError(
                    f"{name!r} is no setting of a served model",
                    facts={"given in": origin},
                    fix=did_you_mean(name, NAMES),
                )
        return replace(self, **layer)  # type: ignore[arg-type]  # the right types, as promised


NAMES: Final = tuple(sorted(spec.name for spec in fields(Settings)))
