"""MLServer with its MLflow runtime: what Seldon Core and KServe run, and what MLflow itself started up to 3.12.

Its last release is of June 2025, and nobody maintains it. Which packages let it run beside today's was tried: `uvloop`
0.22 ends its parallel workers (https://github.com/SeldonIO/MLServer/issues/2286), and with pandas 3 no column of text
can be answered. It serves a directory that stands for the model and lets the spy watch it, as MLflow's server does
here. It is told all by environment variables, and none that is there for another server of the user's reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from ...errors import ServerError
from ..launch import LaunchSpec, Probe
from ..readiness import HOST
from ..spied_model import LOADER, lay_out_for_server
from .base import Needs, ServeRequest, launch_name
from .environ import build_worker_env

_NEEDS: Final = Needs(
    requirements=("mlserver==1.7.1", "mlserver-mlflow==1.7.1", "uvloop<0.22", "pandas<3"),
    python=">=3.9,<3.13",
)
_PACKAGES: Final = ("mlserver", "mlserver-mlflow")
_START: Final = "modelserve_spied_mlserver"
_NO_FOLDER: Final = "no-settings"  # where it would look for files with settings; there is nothing of that name
_PREFIX: Final = "MLSERVER_"
_GIVEN_UP: Final = 404  # what it says of a model that it could not load, while it ends
_PROBE_MARGIN_S: Final = 5.0  # beyond what a prediction may take

_START_TEXT: Final = '''"""Starts MLServer with requests that the spy can name; its workers import this file, too."""
import importlib
import os
import sys

OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
KEY = "modelserve_request_id"

sys.path.insert(0, OWN_FOLDER)
importlib.import_module({loader!r})  # our package is there from here on
sys.path.remove(OWN_FOLDER)
current = importlib.import_module("_modelserve_runtime.spy").request_id


def named(create_app):
    def create(*args, **kwargs):
        app = create_app(*args, **kwargs)
        app.add_middleware(importlib.import_module("_modelserve_runtime.named_requests").NamedRequests)
        return app

    return create


def sent(send):
    async def send_with_id(self, method_name, *args, **kwargs):
        return await send(self, method_name, *args, **{{**kwargs, KEY: current.get()}})

    return send_with_id


def processed(process):
    async def process_with_id(self, request):  # in a task, and so in a context, of its own
        current.set(request.method_kwargs.pop(KEY, None))
        return await process(self, request)

    return process_with_id


parallel = importlib.import_module("mlserver.parallel.model").ParallelModel
parallel._send = sent(parallel._send)
worker = importlib.import_module("mlserver.parallel.worker").Worker
worker._process_request = processed(worker._process_request)

if __name__ == "__main__":
    rest = importlib.import_module("mlserver.rest.server")
    rest.create_app = named(rest.create_app)
    os.environ["MLSERVER_HTTP_PORT"] = sys.argv[1]
    os.environ["MLSERVER_MODEL_URI"] = os.path.dirname(OWN_FOLDER)
    sys.argv[:] = ["mlserver", "start", {folder!r}]
    importlib.import_module("mlserver.cli").main()
'''


class MlserverBackend:
    """Serve with MLServer, in an environment that has the model's requirements and MLServer's."""

    name = "mlserver"
    needs = _NEEDS
    takes_workers = True
    version_path = "/v2"  # its `/version` tells MLflow's

    def launch(self, request: ServeRequest) -> LaunchSpec:
        """Return what it takes to serve the model; nothing is started or written.

        Raises:
            ServerError: The environment has no MLServer, or two packages of mlflow that are of different versions.
            MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
        """
        _require(request)
        settings, env = request.settings, _env(request)
        layout = lay_out_for_server(request.model_dir)
        script = f"{layout.folder}/{_START}.py"
        files = {**layout.files, script: _START_TEXT.format(loader=LOADER, folder=_NO_FOLDER).encode()}
        command = (str(request.python), *(("-I",) if request.is_isolated else ()), script, "{port}")
        about = (request.model_digest, request.environment_digest, request.probe_body, settings)
        return LaunchSpec(
            name=launch_name(self.name, command, env, files, layout.links, about),
            backend=self.name,
            model_uri=request.model_uri,
            command=command,
            env=env,
            files=files,
            links=layout.links,
            probe=Probe(
                # The server's own readiness says ready of one without a model.
                health_path=f"/v2/models/{quote(settings.v2_name, safe='')}/ready",
                body=request.probe_body,
                timeout_s=settings.predict_timeout_s + _PROBE_MARGIN_S,
                given_up=frozenset({_GIVEN_UP}),
            ),
            startup_timeout_s=settings.startup_timeout_s,
            stop_timeout_s=settings.stop_timeout_s,
            version=request.installed["mlserver"],
            has_spy=settings.workers <= 1,  # several processes would write one record
            exit_codes={0: "MLServer could not load the model"},
        )


def _require(request: ServeRequest) -> None:
    installed = request.installed
    facts = {"model": request.model_uri, "environment": request.environment_prefix}
    missing = [name for name in _PACKAGES if name not in installed]
    if missing:
        wanted = " ".join(f"'{line}'" for line in _NEEDS.requirements)
        raise ServerError(
            f"the environment has no {' and no '.join(missing)}, which is asked to serve",
            facts=facts,
            fix=f"Run `python -m pip install {wanted}` there, or leave --model-env-manager=local out.",
        )
    whole, part = installed.get("mlflow", ""), installed.get("mlflow-skinny", "")
    if whole and part and whole != part:
        raise ServerError(
            f"mlserver-mlflow brings mlflow {whole}, which overwrites the model's mlflow-skinny {part}",
            facts=facts,
            fix="Log the model again with mlflow 3 or newer, or serve it with --model-server=builtin.",
        )


def _env(request: ServeRequest) -> Mapping[str, str]:
    """Return the variables of the server: one process, one port beside a gRPC one that nobody asks, no metrics.

    Debug is off, as in production: it would put stack traces into answers. So are compressed answers, which cost time.
    """
    granted = build_worker_env(
        request.environ, request.environment_prefix, names=request.env_vars, patterns=request.settings.pass_env
    )
    own = {
        "MLSERVER_HOST": HOST,
        "MLSERVER_GRPC_PORT": "0",  # any: it cannot be switched off
        "MLSERVER_METRICS_ENDPOINT": "",
        "MLSERVER_PARALLEL_WORKERS": str(request.settings.workers),
        "MLSERVER_DEBUG": "false",
        "MLSERVER_GZIP_ENABLED": "false",
        "MLSERVER_MODEL_NAME": request.settings.v2_name,
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_mlflow.MLflowRuntime",
    }
    other = {
        "MLFLOW_DISABLE_TELEMETRY": "true",  # a test run is no use of MLflow that anybody counts
        "PYTHONUNBUFFERED": "1",  # the log is the evidence when the server dies
        "PYTHONFAULTHANDLER": "1",
    }
    unmistaken = {name: value for name, value in granted.items() if not name.upper().startswith(_PREFIX)}
    return {**other, **unmistaken, **own}
