"""The scoring server, which shares no code with the strategies, reads what must be accepted and refuses the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.cases import Case, Envelope, Expectation, RawBody
from pytest_modelserve.scoring.errors import ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import parse_content_type
from pytest_modelserve.signature.specs import Signature
from pytest_modelserve.strategies import edge_cases, envelopes_for, mutations, protocol_cases
from pytest_modelserve.wire.envelopes import encode

PREDICT = ("POST", "/invocations")


@pytest.fixture
def is_read(signature: Signature) -> Callable[[Case], bool]:
    reader = InputReader(signature)

    def tell(case: Case) -> bool:
        body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
        try:
            reader.read(parse_content_type([] if content_type is None else [content_type]), body)
        except ScoringError:
            return False
        return True

    return tell


def test_what_must_be_accepted_is_read(signature: Signature, is_read: Callable[[Case], bool]) -> None:
    wraps = [one for one in envelopes_for(signature) if one is not Envelope.PARQUET]
    for at, case in enumerate(edge_cases(signature, envelopes=wraps)):
        # one envelope after the other: all of them would cost the whole suite's time
        if case.expectation is Expectation.ACCEPT and at % len(wraps) == at // len(wraps) % len(wraps):
            assert is_read(case), f"{case.envelope}: {case.label}"


def test_what_must_be_refused_is_refused(
    signature: Signature, is_read: Callable[[Case], bool], base_of: Callable[[Signature], Case]
) -> None:
    base = base_of(signature)
    for case in (*mutations(signature, base), *protocol_cases(signature, base)):
        of_route = isinstance(case.payload, RawBody) and (case.payload.method, case.payload.path) != PREDICT
        if case.expectation is not Expectation.EITHER and not of_route:
            assert is_read(case) == (case.expectation is Expectation.ACCEPT), (
                f"{case.rule}, {case.envelope}: {case.label}"
            )
