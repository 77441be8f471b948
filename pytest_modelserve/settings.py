"""Every setting of a run as one frozen value, made once: marker over command line over environment over ini."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from .errors import SettingError, did_you_mean

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
NO_SKIPS: Final[Mapping[str, str]] = MappingProxyType({})
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
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
        python: An interpreter, or a version of one, to use in place of what the model declares; None looks for that.
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
    python: Path | str | None = None
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


OF_THE_REQUEST: Final = frozenset({"content-type", "content-length", "host", "accept-encoding", "transfer-encoding"})
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def parse_text(text: str) -> str:
    """Return a text as it is.

    Raises:
        ValueError: It is empty.
    """
    if not text.strip():
        raise ValueError("it is empty")
    return text


def parse_names(text: str) -> tuple[str, ...]:
    """Return the words of a text, which stand on lines of their own or are separated by commas."""
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


def parse_count(text: str) -> int:
    """Return the whole number from 0 that a text names.

    Raises:
        ValueError: The text names none.
    """
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is no count: write a whole number from 0")
    return int(text)


def parse_number(text: str) -> int:
    """Return the whole number from 1 that a text names.

    Raises:
        ValueError: The text names none.
    """
    if not text.strip().isdecimal() or int(text) == 0:
        raise ValueError(f"{text!r} is no number of requests: write a whole number from 1")
    return int(text)


def parse_path(text: str) -> Path:
    """Return the path that a text names, `~` being the home directory.

    Raises:
        ValueError: The text is empty, or names the home directory of nobody.
    """
    try:
        return Path(parse_text(text)).expanduser()
    except RuntimeError as error:  # ~name of a user that is none
        raise ValueError(str(error)) from error


def parse_python(text: str) -> Path | str:
    """Return the version that a text such as `3.10`, `3.10.13` or `python3.10` names, or else the path.

    Raises:
        ValueError: The text is empty.
    """
    version = re.fullmatch(r"(?:python)?(\d+\.\d+(?:\.\d+)?)", text.strip())
    return version[1] if version else parse_path(text)


def parse_size(text: str) -> int | None:
    """Return the bytes that a text such as `20GB` or `800 MB` names, None for `off`.

    Raises:
        ValueError: The text names no size.
    """
    word = text.strip().lower()
    if word == "off":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])b?|b)?", word)
    if match is None:
        raise ValueError(f"{text!r} is no size: write 20GB, 800MB or off")
    return int(float(match[1]) * 1000 ** " kmgt".index(match[2] or " "))


def parse_seconds(text: str) -> float:
    """Return the seconds that a text such as `60`, `90s`, `500ms` or `2m` names.

    Raises:
        ValueError: The text names no positive duration.
    """
    word = text.strip().lower()
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = word[len(number) :]
    try:
        seconds = float(number) * _UNITS_S[unit]
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is no duration: write 60, 90s, 500ms or 2m") from None
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is no positive duration")
    return seconds


def parse_skips(text: str) -> Mapping[str, str]:
    """Return the checks that a text such as `batch_invariant=rows are one series` names, with their reasons.

    Several stand on lines of their own, or are separated by semicolons.

    Raises:
        ValueError: A name stands without a reason.
    """
    skips: dict[str, str] = {}
    for part in text.replace("\n", ";").split(";"):
        name, _, reason = (word.strip() for word in part.partition("="))
        if name and not reason:
            raise ValueError(f"{name!r} has no reason: write {name}=why it does not apply")
        if name:
            skips[name] = reason
    return MappingProxyType(skips)


def parse_url(text: str) -> str:
    """Return the address of a server: scheme, host and, where there is one, a path prefix.

    Raises:
        ValueError: The text names none.
    """
    try:
        parts = urlsplit(text.strip())
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        is_address = False
    if not is_address or parts.query or parts.fragment or not text.strip().isprintable():
        raise ValueError("it is no address of a server: write http://host:5000, or https://host/prefix")
    return text.strip()


def parse_v2_name(text: str) -> str:
    """Return the name of a model that a path of the Open Inference Protocol (V2) can hold.

    Raises:
        ValueError: Its paths would be those of something else: no server takes a slash for a part of the name, and
            clients leave out `.` and `..`.
    """
    name = parse_text(text)
    if "/" in name or name in {".", ".."}:
        raise ValueError(f"no path of /v2/models/NAME can hold {name!r}: write a name without a slash")
    if not name.isprintable():
        raise ValueError("it has characters that nobody can read")
    return name


def parse_headers(text: str) -> Mapping[str, str]:
    """Return the headers that a text such as `X-Tenant: north` gives, several on lines of their own.

    Raises:
        ValueError: A line is no header.
    """
    headers: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not value.strip().isprintable():
            raise ValueError("a header is no header: write 'Name: value'")  # which may hold a secret: it is not shown
        if name.strip().lower() in OF_THE_REQUEST:
            raise ValueError(f"{name.strip()} is what each request says of itself")
        headers[name.strip()] = value.strip()
    return MappingProxyType(headers)


def parse_positive(text: str) -> float:
    """Return the number that a text such as `1e-6` names.

    Raises:
        ValueError: The text names no positive number.
    """
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not 0 < number < float("inf"):
        raise ValueError(f"{text!r} is no positive number")
    return number


def parse_switch(text: str) -> bool:
    """Return whether a text such as `true` or `off` switches on.

    Raises:
        ValueError: The text is no switch.
    """
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{text!r} is no switch: write true or false")
