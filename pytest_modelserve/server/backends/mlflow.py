"""MLflow's own scoring server, of the very version that the model's environment has: what MLflow's containers run.

It serves a directory that stands for the model and lets the spy watch it. Which program MLflow starts was read in its
releases: gunicorn with a Flask application up to 2.20, uvicorn with a FastAPI one from 2.21 on. Neither is started by
`mlflow models serve`, whose own import of mlflow doubles the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.version import Version

from ...errors import ServerError
from ..launch import LaunchSpec, Probe
from ..readiness import HOST
from ..spied_model import APP, WSGI_APP, lay_out_for_server
from .base import ServeRequest, launch_name
from .environ import build_worker_env

_PACKAGES: Final = ("mlflow", "mlflow-skinny")  # the second is the first without the tracking server's needs
_PROTOCOL_2: Final = (2, 0)  # the first release that takes dataframe_split and answers {"predictions": …}
_FASTAPI: Final = (2, 21)  # the first release with scoring_server/app.py in place of wsgi.py
_ROUTES: Final = (3, 11)  # the first release that does not name its routes by what starlette 1 dropped
_STARLETTE: Final = (1, 0)
_PROBE_MARGIN_S: Final = 5.0  # so that the server, which knows more, is the one to say that a prediction hangs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """How one era of MLflow serves.

    Attributes:
        needs: The packages that it takes beside mlflow; mlflow-skinny brings only those of the second era.
        load_failed: What it exits with where the model cannot be loaded.
    """

    needs: tuple[str, ...]
    load_failed: int


_GUNICORN: Final = _Program(needs=("flask", "gunicorn"), load_failed=3)
_UVICORN: Final = _Program(needs=("fastapi", "uvicorn"), load_failed=1)


class MlflowBackend:
    """Serve with the scoring server of the mlflow in the model's own environment."""

    name = "mlflow"

    def launch(self, request: ServeRequest) -> LaunchSpec:
        """Return what it takes to serve the model; nothing is started or written.

        Raises:
            ServerError: The environment has no mlflow, one of before 2.0, or not what its server needs.
            MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
        """
        version = _mlflow_version(request)
        program = _UVICORN if version.release >= _FASTAPI else _GUNICORN
        _require(request, version, program.needs)
        if program is _UVICORN:
            _require_routes(request, version)
        layout = lay_out_for_server(request.model_dir)
        command = _command(request, program, layout.folder)
        settings, env = request.settings, _env(request)
        about = (request.model_digest, request.environment_digest, request.probe_body, settings)
        return LaunchSpec(
            name=launch_name(self.name, command, env, layout.files, layout.links, about),
            backend=self.name,
            model_uri=request.model_uri,
            command=command,
            env=env,
            files=layout.files,
            links=layout.links,
            probe=Probe(body=request.probe_body, timeout_s=settings.predict_timeout_s + _PROBE_MARGIN_S),
            startup_timeout_s=settings.startup_timeout_s,
            stop_timeout_s=settings.stop_timeout_s,
            version=str(version),
            has_spy=True,
            exit_codes={program.load_failed: "MLflow's server could not load the model"},
        )


def _mlflow_version(request: ServeRequest) -> Version:
    installed = request.installed
    found = next((installed[name] for name in _PACKAGES if name in installed), None)
    if found is None:
        raise ServerError(
            "the model's environment has no mlflow, whose server is asked for",
            facts={"model": request.model_uri, "environment": request.environment_prefix},
            fix="Add `mlflow` to the model's requirements and log it again, or serve it with --model-server=builtin.",
        )
    version = Version(found)
    if version.release < _PROTOCOL_2:
        raise ServerError(
            f"the server of MLflow {found} speaks the protocol of MLflow 1, which has no `dataframe_split`",
            facts={"model": request.model_uri, "environment": request.environment_prefix},
            fix="Log the model again with MLflow 2.0 or newer, or serve it with --model-server=builtin.",
        )
    return version


def _require(request: ServeRequest, version: Version, needs: tuple[str, ...]) -> None:
    missing = [name for name in needs if name not in request.installed]
    if missing:
        raise ServerError(
            f"the server of MLflow {version} needs {' and '.join(missing)}, which the model's environment has not",
            facts={"model": request.model_uri, "environment": request.environment_prefix},
            fix=f"Add {' and '.join(f'`{name}`' for name in missing)} to the model's requirements and log it again, "
            "or serve it with --model-server=builtin.",
        )


def _require_routes(request: ServeRequest, version: Version) -> None:
    """Make sure that a version before 3.11 has the starlette that it was made for, which its requirements do not say.

    Raises:
        ServerError: It has a later one, with which its server ends at once, in production, too.
    """
    starlette = Version(request.installed.get("starlette", "0"))
    if version.release >= _ROUTES or starlette.release < _STARLETTE:
        return
    raise ServerError(
        f"the server of MLflow {version} cannot run with starlette {starlette}, although its requirements let it in",
        facts={"model": request.model_uri, "environment": request.environment_prefix},
        fix="Add `starlette<1` to the model's requirements and log it again, since it cannot be served by MLflow "
        "anywhere, or serve it with --model-server=builtin.",
    )


def _command(request: ServeRequest, program: _Program, folder: str) -> tuple[str, ...]:
    """Return what MLflow starts, with one worker.

    The port is given by number: uvicorn takes an inherited socket for one of the file system, so that its answers wait
    for the client's acknowledgements, 40 ms each.
    """
    python = (str(request.python), *(("-I",) if request.is_isolated else ()))
    if program is _UVICORN:
        where = ("--app-dir", folder, "--host", HOST, "--port", "{port}")
        return (*python, "-m", "uvicorn", APP, *where, "--workers", "1", "--no-access-log")
    place = ("--pythonpath", folder, "-b", f"{HOST}:{{port}}")
    return (*python, "-m", "gunicorn", f"--timeout={_timeout_s(request)}", *place, "-w", "1", "--", WSGI_APP)


def _env(request: ServeRequest) -> Mapping[str, str]:
    granted = build_worker_env(
        request.environ, request.environment_prefix, names=request.env_vars, patterns=request.settings.pass_env
    )
    own = {
        "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": str(_timeout_s(request)),
        "MLFLOW_DISABLE_TELEMETRY": "true",  # a test run is no use of MLflow that anybody counts
        "PYTHONUNBUFFERED": "1",  # the log is the evidence when the server dies
        "PYTHONFAULTHANDLER": "1",
    }
    return {**own, **granted}


def _timeout_s(request: ServeRequest) -> int:
    return math.ceil(request.settings.predict_timeout_s)
