"""Whether the answer for rows together is that for each of them alone, in any order and company.

Source: `CONTRACT` section 4, "Batch-invariant".
"""

from __future__ import annotations

import random
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..cases import NO_PARAMS, Case, Level, Table
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import REPLAYS, Breach
from ..search.minimizer import minimize
from ..strategies.edge_cases import case_fingerprint
from ..strategies.values import fingerprint
from .agreement import Difference
from .anchor import STOCHASTIC, why_not_compared
from .answers import Answer
from .conclusion import concluded, left_out
from .confirmation import Trial
from .context import CheckContext
from .deviations import is_deviation
from .exchanges import Exchanges, is_lost
from .failures import as_failure, curl_of
from .judge import Exchange, Judgement, answer_of, judge_outcome
from .outcome import RequestOutcome
from .row_cases import merged_rows, nudged, of_rows, row_cases_of, shape_of
from .rows import why_quantized
from .samples import Sample, Samples, edges, gaps, ordinary_cases

NAME: Final = "batch_invariant"
ROWS: Final = 24  # different ones, each sent alone
GAPS: Final = 4  # of them with a missing value, for which another row's may be taken
MANY: Final = 100
MAX_TRIES: Final = 40
NUDGES: Final = 6  # of a row's numbers, to see whether its last digits decide the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A batch in which the answer to one row is not the one that the row gets alone."""

    batch: Exchange
    alone: Exchange
    difference: Difference
    row: int


def batch_invariant(context: CheckContext, _: str) -> CheckResult:
    """Send rows alone, then in batches of several sizes and orders, and compare the answer to each."""
    if context.settings.stochastic:
        return left_out(NAME, Judges.MODEL, STOCHASTIC)
    if reason := why_quantized(context.model):
        return left_out(NAME, Judges.MODEL, reason)
    started = time.monotonic()
    with Exchanges.of(context, context.example_case) as exchanges:
        if reason := why_not_compared(context, exchanges):
            return CheckResult(name=NAME, judges=Judges.MODEL, outcome=Outcome.SKIPPED, reason=reason)
        trial = _Batches(context, exchanges).tried()
    return concluded(
        NAME,
        Judges.MODEL,
        exchanges,
        started=started,
        failure=as_failure(context, NAME, [trial.breach]) if trial.breach else None,
        reason=exchanges.doubt or trial.doubt or exchanges.cut,
        advice=notes(trial.advice),
    )


class _Batches:
    def __init__(self, context: CheckContext, exchanges: Exchanges) -> None:
        self._context = context
        self._exchanges = exchanges
        self._samples = Samples(context, exchanges)
        self._alone: dict[Hashable, Sample | None] = {}
        self._advice: dict[str, None] = {}
        self._is_unproven = False
        self._is_unsteady = False
        self._unique = tuple(name for name, column in context.domain.columns.items() if column.unique)

    def tried(self) -> Trial:
        """Return what all batches came to."""
        rows = self._rows()
        if not rows:
            return Trial(doubt="no single row was answered with one prediction, so that none could be sent with others")
        compared = 0
        for batch in self._batches(rows):
            if self._is_unsteady or (compared and self._samples.is_over()):
                break
            exchange = self._exchanges.send(batch)
            if exchange.outcome is not RequestOutcome.PREDICTED:
                if breach := self._refused(exchange):
                    return Trial(breach=breach)
                continue
            compared += 1
            shown = self._compared(exchange)
            if shown is not None and (breach := self._breach(shown)):
                return Trial(breach=breach)
        return Trial(doubt=self._doubt(compared), advice=tuple(self._advice))

    def _doubt(self, compared: int) -> str:
        if not compared:
            known = self._context.deviations
            return f"no two rows were predicted together{f': {known.reason}' if known.shown else ''}"
        if self._is_unsteady:
            return (
                "a row got another answer when it was sent alone again, so that rows cannot be compared: see stateless"
            )
        return "a row got another answer in a batch once, which no replay showed again" if self._is_unproven else ""

    def _rows(self) -> list[Case]:
        """Return different rows that the model takes alone, with one prediction each."""
        found: list[Case] = []
        for case in self._single_rows():
            if len(found) == ROWS or (len(found) > 1 and self._samples.is_over(0.5)):
                break
            if self._answer_alone(case) is not None:
                found.append(case)
        for case in found:
            sample = self._answer_alone(case)
            if sample is not None and case.level is Level.EXAMPLE:
                self._samples.agreement.learn(sample.answer)
        return found

    def _single_rows(self) -> Iterator[Case]:
        """Yield rows of the same columns: those of the example, edges, and rows of drawn requests."""
        shape: Hashable = None
        seen = set()
        for case in self._candidates():
            key, its_shape = case_fingerprint(case), shape_of(case)
            shape = its_shape if shape is None else shape
            if key not in seen and its_shape == shape:
                seen.add(key)
                yield case

    def _candidates(self) -> Iterator[Case]:
        example = self._context.example_case
        if example is not None:
            yield from row_cases_of(replace(example, params=NO_PARAMS), ROWS // 3)
        yield from gaps(self._context, GAPS)
        yield from (case for case in edges(self._context, ROWS, n_rows=1) if not case.params)
        for case in ordinary_cases(self._context, n_edges=0, n_drawn=ROWS // 2):
            yield from row_cases_of(replace(case, params=NO_PARAMS), 3)

    def _answer_alone(self, case: Case) -> Sample | None:
        """Return the answer that a row gets alone, sent once; None where it gets none, or not one prediction."""
        key = case_fingerprint(case)
        if key not in self._alone:
            sample = self._samples.ask(case)
            self._alone[key] = sample if sample is not None and sample.answer.n_rows == 1 else None
        return self._alone[key]

    def _batches(self, rows: Sequence[Case]) -> Iterator[Case]:
        """Yield batches: pairs in both orders, three with one twice, ten, all, all in other orders, and many."""
        order = random.Random(self._context.seed)  # noqa: S311 # an order, no secret
        n = len(rows)
        picks: list[list[int]] = [[0, 1], [1, 0], [0, n - 1], [n - 1, 0], [n // 2, 0, n - 1]]
        picks += [[0, 0, 1], [0, 1, 0], [n - 1, n - 1]]
        picks += [order.sample(range(n), min(n, 10)), list(range(n)), list(reversed(range(n)))]
        picks += [order.sample(range(n), n), [order.randrange(n) for _ in range(MANY)]]
        sent = set()
        for pick in picks:
            some = [at for at in pick if at < n]
            key = tuple(_without_twins(rows, some, self._unique) if self._unique else some)
            if len(key) > 1 and key not in sent:
                sent.add(key)
                yield merged_rows([rows[at] for at in key])

    def _compared(self, exchange: Exchange) -> _Shown | None:
        """Return the row of an answered batch that differs most from what it gets alone, before and after."""
        answer = self._samples.answer_in(exchange)
        n_rows = exchange.case.n_rows or 0
        worst: tuple[Difference, int, Sample] | None = None
        for at in range(n_rows if answer is not None else 0):
            alone = self._row_alone(exchange.case, at)
            found = self._differences(alone, answer, at, n_rows)
            if alone is not None and found and (worst is None or found[0].distance > worst[0].distance):
                worst = (found[0], at, alone)
        if worst is None:
            return None
        difference, row, alone = worst
        if self._samples.difference(alone, self._exchanges.send(alone.case)) is not None:
            self._is_unsteady = True
            return None
        return _Shown(batch=exchange, alone=alone.exchange, difference=difference, row=row)

    def _row_alone(self, batch: Case, row: int) -> Sample | None:
        case = of_rows(batch, (row,))
        return None if case is None else self._answer_alone(case)

    def _differences(self, alone: Sample | None, answer: Answer | None, row: int, n_rows: int) -> list[Difference]:
        if alone is None or answer is None:
            return []
        own = answer.taken((row,)) if answer.n_rows == n_rows else answer
        return self._samples.agreement.differences(alone.answer, own)

    def _refused(self, exchange: Exchange) -> Breach[Judgement] | None:
        """Judge a batch that is not predicted although each of its rows is.

        A refusal on purpose is a limit of the model, and one that is known of the server says nothing of the model.
        """
        found_at = self._exchanges.requests
        n_rows = exchange.case.n_rows
        if exchange.outcome is RequestOutcome.MODEL_REFUSED:
            raised = exchange.exception
            said = f"{raised.type}: {raised.message}" if raised else answer_of(exchange)
            self._advice[f"the model refuses {n_rows} rows together that it takes alone ({said})"] = None
            return None
        judgement = judge_outcome(exchange)
        if judgement is None or is_deviation(self._context.deviations.told(exchange, judgement)):
            return None
        told = replace(
            judgement, is_breach=True, title=f"{judgement.title}; each of its {n_rows} rows is predicted alone"
        )
        if is_lost(exchange):
            return Breach(case=exchange.case, finding=told, found_at=found_at, tries=0)

        def fails(smaller: Case) -> bool:
            return not self._samples.is_over() and self._exchanges.send(smaller).outcome is exchange.outcome

        small = minimize(exchange.case, None, fails, max_tries=MAX_TRIES)
        return Breach(case=small.case, finding=told, found_at=found_at, tries=small.tries)

    def _breach(self, shown: _Shown) -> Breach[Judgement] | None:
        """Return the breach that a difference is, made small; None where no replay shows it or rounding decides it."""
        found_at = self._exchanges.requests
        first = shown.batch.case
        seen = sum(self._again(first) is not None for _ in range(REPLAYS))
        if not seen:
            self._is_unproven = True
            return None
        tries = 0
        last = shown
        if seen == REPLAYS:

            def fails(smaller: Case) -> bool:
                nonlocal last
                again = None if self._samples.is_over() or self._has_twins(smaller) else self._again(smaller)
                last = again or last
                return again is not None

            tries = minimize(first, self._context.example_case, fails, max_tries=MAX_TRIES).tries
        if self._is_on_the_edge(last):
            return None
        return Breach(case=last.batch.case, finding=_judged(last, seen), found_at=found_at, tries=tries)

    def _has_twins(self, case: Case) -> bool:
        """Tell whether two rows share a value that the domain says to be unique."""
        rows = [one for one in row_cases_of(case, case.n_rows or 0) if self._unique]
        return len(_without_twins(rows, range(len(rows)), self._unique)) < len(rows)

    def _again(self, case: Case) -> _Shown | None:
        exchange = self._exchanges.send(case)
        return self._compared(exchange) if exchange.outcome is RequestOutcome.PREDICTED else None

    def _is_on_the_edge(self, shown: _Shown) -> bool:
        """Tell whether the last digits of a row's numbers decide its answer: a tie, though no score says so."""
        row = of_rows(shown.batch.case, (shown.row,))
        together = self._samples.answer_in(shown.batch)
        if row is None or together is None or together.n_rows != shown.batch.case.n_rows:
            return False
        own = together.taken((shown.row,))
        for at in range(NUDGES):
            other = self._samples.ask(nudged(row, random.Random(at)))  # noqa: S311 # no secret
            if other is not None and self._samples.agreement.agree(other.answer, own):
                told = (
                    f"the last digits of a row decide its answer, so that company changes it: {shown.difference.path}"
                )
                self._advice[told] = None
                return True
        return False


def _without_twins(rows: Sequence[Case], pick: Sequence[int], unique: Sequence[str]) -> list[int]:
    """Return the rows that share no value of a column whose values are unique."""
    kept: list[int] = []
    seen: set[Hashable] = set()
    for at in pick:
        payload = rows[at].payload
        cells = zip(payload.columns, payload.rows[0], strict=True) if isinstance(payload, Table) else ()
        keys = {(str(name), fingerprint(cell)) for name, cell in cells if str(name) in unique}
        if not keys & seen:
            seen |= keys
            kept.append(at)
    return kept


def _judged(shown: _Shown, seen: int) -> Judgement:
    n_others = (shown.batch.case.n_rows or 1) - 1
    if n_others == 1:
        company = "after row 0" if shown.row == 1 else "before row 1"
    else:
        company = f"together with {n_others} other rows"
    rate = f"{seen}/{REPLAYS}"
    return Judgement(
        key="batch",
        is_breach=True,
        title=f"row {shown.row} is not answered by itself: {shown.difference.told('alone', company)}",
        expected=f"{answer_of(shown.alone)}  (row {shown.row} alone)",
        received=answer_of(shown.batch),
        exchange=shown.batch,
        facts={
            "replayed": f"{rate} showed it" if seen == REPLAYS else f"flaky: {rate} showed it",
            "alone": curl_of(shown.alone),
        },
        plainly=f"row {shown.row} is answered otherwise {company} than alone",
        fix="If a row depends on the others on purpose, say --model-skip 'batch_invariant=why it does'.",
    )
