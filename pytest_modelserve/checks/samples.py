"""Ordinary requests that a model takes, each with the answer that it gets when nothing disturbs it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..cases import Case, Expectation, Level, Table
from ..search.loop import draw
from ..signature import Schema
from ..strategies.edge_cases import case_fingerprint, edge_cases
from ..strategies.payloads import cases
from ..wire.capacity import can_carry
from .agreement import Agreement, Difference
from .anchor import outcome_difference
from .answers import Answer, answer_in
from .budget import ran_out
from .context import CheckContext
from .exchanges import Exchanges
from .judge import Exchange
from .rejection import evenly
from .row_cases import row_cases_of
from .searches import RAISED, first_envelope, good_case

MOST_EDGES: Final = 4_000  # made, of which a few are taken; the widest tables have tens of thousands
EXAMPLE_ROWS: Final = 3
FAR_OFF: Final = 3  # requests that may make the model raise
SHARE_S: Final = 0.4  # of the time: the rest is for what the check does with the samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A request that the model takes, and its answer."""

    case: Case
    exchange: Exchange
    answer: Answer


class Samples:
    """Sends ordinary requests of one model and compares what comes back.

    Args:
        context: The model.
        exchanges: By which requests are sent.
    """

    def __init__(self, context: CheckContext, exchanges: Exchanges) -> None:
        signature = context.model.signature
        self.outputs: Schema | None = signature.outputs if signature else None
        self.agreement: Agreement = Agreement.of(self.outputs, context.settings)
        self._context = context
        self._exchanges = exchanges
        self._started_s = context.history.now_s()

    def is_over(self, share: float = 1.0) -> bool:
        """Tell whether the time, or a share of it, has run out; then nothing is proven by what goes without."""
        is_over = self._context.history.now_s() - self._started_s >= share * self._context.left_s
        if is_over:
            self._exchanges.cut = ran_out(self._context, "before all was sent and compared")
        return is_over

    def ask(self, case: Case) -> Sample | None:
        """Send a case; None where it is not predicted, or the answer cannot be read."""
        exchange = self._exchanges.send(case)
        answer = self.answer_in(exchange)
        return None if answer is None else Sample(case=case, exchange=exchange, answer=answer)

    def answer_in(self, exchange: Exchange) -> Answer | None:
        """Return an answer, instants read as the contract has them where the server is known to write them otherwise.

        Args:
            exchange: Any; None comes of one that was not predicted.
        """
        return answer_in(self._context.deviations.readable(exchange), self.outputs)

    def taken(self, some: Iterable[Case], most: int) -> list[Sample]:
        """Send cases until so many were predicted, and return those; what the model refuses is left out.

        The answers to what the example holds tell the spread of the outputs.
        """
        found: list[Sample] = []
        for case in some:
            if len(found) == most or (len(found) > 1 and self.is_over(SHARE_S)):
                break
            sample = self.ask(case)
            if sample is not None:
                found.append(sample)
        for sample in found:
            if sample.case.level is Level.EXAMPLE:
                self.agreement.learn(sample.answer)
        return found

    def difference(self, known: Sample, exchange: Exchange) -> Difference | None:
        """Return how the answer to a request differs from the one that is known of it, or None where they agree."""
        answer = self.answer_in(exchange)
        if answer is not None:
            return next(iter(self.agreement.differences(known.answer, answer)), None)
        return outcome_difference(known.exchange, exchange)

    def told_apart(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return those samples whose answers all differ, so that one taken for another shows."""
        found: list[Sample] = []
        for sample in samples:
            if not any(self.agreement.agree(sample.answer, other.answer) for other in found):
                found.append(sample)
        return found

    def owner(self, exchange: Exchange, known: Sample, samples: Sequence[Sample]) -> Sample | None:
        """Return whose answer a request got in place of its own, where that can be told."""
        answer = self.answer_in(exchange)
        others = [one for one in samples if one is not known and not self.agreement.agree(one.answer, known.answer)]
        return next((one for one in others if answer is not None and self.agreement.agree(one.answer, answer)), None)


def ordinary_cases(context: CheckContext, *, n_edges: int, n_drawn: int) -> Iterator[Case]:
    """Yield the input example, each of its first rows, edges spread over all columns, and drawn requests, all distinct.

    None is beyond what production sends one day, and each must be accepted by the server.
    """
    seen = set()
    for case in itertools.chain(_of_example(context), edges(context, n_edges), _drawn(context, n_drawn)):
        key = case_fingerprint(case)
        if key not in seen:
            seen.add(key)
            yield case


def edges(context: CheckContext, most: int, *, n_rows: int | None = None) -> list[Case]:
    """Return ordinary edge cases, spread over all columns and parameters, of one number of rows where that is said."""
    fit = (case for case in _made(context) if _is_ordinary(case, context) and n_rows in {None, case.n_rows})
    return _spread(fit, most)


def any_edges(context: CheckContext, most: int) -> list[Case]:
    """Return edge cases of any level, spread over all columns and parameters; on some of them a model may raise."""
    return _spread(_made(context), most)


def gaps(context: CheckContext, most: int) -> list[Case]:
    """Return single rows in which a value is missing, spread over the columns; not every server takes each of them."""
    plain = (case for case in _made(context) if case.level <= Level.PLAUSIBLE and case.n_rows == 1)
    return _spread((case for case in plain if _has_gap(case) and _is_carried(case, context)), most)


def _has_gap(case: Case) -> bool:
    return isinstance(case.payload, Table) and any(cell is None for row in case.payload.rows for cell in row)


def param_edges(context: CheckContext, most: int) -> list[Case]:
    """Return ordinary cases with parameters, spread over all of them; none where the model declares none."""
    return _spread((case for case in _made(context) if case.params and _is_ordinary(case, context)), most)


def disturbers(context: CheckContext) -> Iterator[Case]:
    """Yield requests that end otherwise than in a prediction, or may: far-off values, and columns that no model has."""
    far = (case for case in _made(context) if case.level is Level.EXTREME and _is_carried(case, context))
    yield from _spread(far, FAR_OFF)
    base = good_case(context)
    if base is not None and isinstance(base.payload, Table):
        nameless = replace(base.payload, columns=tuple(f"no {name}" for name in base.payload.columns))
        case = replace(base, payload=nameless, expectation=Expectation.REJECT, label="a request of unknown columns")
        if _is_carried(case, context):
            yield case


def _made(context: CheckContext) -> Iterator[Case]:
    signature = context.model.signature
    if signature is None or signature.inputs is None:
        return iter(())
    wraps = (first_envelope(context.model),)
    made = edge_cases(signature, example=context.example_rows, domain=context.domain, envelopes=wraps, raised=RAISED)
    return itertools.islice(made, MOST_EDGES)


def _spread(some: Iterator[Case], most: int) -> list[Case]:
    return evenly(list(some), most) if most > 1 else list(itertools.islice(some, most))


def _of_example(context: CheckContext) -> Iterator[Case]:
    example = context.example_case
    if example is not None:
        yield replace(example, label="the input example")
        yield from row_cases_of(example, EXAMPLE_ROWS)


def _drawn(context: CheckContext, most: int) -> Iterator[Case]:
    signature = context.model.signature
    if signature is None or signature.inputs is None or most == 0:
        return iter(())
    envelope = first_envelope(context.model)
    strategy = cases(
        signature, example=context.example_rows, domain=context.domain, envelopes=(envelope,), raised=RAISED
    )
    found = draw(strategy.filter(lambda case: _is_ordinary(case, context)), most, context.seed)
    return (replace(case, label=case.label or f"drawn request {at}") for at, case in enumerate(found, 1))


def _is_ordinary(case: Case, context: CheckContext) -> bool:
    is_plain = case.level <= Level.PLAUSIBLE and case.expectation is Expectation.ACCEPT
    return is_plain and _is_carried(case, context)


def _is_carried(case: Case, context: CheckContext) -> bool:
    return can_carry(case.payload, case.envelope, context.model.signature, has_params=bool(case.params))
