"""A model of which only its server is known, `--model-url` without `--model-uri`: what that server tells of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from .client import Invocation, ModelClient
from .client.curl import shown_url
from .client.inference import model_path
from .errors import DecodeError, ModelUriError
from .model.flavor import PyfuncFlavor
from .model.mlmodel import Model
from .running import ANSWER_S, RunningServers, access_of, spec_of
from .settings import V2_NAME, Settings
from .signature import as_mlmodel
from .wire.declared import DeclaredModel, read_index, read_openapi, signature_of
from .wire.envelopes import JSON_TYPE
from .wire.inferred import read_model_metadata

OPENAPI_PATH: Final = "/openapi.json"
INDEX_PATH: Final = "/v2/repository/index"


def uri_of(settings: Settings) -> str:
    """Return how a model is called of which only its server is known."""
    return shown_url(settings.url).rstrip("/")


def is_discovered(uri: str, settings: Settings) -> bool:
    """Tell whether a URI stands for the model of the server at `--model-url`, whatever that model is."""
    return bool(settings.url) and uri.rstrip("/") == uri_of(settings)


def discover(settings: Settings) -> tuple[Model, Settings]:
    """Ask the server at `--model-url` for its model, and return it with the settings by which it is asked from then on.

    Raises:
        ServerNotReady: The server does not answer, or not as one that is ready.
        ServerError: It wants to know who asks.
        ModelUriError: It tells no signature.
        SettingError: A token or certificates cannot be read.
        DecodeError: It tells a signature that is none.
    """
    access = access_of(settings)
    RunningServers(access, settings.startup_timeout_s).obtain(spec_of(settings, uri_of(settings)))
    with ModelClient.reaching(settings.url.rstrip("/"), access, timeout_s=ANSWER_S) as client:
        search = _Search(client, settings)
        told, origin = search.by_openapi(), f"GET {OPENAPI_PATH}"
        if told is None:
            told, origin = search.by_v2(), f"GET {model_path(search.v2_name)}"
    if told is None:
        raise _untold(settings, search)
    mapping = as_mlmodel(told.signature)
    text = json.dumps([uri_of(settings), mapping], sort_keys=True)
    model = Model(
        uri=uri_of(settings),
        resolved=uri_of(settings),
        path=Path(),
        digest=told.digest or hashlib.sha256(text.encode()).hexdigest(),
        pyfunc=PyfuncFlavor(loader_module="", data_path=Path()),
        flavors={},
        signature=told.signature,
        signature_mapping=mapping,
        is_signature_from_type_hint=told.signature.is_from_type_hint,
        told_by=origin,
    )
    return model, replace(settings, v2_name=search.v2_name)


class _Search:
    """Asks a server for the signature of its model, and notes what came of each question.

    Attributes:
        tried: What was asked, and what came.
        v2_name: The name of the model in V2: the one of the settings, else the only one that the server has.
    """

    def __init__(self, client: ModelClient, settings: Settings) -> None:
        self._client = client
        self.tried: dict[str, str] = {}
        self.v2_name: str = settings.v2_name
        if settings.v2_name == V2_NAME:
            self.v2_name = self._only_name() or V2_NAME

    def by_openapi(self) -> DeclaredModel | None:
        """Return the model that the OpenAPI document tells of."""
        answer = self._asked("GET", OPENAPI_PATH)
        told = read_openapi(answer.json()) if answer is not None else None
        if answer is not None and told is None:
            self.tried[f"GET {OPENAPI_PATH}"] = "it has no signature"
        return told

    def by_v2(self) -> DeclaredModel | None:
        """Return the model that the metadata of V2 tell of."""
        path = model_path(self.v2_name)
        answer = self._asked("GET", path)
        if answer is None:
            return None
        try:
            signature = signature_of(read_model_metadata(answer.json()))
        except DecodeError as broken:
            self.tried[f"GET {path}"] = broken.happened
            return None
        if signature is None:
            self.tried[f"GET {path}"] = "it tells of no inputs"
        return None if signature is None else DeclaredModel(signature=signature)

    def _only_name(self) -> str:
        """Return the name of the only model that the server has; nothing where it does not tell, or has several."""
        answer = self._asked("POST", INDEX_PATH, b"{}")
        try:
            names = read_index(answer.json()) if answer is not None else ()
        except DecodeError:
            names = ()
        if len(names) > 1:
            self.tried[f"POST {INDEX_PATH}"] = f"it has the models {', '.join(names)}"
        return names[0] if len(names) == 1 else ""

    def _asked(self, method: str, path: str, body: bytes = b"") -> Invocation | None:
        """Return an answer of JSON, or None and why there is none."""
        headers = {"Content-Type": JSON_TYPE} if body else {}
        answer = self._client.send(body, headers, method=method, path=path)
        said = answer.error.text if answer.error is not None else f"answered {answer.status}"
        if answer.is_success:
            try:
                answer.json()
            except DecodeError:
                said = "answered, but not in JSON"
            else:
                return answer
        self.tried[f"{method} {path}"] = said
        return None


def _untold(settings: Settings, search: _Search) -> ModelUriError:
    return ModelUriError(
        f"the server at {uri_of(settings)} does not tell the signature of its model",
        facts=search.tried,
        fix="Name the model by --model-uri, whose signature is taken then; or, where the server has it by another name "
        "in the Open Inference Protocol, by --model-v2-name.",
    )
