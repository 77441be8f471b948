"""What a check works with: the model as it is read, and the model as it is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..cases import Case, Envelope, Table, Tensors
from ..client import ModelClient
from ..domain import Domain
from ..environment.restoration import Environment
from ..model.example import InputExample
from ..model.mlmodel import Model
from ..server.deviations import Deviation
from ..server.family import Ending
from ..server.state import Server
from ..settings import Settings
from ..wire.capacity import can_carry
from .deviations import DeviationWatch
from .history import History
from .judge import Exchange


class Served(Protocol):
    """A model behind a running server that can be replaced when it died."""

    @property
    def model(self) -> Model:
        """Return the model."""
        ...

    @property
    def client(self) -> ModelClient:
        """Return the client of the running server."""
        ...

    @property
    def server(self) -> Server:
        """Return the running server."""
        ...

    @property
    def is_managed(self) -> bool:
        """Tell whether the server was started here, so that it may be worn out, stopped and replaced."""
        ...

    @property
    def has_spy(self) -> bool:
        """Tell whether the running server records what reached the model, and what it returned or raised."""
        ...

    @property
    def calls_path(self) -> Path:
        """Return the file in which the running server records each call of the model."""
        ...

    def connect(self, *, timeout_s: float) -> ModelClient:
        """Return a new client of the running server, which the caller closes."""
        ...

    def restart(self) -> None:
        """Start a new server in place of one that died or hangs."""
        ...


def _unwatched(_: Exchange) -> None:
    return


class PrivateServed(Served, Protocol):
    """A model behind a server that nobody else uses, which a check may wear out or stop.

    Attributes:
        is_worn: Whether the running server was sent what may have left its marks, such as very large requests.
    """

    is_worn: bool

    @property
    def canaries(self) -> Mapping[str, str]:
        """Return where each secret was planted, and its text."""
        ...

    @property
    def loads_path(self) -> Path:
        """Return the file in which the running server records which files of the model it opens."""
        ...

    def temporary_files(self) -> tuple[str, ...]:
        """Return the names of what stands in the server's temporary directory, also after it was stopped."""
        ...

    def stop(self) -> Ending | None:
        """Stop the server and tell how it went; `restart` starts another."""
        ...


class SharedServed(Served, Protocol):
    """A model behind a server that others use, too."""

    def private(self, *, is_fresh: bool = False) -> PrivateServed:
        """Return the model behind a healthy server of its own, the same one at each call.

        Args:
            is_fresh: Start another one if it was handed out before.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """One served model under check.

    Attributes:
        model: As it was read.
        environment: In which it runs.
        example: Its input example, or None.
        domain: Which values its columns take.
        served: The model behind its server.
        settings: How much is searched, and how strictly it is judged.
        seed: Of every search.
        facts: What every failure says beside its own: model, server and environment, a line each.
        data: Rows of real data that the model must take, or None.
        stored: The ids of the cases that earlier runs have stored; what this run stores is replayed by the next.
        history: What the checks of this model have learned so far; the same object for all of them.
        cases: Where stored cases are replayed, these alone are sent in place of a search.
        takes_cases: Whether the check that runs sends `cases`, where there are any.
        on_exchange: Told of each exchange, as it ends.
        known: The known deviations of the server that serves; none where they count as failures.
        deviations: Notes those that show, and is another object for each check.
        beside: The same model on each of the other servers, for a check that compares them.
        is_unasked: Whether nobody named the servers that stand `beside`, so that only the model can fail by them.
        n_later: How many requests the checks need that are still to come.
        share_s: How many seconds the check that runs may take; None is all that are left.
        further_s: How many of them may go into what is sent beyond what every model gets; None is all.
        is_crowded: Whether other workers of this run use the machine, too, so that times mean little.
    """

    model: Model
    environment: Environment
    example: InputExample | None
    domain: Domain
    served: SharedServed
    settings: Settings
    seed: int
    facts: Mapping[str, str]
    data: Table | None = None
    stored: frozenset[str] = frozenset()
    history: History = field(default_factory=History)
    cases: tuple[Case, ...] = ()
    takes_cases: bool = True
    on_exchange: Callable[[Exchange], None] = _unwatched
    known: tuple[Deviation, ...] = ()
    deviations: DeviationWatch = field(default_factory=DeviationWatch)
    beside: tuple[CheckContext, ...] = ()
    is_unasked: bool = False
    n_later: int = 0
    share_s: float | None = None
    further_s: float | None = None
    is_crowded: bool = False

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the names of the servers that are looked at: several where they are compared."""
        return tuple(context.settings.server for context in (self, *self.beside))

    @property
    def left_s(self) -> float:
        """Return how many seconds the check that runs has, from its beginning; zero or less is none."""
        return self.settings.budget_s - self.history.spent_s if self.share_s is None else self.share_s

    @property
    def example_case(self) -> Case | None:
        """Return the input example as a case in the first envelope that carries it, or None."""
        return as_example_case(self.model, self.example)

    @property
    def example_rows(self) -> Table | Tensors | None:
        """Return the rows of the input example, or None where there are none that can be sent."""
        example = self.example_case
        return example.payload if example and isinstance(example.payload, Table | Tensors) else None


def as_example_case(model: Model, example: InputExample | None) -> Case | None:
    """Return an input example as a case, or None where its rows cannot be told."""
    if example is None or example.payload is None:
        return None
    envelopes = envelopes_of(model, example)
    if not envelopes:
        return None
    return Case(payload=example.payload, envelope=envelopes[0], params=example.params, rule="input_example")


def envelopes_of(model: Model, example: InputExample | None) -> tuple[Envelope, ...]:
    """Return the envelopes that can carry the rows of a model's input example, its params left out."""
    if example is None or example.payload is None:
        return ()
    return tuple(envelope for envelope in Envelope if can_carry(example.payload, envelope, model.signature))
