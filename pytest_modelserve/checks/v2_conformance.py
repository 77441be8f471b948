"""Whether a server keeps the Open Inference Protocol (V2), by one rule of `v2_rules` a variant.

All is asked about the input example, so that the model has no part in what goes wrong.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from ..cases import Case, Table, Tensors
from ..client.inference import model_path
from ..errors import DecodeError, EncodeError
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import Breach
from ..signature import Signature
from ..signature.specs import ColumnSchema
from ..wire.breaches import breaches
from ..wire.inferred import Inference, ModelMetadata, read_inference, read_model_metadata
from ..wire.json_text import parse_json
from ..wire.open_inference import inference_document
from ..wire.values import show_value
from .agreement import Agreement
from .anchor import STOCHASTIC, why_not_compared
from .answers import Answer, answer_in, read_answer
from .conclusion import concluded, left_out
from .context import CheckContext
from .deviations import is_deviation
from .exchanges import Exchanges
from .failures import as_failure
from .good_request import NOT_PREDICTED
from .judge import LOST, Blame, Exchange, Judgement, answer_of, judge_outcome
from .serving import why_no_example
from .v2_changes import Document
from .v2_rules import V2_RULES, V2Rule, infer_case, path_case, renamed

NAME: Final = "v2_conformance"
SPEAKING: Final = frozenset({"builtin", "mlserver"})  # of any other server it is asked whether it does
PROTOCOL: Final = "protocol"  # the kind of a judgement of this check
PROBE: Final = "/v2/health/live"
_BY_ID: Final = {rule.id: rule for rule in V2_RULES}
T = TypeVar("T")


def v2_variants(model: Model) -> tuple[str, ...]:
    """Return the ids of the rules that a model can show."""
    return tuple(rule.id for rule in V2_RULES if rule.applies(model.signature))


def v2_conformance(context: CheckContext, variant: str) -> CheckResult:
    """Hold the server to one rule of the protocol."""
    started, rule = time.monotonic(), _BY_ID[variant]
    title = f"{NAME}[{variant}]"
    case, good, reason = _good_request(context)
    if not reason and rule.compares and context.settings.stochastic:
        reason = STOCHASTIC
    reason = reason or _why_not_asked(context)
    if reason or case is None:
        return left_out(title, Judges.SERVER, reason)
    with Exchanges.of(context, case) as exchanges:
        if rule.compares and (reason := why_not_compared(context, exchanges)):
            return CheckResult(name=title, judges=Judges.SERVER, outcome=Outcome.SKIPPED, reason=reason)
        trial = _Trial(context, exchanges, good, case)
        found = next(trial.run(rule), None)
    if not trial.is_shown:
        return left_out(title, Judges.SERVER, "the model's inputs are such that nothing can show it")
    failure = None
    if found is not None:
        breach = Breach(case=found.exchange.case, finding=found, found_at=exchanges.requests, tries=0)
        failure = as_failure(context, title, [breach])
    return concluded(
        title,
        Judges.SERVER,
        exchanges,
        started=started,
        failure=failure,
        reason=exchanges.doubt or trial.reason,
        advice=notes(trial.notes),
    )


def _good_request(context: CheckContext) -> tuple[Case | None, Document, str]:
    """Return the input example as a case of MLflow's protocol and as a request of this one, or why there is none."""
    case = context.example_case
    if case is None or not isinstance(case.payload, Table | Tensors):
        return None, {}, why_no_example(context.model) or "the rows of the input example are not known"
    try:
        return case, dict(inference_document(case.payload, case.params, signature=context.model.signature)), ""
    except EncodeError as unfit:
        return None, {}, f"the input example has no form in the protocol: {unfit.happened}"


def _why_not_asked(context: CheckContext) -> str:
    """Return why a server is not held to the protocol, or nothing; one that is started here has no such excuse."""
    client, is_speaking = context.served.client, context.settings.server in SPEAKING
    if is_speaking and context.served.is_managed:
        return ""
    if not is_speaking and client.send(b"", method="GET", path=PROBE).status != 200:
        return f"the server does not speak the protocol: {PROBE} is not answered 200"
    name = context.settings.v2_name
    status = client.send(b"", method="GET", path=model_path(name)).status
    if status is None or not 400 <= status < 500:
        return ""
    return f"the server has no model {name}, which --model-v2-name may name: {model_path(name)} is answered {status}"


class _ByName:
    """Sends each request to the model under the name that the server has it by."""

    def __init__(self, exchanges: Exchanges, name: str) -> None:
        self._exchanges = exchanges
        self._name = name

    def send(self, case: Case) -> Exchange:
        """Send a case."""
        return self._exchanges.send(renamed(case, self._name))


class _Trial:
    """Sends what a rule asks, and judges the answers.

    Attributes:
        reason: Why nothing is proven although nothing was found.
        is_shown: Whether there was something to send.
        notes: What breaks no rule but is worth knowing.
    """

    def __init__(self, context: CheckContext, exchanges: Exchanges, good: Document, example: Case) -> None:
        self._signature = context.model.signature or Signature()
        self._outputs = self._signature.outputs
        self._agreement = Agreement.of(self._outputs, context.settings)
        self._exchanges = _ByName(exchanges, context.settings.v2_name)
        self._good = good
        self._example = example
        self._watch = context.deviations
        self.reason: str = ""
        self.is_shown: bool = False
        self.notes: list[str] = []
        self._judges: Mapping[str, Callable[[Exchange], str]] = {
            "says_ready": _judge_health,
            "server_metadata": _judge_server_metadata,
            "model_metadata": lambda exchange: _read(exchange, read_model_metadata)[1],
            "well_formed": lambda exchange: _read(exchange, read_inference)[1],
            "metadata_matches": self._judge_metadata,
            "answers_alike": self._judge_against_invocations,
            "flat_or_nested": self._judge_against_flat,
            "extra_key": lambda exchange: _read(exchange, read_inference)[1],
            "wrong_value": lambda exchange: _read(exchange, read_inference)[1],
            "id_echo": _judge_id,
            "requested_outputs": self._judge_requested,
        }

    def run(self, rule: V2Rule) -> Iterator[Judgement]:
        """Yield what breaks a rule."""
        for case in rule.cases(self._without_optional() if rule.needs_every_input else self._good):
            self.is_shown = True
            exchange = self._exchanges.send(case)
            is_untouched = exchange.call is None and rule.is_kept_by(exchange.invocation.status)  # 501, by such a rule
            if rule.is_taken_aside and (exchange.call is not None or exchange.invocation.is_success):
                self.notes.append(f"the server takes it, which the protocol leaves open: {case.label}")
            if exchange.exception is not None and not rule.is_refusal and exchange.outcome not in LOST:
                self.reason = NOT_PREDICTED
                continue
            judgement = judge_outcome(exchange) if exchange.outcome in LOST and not is_untouched else None
            told = self._watch.told(exchange, judgement or self._judged(rule, exchange))
            if told is not None and not is_deviation(told):
                yield told

    def _judged(self, rule: V2Rule, exchange: Exchange) -> Judgement | None:
        """Return what is wrong about an answer, None where nothing is."""
        wrong, label = self._wrong(rule, exchange), exchange.case.label
        if not wrong:
            return None
        return Judgement(
            key=f"{rule.id}:{label}",
            is_breach=True,
            title=f"{label}: {wrong}",
            expected=rule.meaning,
            received=answer_of(exchange),
            exchange=exchange,
            seen_in=Blame.SERVER if exchange.exception is not None else None,  # the model is not to be mended
            plainly=f"the server breaks the rule {rule.id} of the Open Inference Protocol",
            kind=PROTOCOL,
            change=wrong,
        )

    def _without_optional(self) -> Document:
        inputs = self._signature.inputs
        columns = inputs.columns if isinstance(inputs, ColumnSchema) else ()
        optional = {str(spec.name) for spec in columns if not spec.required}
        return {**self._good, "inputs": [each for each in self._good["inputs"] if each["name"] not in optional]}

    def _wrong(self, rule: V2Rule, exchange: Exchange) -> str:
        """Return what is wrong about an answer, in words, or nothing."""
        status = exchange.invocation.status
        if rule.is_refusal and exchange.exception is not None:  # any other call is answered 2xx, or lost
            return f"it reached the model, which raised {exchange.exception.type}"
        if not rule.is_kept_by(status):
            return f"it was answered {status}, not {rule.told_statuses}"
        if exchange.invocation.is_success:
            judge = self._judges.get(rule.id)
            return judge(exchange) if judge else ""
        return _judge_error(exchange)

    def _judge_metadata(self, exchange: Exchange) -> str:
        inference, wrong = _read(exchange, read_inference)
        told = self._exchanges.send(path_case("GET", model_path(), "metadata_matches"))
        metadata, unread = _read(told, read_model_metadata)
        if inference is None or metadata is None:
            return wrong or unread
        return "" if self._plain() is None else next(_mismatches(metadata, inference), "")

    def _plain(self) -> Answer | None:
        """Return the answer by `/invocations`; None where it says nothing of the server, with the reason."""
        exchange = self._exchanges.send(self._example)
        answer = answer_in(exchange, self._outputs)
        document = parse_json(exchange.invocation.body, bare_as_null=True) if answer is not None else None
        predictions = document.get("predictions") if isinstance(document, dict) else None
        if answer is None:
            self.reason = NOT_PREDICTED
        elif self._outputs is not None and breaches(predictions, self._outputs):
            self.reason = "the answer is not what the output schema says, which matches_output_schema tells"
        return None if self.reason else answer

    def _judge_against_invocations(self, exchange: Exchange) -> str:
        inference, wrong = _read(exchange, read_inference)
        plain = self._plain()
        if inference is None or plain is None:
            return wrong
        try:
            other = read_answer(inference.predictions(self._outputs).raw, self._outputs)
        except DecodeError as broken:
            return broken.happened
        difference = next(iter(self._agreement.differences(plain, other)), None)
        return "" if difference is None else difference.told("by /invocations", "by V2")

    def _judge_against_flat(self, exchange: Exchange) -> str:
        flat = self._exchanges.send(infer_case(self._good, "flat_or_nested", "flat data"))
        one, wrong = _read(flat, read_inference)
        other, misread = _read(exchange, read_inference)
        if one is None or other is None:
            return wrong or misread
        try:
            answers = [read_answer(each.predictions().raw) for each in (one, other)]
        except DecodeError as broken:
            return broken.happened
        difference = next(iter(self._agreement.differences(*answers)), None)
        return "" if difference is None else difference.told("from flat data", "from nested data")

    def _judge_requested(self, exchange: Exchange) -> str:
        inference, wrong = _read(exchange, read_inference)
        for output in () if inference is None else inference.outputs:
            document = {**self._good, "outputs": [{"name": output.name}]}
            asked = self._exchanges.send(infer_case(document, "requested_outputs", f"only {output.name!r}"))
            found, unread = _read(asked, read_inference)
            if found is None:
                return f"asked for {output.name!r}, {unread}"
            if [each.name for each in found.outputs] != [output.name]:
                told = ", ".join(repr(each.name) for each in found.outputs) or "none"
                return f"asked for {output.name!r} alone, it answered {told}"
        return wrong


def _read(exchange: Exchange, read: Callable[[object], T]) -> tuple[T | None, str]:
    """Return what a body says, or why it says nothing."""
    if not exchange.invocation.is_success:
        return None, f"it was answered {exchange.invocation.status}, not 2xx"
    try:
        return read(exchange.invocation.json()), ""
    except DecodeError as broken:
        return None, broken.happened


def _judge_health(exchange: Exchange) -> str:
    body = exchange.invocation.body
    if not body.strip():
        return ""  # the protocol's text shows JSON, its OpenAPI file no body
    try:
        document = parse_json(body)
    except DecodeError as broken:
        return broken.happened
    told = [document[key] for key in ("live", "ready") if key in document] if isinstance(document, dict) else []
    return "" if told and all(value is True for value in told) else "its body does not say that it is"


def _judge_server_metadata(exchange: Exchange) -> str:
    document, wrong = _read(exchange, lambda body: body)
    if not isinstance(document, dict):
        return wrong or "it is no object"
    for key in ("name", "version"):
        if not isinstance(document.get(key), str):
            return f"{key} is no string"
    extensions = document.get("extensions")
    is_list = isinstance(extensions, list) and all(isinstance(each, str) for each in extensions)
    return "" if is_list else "extensions is no list of strings"


def _judge_id(exchange: Exchange) -> str:
    inference, wrong = _read(exchange, read_inference)
    if inference is None:
        return wrong
    sent = json.loads(exchange.invocation.request.body)["id"]
    return "" if inference.id == sent else f"it was answered with the id {show_value(inference.id)}"


def _judge_error(exchange: Exchange) -> str:
    """Hold a refusal to the protocol, which describes its body for metadata and inference alone, without a type."""
    request = exchange.invocation.request
    if request.url.endswith("/ready") or (request.method == "GET" and request.url.endswith("/infer")):
        return ""
    try:
        document = parse_json(exchange.invocation.body)
    except DecodeError:
        document = None
    is_error = isinstance(document, dict) and isinstance(document.get("error"), str)
    return "" if is_error else 'the refusal is no JSON object with a string under "error"'


def _mismatches(metadata: ModelMetadata, inference: Inference) -> Iterator[str]:
    """Yield how an answer is not what the metadata promise."""
    promised = {each.name: each for each in metadata.outputs}
    found = {each.name: each for each in inference.outputs}
    if promised.keys() != found.keys():
        yield f"the metadata promise the outputs {_names(promised)}, the answer has {_names(found)}"
    for name in promised.keys() & found.keys():
        one, other = promised[name], found[name]
        if one.datatype != other.datatype:
            yield f"the metadata promise {one.datatype} for {name!r}, the answer has {other.datatype}"
        is_shaped = len(one.shape) == len(other.shape) and all(
            wanted in {-1, size} for wanted, size in zip(one.shape, other.shape, strict=True)
        )
        if not is_shaped:
            yield f"the metadata promise {list(one.shape)} for {name!r}, the answer has {list(other.shape)}"


def _names(tensors: Iterable[str]) -> str:
    return ", ".join(map(repr, tensors)) or "none"
