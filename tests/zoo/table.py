"""The table of the zoo: what caught each defect, and that no healthy twin was failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .visit import Visit

HEADER: Final = ("", "model or server", "source", "expected", "caught by", "sent", "accepted", "rules", "seconds")
TWIN_HEADER: Final = ("", "healthy twin", "", "", "verdict", "sent", "accepted", "rules", "seconds", "advice")
MARKS: Final = {True: "ok", False: "NO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One visit with what it was about.

    Attributes:
        name: Of the animal, the server, or the twin.
        visit: What came of it.
        source: Where the defect was seen; empty for a twin.
        check: That was expected to catch it; empty for a twin, which is expected to pass.
    """

    name: str
    visit: Visit
    source: str = ""
    check: str = ""

    @property
    def is_as_expected(self) -> bool:
        """Tell whether a defect was caught by its check, or a twin passed."""
        if not self.check:
            return self.visit.verdict == "pass"
        return self.check in self.visit.caught_by and self.visit.verdict in {"fail", "error"}

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table."""
        visit = self.visit
        caught = ", ".join(visit.caught_by) or f"nothing ({visit.verdict})"
        counts = (f"{visit.requests:,}", f"{visit.share:.0%}", str(len(visit.exercised)), f"{visit.elapsed_s:.1f}")
        if not self.check:
            told = visit.verdict if visit.verdict == "pass" else f"{visit.verdict}: {caught}"
            return (MARKS[self.is_as_expected], self.name, "", "", told, *counts, str(visit.n_advice))
        return (MARKS[self.is_as_expected], self.name, short_source(self.source), self.check, caught, *counts)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Row:
        """Return the row of a document, as a test recorded it."""
        return cls(**{**document, "visit": Visit(**document["visit"])})

    def as_document(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {"name": self.name, "source": self.source, "check": self.check, "visit": self.visit.as_document()}


def as_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the table, defects first, and what they come to."""
    told = list(rows)
    defects = [row for row in told if row.check]
    twins = [row for row in told if not row.check]
    if defects:
        yield from _aligned([HEADER, *(row.cells for row in defects)])
    if twins:
        yield ""
        yield from _aligned([TWIN_HEADER, *(row.cells for row in twins)])
    yield ""
    yield f"{sum(row.is_as_expected for row in defects)} of {len(defects)} defects caught by the check expected"
    yield f"{sum(not row.is_as_expected for row in twins)} of {len(twins)} healthy twins failed"
    for row in told:
        if not row.is_as_expected and row.visit.caught_by:
            yield f"{row.name}: {'; '.join(f'{check}: {title}' for check, title in row.visit.caught_by.items())}"
    yield f"{sum(row.visit.elapsed_s for row in told) / max(len(told), 1):.1f} s each on average"
    rules = sorted({rule for row in told for rule in row.visit.exercised})
    yield f"{len(rules)} rules exercised: {', '.join(rules)}"


def short_source(source: str) -> str:
    """Return the address of an issue as people write it: `mlflow#11014`."""
    parts = source.split("/")
    return f"{parts[-3]}#{parts[-1]}" if source.startswith("https://github.com/") else source


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
