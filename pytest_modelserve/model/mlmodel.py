"""The MLmodel file: everything in it that matters for serving, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import MlmodelError, SignatureError
from ..signature.parse import parse_signature
from ..signature.specs import Signature
from .digest import digest_of
from .fetch import LOCAL_ONLY, MLMODEL_FILE, FetchedModel, Fetcher, fetch_model
from .fields import Fields, read_fields
from .flavor import PyfuncFlavor, parse_flavor

NO_SIGNATURE: Final[Mapping[str, str | None]] = {"inputs": None, "outputs": None, "params": None}

_EXTERNAL_KEY: Final = "mlflow.model.isExternal"  # metadata of a model whose files lie elsewhere; MLflow refuses it


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleInfo:
    """What the MLmodel file says of the input example; the files may still be missing or broken.

    Attributes:
        path: The file of the example.
        kind: `dataframe`, `ndarray`, `json_object`, `sparse_matrix_csr` or `sparse_matrix_csc`.
        serving_path: The file with the exact request body, which MLflow 2.20 writes and 2.11 does not; else None.
        has_params: Whether the example's file holds `inputs` and `params` instead of the data alone.
        is_tf_serving: Whether the example's file is a whole body already, as MLflow 1 wrote arrays.
    """

    path: Path
    kind: str
    serving_path: Path | None = None
    has_params: bool = False
    is_tf_serving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model directory, read but not loaded.

    Attributes:
        uri: The URI as it was given.
        resolved: What the URI stands for now: an alias replaced by its version, a path made absolute.
        path: The local directory.
        digest: SHA-256 over all files of the directory, `registered_model_meta` and `__pycache__` left out;
            empty where it was not asked for.
        pyfunc: How it is loaded.
        flavors: Every flavor as it stands in the file.
        signature: What it takes and gives, or None where it has no signature.
        signature_mapping: The same as MLflow writes it: `inputs`, `outputs` and `params`, each JSON text or None.
        is_signature_from_type_hint: Whether requests are checked by the type hint of `predict`, not by the schema.
        is_type_hint_from_example: Whether tables are turned back into the Python type of the input example.
        example_info: Where its input example is, or None.
        mlflow_version: The MLflow that saved it; None where it was too old to say (1.14 is, 1.30 is not).
        model_id: The id of the logged model; None where it was only saved.
        model_uuid: MLflow's older id, or None.
        run_id: The run that logged it, or None.
        utc_time_created: When it was saved, as MLflow writes it, or None.
        metadata: What its author wrote beside it.
        env_vars: The names of the environment variables that it was logged with; never their values.
        document: The whole file as plain JSON data, unknown fields included.
        told_by: What its server was asked for the signature, where nothing else is known of it; else empty.
    """

    uri: str
    resolved: str
    path: Path
    digest: str
    pyfunc: PyfuncFlavor
    flavors: Mapping[str, object]
    signature: Signature | None = None
    signature_mapping: Mapping[str, str | None] = field(default_factory=lambda: NO_SIGNATURE)
    is_signature_from_type_hint: bool = False
    is_type_hint_from_example: bool = False
    example_info: ExampleInfo | None = None
    mlflow_version: str | None = None
    model_id: str | None = None
    model_uuid: str | None = None
    run_id: str | None = None
    utc_time_created: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    env_vars: tuple[str, ...] = ()
    document: Mapping[str, object] = field(default_factory=dict)
    told_by: str = ""

    @property
    def is_signed(self) -> bool:
        """Tell whether it has a signature that says what it takes."""
        return self.signature is not None and self.signature.inputs is not None


def read_model(uri: str, fetchers: Mapping[str, Fetcher] = LOCAL_ONLY, *, with_digest: bool = True) -> Model:
    """Bring a model URI to this machine and read its MLmodel file; nothing of the model is imported or run.

    Args:
        uri: Of the model.
        fetchers: By scheme, what brings it here.
        with_digest: Whether all of its files are read for the digest, which takes about 0.7 s a GB; else it is empty.

    Raises:
        ModelUriError: If there is no model directory at that URI.
        MlmodelError: If its MLmodel file, or a file that it names, is broken.
        SignatureError: If its signature is not one that MLflow could have written.
    """
    return read_fetched(fetch_model(uri, fetchers), with_digest=with_digest)


def read_fetched(fetched: FetchedModel, *, with_digest: bool = True) -> Model:
    """Read the MLmodel file of a directory that is on this machine.

    Raises:
        MlmodelError: If the MLmodel file, or a file that it names, is broken.
        SignatureError: If the signature is not one that MLflow could have written.
    """
    file = fetched.path / MLMODEL_FILE
    fields = read_fields(file)
    flavors = fields.below("flavors")
    pyfunc = parse_flavor(flavors, file)
    metadata = fields.mapping("metadata")
    if metadata.get(_EXTERNAL_KEY) is True:
        raise _external(file)
    signature_mapping = _signature_mapping(fields)
    return Model(
        uri=fetched.uri,
        resolved=fetched.resolved,
        path=fetched.path,
        digest=_digest(fetched.path) if with_digest else "",
        pyfunc=pyfunc,
        flavors={} if flavors is None else flavors.values,
        signature=_signature(fields, signature_mapping),
        signature_mapping=signature_mapping,
        is_signature_from_type_hint=fields.flag("is_signature_from_type_hint"),
        is_type_hint_from_example=fields.flag("type_hint_from_example"),
        example_info=_example_info(fields),
        mlflow_version=fields.text("mlflow_version"),
        model_id=fields.text("model_id"),
        model_uuid=fields.text("model_uuid"),
        run_id=fields.text("run_id"),
        utc_time_created=fields.text("utc_time_created"),
        metadata=metadata,
        env_vars=fields.texts("env_vars"),
        document=fields.values,
    )


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise MlmodelError(
            f"a file of the model directory cannot be read: {error.strerror or error}",
            facts={"file": error.filename or path},
            fix="Make it readable for the user who runs the tests.",
        ) from error


def _external(file: Path) -> MlmodelError:
    return MlmodelError(
        "the model's files lie outside its directory, and MLflow refuses to load such a model",
        facts={"file": file, "field": f"metadata.{_EXTERNAL_KEY}", "value": True},
        fix="Log the model with its files.",
    )


def _signature_mapping(fields: Fields) -> Mapping[str, str | None]:
    below = fields.below("signature")
    if below is None:
        return NO_SIGNATURE
    sides: dict[str, str | None] = {}
    for name in NO_SIGNATURE:
        side = below.values.get(name)
        if side is not None and not isinstance(side, str):
            raise below.error(name, "JSON in a text", fix=f"Put the value of `{name}` in quotes, as JSON.")
        sides[name] = side or None
    return sides


def _signature(fields: Fields, mapping: Mapping[str, str | None]) -> Signature | None:
    from_type_hint = fields.flag("is_signature_from_type_hint")
    try:
        return parse_signature(None if mapping is NO_SIGNATURE else mapping, is_from_type_hint=from_type_hint)
    except SignatureError as error:
        raise SignatureError(error.happened, facts={"file": fields.file, **error.facts}, fix=error.fix) from error


def _example_info(fields: Fields) -> ExampleInfo | None:
    below = fields.below("saved_input_example_info")
    if below is None:
        return None
    root = fields.file.parent
    serving = below.text("serving_input_path")
    return ExampleInfo(
        path=root / below.required_text("artifact_path"),
        kind=below.required_text("type"),
        serving_path=None if serving is None else root / serving,
        has_params=below.flag("params"),
        is_tf_serving=below.text("format") == "tf-serving",
    )
