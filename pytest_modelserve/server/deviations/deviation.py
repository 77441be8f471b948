"""A known deviation: which requests show it, what it looks like, and a request that shows it again."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

NOTHING: Final[frozenset[str]] = frozenset()
FAILS: Final = frozenset({"server_error"})
FAULT: Final = "^500 "
"""Any other 5xx of a server that answers 500 is news: a proxy before it, or its end."""


class Cells(enum.Enum):
    """What is special about the cells of a request, by which alone some deviations show."""

    DATES = "the signature has a datetime column"
    DATES_OF_TWO_FORMS = "a datetime column in which not all dates have a fraction, a time or a zone that one has"
    NULL_IN_INTEGERS = "null in a column of integers"
    NULL_IN_BOOLEANS = "null in a column of booleans"
    NULL_IN_BYTES = "null in a column of bytes"

    @property
    def types(self) -> frozenset[str]:
        """Return the declared types of the columns whose cells it is about."""
        return _TYPES[self]


_TYPES: Final = {
    Cells.DATES: frozenset({"datetime"}),
    Cells.DATES_OF_TWO_FORMS: frozenset({"datetime"}),
    Cells.NULL_IN_INTEGERS: frozenset({"integer", "long"}),
    Cells.NULL_IN_BOOLEANS: frozenset({"boolean"}),
    Cells.NULL_IN_BYTES: frozenset({"binary"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as it decides whether a deviation can show.

    Attributes:
        rule: The rule of the contract that it exercises.
        envelope: How its rows are wrapped; empty where that is part of the fault.
        types: The declared type of the column at fault; those of all columns where none is.
        label: What is special about it, in a few words.
        n_rows: How many rows it has, None where it does not say.
        wanted: What the server is to do with it: `accept`, `reject`, or `either`; empty where that is not said.
        cells: What is special about its cells.
    """

    rule: str
    envelope: str = ""
    types: frozenset[str] = NOTHING
    label: str = ""
    n_rows: int | None = None
    wanted: str = ""
    cells: frozenset[Cells] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is not right about the answer to a request.

    Attributes:
        kind: `accepted` or `reached` of a request that must be refused before it reaches the model, `rejected` of one
            that must not, `error_body` of a refusal without JSON, `server_error` of a request that did not reach the
            model, `answer_fails` of one whose prediction the server could not answer, `arrival` of a value that changed
            on the way to the model, `undecoded` of bytes that reached it as their base64 text, `bare_nan` of an answer
            that is no JSON for that alone, `text_for_no_time` and `integer_for_instant` of one that is wrong by these
            alone, `stack_trace` of an error, `protocol` of an answer that breaks a rule of the Open Inference Protocol.
        answer: The status, and after a space the start of what came with it, as text.
        change: Of a value that changed: what was sent and what arrived. Of one that breaks the protocol: how.
    """

    kind: str
    answer: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request to a model, and what the server was seen to do.

    Attributes:
        model: The folder of the model in `example_models`, or in `benchmarks/models`.
        status: Of the answer.
        body: What is sent: parts, each with how often it stands there, since some are long.
        content_type: None sends none.
        method: Of HTTP.
        path: Likewise.
        reaches: Whether the model is called.
        answer: A pattern of the start of the answer's body.
        received: A pattern of what the model received, as the spy recorded it.
        is_early: Whether it is sent while the server is not ready yet, with the model's input example.
        workers: How many processes of their own the server predicts in.
    """

    model: str
    status: int
    body: tuple[tuple[bytes, int], ...] = ()
    content_type: str | None = "application/json"
    method: str = "POST"
    path: str = "/invocations"
    reaches: bool = False
    answer: str = ""
    received: str = ""
    is_early: bool = False
    workers: int = 0

    @property
    def content(self) -> bytes:
        """Return the whole body."""
        return b"".join(part * times for part, times in self.body)


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One known way in which a server departs from the contract.

    Attributes:
        id: Its name in reports.
        server: The backend.
        versions: Of the server, as pip writes ranges; the ends were tried.
        rules: The rules of the contract that it breaks; empty for any, where every request may show it.
        kinds: How it shows, see `Seen`.
        what: What happens, in one sentence.
        link: An issue, the documentation, or the code that does it.
        example: Shows it.
        envelopes: In which alone it shows; empty for all.
        types: The declared types with which alone it shows; empty for all.
        label: A pattern of what is special about the requests with which alone it shows.
        answer: A pattern that the answer must have to be this deviation; empty for any.
        change: A pattern of how a value must have changed, or the protocol be broken, to be this deviation; empty for
            any.
        min_rows: With fewer rows it does not show.
        wanted: It shows only with requests of which the contract wants one of these; empty for all.
        cells: It shows only with requests whose cells are all of this.
        is_steady: Whether it shows in any check that sends requests which can show it, so that it is gone if it does
            not.
    """

    id: str
    server: str
    versions: str
    rules: tuple[str, ...]
    kinds: frozenset[str]
    what: str
    link: str
    example: Example = field(repr=False)
    envelopes: frozenset[str] = NOTHING
    types: frozenset[str] = NOTHING
    label: str = ""
    answer: str = ""
    change: str = ""
    min_rows: int = 0
    wanted: frozenset[str] = NOTHING
    cells: frozenset[Cells] = frozenset()
    is_steady: bool = True

    @cached_property
    def _range(self) -> SpecifierSet:
        return SpecifierSet(self.versions)

    def is_of(self, version: str) -> bool:
        """Tell whether a version of the server has it; one that is no version has none."""
        try:
            return self._range.contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False

    def is_exercised_by(self, asked: Asked) -> bool:
        """Tell whether it can show with a request."""
        return all(self._conditions(asked))

    def shows_in(self, asked: Asked, seen: Seen) -> bool:
        """Tell whether what was seen of a request is this deviation, and nothing else."""
        if seen.kind not in self.kinds or not self.is_exercised_by(asked):
            return False
        return bool(re.search(self.answer, seen.answer) and re.search(self.change, seen.change))

    def _conditions(self, asked: Asked) -> Iterator[bool]:
        yield not self.rules or asked.rule in self.rules
        yield not self.envelopes or asked.envelope in self.envelopes
        yield not self.types or bool(self.types & asked.types)
        yield asked.n_rows is None or asked.n_rows >= self.min_rows
        yield not self.wanted or asked.wanted in self.wanted
        yield self.cells <= asked.cells
        yield re.search(self.label, asked.label) is not None


def of_mlflow(
    name: str,
    rules: tuple[str, ...],
    kinds: frozenset[str],
    what: str,
    link: str,
    *,
    example: Example,
    versions: str,
    label: str = "",
    envelopes: frozenset[str] = NOTHING,
    is_steady: bool = True,
) -> Deviation:
    """Return a deviation of MLflow's server; one by which it fails is a 500."""
    return Deviation(
        id=name,
        server="mlflow",
        versions=versions,
        rules=rules,
        kinds=kinds,
        label=label,
        answer=FAULT if kinds == FAILS else "",
        envelopes=envelopes,
        is_steady=is_steady,
        what=what,
        link=link,
        example=example,
    )
