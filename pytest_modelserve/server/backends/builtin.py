"""Our own scoring server: a strict front in our interpreter, a worker in the model's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from ..launch import LaunchSpec, Probe
from .base import ServeRequest, launch_name
from .environ import ALWAYS_PASSED, build_worker_env, select

_SETTINGS_FILE: Final = "serve.json"
_PROBE_MARGIN_S: Final = 5.0  # so that the server, which knows more, is the one to say that a prediction hangs
_LOAD_FAILED: Final = 3  # what the scoring server exits with where the model raised, or ended its process
_FRONT_NAMES: Final = (
    "PATH",
    "PYTHONPATH",
    "COVERAGE_PROCESS_CONFIG",
)  # to find our own code, and measure it


class BuiltinBackend:
    """Serve with `pytest_modelserve.scoring`, which enforces the signature by the contract."""

    name = "builtin"

    def launch(self, request: ServeRequest) -> LaunchSpec:
        """Return what it takes to serve the model; nothing is started or written."""
        settings = request.settings
        command = (sys.executable, "-m", "pytest_modelserve.scoring", _SETTINGS_FILE, "--fd", "{fd}")
        env = _front_env(request)
        document = json.dumps(_document(request), sort_keys=True).encode()
        return LaunchSpec(
            name=launch_name(
                self.name, document, command, env, request.environment_digest, request.probe_body, settings
            ),
            backend=self.name,
            model_uri=request.model_uri,
            command=command,
            env=env,
            files={_SETTINGS_FILE: document},
            probe=Probe(body=request.probe_body, timeout_s=settings.predict_timeout_s + _PROBE_MARGIN_S),
            startup_timeout_s=settings.startup_timeout_s,
            stop_timeout_s=settings.stop_timeout_s,
            version=version("pytest-modelserve"),
            has_spy=True,
            is_ours=True,
            exit_codes={_LOAD_FAILED: "the model could not be loaded"},
        )


def _document(request: ServeRequest) -> dict[str, object]:
    settings = request.settings
    return {
        "model_dir": str(request.model_dir),
        "model_uri": request.model_uri,
        "mlmodel_digest": request.model_digest,
        "worker_python": str(request.python),
        "worker_env": build_worker_env(
            request.environ, request.environment_prefix, names=request.env_vars, patterns=settings.pass_env
        ),
        "isolated": request.is_isolated,
        "signature": {side: request.signature.get(side) for side in ("inputs", "outputs", "params")},
        "is_signature_from_type_hint": request.is_signature_from_type_hint,
        "input_example": request.input_example,
        "loader": dict(request.loader),
        "predict_timeout_s": settings.predict_timeout_s,
        "load_timeout_s": settings.load_timeout_s,
        "max_body_bytes": settings.max_body_bytes,
        "predict_threads": settings.predict_threads,
        "v2_name": settings.v2_name,
        "calls_file": "calls.jsonl",
    }


def _front_env(request: ServeRequest) -> Mapping[str, str]:
    own = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}  # the log is the evidence when the server dies
    return {**select(request.environ, (*ALWAYS_PASSED, *_FRONT_NAMES)), **own}
