"""What came of the mutants: the table by module, the survivors with their reasons, and the page in the docs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tomllib
from mutant_edits import Mutant
from mutant_forks import Outcome

WANTED: Final = 0.95
Key = tuple[str, str, str, str]  # module, function, the line as it was, as it became: all that outlives moved lines


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why survivors are harmless, by what they change."""

    known: Mapping[Key, str]

    @classmethod
    def read(cls, file: Path) -> Reasons:
        """Return the reasons in a TOML file: tables `[[survivor]]`, each with its changes and one `because`."""
        entries = tomllib.loads(file.read_text())["survivor"] if file.exists() else []
        known = {
            (entry["module"], entry["function"], entry["was"], becomes): entry["because"]
            for entry in entries
            for becomes in entry["becomes"]
        }
        return cls(known)


@dataclass
class Count:
    """The mutants of one module."""

    killed: int = 0
    timeouts: int = 0
    explained: int = 0
    unexplained: int = 0

    @property
    def survived(self) -> int:
        """How many no test noticed."""
        return self.explained + self.unexplained

    @property
    def total(self) -> int:
        """How many were tried."""
        return self.killed + self.timeouts + self.survived

    def __add__(self, other: Count) -> Count:
        return Count(
            self.killed + other.killed,
            self.timeouts + other.timeouts,
            self.explained + other.explained,
            self.unexplained + other.unexplained,
        )

    @property
    def score(self) -> float:
        """The share that was killed, equivalent ones counted as survivors."""
        return (self.killed + self.timeouts) / self.total if self.total else 1.0

    @property
    def score_without_explained(self) -> float:
        """The share that was killed of those that can be."""
        rest = self.total - self.explained
        return (self.killed + self.timeouts) / rest if rest else 1.0

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Count:
        """Return the count that a row of the results was written from."""
        explained = int(row["explained"])
        return cls(int(row["killed"]), int(row["timeouts"]), explained, int(row["survived"]) - explained)

    def cells(self, name: str) -> tuple[str, ...]:
        """Return the row of a table."""
        numbers = (self.total, self.killed, self.timeouts, self.survived, self.explained)
        return (name, *map(str, numbers), f"{self.score:.1%}", f"{self.score_without_explained:.1%}")


HEADER: Final = ("module", "mutants", "killed", "timeouts", "survived", "explained", "score", "without explained")


@dataclass
class Tally:
    """The results so far."""

    texts: Mapping[str, str]
    reasons: Reasons
    is_whole: bool
    counts: dict[str, Count] = field(default_factory=dict)
    survivors: list[Mutant] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = {module: Count() for module in self.texts}

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Count a mutant."""
        count = self.counts[mutant.module]
        if outcome.is_timeout:
            count.timeouts += 1
        elif outcome.killer is not None:
            count.killed += 1
        else:
            self.survivors.append(mutant)
            if self.reason_of(mutant) is None:
                count.unexplained += 1
            else:
                count.explained += 1

    def key_of(self, mutant: Mutant) -> Key:
        """Return what a survivor is known by."""
        return (mutant.module, mutant.function, *mutant.diff(self.texts[mutant.module]))

    def reason_of(self, mutant: Mutant) -> str | None:
        """Return why a survivor is harmless, None where nobody has said."""
        return self.reasons.known.get(self.key_of(mutant))

    def line_of(self, mutant: Mutant) -> str:
        """Return a survivor with its place and change."""
        module, function, was, becomes = self.key_of(mutant)
        reason = self.reason_of(mutant) or "NOT EXPLAINED"
        place = f"{module}.py:{mutant.line} {function or 'module'}"
        return f"{place}\n    - {was}\n    + {becomes}\n    {reason}"

    @property
    def total(self) -> Count:
        """The sum over all modules."""
        return sum(self.counts.values(), Count())

    @property
    def stale(self) -> list[Key]:
        """Reasons that no survivor needs, where every mutant was tried."""
        needed = {self.key_of(mutant) for mutant in self.survivors}
        return [key for key in self.reasons.known if self.is_whole and key[0] in self.texts and key not in needed]

    @property
    def is_good(self) -> bool:
        """Whether enough were killed and each survivor is explained."""
        return self.total.score >= WANTED and not self.total.unexplained and not self.stale

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        names = ("module", "function", "was", "becomes")
        return {
            "date": f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}",
            "modules": {name: _as_row(count) for name, count in self.rows()},
            "survivors": [
                {**dict(zip(names, self.key_of(one), strict=True)), "line": one.line, "because": self.reason_of(one)}
                for one in self.survivors
            ],
        }

    def rows(self) -> Iterator[tuple[str, Count]]:
        """Yield the modules, then the sum."""
        yield from self.counts.items()
        yield "all", self.total


def as_text(tally: Tally) -> str:
    """Return the table and the survivors for a terminal."""
    table = [HEADER, *(count.cells(name) for name, count in tally.rows())]
    widths = [max(len(row[at]) for row in table) for at in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    survivors = sorted(tally.survivors, key=lambda one: (one.module, one.line))
    lines += ["", *(tally.line_of(mutant) for mutant in survivors)]
    lines += [f"A reason that no survivor needs: {key}" for key in tally.stale]
    return "\n".join(lines)


def _as_row(count: Count) -> dict[str, str]:
    return dict(zip(HEADER[1:], count.cells("")[1:], strict=True))


def merged(older: Mapping[str, Any], newer: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """Return results in which the modules of a newer run stand for their older ones, each with the date of its run.

    Args:
        older: As `Tally.as_json` gives them, or as this does.
        newer: As `Tally.as_json` gives them, of whole modules.
        order: The modules that there are; results of others are left out.
    """
    rows = {name: {"date": found["date"], **row} for found in (older, newer) for name, row in found["modules"].items()}
    modules = {name: rows[name] for name in order if name in rows}
    total = sum(map(Count.from_row, modules.values()), Count())
    survivors = [one for one in older["survivors"] if one["module"] not in newer["modules"]] + newer["survivors"]
    return {
        "date": newer["date"],
        "modules": {**modules, "all": {"date": newer["date"], **_as_row(total)}},
        "survivors": [one for one in survivors if one["module"] in modules],
    }


def as_markdown(results: Mapping[str, Any]) -> str:
    """Return the page for the docs, of results as `merged` gives them."""
    modules: dict[str, dict[str, str]] = results["modules"]
    header = (*HEADER, "run on")
    rows = [header, ("---",) * len(header)]
    rows += [(name, *(row[key] for key in HEADER[1:]), row["date"]) for name, row in modules.items()]
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(results["survivors"], key=lambda one: (one["module"], one["line"])):
        by_reason.setdefault(one["because"] or "Not explained", []).append(one)
    survivors = "\n".join(
        f"\n**{reason}**\n\n" + "\n".join(map(_as_item, found)) for reason, found in by_reason.items()
    )
    total = modules["all"]
    return PAGE.format(
        total=total["mutants"],
        score=total["score"],
        rest=total["without explained"],
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
        survivors=survivors,
    )


def _as_item(one: Mapping[str, Any]) -> str:
    place = f"{one['module']}.{one['function']}" if one["function"] else one["module"]
    return f"- `{place}`: ``{one['was']}`` became ``{one['becomes']}``"


PAGE: Final = """# Mutants of the enforcement

What the scoring server accepts and refuses is the ground on which every other check stands, so its tests are tested:
each module is changed in every small way that `benchmarks/mutations.py` knows (a comparison turned, a bound moved by
one, a condition settled, a statement dropped, a regular expression loosened), one change at a time, and the unit tests
must notice. `python benchmarks/mutants.py --write` runs them all and writes this page from
`benchmarks/mutants_results.json`, which keeps them; with `--module` it runs those modules and puts their rows in place.

Of {total} mutants {score} are killed, and {rest} of those that can be, the explained ones left out. A row is of
its module and its tests as they were when it was last run as a whole.

{table}

A timeout is a test that burned many times its usual processor time, which counts as killed.

## The survivors

Each is a change that no request can tell, and stands with its reason in `benchmarks/mutants_survivors.toml`.
{survivors}
"""
