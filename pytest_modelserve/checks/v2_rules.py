"""The rules of the Open Inference Protocol (V2) that `v2_conformance` holds a server to.

Every request is made from the input example's by one change, so that a refusal can only be about that.

Source: the protocol's `inference_rest.md`; what it leaves open is left open here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from ..cases import Case, Expectation, RawBody
from ..client.inference import model_path
from ..signature import Signature
from .v2_changes import (
    NO_SUCH,
    TEXT,
    Changed,
    Document,
    as_it_is,
    changed_input,
    nested,
    no_requests,
    of_another_datatype,
    of_another_rank,
    of_another_size,
    of_no_datatype,
    of_wrong_values,
    out_of_range,
    with_a_broken_id,
    with_a_key,
    with_an_input_twice,
    with_an_unknown_output,
    with_ids,
    without_a_part,
    without_an_input,
    written,
)

JSON_TYPE: Final = "application/json"
INFER_PATH: Final = f"{model_path()}/infer"

_REFUSED: Final = range(400, 500)

Change: TypeAlias = Callable[[Document], Changed]


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Rule:
    """One rule.

    Attributes:
        id: Its name, as it stands in ids.
        meaning: What the server does that keeps it, in one sentence.
        changes: Makes of the good request those that are sent, each with what is special about it.
        paths: Other paths that are asked instead, each with its method.
        statuses: Those that keep the rule.
        besides: One more that keeps it.
        may_refuse: Whether the server may refuse it as well; what it takes is then answered in the protocol's form.
        is_taken_aside: Whether it is worth knowing that the server takes it.
        needs_inputs: Whether only a model that declares its inputs can show it.
        needs_outputs: Whether only a model that declares its outputs can show it.
        needs_every_input: Whether inputs that may be left out are, so that each that is left cannot be.
        compares: Whether answers are compared, for which the model must answer the same request alike.
    """

    id: str
    meaning: str
    changes: Change | None = None
    paths: tuple[tuple[str, str], ...] = ()
    statuses: range = field(default=range(200, 300))
    besides: int | None = None
    may_refuse: bool = False
    is_taken_aside: bool = False
    needs_inputs: bool = False
    needs_outputs: bool = False
    needs_every_input: bool = False
    compares: bool = False

    @property
    def is_refusal(self) -> bool:
        """Tell whether the server is to refuse what is asked."""
        return 200 not in self.statuses

    @property
    def wanted(self) -> Expectation:
        """Return what the server is to do with what is asked."""
        if self.may_refuse:
            return Expectation.EITHER
        return Expectation.REJECT if self.is_refusal else Expectation.ACCEPT

    @property
    def told_statuses(self) -> str:
        """Return the statuses that keep it, in words."""
        one = self.statuses
        told = [str(one.start) if len(one) == 1 else f"{one.start // 100}xx"]
        told += ["4xx"] * self.may_refuse + ([] if self.besides is None else [str(self.besides)])
        return " or ".join(told)

    def is_kept_by(self, status: int | None) -> bool:
        """Tell whether a status keeps it."""
        is_refused = self.may_refuse and status in _REFUSED
        return status is not None and (status in self.statuses or is_refused or status == self.besides)

    def applies(self, signature: Signature | None) -> bool:
        """Tell whether a model can show it."""
        has_inputs = signature is not None and signature.inputs is not None
        has_outputs = signature is not None and signature.outputs is not None
        return (has_inputs or not self.needs_inputs) and (has_outputs or not self.needs_outputs)

    def cases(self, good: Document) -> Iterator[Case]:
        """Yield the requests to send."""
        wanted = self.wanted
        for method, path in self.paths:
            yield (
                path_case(method, path, self.id, wanted)
                if method == "GET"
                else infer_case(good, self.id, f"{method} {path}", wanted, path=path)
            )
        for label, document in self.changes(good) if self.changes else ():
            yield replace(infer_case(document, self.id, label, wanted), held=changed_input(good, document))


def path_case(method: str, path: str, rule: str, wanted: Expectation = Expectation.ACCEPT) -> Case:
    """Return a request without a body as a case."""
    payload = RawBody(body=b"", content_type=None, method=method, path=path)
    return Case(payload=payload, expectation=wanted, rule=rule, label=f"{method} {path}")


def infer_case(
    document: Document, rule: str, label: str, wanted: Expectation = Expectation.ACCEPT, *, path: str = INFER_PATH
) -> Case:
    """Return a request for inference as a case."""
    body = document[TEXT].encode() if TEXT in document else written(document)
    payload = RawBody(body=body, content_type=JSON_TYPE, path=path)
    return Case(payload=payload, expectation=wanted, rule=rule, label=label)


def renamed(case: Case, name: str) -> Case:
    """Return a request to the model under another name than the usual one."""
    payload = case.payload
    if not isinstance(payload, RawBody) or not payload.path.startswith(model_path()):
        return case
    path = f"{model_path(name)}{payload.path.removeprefix(model_path())}"
    return replace(case, payload=replace(payload, path=path))


_OTHER_MODEL: Final = model_path(NO_SUCH)
_OTHER_VERSION: Final = f"{model_path()}/versions/{NO_SUCH}"

V2_RULES: Final = (
    V2Rule(
        id="says_ready",
        meaning="Server and model say 200 to `live` and `ready`; where there is a body, it says so, too.",
        paths=(("GET", "/v2/health/live"), ("GET", "/v2/health/ready"), ("GET", f"{model_path()}/ready")),
    ),
    V2Rule(
        id="server_metadata",
        meaning="`GET /v2` tells the server's name, version and list of extensions.",
        paths=(("GET", "/v2"),),
    ),
    V2Rule(
        id="model_metadata",
        meaning="The metadata tell name, platform and every tensor with datatype and shape, as the protocol has them.",
        paths=(("GET", model_path()),),
    ),
    V2Rule(
        id="well_formed",
        meaning="The input example is answered in the protocol's form: as many elements as each shape says, each "
        "of its datatype.",
        changes=as_it_is,
    ),
    V2Rule(
        id="metadata_matches",
        meaning="The answer has the outputs that the metadata promise: names, datatypes and shapes.",
        changes=as_it_is,
        needs_outputs=True,
    ),
    V2Rule(
        id="answers_alike",
        meaning="The input example gets the same answer as by `/invocations`.",
        changes=as_it_is,
        needs_outputs=True,
        compares=True,
    ),
    V2Rule(
        id="flat_or_nested",
        meaning="Data nested by its shape gets the same answer as flat data.",
        changes=nested,
        compares=True,
    ),
    V2Rule(id="id_echo", meaning="The answer repeats the id of its request.", changes=with_ids),
    V2Rule(
        id="requested_outputs",
        meaning="A request that names outputs is answered with these alone.",
        changes=as_it_is,
    ),
    V2Rule(
        id="extra_key",
        meaning="A request with a key that the protocol does not know is answered in its form, or refused.",
        changes=with_a_key,
        may_refuse=True,
    ),
    V2Rule(
        id="unknown_model",
        meaning="Another model than there is gets 4xx, by metadata, `ready` and `infer`.",
        paths=(("GET", _OTHER_MODEL), ("GET", f"{_OTHER_MODEL}/ready"), ("POST", f"{_OTHER_MODEL}/infer")),
        statuses=_REFUSED,
    ),
    V2Rule(
        id="unknown_version",
        meaning="Another version than there is gets 4xx, or 501 where the server has no versions at all.",
        paths=(("GET", _OTHER_VERSION), ("POST", f"{_OTHER_VERSION}/infer")),
        statuses=_REFUSED,
        besides=501,
    ),
    V2Rule(
        id="other_method",
        meaning="`GET` of `infer` gets 405.",
        paths=(("GET", f"{model_path()}/infer"),),
        statuses=range(405, 406),
    ),
    V2Rule(
        id="wrong_datatype",
        meaning="Text for numbers and numbers for text are refused.",
        changes=of_another_datatype,
        statuses=_REFUSED,
        needs_inputs=True,
    ),
    V2Rule(
        id="unknown_datatype",
        meaning="A datatype that the protocol does not have is refused, also one in lower case.",
        changes=of_no_datatype,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="wrong_value",
        meaning="An element that is not of its tensor's datatype is refused, or made one of it and answered.",
        changes=of_wrong_values,
        may_refuse=True,
        is_taken_aside=True,
    ),
    V2Rule(
        id="out_of_datatype",
        meaning="An integer beyond its datatype is refused.",
        changes=out_of_range,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="wrong_size",
        meaning="A shape that the data does not fill is refused.",
        changes=of_another_size,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="wrong_dimensions",
        meaning="A shape of other dimensions than the model takes is refused.",
        changes=of_another_rank,
        statuses=_REFUSED,
        needs_inputs=True,
    ),
    V2Rule(
        id="missing_input",
        meaning="A request without a tensor that the model needs is refused.",
        changes=without_an_input,
        statuses=_REFUSED,
        needs_inputs=True,
        needs_every_input=True,
    ),
    V2Rule(
        id="missing_part",
        meaning="A tensor without name, shape, datatype or data is refused, and so is a request without inputs.",
        changes=without_a_part,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="input_twice",
        meaning="A tensor that stands twice in a request is refused.",
        changes=with_an_input_twice,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="unknown_output",
        meaning="A request for an output that the model does not have is refused.",
        changes=with_an_unknown_output,
        statuses=_REFUSED,
        needs_outputs=True,
    ),
    V2Rule(
        id="wrong_id",
        meaning="An id that is no string is refused.",
        changes=with_a_broken_id,
        statuses=_REFUSED,
    ),
    V2Rule(
        id="no_request",
        meaning="What is no JSON, or no object, is refused.",
        changes=no_requests,
        statuses=_REFUSED,
    ),
)
"""The rules in the order in which they run."""
